"""Section: the particle, and the display of the micrograph."""

from collections.abc import Callable
from pathlib import Path

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
)
from activepick._napari.sections.setting_bindings import SettingBindings
from activepick._napari.session_listener import SessionListener
from activepick._napari.views.wrapped_label import WrappedLabel
from activepick.errors import SettingsError
from activepick.micrograph.pixel_size import same_pixel_size
from activepick.session import checked_settings

__all__ = ["ParticleSection"]

DARK, BRIGHT = "dark", "bright"
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
    set_brightness
        Called with the standard deviations of grey values to show, 0 for most grey values.
    preferences
        Remembers the last diameter.
    """

    def __init__(
        self,
        controller: Controller,
        mouse: MouseBindings,
        show_diameter: Callable[[float, Position | None], object],
        set_brightness: Callable[[float], object],
        preferences: Preferences,
    ) -> None:
        super().__init__("2  Particle")
        self._controller, self._mouse = controller, mouse
        self._show_diameter, self._preferences = show_diameter, preferences
        self._set_brightness = set_brightness
        self._bindings = SettingBindings()
        self._displayed: DisplayedMicrograph | None = None
        self._measured_px = 0.0  # a measured diameter, until the pixel size is known
        # Centre of the particle that was measured, and the file of its micrograph.
        self._measured_at: tuple[Path, Position] | None = None
        # Whether the diameter is that of an earlier dataset, not entered or measured for this one.
        self._carried_over = bool(preferences.get("diameter_angstrom", 0.0))
        self._make_controls()
        self._bind_controls()
        particle = Container(
            widgets=[self.diameter, self.pixel_size, self.polarity, self.expected], labels=True
        )
        filters: list[Widget] = [
            self.low_pass,
            self.high_pass,
            self.sigmas,
            self.raw,
            self.denoised,
        ]
        display = Container(widgets=filters, labels=True)
        for form in (particle, display):
            form.margins = (0, 0, 0, 0)
        self._measure = toggle_button(
            "⌀ Measure",
            self._set_measuring,
            "Drag across a particle in the micrograph, from edge to edge",
        )
        self._start = button(
            "Find particles", self.start, "Create a session and find the particles"
        )
        self._start.setStyleSheet("font-weight: bold; padding: 5px;")
        self._hint = WrappedLabel()
        self.add(particle.native, row(self._measure, self._start), self._hint, display.native)
        self.clear()

    def show_session(self, session: OpenSession) -> None:
        """Show the settings of a session."""
        self._start.hide()
        # Micrographs are shown as they were before the session.
        session.images.set_raw(bool(self.raw.value))
        session.images.set_denoised(bool(self.denoised.value))
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
            self._displayed = self._measured_at = None
            self._carried_over = bool(self.diameter.value)
            with self.pixel_size.changed.blocked():
                self.pixel_size.value = new_session.pixel_size_angstrom or 0
        self._show_summary()

    def set_displayed(self, displayed: DisplayedMicrograph) -> None:
        """Use the pixel size in the header of the displayed micrograph if none is set."""
        self._displayed = displayed
        if not self.pixel_size.value and displayed.pixel_size_angstrom:
            with self.pixel_size.changed.blocked():
                self.pixel_size.value = displayed.pixel_size_angstrom
        self._bindings.show()
        self._show_summary()
        self._set_display()

    def toggle_raw(self) -> None:
        """Switch between filtered and raw images."""
        self.raw.value = not self.raw.value

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
            tooltip="Largest diameter of the particle in Å; enter or measure it",
        )
        self.diameter.native.setSpecialValueText("enter or measure it")
        self.pixel_size = FloatSpinBox(
            label="Pixel size (Å)",
            min=0,
            max=100,
            step=0.01,
            value=0,
            tooltip="Å per pixel of the micrographs; by default that of their headers",
        )
        self.pixel_size.native.setDecimals(4)
        self.pixel_size.native.setSpecialValueText("not known")
        self.polarity = ComboBox(
            label="Particles are",
            choices=[DARK, BRIGHT],
            value=DARK,
            tooltip="In the raw image; dark in nearly all datasets",
        )
        self.expected = FloatSpinBox(
            label="Expected particles\nper micrograph",
            min=0,
            max=100_000,
            value=0,
            step=10,
            tooltip="Expected number, approximately; helps in the first rounds",
        )
        self.expected.native.setDecimals(0)
        self.expected.native.setSpecialValueText("not known")
        self.low_pass = FloatSpinBox(label="Low-pass (Å)", min=0, max=5000, step=5, value=0)
        self.high_pass = FloatSpinBox(label="High-pass (Å)", min=0, max=50_000, step=50, value=0)
        for box, what in ((self.low_pass, "finer"), (self.high_pass, "coarser")):
            box.tooltip = f"Structures {what} than this are not shown; picks are not affected"
            box.native.setSpecialValueText("automatic")
        self.sigmas = FloatSpinBox(
            label="Brightness (σ)",
            min=0,
            max=20,
            step=0.5,
            value=self._preferences.get("sigmas", 0.0),
            tooltip="Range of grey values in standard deviations from the mean",
        )
        self.sigmas.native.setSpecialValueText("automatic")
        self.raw = CheckBox(text="Raw image (W)", value=False)
        self.denoised = CheckBox(
            text="Denoised image",
            value=False,
            tooltip="Denoise with Topaz's pretrained network in the background; no effect on picks",
        )
        for box in (
            self.diameter,
            self.pixel_size,
            self.expected,
            self.low_pass,
            self.high_pass,
            self.sigmas,
        ):
            box.native.setKeyboardTracking(False)
            box.native.setFocusPolicy(
                Qt.FocusPolicy.StrongFocus
            )  # the Tab key moves to the next control
        self.polarity.native.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        for check in (self.raw, self.denoised):
            check.native.setFocusPolicy(Qt.FocusPolicy.NoFocus)

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
        self.denoised.changed.connect(self._set_denoised)
        self.sigmas.changed.connect(self._set_sigmas)
        self._set_sigmas(self.sigmas.value)
        for box in (self.low_pass, self.high_pass):
            box.changed.connect(self._set_display)

    @property
    def _header_angstrom(self) -> float | None:
        """Pixel size in the header of the displayed micrograph; None if unknown."""
        return None if self._displayed is None else self._displayed.header_angstrom

    @property
    def _pixel_size_angstrom(self) -> float:
        """Pixel size as entered or in the header; 0 if unknown."""
        return float(self.pixel_size.value) or self._header_angstrom or 0.0

    def _chosen_diameter(self, typed: float) -> float:
        if not typed and self._session is not None:
            return self._session.settings.diameter_angstrom
        return float(typed)

    def _chosen_pixel_size(self, typed: float) -> float | None:
        """Return the pixel size that was entered; None if the control shows that of the header."""
        given = None if self._session is None else self._session.settings.pixel_size_angstrom
        header = self._header_angstrom
        if given is None and header and abs(typed - header) < _EQUAL_ANGSTROM:
            return None
        return float(typed) or None

    def _missing(self) -> str:
        """Return a text on what has to be entered before a session can start; empty if nothing."""
        if not self._pixel_size_angstrom:
            if self._displayed is None:
                return "The pixel size is not known, since no micrograph has been read yet."
            return "The micrographs contain no pixel size: enter it (Å per pixel)."
        if not self.diameter.value:
            return (
                "Enter the particle diameter, or measure it: drag across a particle from edge "
                "to edge."
            )
        return ""

    def _doubts(self) -> str:
        """Return sentences on values that may be wrong; empty if there are none."""
        doubts = []
        header, size = self._header_angstrom, float(self.pixel_size.value)
        if header and size and not same_pixel_size(header, size):
            doubts.append(f"The header contains {header:.4g} Å per pixel, not {size:.4g}.")
        if self._carried_over and self.diameter.value and self._controller.new_session is not None:
            doubts.append(
                f"The diameter of {self.diameter.value:g} Å is that of the last dataset: check "
                "that it applies to this one."
            )
        return " ".join(doubts)

    def _on_diameter(self, diameter: float) -> None:
        self._carried_over = False
        if diameter and self._session is not None:
            self._preferences.set("diameter_angstrom", float(diameter))
        self._show_circle()
        self._show_summary()
        self._set_display()

    def _on_pixel_size(self, size: float) -> None:
        if self._measured_px and size:
            measured, self._measured_px = self._measured_px, 0.0
            self.diameter.value = round(measured * size)
        self._show_circle()
        self._show_summary()
        self._set_display()

    def _show_circle(self) -> None:
        """Show the diameter, on the particle that was measured if it is on this micrograph."""
        size, displayed = self._pixel_size_angstrom, self._displayed
        if size and self.diameter.value:
            measured = self._measured_at
            here = measured is not None and displayed is not None and measured[0] == displayed.path
            self._show_diameter(
                float(self.diameter.value) / size, measured[1] if measured and here else None
            )

    def _set_display(self) -> None:
        """Apply the display filters to the micrographs of a new session."""
        new = self._controller.new_micrographs
        if new is not None and self._displayed is not None:
            raw = bool(self.raw.value)
            new.set_display(
                float(self.pixel_size.value) or None,
                0.0 if raw else float(self.diameter.value),
                None if raw else float(self.low_pass.value) or None,
                None if raw else float(self.high_pass.value) or None,
                denoised=bool(self.denoised.value),
            )

    def _show_summary(self) -> None:
        missing = self._missing() if self._controller.new_session is not None else ""
        size = f", {self.pixel_size.value:g} Å/px" if self.pixel_size.value else ""
        self.set_summary(f"{self.diameter.value:g} Å{size}" if self.diameter.value else "")
        hint = missing or self._doubts()
        self._hint.setText(hint)
        self._hint.setVisible(bool(hint))

    def stop_measuring(self) -> None:
        """End measuring."""
        self._measure.setChecked(False)

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
        if self._displayed is not None:
            self._measured_at = self._displayed.path, centre
        size = self._pixel_size_angstrom
        self._measured_px = 0.0 if size else diameter_px
        if not size:
            self._controller.notify("warning", self._missing())
        elif diameter_px * size >= 1:
            self.diameter.value = round(diameter_px * size)

    def _set_sigmas(self, sigmas: float) -> None:
        self._preferences.set("sigmas", float(sigmas))
        self._set_brightness(float(sigmas))

    def _set_raw(self, raw: bool) -> None:
        self.call(lambda session: session.images.set_raw(raw))
        self._set_display()

    def _set_denoised(self, denoised: bool) -> None:
        self.call(lambda session: session.images.set_denoised(denoised))
        self._set_display()

    def _show_raw(self, session: OpenSession) -> None:
        with self.raw.changed.blocked(), self.denoised.changed.blocked():
            self.raw.value = session.images.raw
            self.denoised.value = session.images.denoised
