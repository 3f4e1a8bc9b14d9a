"""Section: the rules that select picks."""

from collections.abc import Callable

from magicgui.widgets import CheckBox
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QLabel, QPushButton, QWidget
from superqt import QLabeledDoubleSlider

from activepick._napari.drawing_tools import DrawingAction, DrawingTools
from activepick._napari.excluded_areas import ExcludedAreas
from activepick._napari.layers import Layers
from activepick._napari.open_session import OpenSession
from activepick._napari.preferences import Preferences
from activepick._napari.sections.section import (
    Section,
    button,
    row,
    toggle_button,
)
from activepick._napari.sections.setting_bindings import SettingBindings
from activepick._napari.session_listener import SessionListener
from activepick._napari.views.contrast_plot import ContrastPlot
from activepick._napari.views.number_box import NumberBox
from activepick._napari.views.score_histogram import ScoreHistogram
from activepick._napari.views.wrapped_label import WrappedLabel
from activepick.formats.scores import to_probability
from activepick.learning.calibration import expected_precision

__all__ = ["PicksSection"]

_REJECT, _UN_REJECT = "Reject micrograph (J)", "Un-reject micrograph (J)"
_HOW_TO: dict[DrawingAction, str] = {
    "exclude": "Drag around an area in which nothing is to be picked; or click, move around it, "
    "and click again. Press Escape or the button to end.",
    "reject": "Drag around picks to make them non-particles. Press Escape or the button to end.",
    "erase": "Drag around labels to remove them. Press Escape or the button to end.",
    "paint": "Drag over areas in which nothing is to be picked; zoom in for a finer brush. "
    "Press Escape or the button to end.",
}
# Side of a box in particle diameters, as needed for extraction.
_BOX_DIAMETERS = 1.5
# Largest values in particle radii.
_MOST_SEPARATION, _MOST_EDGE_MARGIN = 2.0, 3.0
# Number of decimals of a distance in particle radii, for a precision of less than 1 Å.
_DECIMALS = 3


