"""Section: questions and answers."""

from collections.abc import Callable

import numpy as np
from magicgui.widgets import CheckBox, ComboBox, Container, SpinBox, Widget
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QLabel, QPushButton

from activepick._napari import colours
from activepick._napari.display_images import DisplayedMicrograph
from activepick._napari.key_bindings import KEY_BINDINGS
from activepick._napari.labelling import Labelling, StartMode
from activepick._napari.mouse_bindings import MOUSE_BINDINGS, MouseBindings
from activepick._napari.navigation import Navigation
from activepick._napari.open_session import OpenSession
from activepick._napari.preferences import Preferences
from activepick._napari.sections.section import Section, button, row, wrapped_label
from activepick._napari.sections.setting_bindings import SettingBindings
from activepick._napari.session_listener import SessionListener
from activepick._napari.views.crop_strip import Crop, CropStrip
from activepick._napari.views.key_list import KeyList
from activepick.learning.strategies.registry import STRATEGIES
from activepick.micrograph.crops import cut_crops
from activepick.session import Question, Target

__all__ = ["LabelSection"]

# Side of a crop in particle diameters.
_CROP_DIAMETERS = 2.0
_START_MODES: dict[str, StartMode] = {
    "Questions": "questions",
    "Suggestions to correct": "suggestions",
    "Nothing: I pick by hand": "hand",
}
_OFFERED = [name for name, strategy in STRATEGIES.items() if strategy.in_window]
_BADGES: dict[Target, str] = {1: "✓", 0: "×", 2: "∅", None: "–"}
_SUGGESTIONS = "Squares are suggestions: correct the wrong ones by a click, then accept (Y)."
_BY_HAND = "Click on particles, right-click on what is none, or press N."


