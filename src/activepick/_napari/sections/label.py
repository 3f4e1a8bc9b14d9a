"""Section: questions and answers."""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from magicgui.widgets import CheckBox, ComboBox, Container, SpinBox, Widget
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget
from superqt import QElidingLabel

from activepick._napari import colours
from activepick._napari.commands import Commands
from activepick._napari.display_images import DisplayedMicrograph
from activepick._napari.key_bindings import KEY_BINDINGS
from activepick._napari.labelling import Labelling, StartMode
from activepick._napari.mouse_bindings import MOUSE_BINDINGS, MouseBindings
from activepick._napari.navigation import Navigation
from activepick._napari.open_session import OpenSession
from activepick._napari.preferences import Preferences
from activepick._napari.sections.kinds import KindList
from activepick._napari.sections.section import Section, button, row
from activepick._napari.sections.setting_bindings import SettingBindings
from activepick._napari.session_listener import SessionListener
from activepick._napari.views.crop_strip import Crop, CropStrip
from activepick._napari.views.elided_button import ElidedButton
from activepick._napari.views.key_list import KeyList
from activepick._napari.views.shades import LABEL_PADDING
from activepick._napari.views.wrapped_label import WrappedLabel
from activepick.learning.strategies.registry import STRATEGIES
from activepick.micrograph.crops import cut_crops
from activepick.session import ParticleKind, Question, Target
from activepick.session.model.state import EMPTY, NOT_A_PARTICLE
from activepick.wording import counted

__all__ = ["LabelSection"]

# Side of a crop in particle diameters.
_CROP_DIAMETERS = 2.0
_START_MODES: dict[str, StartMode] = {
    "Questions": "questions",
    "Suggestions to correct": "suggestions",
    "No questions (manual picking)": "hand",
}
_OFFERED = [name for name, strategy in STRATEGIES.items() if strategy.in_window]
_BADGES: dict[Target, str] = {NOT_A_PARTICLE: "×", EMPTY: "∅", None: "–"}
_PARTICLE_BADGE = "✓"
# The title has to fit in one line.
_SUGGESTIONS = "Correct wrong crops (F, D), then accept (Y)"
_HOW_TO_CORRECT = (
    "Squares are suggestions: click a wrong crop and press F or D, then accept the rest with Y."
)
_PATCH = (
    "Click on wrong picks to remove them, on missed particles to add them, and beside a pick to "
    "move it. Confirm when all particles in the frame have a circle."
)
_SOON = "Questions follow when the features are computed; you can already click on particles."
_BY_HAND = "Click on particles, right-click on non-particles, or request new questions (N)."


