"""Dock that shows the picks of one or all micrographs as crops."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QVBoxLayout, QWidget
from scipy.spatial import cKDTree

from activepick._napari.display_images import DisplayedMicrograph
from activepick._napari.open_session import OpenSession
from activepick._napari.session_listener import SessionListener
from activepick._napari.views.crop_gallery import CropGallery
from activepick.micrograph.crops import cut_crops
from activepick.picking.rules import Picks
from activepick.scoremap import SAME_POSITION

__all__ = ["Gallery"]

# Side of a crop in particle diameters.
_CROP_DIAMETERS = 1.5
# The controls and a row of the smallest crops.
_MINIMUM_HEIGHT = 120
_HERE, _ALL = "This micrograph", "All micrographs"


@dataclass(frozen=True, eq=False)
class _Picks:
    """Picks that are shown as crops.

    Attributes
    ----------
    micrograph
        Number of the micrograph of each, shape (n,).
    xy
        Positions in original pixels, shape (n, 2).
    score
        Scores (logits), shape (n,).
    """

    micrograph: NDArray[np.intp]
    xy: NDArray[np.float64]
    score: NDArray[np.float64]


_NONE = _Picks(np.empty(0, np.intp), np.empty((0, 2)), np.empty(0))


class Gallery(QWidget, SessionListener):
    """Show picks as crops; rejected picks become labels.

    Crops of other micrographs appear after each of these has been read.

    Parameters
    ----------
    go_to
        Called with the session, the number of a micrograph and a position (x, y) in original
        pixels, to show this position.
    """

    def __init__(self, go_to: Callable[[OpenSession, int, tuple[float, float]], object]) -> None:
        super().__init__()
        self._picks = _NONE
        self._displayed: DisplayedMicrograph | None = None
        self._go_to = go_to
        self.scope = QComboBox()
        self.scope.addItems([_HERE, _ALL])
        self.scope.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.scope.setToolTip("Picks of the shown micrograph, or of all micrographs with picks")
        self.scope.currentTextChanged.connect(lambda text: self._change_scope())
        self.view = CropGallery()
        self.view.add_control(self.scope)
        self.view.rejected.connect(self._reject)
        self.view.opened.connect(self._open)
        self.setMinimumHeight(_MINIMUM_HEIGHT)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self.view)

    def show_session(self, session: OpenSession) -> None:
        """Show the picks of another session."""
        self.clear()
        self.update_after(
            session, self._show_if_visible, session.picks.changed, session.images.ready
        )
        self.update_after(session, self._show_if_visible, session.dataset.counts_changed)

    def clear(self) -> None:
        """Show no picks."""
        self._picks = _NONE
        self.view.set_items([], [], _no_crops)

    def refresh(self) -> None:
        """Show the current picks; picks that are marked as wrong stay marked."""
        self.call(self._show)

    @property
    def xy(self) -> NDArray[np.float64]:
        """Positions (n, 2) of the picks that are shown."""
        return self._picks.xy

    def _change_scope(self) -> None:
        self.clear()
        self.refresh()

    def _show_if_visible(self, session: OpenSession) -> None:
        if self.isVisible():
            self._show(session)

    def _show(self, session: OpenSession) -> None:
        if self.scope.currentText() == _ALL:
            self._read_all(session)
        else:
            self._show_here(session)

    def _show_here(self, session: OpenSession) -> None:
        images, picks = session.images, session.picks.picks
        if images.displayed is not self._displayed:
            self._displayed = images.displayed
            self.view.refresh_pixels()
        if picks is None:
            self.clear()
            return
        found = _Picks(
            np.full(len(picks), session.shown, np.intp),
            picks[["x", "y"]].to_numpy(np.float64),
            picks["score"].to_numpy(np.float64),
        )
        self._set_picks(session, found)

    def _read_all(self, session: OpenSession) -> None:
        """Read the picks of all micrographs, in the background."""
        state, predictor = session.state, session.workspace.predictor

        def read(progress: object) -> _Picks:
            return _together(
                [(one.micrograph, one.select(state)) for one in predictor.known_peaks()]
            )

        def done(found: _Picks) -> None:
            if self.scope.currentText() == _ALL:
                self._set_picks(session, found)

        session.jobs.run("gallery picks", read, done)

    def _set_picks(self, session: OpenSession, found: _Picks) -> None:
        """Show picks; marks stay at the same positions."""
        before = self._picks
        if np.array_equal(found.xy, before.xy) and np.array_equal(
            found.micrograph, before.micrograph
        ):
            return
        marked = np.array(self.view.wrong_ids(), np.intp)
        wrong = _same(before, marked, found, SAME_POSITION * session.images.radius_px)
        self._picks = found
        self.view.set_items(
            np.arange(len(found.xy)), found.score, lambda rows: self._crops(session, found, rows)
        )
        self.view.set_wrong_ids(wrong)

    def _crops(
        self, session: OpenSession, found: _Picks, rows: NDArray[np.intp]
    ) -> NDArray[np.uint8]:
        """Return crops (k, n, n); those of micrographs that are not in memory are set later."""
        crops = _no_crops(rows)
        missing = False
        for number in np.unique(found.micrograph[rows]):
            own = found.micrograph[rows] == number
            displayed = session.images.filtered(int(number))
            if number == session.shown and session.images.is_current:
                displayed = session.images.displayed
            if displayed is None:
                missing = True
            else:
                crops[own] = _cut(session, displayed, found.xy[rows[own]])
        if missing:
            self._request(session, found)
        return crops

    def _request(self, session: OpenSession, found: _Picks) -> None:
        """Read a micrograph whose crops are on screen, cut them, and continue with the next."""

        def wanted() -> dict[int, NDArray[np.intp]]:
            if self._picks is not found or not self.isVisible():
                return {}
            rows = self.view.visible_rows()
            return {
                int(number): rows[found.micrograph[rows] == number]
                for number in np.unique(found.micrograph[rows])
            }

        def read_next(known: frozenset[int]) -> None:
            rows = {number: own for number, own in wanted().items() if number not in known}
            if not rows:
                return
            number, own = next(iter(rows.items()))

            def done(displayed: DisplayedMicrograph | None) -> None:
                if self._picks is found and displayed is not None:
                    self.view.put_pixels(own, _cut(session, displayed, found.xy[own]))
                read_next(known | {number})

            session.images.read_filtered(number, "gallery", done)

        if not session.jobs.busy("gallery"):
            read_next(frozenset())

    def _open(self, row: int) -> None:
        picks = self._picks
        x, y = map(float, picks.xy[row])
        self.call(lambda session: self._go_to(session, int(picks.micrograph[row]), (x, y)))

    def _reject(self, rows: list[int]) -> None:
        picks = self._picks
        positions = [
            (int(picks.micrograph[row]), float(picks.xy[row, 0]), float(picks.xy[row, 1]))
            for row in rows
        ]
        self.call(
            lambda session: session.edit(
                lambda changed: changed.labels.add_positions(positions, 0, "gallery")
            )
        )


def _together(parts: list[tuple[int, Picks]]) -> _Picks:
    """Return the picks of several micrographs, given by their numbers."""
    if not parts:
        return _NONE
    return _Picks(
        np.concatenate([np.full(len(picks), number, np.intp) for number, picks in parts]),
        np.concatenate([picks.xy for _, picks in parts]),
        np.concatenate([picks.score for _, picks in parts]),
    )


def _no_crops(rows: NDArray[np.intp]) -> NDArray[np.uint8]:
    return np.zeros((len(rows), 64, 64), np.uint8)


def _cut(
    session: OpenSession, displayed: DisplayedMicrograph, xy: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Return crops (k, n, n) of a micrograph at positions (k, 2) in original pixels."""
    image = displayed.image
    spacing = np.array(image.spacing_px)
    radius = session.settings.diameter_angstrom / 2 / displayed.scale
    half_side = radius * _CROP_DIAMETERS / float(spacing.mean())
    return cut_crops(image.pixels, xy / spacing, half_side, limits=image.limits)


def _same(before: _Picks, marked: NDArray[np.intp], now: _Picks, reach: float) -> list[int]:
    """Return the rows of picks that are at the positions of previously marked ones."""
    found = []
    for number in np.unique(before.micrograph[marked]):
        rows = np.flatnonzero(now.micrograph == number)
        own = marked[before.micrograph[marked] == number]
        if len(rows):
            distance, nearest = cKDTree(now.xy[rows]).query(before.xy[own])
            found += [int(row) for row in rows[nearest[distance <= reach]]]
    return found