class LabelSection(Section, SessionListener):
    """Answer questions by keys, by buttons or on crops, and choose how they are asked.

    Parameters
    ----------
    navigation
        Moves the camera to questions.
    mouse
        Turns clicks into labels.
    preferences
        Remembers the choices.
    """

    def __init__(
        self, navigation: Navigation, mouse: MouseBindings, preferences: Preferences
    ) -> None:
        super().__init__("3  Label")
        self._navigation, self._mouse, self._preferences = navigation, mouse, preferences
        self._bindings = SettingBindings()
        # Pixels of the crops, by question and displayed micrograph.
        self._pixels: dict[tuple[int, DisplayedMicrograph], NDArray[np.uint8]] = {}
        self._title = QLabel()
        self._title.setStyleSheet("font-weight: bold; font-size: 13px;")
        self._hint = wrapped_label()
        self._strip = CropStrip()
        self._strip.set_empty_text("The open questions are shown here.")
        self._strip.clicked.connect(self._go_to)
        self._undo = self._labelling_button("Undo (X)", Labelling.undo, "Take back the last label")
        self._redo = self._labelling_button(
            "Redo", Labelling.redo, "Do again what was taken back (Shift+X)"
        )
        self._accept = self._labelling_button("Accept suggestions (Y)", Labelling.accept)
        answers = row(
            self._answer_button("Particle (F)", 1, colours.PARTICLE),
            self._answer_button("Not (D)", 0, colours.NOT_PARTICLE),
            self._answer_button(
                "Empty (H)", 2, colours.EMPTY, "Carbon or empty ice: not a particle either"
            ),
            self._answer_button("Skip (G)", None, colours.SKIPPED),
        )
        moves = row(
            button(
                "◀ (R)",
                self.with_session(lambda session: session.labelling.go(-1)),
                "Question before",
            ),
            button(
                "(T) ▶",
                self.with_session(lambda session: session.labelling.go(1)),
                "Next question, without an answer",
            ),
            self._undo,
            self._redo,
        )
        rounds = row(
            self._labelling_button(
                "New questions (N)", Labelling.ask, "Put a new round in the place of the open one"
            ),
            self._labelling_button(
                "Suggestions",
                Labelling.suggest,
                "The surest particles and non-particles, answered already: correct the wrong ones, "
                "then accept the rest with one key",
            ),
        )
        self._controls = (answers, moves, rounds)
        self.add(
            self._title,
            answers,
            moves,
            self._strip,
            self._hint,
            self._accept,
            rounds,
            self._make_options(),
            self._make_keys(),
        )
        self.clear()

    def show_session(self, session: OpenSession) -> None:
        """Show the questions of a session."""
        self.clear()
        self._enable(True)
        self._bindings.set_session(session)
        labelling = session.labelling
        labelling.set_start_mode(_START_MODES[self.start.value])
        self.update_after(
            session, self._show_questions, labelling.questions_changed, labelling.labels_changed
        )
        self.update_after(
            session, self._show_current, labelling.current_changed, session.shown_changed
        )
        self.update_after(session, self._show_crops, session.images.cached, session.images.ready)
        self._show_questions(session)

    def clear(self) -> None:
        """Show no questions; how they are asked can be chosen before a session is open."""
        self._enable(False)
        self._bindings.set_session(None)
        self._pixels.clear()
        self._strip.set_crops([])
        self._accept.hide()
        self._title.setText("Label")
        self._hint.setText("Open micrographs and find particles; then come the questions.")

    def _enable(self, enabled: bool) -> None:
        for control in self._controls:
            control.setEnabled(enabled)

    def _labelling_button(
        self, text: str, act: Callable[[Labelling], object], tip: str = ""
    ) -> QPushButton:
        return button(text, self.with_session(lambda session: act(session.labelling)), tip)

    def _answer_button(self, text: str, target: Target, colour: str, tip: str = "") -> QPushButton:
        made = button(
            text, self.with_session(lambda session: session.labelling.answer(target)), tip
        )
        text_colour = "white" if QColor(colour).lightnessF() < 0.4 else "black"
        made.setStyleSheet(
            f"background-color: {colour}; color: {text_colour}; font-weight: bold; padding: 5px;"
        )
        return made

    def _make_options(self) -> Section:
        preferences = self._preferences
        modes = list(_START_MODES)
        chosen = preferences.get("start", modes[0])
        self.start = ComboBox(
            label="Begin with",
            choices=modes,
            value=chosen if chosen in modes else modes[0],
            tooltip="What the first round of a session is",
        )
        self.batch = SpinBox(
            label="Questions a round", min=1, max=200, value=10, tooltip="1 asks one at a time"
        )
        self.strategy = ComboBox(
            label="Ask about",
            choices=_OFFERED,
            tooltip="\n".join(f"{name}: {STRATEGIES[name].summary}" for name in _OFFERED),
        )
        self.live = CheckBox(
            text="Learn from each answer", value=True, tooltip="Else after each round"
        )
        self.follow = CheckBox(
            text="Go to the next question", value=preferences.get("follow", True)
        )
        self.clicks = CheckBox(
            text="Clicks on the micrograph are labels", value=preferences.get("clicks", True)
        )
        for box in (self.batch, self.start, self.strategy):
            box.native.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        for check in (self.live, self.follow, self.clicks):
            check.native.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.batch.native.setKeyboardTracking(False)
        self._bindings.bind_setting(self.batch, "batch", from_control=int)
        self._bindings.bind_setting(
            self.strategy, "strategy", to_control=self._offer_strategy, from_control=str
        )
        self._bindings.bind_setting(self.live, "live_refit", from_control=bool)
        self._bind_preference(self.start, "start", self._set_start)
        self._bind_preference(self.follow, "follow", self._navigation.set_follows)
        self._bind_preference(self.clicks, "clicks", self._mouse.set_clicks_label)
        controls: list[Widget] = [
            self.start,
            self.batch,
            self.strategy,
            self.live,
            self.follow,
            self.clicks,
        ]
        form = Container(widgets=controls, labels=True)
        form.margins = (0, 0, 0, 0)
        options = Section("How it asks")
        options.remember_open(preferences, "options open", False)
        options.add(form.native)
        return options

    def _make_keys(self) -> Section:
        keys = KeyList()
        keys.set_rows([(_shown_key(one.keys[0]), one.description) for one in KEY_BINDINGS])
        mouse = wrapped_label("<br>".join(f"<b>{how}</b>: {what}" for how, what in MOUSE_BINDINGS))
        section = Section("Keys and mouse")
        section.remember_open(self._preferences, "keys open", False)
        section.add(keys, mouse)
        return section

    def _bind_preference(
        self, control: ComboBox | CheckBox, name: str, apply: Callable[..., object]
    ) -> None:
        """Apply the value of a control, now and whenever it changes, and remember it."""

        def changed(value: object) -> None:
            apply(value)
            self._preferences.set(name, value)

        apply(control.value)
        control.changed.connect(changed)

    def _offer_strategy(self, name: str) -> str:
        """Return a strategy after adding it to the choices, for one that was not set here."""
        if name not in self.strategy.choices:
            self.strategy.choices = (*_OFFERED, name)
        return name

    def _set_start(self, mode: str) -> None:
        self.call(lambda session: session.labelling.set_start_mode(_START_MODES[mode]))

    def _show_questions(self, session: OpenSession) -> None:
        waiting = sum(question.suggestion is not None for question in session.state.questions)
        self._accept.setVisible(waiting > 0)
        self._accept.setText(f"Accept {waiting} suggestions (Y)")
        self._undo.setEnabled(session.session.can_undo)
        self._redo.setEnabled(session.session.can_redo)
        self._show_crops(session)
        self._show_current(session)

    def _show_current(self, session: OpenSession) -> None:
        round = session.labelling.round
        current = round.current
        self._title.setText(_title(session, current))
        by_hand = _BY_HAND if current is None else ""
        advice = _SUGGESTIONS if round.waiting else by_hand
        self._hint.setText(f"{_tally(session)}. {advice}")
        self._strip.set_current(None if current is None else current.id)

    def _go_to(self, question: int) -> None:
        self.call(lambda session: session.labelling.go_to(question))
        self.call(self._navigation.go_to_question)

    def _show_crops(self, session: OpenSession) -> None:
        round = session.labelling.round
        questions = round.questions
        ids = {question.id for question in questions}
        self._pixels = {key: pixels for key, pixels in self._pixels.items() if key[0] in ids}
        session.images.request(list(dict.fromkeys(q.micrograph for q in questions)))
        crops = (self._crop(session, question) for question in questions)
        self._strip.set_crops([crop for crop in crops if crop is not None])
        self._strip.set_current(None if round.current is None else round.current.id)

    def _crop(self, session: OpenSession, question: Question) -> Crop | None:
        """Return the crop of a question; None until its micrograph has been read."""
        displayed = session.images.filtered(question.micrograph)
        if displayed is None:
            return None
        key = (question.id, displayed)
        if key not in self._pixels:
            self._pixels[key] = _cut(question, displayed, session.settings.diameter_angstrom)
        label = session.state.marks.get(question.id)
        target = question.suggestion if label is None else label.target
        is_asked = label is None and question.suggestion is None
        name = session.state.names[question.micrograph]
        return Crop(
            id=question.id,
            pixels=self._pixels[key],
            colour=colours.ASKED if is_asked else colours.of_target(target),
            badge="?" if label is None else _BADGES[target],
            tip=f"{name}, x {question.x:.0f}, y {question.y:.0f}",
        )


