"""Section: which peaks are picks."""

from collections.abc import Callable

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QLabel, QWidget
from superqt import QLabeledDoubleSlider

from activepick._napari.excluded_areas import ExcludedAreas
from activepick._napari.open_session import OpenSession
from activepick._napari.sections.section import (
    Section,
    button,
    row,
    toggle_button,
    wrapped_label,
)
from activepick._napari.sections.setting_bindings import SettingBindings
from activepick._napari.session_listener import SessionListener
from activepick._napari.views.contrast_plot import ContrastPlot
from activepick._napari.views.score_histogram import ScoreHistogram

__all__ = ["PicksSection"]

_REJECT, _TAKE_BACK = "Reject micrograph (J)", "Take the micrograph back (J)"
_DECIMALS = 2  # of distances in particle radii


class PicksSection(Section, SessionListener):
    """Set threshold, distances and contrast limits; exclude areas; open the gallery.

    Parameters
    ----------
    areas
        Draws and paints excluded areas.
    show_gallery
        Opens the gallery of the picks.
    toggle_picks
        Shows or hides the picks.
    """

    def __init__(
        self,
        areas: ExcludedAreas,
        show_gallery: Callable[[], object],
        toggle_picks: Callable[[], object],
    ) -> None:
        super().__init__("4  Picks")
        self._areas = areas
        self._bindings = SettingBindings()
        self._counts = wrapped_label()
        self.histogram = ScoreHistogram()
        self._separation, self._edge_margin = _Slider(2.0), _Slider(3.0)
        self._contrast = ContrastPlot()
        self._contrast_section = Section("Cut ice and carbon by contrast")
        self._contrast_section.add(self._contrast)
        self._contrast_section.set_open(False)
        self._contrast_section.toggled.connect(lambda opened: self.call(self._show_picks))
        self._bind_controls()
        self._draw = toggle_button(
            "Draw area",
            self._set_drawing,
            "Draw around what is not to be picked; a label inside stays",
        )
        self._paint = toggle_button(
            "Paint area", self._set_painting, "Paint over what is not to be picked"
        )
        areas.stopped.connect(self._on_stopped)
        self._reject = button(
            _REJECT,
            self.with_session(OpenSession.toggle_rejected),
            "Leave the micrograph out of picking and export; again: take it back",
        )
        self.add(
            self.histogram,
            self._counts,
            _named("Distance", self._separation, "Least distance of two picks, in particle radii"),
            _named(
                "Edge margin",
                self._edge_margin,
                "No picks nearer to the border, in particle radii",
            ),
            self._contrast_section,
            row(
                self._draw,
                self._paint,
                button("Clear areas", areas.remove, "Remove the excluded areas of this micrograph"),
            ),
            row(
                button("Gallery", show_gallery, "All picks as crops, to click the wrong ones away"),
                button("Hide / show (B)", toggle_picks),
            ),
            self._reject,
        )
        self.clear()

    def show_session(self, session: OpenSession) -> None:
        """Show the picks of a session."""
        self.setEnabled(True)
        self._bindings.set_session(session)
        self.update_after(
            session, self._show_picks, session.picks.changed, session.settings_changed
        )
        self.update_after(
            session,
            self._show_counts,
            session.dataset.counts_changed,
            session.micrographs_changed,
            session.shown_changed,
        )
        self._show_picks(session)

    def clear(self) -> None:
        """Show no picks."""
        self.setEnabled(False)
        self._bindings.set_session(None)
        self._show_no_picks()
        self._counts.clear()
        self._reject.setText(_REJECT)

    def _bind_controls(self) -> None:
        histogram, contrast = self.histogram, self._contrast
        bind = self._bindings.bind
        bind(
            ("threshold",),
            histogram.set_threshold,
            histogram.threshold_chosen,
            histogram.threshold_changed,
        )
        bind(
            ("lowest_contrast", "highest_contrast"),
            contrast.set_range,
            contrast.range_chosen,
            contrast.range_changed,
        )
        for slider, name in ((self._separation, "separation"), (self._edge_margin, "edge_margin")):
            bind((name,), slider.show_value, slider.chosen, slider.dragged)

    def _show_picks(self, session: OpenSession) -> None:
        if session.picks.picks is None:
            self._show_no_picks()
        else:
            self.histogram.set_scores(session.picks.scores())
            if self._contrast_section.is_open():
                self._contrast.set_points(*session.picks.by_contrast())
        self._show_counts(session)

    def _show_no_picks(self) -> None:
        self.histogram.set_scores([])
        self._contrast.set_points([], [], [])

    def _show_counts(self, session: OpenSession) -> None:
        self._counts.setText(_counts_text(session))
        self._reject.setText(_TAKE_BACK if session.shown_is_rejected else _REJECT)

    def _set_drawing(self, on: bool) -> None:
        if on:
            self._paint.setChecked(False)
        self._areas.draw() if on else self._areas.stop()

    def _set_painting(self, on: bool) -> None:
        if on:
            self._draw.setChecked(False)
        self._areas.paint() if on else self._areas.stop()

    def _on_stopped(self) -> None:
        self._draw.setChecked(False)
        self._paint.setChecked(False)


class _Slider(QLabeledDoubleSlider):
    """A slider from 0 with signals for dragging it and for releasing it.

    Signals
    -------
    dragged(value), chosen(value)
        The slider is being dragged, or was released or changed otherwise.
    """

    dragged = Signal(float)
    chosen = Signal(float)

    def __init__(self, maximum: float) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setRange(0, maximum)
        self.setDecimals(_DECIMALS)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.valueChanged.connect(self._on_value)
        self.sliderReleased.connect(lambda: self.chosen.emit(round(self.value(), _DECIMALS)))

    def show_value(self, value: float) -> None:
        """Show a value without emitting signals, unless the slider is being dragged."""
        if not self.isSliderDown():
            self.blockSignals(True)
            self.setValue(value)
            self.blockSignals(False)

    def _on_value(self, value: float) -> None:
        signal = self.dragged if self.isSliderDown() else self.chosen
        signal.emit(round(value, _DECIMALS))


def _named(name: str, slider: _Slider, tip: str) -> QWidget:
    label = QLabel(name)
    label.setFixedWidth(100)
    slider.setToolTip(tip)
    label.setToolTip(tip)
    return row(label, slider, stretch=1)


def _counts_text(session: OpenSession) -> str:
    """Return the number of picks of the shown micrograph and of all micrographs."""
    picks, counts = session.picks.picks, session.counts()
    used = [i for i, entry in session.state.micrographs.items() if entry.status != "rejected"]
    known = [counts[number] for number in used if number in counts]
    missing, outdated = len(used) - len(known), session.dataset.unpicked()
    here = "…" if picks is None else f"{len(picks):,}"
    rest = f"; {missing:,} not picked yet" if missing else ""
    rest += f"; {outdated - missing:,} picked by an earlier model" if outdated > missing else ""
    return (
        f"<b>{here}</b> picks here; <b>{sum(known):,}</b> on {len(known):,} of {len(used):,} "
        f"micrographs{rest}"
    )
