"""Section: which peaks are picks."""

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel
from superqt import QLabeledDoubleSlider

from activepick._napari.areas import AreaTools
from activepick._napari.controller import Desk
from activepick._napari.sections.section import Section, button, hint, row
from activepick._napari.soon import soon
from activepick._napari.views.contrast_plot import ContrastPlot
from activepick._napari.views.score_histogram import ScoreHistogram

__all__ = ["PicksSection"]


class PicksSection(Section):
    """Threshold, distance, margin, contrast, excluded areas, gallery.

    Parameters
    ----------
    desk
        The desk.
    areas
        Draws excluded areas.
    show_gallery
        Opens the gallery of the picks.
    hide_picks
        Hides or shows the picks.
    """

    def __init__(
        self,
        desk: Desk,
        areas: AreaTools,
        show_gallery: Callable[[], None],
        hide_picks: Callable[[], None],
    ) -> None:
        super().__init__("4  Picks")
        self._desk, self._areas = desk, areas
        self._counts = hint()
        self._reject = button(
            "",
            desk.reject,
            "Leave the micrograph out of picking and export; again: take it back",
        )
        self.histogram = ScoreHistogram()
        self.histogram.threshold_changed.connect(lambda p: desk.picking.preview(threshold=p))
        self.histogram.threshold_chosen.connect(lambda p: desk.set_settings(threshold=p))
        self._distance = _slider(0, 2, desk, "separation")
        self._margin = _slider(0, 3, desk, "edge_margin")
        self._contrast = ContrastPlot()
        self._contrast.range_changed.connect(
            lambda low, high: desk.picking.preview(lowest_contrast=low, highest_contrast=high)
        )
        self._contrast.range_chosen.connect(
            lambda low, high: desk.set_settings(lowest_contrast=low, highest_contrast=high)
        )
        self._by_contrast = Section("Cut ice and carbon by contrast")
        self._by_contrast.add(self._contrast)
        self._by_contrast.set_open(False)
        self._by_contrast.folded.connect(lambda on: self._refresh())
        self._draw = button(
            "Draw area",
            self._drawing,
            "Draw around what is not to be picked; a label inside stays",
            checks=True,
        )
        self._paint = button(
            "Paint area", self._painting, "Paint over what is not to be picked", checks=True
        )
        self._clear = button(
            "Clear areas", areas.clear, "Remove the excluded areas of this micrograph"
        )
        areas.stopped.connect(self._stopped)
        self.add(
            self.histogram,
            self._counts,
            _named("Distance", self._distance, "Least distance of two picks, in particle radii"),
            _named("Edge margin", self._margin, "No picks nearer to the border, in particle radii"),
            self._by_contrast,
            row(self._draw, self._paint, self._clear),
            row(
                button("Gallery", show_gallery, "All picks as crops, to click the wrong ones away"),
                button("Hide / show (B)", hide_picks),
            ),
            self._reject,
        )
        desk.picking.picks_changed.connect(soon(self._refresh, self))
        count = soon(self._count, self)
        desk.picking.counts_changed.connect(count)
        desk.micrographs_changed.connect(count)
        desk.shown_changed.connect(count)
        desk.settings_changed.connect(self._fill)
        desk.opened.connect(self._fill)
        self._fill()

    def _fill(self) -> None:
        session = self._desk.session
        self.setEnabled(session is not None)
        if session is not None:
            settings = session.state.settings
            for slider, value in (
                (self._distance, settings.separation),
                (self._margin, settings.edge_margin),
            ):
                slider.blockSignals(True)
                slider.setValue(value)
                slider.blockSignals(False)
            self.histogram.set_threshold(settings.threshold)
            self._contrast.set_range(settings.lowest_contrast, settings.highest_contrast)
        self._refresh()

    def _refresh(self) -> None:
        if self._desk.picking.picks is None:
            self.histogram.set_scores([])
            self._contrast.set_points([], [], [])
        else:
            self.histogram.set_scores(self._desk.picking.offered)
            if self._by_contrast.is_open():
                self._contrast.set_points(*self._desk.picking.by_contrast())
        self._count()

    def _count(self) -> None:
        session, picks = self._desk.session, self._desk.picking.picks
        if session is None:
            self._counts.setText("")
            return
        shown = session.state.micrographs.get(self._desk.shown)
        rejected = shown is not None and shown.status == "rejected"
        self._reject.setText(
            "Take the micrograph back (J)" if rejected else "Reject micrograph (J)"
        )
        counts = self._desk.picking.counts()
        entries = session.state.micrographs.values()
        used = [entry for entry in entries if entry.status != "rejected"]
        known = [counts[entry.id] for entry in used if entry.id in counts]
        here = "…" if picks is None else f"{len(picks):,}"
        missing, old = len(used) - len(known), self._desk.picking.unpicked()
        rest = f"; {missing:,} not picked yet" if missing else ""
        rest += f"; {old - missing:,} picked by an earlier model" if old > missing else ""
        self._counts.setText(
            f"<b>{here}</b> picks here; <b>{sum(known):,}</b> on {len(known):,} of {len(used):,} "
            f"micrographs{rest}"
        )

    def _drawing(self, on: bool) -> None:
        if on:
            self._paint.setChecked(False)
        self._areas.draw() if on else self._areas.stop()

    def _painting(self, on: bool) -> None:
        if on:
            self._draw.setChecked(False)
        self._areas.paint() if on else self._areas.stop()

    def _stopped(self) -> None:
        self._draw.setChecked(False)
        self._paint.setChecked(False)


def _slider(low: float, high: float, desk: Desk, setting: str) -> QLabeledDoubleSlider:
    """Make a slider that previews a setting while it moves, and sets it when it is let go."""
    made = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
    made.setRange(low, high)
    made.setDecimals(2)
    made.setSingleStep(0.05)
    made.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def changed(value: float) -> None:
        change: dict[str, Any] = {setting: round(value, 2)}
        if made.isSliderDown():
            desk.picking.preview(**change)
        else:
            desk.set_settings(**change)

    made.valueChanged.connect(changed)
    made.sliderReleased.connect(lambda: desk.set_settings(**{setting: round(made.value(), 2)}))
    return made


def _named(name: str, slider: QLabeledDoubleSlider, tip: str):
    label = QLabel(name)
    label.setFixedWidth(100)
    slider.setToolTip(tip)
    label.setToolTip(tip)
    return row(label, slider, stretch=1)
