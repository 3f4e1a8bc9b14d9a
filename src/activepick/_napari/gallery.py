"""The picks of the shown micrograph as crops, in which the wrong ones are clicked away."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from qtpy.QtWidgets import QVBoxLayout, QWidget
from scipy.spatial import cKDTree

from activepick._napari.controller import Desk
from activepick._napari.images import Picture
from activepick._napari.views.crop_gallery import CropGallery
from activepick.micrograph.crops import cut_crops

__all__ = ["Gallery"]

# Side of a crop in particle diameters.
_AROUND = 1.5
# Picks of two heads are the same particle within this many radii.
_SAME = 0.5


class Gallery(QWidget):
    """A view on the picks; those that are rejected become labels.

    Parameters
    ----------
    desk
        The desk.
    go_to
        Shows a place (x, y) in original pixels.
    """

    def __init__(self, desk: Desk, go_to: Callable[[float, float], None]) -> None:
        super().__init__()
        self._desk, self._go_to = desk, go_to
        self._xy = np.empty((0, 2))
        self._picture: Picture | None = None
        self.view = CropGallery()
        self.view.rejected.connect(self._reject)
        self.view.opened.connect(lambda k: self._go_to(*map(float, self._xy[k])))
        self.setMinimumHeight(240)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self.view)

    def refresh(self) -> None:
        """Show the picks as they are now; crosses that wait stay where they are."""
        picks, picture = self._desk.picking.picks, self._desk.images.picture
        if picture is not self._picture:
            self._picture = picture
            self.view.refresh_pixels()
        if picks is None:
            self._xy = np.empty((0, 2))
            self.view.set_items([], [], self._pixels)
            return
        xy = picks[["x", "y"]].to_numpy(np.float64)
        if len(xy) != len(self._xy) or not np.array_equal(xy, self._xy):
            wrong = self._xy[self.view.wrong_ids()]
            self._xy = xy
            self.view.set_items(np.arange(len(xy)), picks["score"].to_numpy(), self._pixels)
            self.view.set_wrong_ids(self._near(wrong))

    def _near(self, places: NDArray[np.float64]) -> list[int]:
        """Give the picks at places where there were picks before."""
        if not len(places) or not len(self._xy):
            return []
        distance, nearest = cKDTree(self._xy).query(places)
        return [int(k) for k in nearest[distance <= _SAME * self._desk.radius_px]]

    def _pixels(self, rows: NDArray[np.intp]) -> NDArray[np.uint8]:
        picture = self._desk.images.picture
        if picture is None:
            return np.zeros((len(rows), 64, 64), np.uint8)
        spacing = np.array(picture.image.spacing_px)
        half = self._desk.radius_px * _AROUND / float(spacing.mean())
        places = self._xy[rows] / spacing
        return cut_crops(picture.image.pixels, places, half, limits=picture.image.limits)

    def _reject(self, rows: list[int]) -> None:
        number, places = self._desk.shown, [tuple(self._xy[k]) for k in rows]
        self._desk.attempt(lambda session: session.labels.add(number, places, 0, "gallery"))
