"""Section: what the particles look like, and how the micrograph is displayed."""

from collections.abc import Callable

import numpy as np
from magicgui.widgets import CheckBox, ComboBox, Container, FloatSpinBox, Widget
from qtpy.QtCore import Qt

from activepick._napari.controller import Controller
from activepick._napari.display_images import DisplayedMicrograph
from activepick._napari.mouse_bindings import MouseBindings, Position
from activepick._napari.open_session import OpenSession
from activepick._napari.preferences import Preferences
from activepick._napari.sections.section import (
    Section,
    button,
    row,
    toggle_button,
    wrapped_label,
)
from activepick._napari.sections.setting_bindings import SettingBindings
from activepick._napari.session_listener import SessionListener
from activepick.errors import SettingsError
from activepick.session import checked_settings

__all__ = ["ParticleSection"]

DARK, BRIGHT = "dark (as in most micrographs)", "bright"
# Pixel sizes that differ by less, in Å, are equal: the control shows four decimals.
_EQUAL_ANGSTROM = 1e-4


class ParticleSection(Section, SessionListener):
    """Set diameter, pixel size, polarity and the filters of the display; start the session.

    Parameters
    ----------
    controller
        Starts the session.
    mouse
        Measures the diameter.
    show_diameter
        Called with a diameter in original pixels and a position (x, y), or None for the centre of
        the view, to show a circle.
    preferences
        Remembers the last diameter.
    """

    def __init__(
        self,
        controller: Controller,
        mouse: MouseBindings,
        show_diameter: Callable[[float, Position | None], object],
        preferences: Preferences,
    ) -> None:
        super().__init__("2  Particle")
        self._controller, self._mouse = controller, mouse
        self._show_diameter, self._preferences = show_diameter, preferences
        self._bindings = SettingBindings()
        self._displayed: DisplayedMicrograph | None = None
        self._measured_px = 0.0  # a measured diameter that waits for the pixel size
        self._make_controls()
        self._bind_controls()
        particle = Container(
            widgets=[self.diameter, self.pixel_size, self.polarity, self.expected], labels=True
        )
        filters: list[Widget] = [self.low_pass, self.high_pass, self.raw]
        display = Container(widgets=filters, labels=True)
        for form in (particle, display):
            form.margins = (0, 0, 0, 0)
        self._measure = toggle_button(
            "⌀ Measure",
            self._set_measuring,
            "Drag over a particle in the micrograph, from edge to edge",
        )
        self._start = button("Find particles", self.start, "Make a session and pick")
        self._start.setStyleSheet("font-weight: bold; padding: 5px;")
        self._hint = wrapped_label()
        self.add(particle.native, row(self._measure, self._start), self._hint, display.native)
        self.clear()

    def show_session(self, session: OpenSession) -> None:
        """Show the settings of a session."""
        self._start.hide()
        self._bindings.set_session(session)
        session.settings_changed.connect(self._show_summary)
        session.images.ready.connect(self.set_displayed)
        session.images.raw_changed.connect(self.with_session(self._show_raw))
        self._show_raw(session)
        self._show_summary()

    def clear(self) -> None:
        """Offer to start a session from the new session."""
        self._bindings.set_session(None)
        new_session = self._controller.new_session
        self._start.show()
        self._start.setEnabled(new_session is not None)
        if new_session is not None:
            self._displayed = None
            self.pixel_size.value = new_session.pixel_size_angstrom or 0
        self._show_summary()

    def set_displayed(self, displayed: DisplayedMicrograph) -> None:
        """Take the pixel size from the header of the displayed micrograph if none is set."""
        self._displayed = displayed
        if not self.pixel_size.value and displayed.pixel_size_angstrom:
            with self.pixel_size.changed.blocked():
                self.pixel_size.value = displayed.pixel_size_angstrom
        self._bindings.show()
        self._show_summary()

    def start(self) -> None:
        """Create a session of the micrographs that were opened."""
        if self._controller.new_session is None:
            return
        missing = self._missing()
        if missing:
            self._controller.notify("warning", missing)
            return
        try:
            settings = checked_settings(self._bindings.values())
        except SettingsError as error:
            self._controller.report(error)
            return
        self._preferences.set("diameter_angstrom", settings.diameter_angstrom)
        self._controller.start(settings)

    def _make_controls(self) -> None:
        self.diameter = FloatSpinBox(
            label="Diameter (Å)",
            min=0,
            max=5000,
            step=1,
            value=self._preferences.get("diameter_angstrom", 0.0),
            tooltip="Largest diameter of the particle in Å: typed, or dragged over a particle",
        )
        self.diameter.native.setSpecialValueText("type or measure it")
        self.pixel_size = FloatSpinBox(
            label="Pixel size (Å)",
            min=0,
            max=100,
            step=0.01,
            value=0,
            tooltip="Å per pixel of the micrographs; taken from their headers where these have it",
        )
        self.pixel_size.native.setDecimals(4)
        self.pixel_size.native.setSpecialValueText("not known")
        self.polarity = ComboBox(
            label="Particles are", choices=[DARK, BRIGHT], value=DARK, tooltip="In the raw image"
        )
        self.expected = FloatSpinBox(
            label="Per micrograph",
            min=0,
            max=100_000,
            value=0,
            step=10,
            tooltip="About how many particles a micrograph has; it helps the first rounds",
        )
        self.expected.native.setDecimals(0)
        self.expected.native.setSpecialValueText("not known")
        self.low_pass = FloatSpinBox(label="Low-pass (Å)", min=0, max=5000, step=5, value=0)
        self.high_pass = FloatSpinBox(label="High-pass (Å)", min=0, max=50_000, step=50, value=0)
        for box, what in ((self.low_pass, "finer"), (self.high_pass, "coarser")):
            box.tooltip = f"What is {what} than this is not shown; picking is not changed by it"
            box.native.setSpecialValueText("automatic")
        self.raw = CheckBox(text="Raw image (W)", value=False)
        for box in (self.diameter, self.pixel_size, self.expected, self.low_pass, self.high_pass):
            box.native.setKeyboardTracking(False)
            box.native.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.polarity.native.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.raw.native.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def _bind_controls(self) -> None:
        bind = self._bindings.bind_setting
        bind(self.diameter, "diameter_angstrom", from_control=self._chosen_diameter)
        bind(
            self.pixel_size,
            "pixel_size_angstrom",
            to_control=lambda size: size or self._header_angstrom or 0,
            from_control=self._chosen_pixel_size,
        )
        bind(
            self.polarity,
            "inverted",
            to_control=lambda inverted: BRIGHT if inverted else DARK,
            from_control=lambda polarity: polarity == BRIGHT,
        )
        for box, name in (
            (self.expected, "expected_particles"),
            (self.low_pass, "low_pass_angstrom"),
            (self.high_pass, "high_pass_angstrom"),
        ):
            bind(
                box,
                name,
                to_control=lambda value: value or 0,
                from_control=lambda value: float(value) or None,
            )
        self.diameter.changed.connect(self._on_diameter)
        self.pixel_size.changed.connect(self._on_pixel_size)
        self.raw.changed.connect(self._set_raw)

    @property
    def _header_angstrom(self) -> float | None:
        """Pixel size in the header of the displayed micrograph; None if unknown."""
        return None if self._displayed is None else self._displayed.pixel_size_angstrom

    @property
    def _pixel_size_angstrom(self) -> float:
        """Pixel size that was typed or is in the header; 0 if unknown."""
        return float(self.pixel_size.value) or self._header_angstrom or 0.0

    def _chosen_diameter(self, typed: float) -> float:
        if not typed and self._session is not None:
            return self._session.settings.diameter_angstrom
        return float(typed)

    def _chosen_pixel_size(self, typed: float) -> float | None:
        """Return the pixel size that was typed; None if the control shows that of the header."""
        given = None if self._session is None else self._session.settings.pixel_size_angstrom
        header = self._header_angstrom
        if given is None and header and abs(typed - header) < _EQUAL_ANGSTROM:
            return None
        return float(typed) or None

    def _missing(self) -> str:
        """Return what has to be typed before a session can start; empty if nothing."""
        if not self._pixel_size_angstrom:
            return "The micrographs do not say their pixel size: type it (Å per pixel)."
        if not self.diameter.value:
            return (
                "Type the diameter of the particle, or measure it: drag over one from edge to edge."
            )
        return ""

    def _on_diameter(self, diameter: float) -> None:
        if diameter and self._session is not None:
            self._preferences.set("diameter_angstrom", float(diameter))
        size = self._pixel_size_angstrom
        self._show_diameter(diameter / size if size else 0.0, None)
        self._show_summary()

    def _on_pixel_size(self, size: float) -> None:
        if self._measured_px and size:
            measured, self._measured_px = self._measured_px, 0.0
            self.diameter.value = round(measured * size)
        self._show_summary()

    def _show_summary(self) -> None:
        missing = self._missing() if self._controller.new_session is not None else ""
        size = f", {self.pixel_size.value:g} Å/px" if self.pixel_size.value else ""
        self.set_summary(f"{self.diameter.value:g} Å{size}" if self.diameter.value else "")
        self._hint.setText(missing)
        self._hint.setVisible(bool(missing))

    def _set_measuring(self, on: bool) -> None:
        if on and self._displayed is None:
            self._measure.setChecked(False)
            self._controller.notify("info", "Open micrographs first.")
            return
        self._mouse.measure(self._show_measured if on else None)

    def _show_measured(self, start: Position, end: Position, final: bool) -> None:
        diameter_px = float(np.hypot(end[0] - start[0], end[1] - start[1]))
        centre = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        self._show_diameter(diameter_px, centre)
        if not final:
            return
        self._measure.setChecked(False)
        size = self._pixel_size_angstrom
        self._measured_px = 0.0 if size else diameter_px
        if not size:
            self._controller.notify("warning", self._missing())
        elif diameter_px * size >= 1:
            self.diameter.value = round(diameter_px * size)

    def _set_raw(self, raw: bool) -> None:
        self.call(lambda session: session.images.set_raw(raw))

    def _show_raw(self, session: OpenSession) -> None:
        with self.raw.changed.blocked():
            self.raw.value = session.images.raw
