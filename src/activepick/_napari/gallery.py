"""Dock with the picks of the shown micrograph as crops."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from qtpy.QtWidgets import QVBoxLayout, QWidget
from scipy.spatial import cKDTree

from activepick._napari.display_images import DisplayedMicrograph, DisplayImages
from activepick._napari.open_session import OpenSession
from activepick._napari.session_listener import SessionListener
from activepick._napari.views.crop_gallery import CropGallery
from activepick.micrograph.crops import cut_crops

__all__ = ["Gallery"]

# Side of a crop in particle diameters.
_CROP_DIAMETERS = 1.5
# Picks of two heads within this distance, in particle radii, are the same particle.
_SAME_POSITION = 0.5


class Gallery(QWidget, SessionListener):
    """Show picks as crops; rejected picks become labels.

    Parameters
    ----------
    go_to
        Called with a position (x, y) in original pixels that is to be shown.
    """

    def __init__(self, go_to: Callable[[float, float], object]) -> None:
        super().__init__()
        self._xy = np.empty((0, 2))
        self._displayed: DisplayedMicrograph | None = None
        self.view = CropGallery()
        self.view.rejected.connect(self._reject)
        self.view.opened.connect(lambda row: go_to(*map(float, self._xy[row])))
        self.setMinimumHeight(240)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self.view)

    def show_session(self, session: OpenSession) -> None:
        """Show the picks of another session."""
        self.clear()
        self.update_after(
            session, self._show_if_visible, session.picks.changed, session.images.ready
        )

    def clear(self) -> None:
        """Show no picks."""
        self._xy = np.empty((0, 2))
        self.view.set_items([], [], _no_crops)

    def refresh(self) -> None:
        """Show the present picks; picks that are marked as wrong stay marked."""
        self.call(self._show)

    def _show_if_visible(self, session: OpenSession) -> None:
        if self.isVisible():
            self._show(session)

    def _show(self, session: OpenSession) -> None:
        images, picks = session.images, session.picks.picks
        if images.displayed is not self._displayed:
            self._displayed = images.displayed
            self.view.refresh_pixels()
        if picks is None:
            self.clear()
            return
        xy = picks[["x", "y"]].to_numpy(np.float64)
        if not np.array_equal(xy, self._xy):
            wrong = self._xy[self.view.wrong_ids()]
            self._xy = xy
            self.view.set_items(
                np.arange(len(xy)), picks["score"].to_numpy(), lambda rows: _cut(images, xy[rows])
            )
            self.view.set_wrong_ids(_nearby(wrong, xy, _SAME_POSITION * images.radius_px))

    def _reject(self, rows: list[int]) -> None:
        xy = [tuple(self._xy[row]) for row in rows]
        self.call(lambda session: _label_wrong(session, xy))


def _label_wrong(session: OpenSession, xy: list[tuple[float, ...]]) -> None:
    session.edit(lambda changed: changed.labels.add(session.shown, xy, 0, "gallery"))


def _no_crops(rows: NDArray[np.intp]) -> NDArray[np.uint8]:
    return np.zeros((len(rows), 64, 64), np.uint8)


def _cut(images: DisplayImages, xy: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return crops (k, n, n) of the displayed micrograph at positions (k, 2)."""
    if images.displayed is None:
        return np.zeros((len(xy), 64, 64), np.uint8)
    image = images.displayed.image
    spacing = np.array(image.spacing_px)
    half_side = images.radius_px * _CROP_DIAMETERS / float(spacing.mean())
    return cut_crops(image.pixels, xy / spacing, half_side, limits=image.limits)


def _nearby(positions: NDArray[np.float64], xy: NDArray[np.float64], reach: float) -> list[int]:
    """Return the rows of xy (n, 2) that are nearest to positions (m, 2), within a reach."""
    if not len(positions) or not len(xy):
        return []
    distance, nearest = cKDTree(xy).query(positions)
    return [int(row) for row in nearest[distance <= reach]]
