"""Section: questions and answers."""

from typing import TYPE_CHECKING

import numpy as np
from magicgui.widgets import CheckBox, ComboBox, Container, SpinBox
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QLabel

from activepick._napari import colours
from activepick._napari.controller import Desk
from activepick._napari.images import Picture
from activepick._napari.key_bindings import KEYS, MOUSE
from activepick._napari.mouse_bindings import Hands
from activepick._napari.preferences import Preferences
from activepick._napari.sections.section import Section, button, hint, row
from activepick._napari.soon import soon
from activepick._napari.views.crop_strip import Crop, CropStrip
from activepick._napari.views.key_list import KeyList
from activepick.learning.strategies.registry import STRATEGIES
from activepick.micrograph.crops import cut_crops

if TYPE_CHECKING:
    from activepick.session import Question

__all__ = ["LabelSection"]

# Side of a crop in particle diameters.
_AROUND = 2.0
_STARTS = {
    "Questions": "questions",
    "Suggestions to correct": "suggestions",
    "Nothing: I pick by hand": "hand",
}


class LabelSection(Section):
    """Answer questions by keys, buttons, or on crops; choose how they are asked.

    Parameters
    ----------
    desk, hands
        What the answers act on.
    preferences
        Where the choices are remembered.
    """

    def __init__(self, desk: Desk, hands: Hands, preferences: Preferences) -> None:
        super().__init__("3  Label")
        self._desk, self._hands, self._preferences = desk, hands, preferences
        # By question and picture.
        self._pixels: dict[tuple[int, Picture], NDArray[np.uint8]] = {}
        self._asks = QLabel()
        self._asks.setStyleSheet("font-weight: bold; font-size: 13px;")
        self._hint = hint()
        answers = row(
            _coloured(button("Particle (F)", hands.particle), colours.PARTICLE),
            _coloured(button("Not (D)", hands.not_particle), colours.NOT_PARTICLE),
            _coloured(
                button("Empty (H)", hands.empty, "Carbon or empty ice: not a particle either"),
                colours.EMPTY,
            ),
            _coloured(button("Skip (G)", hands.skip), colours.SKIPPED),
        )
        self._undo = button("Undo (X)", hands.undo, "Take back the last label")
        self._redo = button("Redo", hands.redo, "Do again what was taken back (Shift+X)")
        moves = row(
            button("◀ (R)", hands.back, "Question before"),
            button("(T) ▶", hands.forward, "Next question, without an answer"),
            self._undo,
            self._redo,
        )
        self._strip = CropStrip()
        self._strip.set_empty_text("The open questions are shown here.")
        self._strip.clicked.connect(self._go_to)
        self._accept = button("Accept suggestions (Y)", hands.accept)
        rounds = row(
            button("New questions (N)", hands.ask, "Put a new round in the place of the open one"),
            button(
                "Suggestions",
                desk.labelling.suggest,
                "The surest particles and non-particles, answered already: correct the wrong ones, "
                "then accept the rest with one key",
            ),
        )
        names = list(_STARTS)
        chosen = preferences.get("start", names[0])
        self.start = ComboBox(
            label="Begin with",
            choices=names,
            value=chosen if chosen in names else names[0],
            tooltip="What the first round of a session is",
        )
        self.batch = SpinBox(
            label="Questions a round", min=1, max=200, value=10, tooltip="1 asks one at a time"
        )
        self.strategy = ComboBox(
            label="Ask about",
            choices=list(STRATEGIES),
            tooltip="active: where the model is least sure, spread over unlike places",
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
        form = Container(
            widgets=[self.start, self.batch, self.strategy, self.live, self.follow, self.clicks],
            labels=True,
        )
        form.margins = (0, 0, 0, 0)
        for box in (self.batch, self.start, self.strategy):
            box.native.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.batch.native.setKeyboardTracking(False)
        for box in (self.live, self.follow, self.clicks):
            box.native.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.start.changed.connect(self._set_start)
        self.batch.changed.connect(lambda value: desk.set_settings(batch=int(value)))
        self.strategy.changed.connect(lambda value: desk.set_settings(strategy=str(value)))
        self.live.changed.connect(lambda value: desk.set_settings(live_refit=bool(value)))
        self.follow.changed.connect(self._set_follow)
        self.clicks.changed.connect(self._set_clicks)
        keys = KeyList()
        keys.set_rows([(_shown(key.keys[0]), key.does) for key in KEYS])
        mouse = hint("<br>".join(f"<b>{does}</b>: {what}" for does, what in MOUSE))
        self._options = Section("How it asks")
        self._options.add(form.native)
        self._keys = Section("Keys and mouse")
        self._keys.add(keys, mouse)
        self._options.set_open(preferences.get("options open", False))
        self._keys.set_open(preferences.get("keys open", False))
        self._options.folded.connect(lambda on: preferences.set("options open", on))
        self._keys.folded.connect(lambda on: preferences.set("keys open", on))
        self.add(
            self._asks,
            answers,
            moves,
            self._strip,
            self._hint,
            self._accept,
            rounds,
            self._options,
            self._keys,
        )
        self._set_start(self.start.value)
        self._set_follow(self.follow.value)
        self._set_clicks(self.clicks.value)
        refresh, crops = soon(self._refresh, self), soon(self._crops, self)
        desk.labelling.questions_changed.connect(refresh)
        desk.labelling.labels_changed.connect(refresh)
        mark = soon(self._mark, self)
        desk.labelling.current_changed.connect(mark)
        desk.shown_changed.connect(mark)
        desk.images.came.connect(crops)
        desk.images.ready.connect(crops)
        desk.settings_changed.connect(self._fill)
        desk.opened.connect(self._fill)
        self._fill()
        self._refresh()

    def _fill(self) -> None:
        session = self._desk.session
        if session is not None:
            settings = session.state.settings
            self.batch.value = settings.batch
            if settings.strategy in STRATEGIES:
                self.strategy.value = settings.strategy
            self.live.value = settings.live_refit

    def _refresh(self) -> None:
        session = self._desk.session
        waiting = (
            []
            if session is None
            else [q for q in session.state.questions if q.suggestion is not None]
        )
        self._accept.setVisible(bool(waiting))
        self._accept.setText(f"Accept {len(waiting)} suggestions (Y)")
        self._undo.setEnabled(session is not None and session.can_undo)
        self._redo.setEnabled(session is not None and session.can_redo)
        self._crops()
        self._mark()

    def _mark(self) -> None:
        session, round = self._desk.session, self._desk.labelling.round
        if session is None or round is None:
            self._asks.setText("Label")
            self._hint.setText("Open micrographs and find particles; then come the questions.")
            return
        current = round.current
        k, n = round.position
        labels = session.state.labels.values()
        particles = sum(label.target == 1 for label in labels)
        many = "" if len(labels) == 1 else "s"
        tally = f"{len(labels)} label{many}: {particles} particle, {len(labels) - particles} not"
        squares = "Squares are suggestions: correct the wrong ones by a click, then accept (Y)."
        if current is None:
            self._asks.setText("No question is open")
            by_hand = "Click on particles, right-click on what is none, or press N."
            self._hint.setText(f"{tally}. {squares if round.waiting else by_hand}")
        else:
            audit = " (check of the picks)" if current.purpose == "audit" else ""
            elsewhere = current.micrograph != self._desk.shown
            where = f" on {session.state.names[current.micrograph]}" if elsewhere else ""
            self._asks.setText(f"Question {k} of {n}{audit}{where}")
            self._hint.setText(f"{tally}. {squares if round.waiting else ''}")
        self._strip.set_current(None if current is None else current.id)

    def _go_to(self, question: int) -> None:
        self._desk.labelling.go_to(question)
        self._hands.see_question()

    def _crops(self) -> None:
        session, round = self._desk.session, self._desk.labelling.round
        if session is None or round is None:
            self._strip.set_crops([])
            return
        questions = round.questions
        asked = {question.id for question in questions}
        self._pixels = {key: cut for key, cut in self._pixels.items() if key[0] in asked}
        wanted = list(dict.fromkeys(q.micrograph for q in questions))
        self._desk.images.want(wanted)
        self._strip.set_crops([crop for q in questions if (crop := self._crop(q)) is not None])
        current = round.current
        self._strip.set_current(None if current is None else current.id)

    def _crop(self, question: "Question") -> Crop | None:
        picture = self._desk.images.filtered(question.micrograph)
        session = self._desk.session
        if picture is None or session is None:
            return None
        key = (question.id, picture)
        if key not in self._pixels:
            self._pixels[key] = self._cut(question, picture)
        mark = session.state.marks.get(question.id)
        target = question.suggestion if mark is None else mark.target
        asked = mark is None and question.suggestion is None
        name = session.state.names[question.micrograph]
        return Crop(
            id=question.id,
            pixels=self._pixels[key],
            colour=colours.ASKED if asked else colours.of_target(target),
            badge="?" if mark is None else {1: "✓", 0: "×", 2: "∅"}.get(target, "–"),
            tip=f"{name}, x {question.x:.0f}, y {question.y:.0f}",
        )

    def _cut(self, question: "Question", picture: Picture) -> NDArray[np.uint8]:
        assert self._desk.session is not None
        diameter = self._desk.session.state.settings.diameter_angstrom
        spacing = np.array(picture.image.spacing_px)
        [pixels] = cut_crops(
            picture.image.pixels,
            np.array([[question.x, question.y]]) / spacing,
            diameter / picture.pixel_size / 2 * _AROUND / float(spacing.mean()),
            limits=picture.image.limits,
        )
        return pixels

    def _set_start(self, value: str) -> None:
        self._desk.labelling.start = _STARTS[value]
        self._preferences.set("start", value)

    def _set_follow(self, value: bool) -> None:
        self._hands.follow = bool(value)
        self._preferences.set("follow", bool(value))

    def _set_clicks(self, value: bool) -> None:
        self._hands.clicks = bool(value)
        self._preferences.set("clicks", bool(value))


def _shown(key: str) -> str:
    return key.replace("-", "+").replace("Control", "Ctrl").replace("Delete", "Del")


def _coloured(made, colour: str):
    text = "white" if QColor(colour).lightnessF() < 0.4 else "black"
    made.setStyleSheet(
        f"background-color: {colour}; color: {text}; font-weight: bold; padding: 5px;"
    )
    return made