class PicksSection(Section, SessionListener):
    """Set threshold, distances and contrast limits; exclude areas; open the gallery.

    Parameters
    ----------
    areas
        Removes excluded areas.
    drawing
        Rejects picks, removes labels and excludes areas with lasso and brush.
    layers
        Show picks as circles or boxes.
    preferences
        Remember the boxes.
    show_gallery
        Opens the gallery of the picks.
    show_classes
        Opens the class averages of the picks.
    toggle_picks
        Shows or hides the picks.
    """

    def __init__(
        self,
        areas: ExcludedAreas,
        drawing: DrawingTools,
        layers: Layers,
        preferences: Preferences,
        show_gallery: Callable[[], object],
        show_classes: Callable[[], object],
        toggle_picks: Callable[[], object],
    ) -> None:
        super().__init__("4  Picks")
        self._areas, self._drawing = areas, drawing
        self._layers, self._preferences = layers, preferences
        self._bindings = SettingBindings()
        self._counts = WrappedLabel()
        self.histogram = ScoreHistogram()
        self._separation, self._edge_margin = _Slider(_MOST_SEPARATION), _Slider(_MOST_EDGE_MARGIN)
        self._contrast = ContrastPlot()
        self._contrast_section = Section("Contrast limits, to leave out ice and carbon")
        self._contrast_section.add(self._contrast)
        self._contrast_section.set_open(False)
        self._contrast_section.toggled.connect(lambda opened: self.call(self._show_picks))
        self._bind_controls()
        self._draw = toggle_button(
            "Lasso: exclude",
            lambda on: self._set_drawing(self._draw, "exclude", on),
            "Exclude an area: draw its outline. Nothing is picked in it; labels inside are kept",
        )
        self._paint = toggle_button(
            "Brush: exclude",
            lambda on: self._set_drawing(self._paint, "paint", on),
            "Exclude an area: paint over it. Nothing is picked in it; labels inside are kept",
        )
        self._how = WrappedLabel()
        self._how.hide()
        self._reject_many = toggle_button(
            "Lasso: reject",
            lambda on: self._set_drawing(self._reject_many, "reject", on),
            "Draw around picks to label all of them as non-particles",
        )
        self._erase = toggle_button(
            "Lasso: erase labels",
            lambda on: self._set_drawing(self._erase, "erase", on),
            "Draw around labels to remove all of them",
        )
        self._boxes = CheckBox(text="Boxes", value=preferences.get("boxes", False))
        self._box = NumberBox(2, 4096, step=2, decimals=0)
        self._box.setToolTip(
            "Side of the boxes in pixels, for instance the box size of the extraction"
        )
        self._box_angstrom = QLabel()
        self._boxes.native.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._boxes.changed.connect(self._set_boxes)
        self._box.valueChanged.connect(lambda side: self.call(self._set_box))
        drawing.stopped.connect(self._on_stopped)
        self._reject = button(
            _REJECT,
            self.with_session(OpenSession.toggle_rejected),
            "Exclude the micrograph from questions, picking and export",
        )
        self.add(
            self.histogram,
            self._counts,
            _named(
                "Minimum separation (Å)", self._separation, "Smallest distance between two picks"
            ),
            _named(
                "Edge margin (Å)",
                self._edge_margin,
                "Smallest distance of picks and questions from the border of the image",
            ),
            self._contrast_section,
            row(
                self._draw,
                self._paint,
                button("Clear areas", areas.remove, "Remove the excluded areas of this micrograph"),
            ),
            row(self._reject_many, self._erase),
            self._how,
            row(
                button("Gallery", show_gallery, "Show all picks as crops, and reject wrong ones"),
                button(
                    "Class averages",
                    show_classes,
                    "Show the picks as class averages, and label whole classes",
                ),
                button("Hide / show (B)", toggle_picks),
            ),
            row(self._boxes.native, self._box, self._box_angstrom),
            self._reject,
        )
        self.clear()

    def show_session(self, session: OpenSession) -> None:
        """Show the picks of a session."""
        self.setEnabled(True)
        session.settings_changed.connect(self.with_session(self._show_radius))
        self.update_after(session, self._show_boxes, session.images.ready, session.settings_changed)
        self._show_radius(session)
        self._bindings.set_session(session)
        self.update_after(
            session, self._show_picks, session.picks.changed, session.settings_changed
        )
        self.update_after(
            session,
            self._show_counts,
            session.picks.changed,
            session.settings_changed,
            session.dataset.counts_changed,
            session.micrographs_changed,
            session.shown_changed,
        )
        self._show_picks(session)
        self._show_counts(session)

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

    def _show_radius(self, session: OpenSession) -> None:
        for slider in (self._separation, self._edge_margin):
            slider.set_radius(session.settings.diameter_angstrom / 2)

    def _show_picks(self, session: OpenSession) -> None:
        if session.picks.picks is None:
            self._show_no_picks()
        else:
            self.histogram.set_scores(session.picks.scores(), len(session.picks.picks))
            if self._contrast_section.is_open():
                self._contrast.set_points(*session.picks.by_contrast())

    def _show_no_picks(self) -> None:
        self.histogram.set_scores([])
        self._contrast.set_points([], [], [])

    def _show_counts(self, session: OpenSession) -> None:
        self._counts.setText(_counts_text(session))
        self._reject.setText(_UN_REJECT if session.shown_is_rejected else _REJECT)

    def _show_boxes(self, session: OpenSession) -> None:
        """Show picks as boxes or circles, and the size of the boxes."""
        displayed = session.images.displayed
        if displayed is None:
            return
        diameters = self._preferences.get("box diameters", _BOX_DIAMETERS)
        side = max(2, 2 * round(diameters * session.images.radius_px))
        self._box.show_value(side)
        self._box.setEnabled(bool(self._boxes.value))
        size = displayed.pixel_size_angstrom
        self._box_angstrom.setText(f"px = {side * size:.0f} Å" if size else "px")
        self._layers.set_box(side if self._boxes.value else None)

    def _set_boxes(self, on: bool) -> None:
        self._preferences.set("boxes", bool(on))
        self.call(self._show_boxes)

    def _set_box(self, session: OpenSession) -> None:
        radius = session.images.radius_px
        if radius:
            self._preferences.set("box diameters", self._box.value() / 2 / radius)
            self._show_boxes(session)

    def _set_drawing(self, pressed: QPushButton, action: DrawingAction, on: bool) -> None:
        self._areas.stop()
        self._drawing.stop()  # releases all buttons
        if on:
            _set_checked(pressed, True)
            self._how.setText(_HOW_TO[action])
            self._how.show()
            self._drawing.start(action)

    def _on_stopped(self) -> None:
        self._how.hide()
        for one in (self._draw, self._paint, self._reject_many, self._erase):
            _set_checked(one, False)