class LabelSection(Section, SessionListener):
    """Answer questions with keys, buttons or clicks on crops, and set how they are asked.

    Parameters
    ----------
    navigation
        Moves the camera to questions.
    commands
        Answers questions that are on screen.
    mouse
        Turns clicks into labels.
    preferences
        Remembers the choices.

    Attributes
    ----------
    options
        How questions are asked, and a list of keys; a section of its own.
    """

    def __init__(
        self,
        navigation: Navigation,
        commands: Commands,
        mouse: MouseBindings,
        preferences: Preferences,
    ) -> None:
        super().__init__("3  Label")
        self._navigation, self._commands = navigation, commands
        self._mouse, self._preferences = mouse, preferences
        commands.set_suggestion_view(self._see_suggestions)
        self._bindings = SettingBindings()
        # Pixels of the crops, by question and displayed micrograph.
        self._pixels: dict[tuple[int, DisplayedMicrograph], NDArray[np.uint8]] = {}
        self._title = QElidingLabel()
        self._title.setElideMode(Qt.TextElideMode.ElideMiddle)
        self._title.setEllipsesWidth(LABEL_PADDING)
        self._title.setStyleSheet("font-weight: bold;")
        self._hint = WrappedLabel()
        self._strip = CropStrip()
        self._strip.set_empty_text("The open questions are shown here.")
        self._strip.clicked.connect(self._go_to)
        self._undo = button(
            "Undo (X)", self.with_session(commands.undo), "Undo the last label or correction"
        )
        self._redo = button(
            "Redo",
            self.with_session(commands.redo),
            "Redo the label or correction that was undone last (Shift+X)",
        )
        self._accept = button(
            "Accept suggestions (Y)",
            self.with_session(commands.accept),
            "Label the suggestions that are on screen as suggested",
        )
        self.kinds = KindList(mouse.set_particle)
        self.kinds.changed.connect(lambda: self.call(self._show_kinds))
        self._particle = self._answer_button("Particle (F)", 1, colours.PARTICLE)
        answers = row(
            self._particle,
            self._answer_button("Not a particle (D)", NOT_A_PARTICLE, colours.NOT_PARTICLE),
            self._answer_button(
                "Empty (H)",
                EMPTY,
                colours.EMPTY,
                "Carbon or empty ice, which is also a non-particle",
            ),
            stretch=-1,
        )
        back = button(
            "◀ (R)",
            self.with_session(lambda session: session.labelling.go(-1)),
            "Previous question",
        )
        forward = button(
            "(T) ▶",
            self.with_session(lambda session: session.labelling.go(1)),
            "Next question, without answering this one",
        )
        self._kind_answers = QWidget()
        self._kind_buttons = QHBoxLayout(self._kind_answers)
        self._kind_buttons.setContentsMargins(0, 0, 0, 0)
        self._kind_buttons.setSpacing(4)
        self._kind_answers.hide()
        moves = row(
            back,
            forward,
            self._answer_button("Skip (G)", None, colours.SKIPPED),
            self._undo,
            self._redo,
        )
        self._patches = row(
            button(
                "Confirm patch (Y)",
                self.with_session(commands.accept),
                "Label everything in the frame as shown",
            ),
            button(
                "End patches (Esc)",
                self.with_session(lambda session: session.patches.stop()),
                "Continue with the questions",
            ),
        )
        self._rounds = row(
            self._labelling_button(
                "New questions (N)", Labelling.ask, "Replace the open round by a new one"
            ),
            self._labelling_button(
                "Suggestions",
                Labelling.suggest,
                "Suggest answers for the most certain particles and non-particles of this "
                "micrograph: correct the wrong ones, then accept the rest with one key",
            ),
            button(
                "Patches",
                self.with_session(self._start_patches),
                "Correct the picks in small parts of the micrographs, and confirm each part with "
                "one key: best for crowded micrographs",
            ),
        )
        self._review = row(
            button(
                "Remove label (Del)",
                self.with_session(commands.remove_reviewed),
                "Remove the label under review",
            ),
            self._labelling_button(
                "End review", Labelling.end_review, "Keep the other labels unchanged"
            ),
        )
        self.options = self._make_options()
        self._controls = (answers, self._kind_answers, moves, self._rounds)
        self._by_question = (answers, back, forward, self._strip)
        self.add(
            self._title,
            self._kind_answers,
            answers,
            moves,
            self._strip,
            self._hint,
            self._review,
            self._accept,
            self._patches,
            self._rounds,
            self.kinds,
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
            session,
            self._show_questions,
            labelling.questions_changed,
            labelling.labels_changed,
            session.patches.moved,
        )
        self.update_after(
            session,
            self._show_current,
            labelling.current_changed,
            labelling.looking_changed,
            session.shown_changed,
            session.patches.corrected,
        )
        self.update_after(session, self._show_crops, session.images.cached, session.images.ready)
        self.kinds.set_session(session)
        self._show_kinds(session)
        self._show_questions(session)

    def clear(self) -> None:
        """Show no questions; their settings can be changed before a session is open."""
        self._enable(False)
        self.kinds.set_session(None)
        self._show_kind_answers(())
        self._bindings.set_session(None)
        self._pixels.clear()
        self._strip.set_crops([])
        self._accept.hide()
        self._review.hide()
        self._show_mode(by_patch=False)
        self._rounds.show()
        self._title.setText("No question")
        self.set_summary("")
        self._hint.show()
        self._hint.setText("Open micrographs and find particles first; then questions are asked.")

    def _show_mode(self, by_patch: bool) -> None:
        """Show the controls for patches, or those for questions."""
        self._patches.setVisible(by_patch)
        for control in self._by_question:
            control.setVisible(not by_patch)

    def _start_patches(self, session: OpenSession) -> None:
        session.labelling.end_review()
        session.patches.start()

    def _enable(self, enabled: bool) -> None:
        for control in self._controls:
            control.setEnabled(enabled)

    def _labelling_button(
        self, text: str, act: Callable[[Labelling], object], tip: str = ""
    ) -> QPushButton:
        return button(text, self.with_session(lambda session: act(session.labelling)), tip)

    def _answer_button(self, text: str, target: Target, colour: str, tip: str = "") -> QPushButton:
        made = QPushButton(text)
        made.setToolTip(tip)
        return self._as_answer(made, target, colour)

    def _as_answer(self, made: QPushButton, target: Target, colour: str) -> QPushButton:
        """Give a button the colour of an answer, and make it answer the current question."""
        made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        answer = self.with_session(lambda session: self._commands.answer(session, target))
        made.clicked.connect(lambda: answer())
        text_colour = "white" if QColor(colour).lightnessF() < 0.4 else "black"
        made.setStyleSheet(
            "QPushButton {font-weight: bold; padding: 5px 0px;}"
            f"QPushButton:enabled {{background-color: {colour}; color: {text_colour};}}"
        )
        return made

    def _add_kind(self) -> None:
        self.set_open(True)
        self.kinds.add_kind()
        self.reveal_requested.emit(self.kinds)

    def _show_kinds(self, session: OpenSession) -> None:
        self._show_kind_answers(session.settings.kinds)
        self._show_crops(session)
        self.set_summary(_tally(session))

    def _show_kind_answers(self, kinds: Sequence[ParticleKind]) -> None:
        """Show a button for each kind of particle instead of one for all particles."""
        layout = self._kind_buttons
        while (item := layout.takeAt(0)) is not None:
            old = item.widget()
            if old is not None:
                old.hide()
                old.deleteLater()
        for kind in kinds:
            made = ElidedButton(kind.name, f" ({kind.key})")
            layout.addWidget(self._as_answer(made, kind.number, kind.colour))
        self._kind_answers.setVisible(bool(kinds))
        self._particle.setVisible(not kinds)

    def _make_options(self) -> Section:
        preferences = self._preferences
        modes = list(_START_MODES)
        chosen = preferences.get("start", modes[0])
        self.start = ComboBox(
            label="Start with",
            choices=modes,
            value=chosen if chosen in modes else modes[0],
            tooltip="Contents of the first round of a session",
        )
        self.batch = SpinBox(
            label="Questions per round",
            min=1,
            max=200,
            value=10,
            tooltip="1: one question at a time",
        )
        self.strategy = ComboBox(
            label="Query strategy",
            choices=_OFFERED,
            tooltip="\n".join(f"{name}: {STRATEGIES[name].summary}" for name in _OFFERED),
        )
        self.live = CheckBox(
            text="Refit after each answer", value=True, tooltip="Otherwise refit after each round"
        )
        self.follow = CheckBox(text="Follow the questions", value=preferences.get("follow", True))
        self.clicks = CheckBox(text="Clicks add labels", value=preferences.get("clicks", True))
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
        keys = KeyList()
        keys.set_rows([(_shown_key(one.keys[0]), one.description) for one in KEY_BINDINGS])
        mouse = WrappedLabel("<br>".join(f"<b>{how}</b>: {what}" for how, what in MOUSE_BINDINGS))
        options = Section("Options, keys and mouse")
        options.remember_open(preferences, "options open", False)
        add_kind = button(
            "Add a kind of particle …",
            self._add_kind,
            "Label several kinds of particles, such as two proteins or two views, each with its "
            "name, key and colour",
        )
        options.add(form.native, add_kind, keys, mouse)
        return options

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
        """Add a strategy that was set elsewhere to the choices, and return it."""
        if name not in self.strategy.choices:
            self.strategy.choices = (*_OFFERED, name)
        return name

    def _set_start(self, mode: str) -> None:
        self.call(lambda session: session.labelling.set_start_mode(_START_MODES[mode]))

    def _show_questions(self, session: OpenSession) -> None:
        waiting = len(session.labelling.suggestions)
        by_patch = session.patches.active
        self._show_mode(by_patch)
        self._review.setVisible(session.labelling.review is not None)
        self._accept.setVisible(waiting > 0 and session.labelling.review is None and not by_patch)
        self._accept.setText(f"Accept {counted(waiting, 'suggestion')} (Y)")
        # With two rows of crops, the picks below need the space.
        self._rounds.setVisible(self._accept.isHidden() and not by_patch)
        self._show_crops(session)
        self._show_current(session)

    def _show_current(self, session: OpenSession) -> None:
        round = session.labelling.round
        current = round.current
        self._title.setText(_title(session, current))
        place = "" if current is None else f"On {session.state.names[current.micrograph]}"
        self._title.setToolTip(_HOW_TO_CORRECT if round.waiting else place)
        self.set_summary(_tally(session))
        self._undo.setEnabled(session.session.can_undo or session.patches.can_undo)
        self._redo.setEnabled(session.session.can_redo or session.patches.can_redo)
        advice = _advice(session, current)
        self._hint.setText(advice)
        self._hint.setVisible(bool(advice))
        self._strip.set_current(None if current is None else current.id)

    def _see_suggestions(self) -> list[int]:
        """Return the suggestions that are on screen; bring some into view if there are none."""
        if self._session is None:
            return []
        waiting = {question.id for question in self._session.labelling.suggestions}
        seen = [number for number in self._strip.visible_ids() if number in waiting]
        if not seen:
            self.set_open(True)
            self.reveal_requested.emit(self._strip)
            self._strip.scroll_to(next(iter(waiting)))
        return seen

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
        # Accepted ones leave the room to what is below.
        self._strip.set_rows(2 if round.waiting else 1)
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
        kinds = colours.of_kinds(session.settings.kinds)
        return Crop(
            id=question.id,
            pixels=self._pixels[key],
            colour=colours.ASKED if is_asked else colours.of_target(target, kinds),
            badge="?" if label is None else _BADGES.get(target, _PARTICLE_BADGE),
            tip=f"{name}, x {question.x:.0f}, y {question.y:.0f}",
            caption=session.settings.kind_names.get(target or 0, ""),
        )