def _title(session: OpenSession, current: Question | None) -> str:
    if current is None:
        return "No question is open"
    position, count = session.labelling.round.position
    audit = " (check of the picks)" if current.purpose == "audit" else ""
    elsewhere = current.micrograph != session.shown
    where = f" on {session.state.names[current.micrograph]}" if elsewhere else ""
    return f"Question {position} of {count}{audit}{where}"


def _tally(session: OpenSession) -> str:
    labels = session.state.labels.values()
    particles = sum(label.target == 1 for label in labels)
    plural = "" if len(labels) == 1 else "s"
    return f"{len(labels)} label{plural}: {particles} particle, {len(labels) - particles} not"


def _cut(
    question: Question, displayed: DisplayedMicrograph, diameter_angstrom: float
) -> NDArray[np.uint8]:
    """Return the crop (n, n) around a question."""
    image = displayed.image
    spacing = np.array(image.spacing_px)
    half_side = diameter_angstrom / displayed.scale / 2 * _CROP_DIAMETERS / float(spacing.mean())
    position = np.array([[question.x, question.y]]) / spacing
    crops = cut_crops(image.pixels, position, half_side, limits=image.limits)
    return np.asarray(crops[0], np.uint8)


def _shown_key(key: str) -> str:
    return key.replace("-", "+").replace("Control", "Ctrl").replace("Delete", "Del")
