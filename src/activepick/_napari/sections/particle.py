"""Section: what the particles look like, and how the micrograph is shown."""

from collections.abc import Callable

import numpy as np
from magicgui.widgets import CheckBox, ComboBox, Container, FloatSpinBox
from qtpy.QtCore import Qt

from activepick._napari.controller import Desk
from activepick._napari.images import Picture
from activepick._napari.mouse_bindings import Hands, Place
from activepick._napari.preferences import Preferences
from activepick._napari.sections.section import Section, button, hint, row
from activepick.errors import SettingsError
from activepick.session import checked_settings

__all__ = ["ParticleSection"]

DARK, BRIGHT = "dark (as in most micrographs)", "bright"


class ParticleSection(Section):
    """Diameter, pixel size, polarity, and the filters of the display.

    Parameters
    ----------
    desk, hands
        The desk, and the viewer's mouse for measuring.
    show_circle
        Shows a circle of a diameter in original pixels at a place, or in the middle of the view.
    preferences
        Where the last diameter is remembered.
    """

    def __init__(
        self,
        desk: Desk,
        hands: Hands,
        show_circle: Callable[[float, Place | None], None],
        preferences: Preferences,
    ) -> None:
        super().__init__("2  Particle")
        self._desk, self._hands, self._show_circle = desk, hands, show_circle
        self._preferences = preferences
        self._filling = False
        self._measured_px = 0.0  # while nobody knows the pixel size
        self.diameter = FloatSpinBox(
            label="Diameter (Å)",
            min=0,
            max=5000,
            step=1,
            value=preferences.get("diameter_angstrom", 0.0),
            tooltip="Largest diameter of the particle in Å: typed, or dragged over a particle",
        )
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
        self.diameter.native.setSpecialValueText("type or measure it")
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
        form = Container(
            widgets=[self.diameter, self.pixel_size, self.polarity, self.expected], labels=True
        )
        form.margins = (0, 0, 0, 0)
        self.low_pass = FloatSpinBox(label="Low-pass (Å)", min=0, max=5000, step=5, value=0)
        self.high_pass = FloatSpinBox(label="High-pass (Å)", min=0, max=50_000, step=50, value=0)
        for box, what in ((self.low_pass, "finer"), (self.high_pass, "coarser")):
            box.tooltip = f"What is {what} than this is not shown; picking is not changed by it"
            box.native.setSpecialValueText("automatic")
        self.raw = CheckBox(text="Raw image (W)", value=desk.images.raw)
        shown = Container(widgets=[self.low_pass, self.high_pass, self.raw], labels=True)
        shown.margins = (0, 0, 0, 0)
        for box in (self.diameter, self.pixel_size, self.expected, self.low_pass, self.high_pass):
            box.native.setKeyboardTracking(False)
            box.native.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
            box.changed.connect(self._apply)
        self.polarity.native.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.polarity.changed.connect(self._apply)
        self.raw.native.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.raw.changed.connect(self._set_raw)
        self.diameter.changed.connect(self._circle)
        self._measure = button(
            "⌀ Measure",
            self._begin_measuring,
            "Drag over a particle in the micrograph, from edge to edge",
            checks=True,
        )
        self._start = button("Find particles", self.start, "Make a session and pick")
        self._start.setStyleSheet("font-weight: bold; padding: 5px;")
        self._says = hint()
        self.add(form.native, row(self._measure, self._start), self._says, shown.native)
        desk.opened.connect(self._opened)
        desk.settings_changed.connect(self._fill)
        desk.images.ready.connect(self._seen)
        desk.images.raw_changed.connect(lambda: self.raw.native.setChecked(desk.images.raw))
        self._opened()

    def start(self) -> None:
        """Make a session of the micrographs that were opened."""
        if self._desk.draft is None:
            return
        problem = self._missing()
        if problem:
            self._desk.told.emit("warning", problem)
            return
        try:
            settings = checked_settings(self._values())
        except SettingsError as error:
            self._desk.report(error)
            return
        self._preferences.set("diameter_angstrom", float(self.diameter.value))
        self._desk.start(settings)

    def _values(self) -> dict[str, object]:
        return {
            "diameter_angstrom": float(self.diameter.value),
            "pixel_size_angstrom": self._pixel_size(),
            "inverted": self.polarity.value == BRIGHT,
            "expected_particles": float(self.expected.value) or None,
            "low_pass_angstrom": float(self.low_pass.value) or None,
            "high_pass_angstrom": float(self.high_pass.value) or None,
        }

    def _pixel_size(self) -> float | None:
        """Give the pixel size that was typed; the headers' own, which is shown too, is none."""
        typed, picture = float(self.pixel_size.value), self._desk.images.picture
        session = self._desk.session
        given = None if session is None else session.state.settings.pixel_size_angstrom
        shown = picture and picture.pixel_size_angstrom
        if given is None and shown and abs(typed - shown) < 1e-4:
            return None
        return typed or None

    def _missing(self) -> str:
        picture = self._desk.images.picture
        if not self.pixel_size.value and (picture is None or not picture.pixel_size_angstrom):
            return "The micrographs do not say their pixel size: type it (Å per pixel)."
        if not self.diameter.value:
            return (
                "Type the diameter of the particle, or measure it: drag over one from edge to edge."
            )
        return ""

    def _apply(self) -> None:
        if self._measured_px and self.pixel_size.value:
            across, self._measured_px = self._measured_px * self.pixel_size.value, 0.0
            self.diameter.value = round(across)
        self._say()
        if self._filling or self._desk.session is None:
            return
        values = self._values()
        if not values["diameter_angstrom"]:
            self._fill()
            return
        self._preferences.set("diameter_angstrom", values["diameter_angstrom"])
        settings = self._desk.session.state.settings
        changes = {k: v for k, v in values.items() if getattr(settings, k) != v}
        if changes:
            self._desk.set_settings(**changes)

    def _fill(self) -> None:
        """Show the settings of the session."""
        session = self._desk.session
        if session is None:
            return
        settings, picture = session.state.settings, self._desk.images.picture
        size = settings.pixel_size_angstrom or (picture and picture.pixel_size_angstrom)
        self._filling = True
        self.diameter.value = settings.diameter_angstrom
        self.pixel_size.value = size or 0
        self.polarity.value = BRIGHT if settings.inverted else DARK
        self.expected.value = settings.expected_particles or 0
        self.low_pass.value = settings.low_pass_angstrom or 0
        self.high_pass.value = settings.high_pass_angstrom or 0
        self._filling = False
        self._say()

    def _opened(self) -> None:
        draft = self._desk.draft
        self._start.setVisible(self._desk.session is None)
        self._start.setEnabled(draft is not None)
        if draft is not None:
            self.pixel_size.value = draft.pixel_size_angstrom or 0
        self._fill()
        self._say()

    def _seen(self, picture: Picture) -> None:
        if not self.pixel_size.value and picture.pixel_size_angstrom:
            self._filling = True
            self.pixel_size.value = picture.pixel_size_angstrom
            self._filling = False
        self._say()

    def _say(self) -> None:
        missing = self._missing() if self._desk.draft is not None else ""
        size = f", {self.pixel_size.value:g} Å/px" if self.pixel_size.value else ""
        self.say(f"{self.diameter.value:g} Å{size}" if self.diameter.value else "")
        self._says.setText(missing)
        self._says.setVisible(bool(missing))

    def _circle(self) -> None:
        if not self._filling:
            self._show_circle(self._in_pixels(), None)

    def _in_pixels(self) -> float:
        picture = self._desk.images.picture
        size = self.pixel_size.value or (picture and picture.pixel_size_angstrom) or 0
        return self.diameter.value / size if size else 0.0

    def _begin_measuring(self, on: bool) -> None:
        if on and self._desk.images.picture is None:
            self._measure.setChecked(False)
            self._desk.told.emit("info", "Open micrographs first.")
            return
        self._hands.measure(self._measured if on else None)

    def _measured(self, start: Place, end: Place, final: bool) -> None:
        across = float(np.hypot(end[0] - start[0], end[1] - start[1]))
        middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        self._show_circle(across, middle)
        if not final:
            return
        self._measure.setChecked(False)
        picture = self._desk.images.picture
        size = self.pixel_size.value or (picture and picture.pixel_size_angstrom) or 0
        self._measured_px = 0.0 if size else across
        if not size:
            self._desk.told.emit("warning", self._missing())
        elif across * size >= 1:
            self.diameter.value = round(across * size)

    def _set_raw(self, raw: bool) -> None:
        if raw != self._desk.images.raw:
            self._desk.images.toggle_raw()