def _title(session: OpenSession, current: Question | None) -> str:
    patches = session.patches
    if patches.active and patches.review is None:
        return "Looking for a patch …"
    if patches.review is not None:
        picks = counted(len(patches.review.particles), "particle")
        where = _where(session, patches.review.micrograph)
        return f"Patch {patches.confirmed + 1}: {picks}{where}"
    suggested = {question.micrograph for question in session.labelling.round.waiting}
    if suggested == {session.shown}:
        return _SUGGESTIONS
    if suggested:
        return f"Suggestions on {', '.join(session.state.names[i] for i in sorted(suggested))}"
    if current is None:
        return "Looking for questions …" if session.labelling.looking else "No question is open"
    position, count = session.labelling.round.position
    what = "Check" if current.purpose == "audit" else "Question"
    if session.labelling.review is not None:
        what = "Doubtful label"
    return f"{what} {position} of {count}{_where(session, current.micrograph)}"


def _where(session: OpenSession, micrograph: int) -> str:
    return "" if micrograph == session.shown else ", on another micrograph"


def _advice(session: OpenSession, current: Question | None) -> str:
    """Return a hint about the next step, or an empty text."""
    if session.patches.active:
        return _PATCH
    review = session.labelling.review
    if review is not None and current is not None:
        label = session.state.marks[current.id]
        one, other = ("", "not ") if label.is_particle else ("not ", "")
        return (
            f"Labelled as {one}a particle; according to all other labels it is {other}a particle "
            "with a probability of "
            f"{100 * (review.contradiction or 0):.0f} %. G keeps the label; F, D and H change "
            "it."
        )
    if current is not None or session.labelling.round.waiting:
        return ""
    if session.labelling.looking:  # between rounds too short to be read
        return _SOON if session.jobs.busy("features") else ""
    return _BY_HAND


def _tally(session: OpenSession) -> str:
    labels = session.state.labels.values()
    particles = sum(label.is_particle for label in labels)
    others = len(labels) - particles
    if not session.settings.kinds:
        return f"{counted(particles, 'particle')}, {counted(others, 'non-particle')}"
    counts = Counter(label.target for label in labels)
    kinds = [f"{name}: {counts[k]}" for k, name in session.settings.kind_names.items()]
    return ", ".join([*kinds, f"non-particles: {others}"])


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