def _set_checked(button: QPushButton, checked: bool) -> None:
    """Press or release a toggle button without emitting a signal."""
    button.blockSignals(True)
    button.setChecked(checked)
    button.blockSignals(False)


class _Slider(QLabeledDoubleSlider):
    """A slider for a distance that is shown in Å and set in particle radii.

    Signals
    -------
    dragged(radii), chosen(radii)
        The slider is being dragged, or was released or changed otherwise.
    """

    dragged = Signal(float)
    chosen = Signal(float)

    def __init__(self, most_radii: float) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._most_radii, self._radius_angstrom, self._radii = most_radii, 1.0, 0.0
        self.setDecimals(0)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.set_radius(1.0)
        self.valueChanged.connect(self._on_value)
        self.sliderReleased.connect(lambda: self.chosen.emit(self._in_radii()))

    def set_radius(self, radius_angstrom: float) -> None:
        """Set the particle radius in Å."""
        self._radius_angstrom = radius_angstrom
        self.blockSignals(True)
        self.setRange(0, self._most_radii * radius_angstrom)
        self.setValue(self._radii * radius_angstrom)
        self.blockSignals(False)

    def show_value(self, radii: float) -> None:
        """Show a value in particle radii without emitting signals, unless it is being dragged."""
        if not self.isSliderDown():
            self._radii = radii
            self.blockSignals(True)
            self.setValue(radii * self._radius_angstrom)
            self.blockSignals(False)

    def _in_radii(self) -> float:
        return round(float(self.value()) / self._radius_angstrom, _DECIMALS)

    def _on_value(self, value: float) -> None:
        signal = self.dragged if self.isSliderDown() else self.chosen
        signal.emit(self._in_radii())


def _named(name: str, slider: _Slider, tip: str) -> QWidget:
    label = QLabel(name)
    label.setFixedWidth(170)
    slider.setToolTip(tip)
    label.setToolTip(tip)
    return row(label, slider, stretch=1)


def _counts_text(session: OpenSession) -> str:
    """Return the number of picks of the shown micrograph and of all micrographs."""
    picks, counts = session.picks.picks, session.counts()
    used = [i for i, entry in session.state.micrographs.items() if entry.status != "rejected"]
    known = [counts[number] for number in used if number in counts]
    missing, outdated = len(used) - len(known), session.dataset.unpicked()
    here, share = "…", ""
    if picks is not None:
        here = f"{len(picks):,}"
        if len(picks):
            expected = expected_precision(to_probability(picks["score"]))
            share = f" (about {100 * expected:.0f} % of them particles)"
    rest = f"; {missing:,} not picked yet" if missing else ""
    rest += f"; {outdated - missing:,} picked by an earlier model" if outdated > missing else ""
    return (
        f"<b>{here}</b> picks here{share}; <b>{sum(known):,}</b> on {len(known):,} of "
        f"{len(used):,} micrographs{rest}"
    )
