"""The controller with real sessions and real jobs, without a viewer."""

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel

pytest.importorskip("qtpy.QtWidgets", exc_type=ImportError)

from magicgui.widgets import FloatSpinBox
from needed_screen import needs_screen

from activepick._napari import display_images
from activepick._napari.commands import Commands
from activepick._napari.controller import Controller
from activepick._napari.excluded_areas import ExcludedAreas
from activepick._napari.key_bindings import KEY_BINDINGS, KIND_BINDINGS, KeyBindings
from activepick._napari.layers import Layers
from activepick._napari.mouse_bindings import MouseBindings
from activepick._napari.navigation import Navigation
from activepick._napari.preferences import Preferences
from activepick._napari.row_updates import RowUpdates
from activepick._napari.sections.label import LabelSection
from activepick._napari.sections.setting_bindings import SettingBindings
from activepick._napari.session_rows import session_rows
from activepick._napari.session_view import SessionView
from activepick._napari.views.micrograph_table import MicrographTable
from activepick.learning.strategies.registry import STRATEGIES
from activepick.session import Session, Settings
from activepick.simulate import SimulationSettings

pytestmark = needs_screen

DIAMETER = 2 * SimulationSettings().radius_px * SimulationSettings().pixel_size_angstrom
SETTINGS = Settings(diameter_angstrom=DIAMETER)
LONG = 180_000


class User:
    """A user who opens sessions by a controller and waits for the results."""

    def __init__(self, qtbot, **options) -> None:
        self.qtbot = qtbot
        self.controller = Controller(**options)
        self.told: list[tuple[str, str]] = []
        self.controller.notified.connect(lambda severity, text: self.told.append((severity, text)))

    @property
    def open(self):
        return self.controller.open_session

    @property
    def state(self):
        return self.open.state

    def settle(self) -> None:
        for _ in range(3):
            self.qtbot.waitUntil(lambda: not self.controller.jobs.busy(), timeout=LONG)
            self.qtbot.wait(1)

    def start(self, folder: Path) -> None:
        """Open a folder and wait for its first picks and questions."""
        self.controller.open_paths([folder])
        if self.controller.new_session is not None:
            self.controller.start(SETTINGS)
        self.qtbot.waitUntil(lambda: self.open is not None, timeout=LONG)
        self.qtbot.waitUntil(lambda: self.open.picks.picks is not None, timeout=LONG)
        self.settle()


@pytest.fixture
def users(qtbot, cache):
    """Return a function that creates users, whose sessions are closed at the end."""
    made = []

    def make(**options) -> User:
        made.append(User(qtbot, **options))
        return made[-1]

    yield make
    for user in made:
        user.controller.close()


@pytest.fixture
def user(users) -> User:
    return users()


def copy_of(micrographs: Path, name: str) -> Path:
    folder = micrographs.with_name(name)
    shutil.copytree(micrographs, folder, ignore=shutil.ignore_patterns("*.activepick"))
    return folder


def test_a_folder_becomes_a_new_session_and_its_first_micrograph_is_displayed(
    qtbot, user, micrographs, monkeypatch
):
    monkeypatch.chdir(micrographs.parent)
    with qtbot.waitSignal(user.controller.new_session_displayed, timeout=LONG) as displayed:
        user.controller.open_paths([micrographs.name])
    assert user.open is None
    assert user.controller.new_session.files == tuple(sorted(micrographs.glob("*.mrc")))
    assert displayed.args[0].path == user.controller.new_session.files[0]
    assert displayed.args[0].number == 0
    assert not user.controller.new_session.folder.exists()


def test_a_new_session_picks_and_asks_questions(user, micrographs):
    user.start(micrographs)
    assert user.controller.new_session is None
    assert user.open.images.is_current
    assert len(user.open.picks.picks) > 0
    assert len(user.state.questions) == user.state.settings.batch
    assert user.open.session.folder == micrographs / f"{micrographs.name}.activepick"


def test_picks_that_are_found_before_the_image_is_read_are_shown_with_it(
    qtbot, user, micrographs, monkeypatch
):
    with qtbot.waitSignal(user.controller.new_session_displayed, timeout=LONG):
        user.controller.open_paths([micrographs])
    read, is_read = display_images.read_displayed, threading.Event()
    monkeypatch.setattr(
        display_images, "read_displayed", lambda *file: is_read.wait(60) and read(*file)
    )
    user.controller.start(SETTINGS)
    qtbot.waitUntil(lambda: user.open is not None, timeout=LONG)
    qtbot.waitUntil(lambda: user.open.picks.peaks is not None, timeout=LONG)
    assert not user.open.images.is_current
    assert user.open.picks.picks is None
    is_read.set()
    qtbot.waitUntil(lambda: user.open.picks.picks is not None, timeout=LONG)
    assert user.open.images.is_current
    user.settle()
    assert len(user.open.picks.picks) > 0
    assert len(user.state.questions) == user.state.settings.batch


def test_a_session_is_opened_at_its_current_question(users, micrographs):
    user = users()
    user.start(micrographs)
    first, *_ = user.open.session.questions.ask(
        [(2, 300.0, 300.0, 0.0), (1, 300.0, 300.0, 0.0), (2, 400.0, 300.0, 0.0)]
    )
    user.open.session.questions.answer(first.id, 1)
    user.settle()
    user.open.dataset.predict()
    user.settle()
    user.controller.close_session()
    again, order = users(), []
    again.controller.jobs.ended.connect(lambda lane: order.append(f"{lane} ended"))

    def begun(lane: str, text: str) -> None:
        order.append(f"{lane} begun")
        if lane == "features":  # the stored picks are shown, and counted, before
            order.append(again.open.picks.picks is not None)
            order.append(set(again.open.counts()) == {1, 2, 3})

    again.controller.jobs.started.connect(begun)
    again.start(micrographs)
    assert again.open.labelling.current.micrograph == again.open.shown == 2
    assert order.index("peaks ended") < order.index("features begun")
    assert order[order.index("features begun") :][1:3] == [True, True]


def test_an_answer_is_stored_at_once_and_the_head_is_refitted(qtbot, user, micrographs):
    user.start(micrographs)
    question = user.open.labelling.current
    with qtbot.waitSignal(user.open.picks.head_changed, timeout=LONG):
        user.open.labelling.answer(1)
        assert user.state.marks[question.id].target == 1
    assert user.open.workspace.trainer.up_to_date
    assert user.open.labelling.current != question


def test_opening_a_session_closes_the_previous_one(user, micrographs):
    user.start(micrographs)
    first = user.open
    user.open.labelling.answer(1)
    heard = []
    first.micrographs_changed.connect(lambda: heard.append("micrographs"))
    first.picks.changed.connect(lambda: heard.append("picks"))
    user.start(copy_of(micrographs, "grid 2"))
    assert user.open is not first
    assert not user.state.labels
    assert heard == []  # a closed session emits no signals
    with Session.open(first.session.folder) as kept:
        assert len(kept.state.labels) == 1
        assert not kept.notices  # it was closed properly


def test_no_session_is_open_after_closing(qtbot, user, micrographs):
    user.start(micrographs)
    folder = user.open.session.folder
    with qtbot.waitSignal(user.controller.session_changed):
        user.controller.close_session()
    assert user.open is None
    assert user.controller.new_session is None
    with Session.open(folder) as kept:
        assert not kept.notices


def test_late_results_of_jobs_are_discarded_after_a_change_of_session(user, micrographs):
    user.start(micrographs)
    user.open.set_settings(diameter_angstrom=DIAMETER * 1.1)
    user.open.dataset.predict()
    user.start(copy_of(micrographs, "grid 2"))
    assert user.state.settings.diameter_angstrom == DIAMETER
    np.testing.assert_allclose(user.open.picks.peaks.peaks.radius_px * 2, _diameter_px(user))


def _diameter_px(user: User) -> float:
    return DIAMETER / user.open.images.displayed.pixel_size_angstrom


def test_paths_that_cannot_be_opened_are_reported_and_the_session_stays_open(
    user, micrographs, tmp_path
):
    user.controller.open_paths([tmp_path / "nothing.mrc"])
    user.settle()
    assert user.told[-1][0] == "error"
    assert "nothing.mrc" in user.told[-1][1]
    user.start(micrographs)
    session = user.open
    empty = tmp_path / "empty"
    empty.mkdir()
    user.controller.open_paths([empty])
    assert "no micrographs" in user.told[-1][1]
    assert user.open is session


def test_opened_micrographs_are_added_to_the_open_session(user, micrographs):
    user.start(micrographs)
    folder = user.open.session.folder
    new = micrographs / "micrograph_004.mrc"
    shutil.copy(micrographs / "micrograph_001.mrc", new)
    user.controller.open_paths([new])
    user.settle()
    assert user.open.session.folder == folder
    assert sorted(user.state.names.values()) == [f"micrograph_00{k}.mrc" for k in (1, 2, 3, 4)]
    # A file that is gone does not prevent others from being added, also when more follow at once.
    for k in (5, 6):
        shutil.copy(micrographs / "micrograph_002.mrc", micrographs / f"micrograph_00{k}.mrc")
    user.controller.add_files([micrographs / "gone.mrc", micrographs / "micrograph_005.mrc"])
    user.controller.add_files([micrographs / "micrograph_006.mrc"])
    user.settle()
    assert {"micrograph_005.mrc", "micrograph_006.mrc"} <= set(user.state.names.values())
    assert [text.count("gone.mrc") > 0 for severity, text in user.told if severity == "error"] == [
        True
    ]


def test_a_session_that_is_open_elsewhere_is_reported(users, micrographs):
    first, second = users(), users()
    first.start(micrographs)
    second.controller.open_paths([first.open.session.folder])
    assert second.open is None
    assert "is open in" in second.told[-1][1]


@pytest.mark.parametrize(("argument", "opened"), [("", False), ("read_only", True)])
def test_the_user_is_asked_how_to_open_a_session(users, micrographs, argument, opened):
    first = users()
    first.start(micrographs)
    asked = []

    def ask(error) -> str:
        asked.append(str(error))
        return argument

    second = users(ask_how_to_open=ask)
    second.controller.open_paths([first.open.session.folder])
    second.settle()
    assert "is open in" in asked[0]
    assert (second.open is not None) == opened
    if opened:
        second.open.labelling.label_at(300.0, 300.0, 1)
        assert "read-only" in second.told[-1][1]
        assert not second.state.marks


def test_a_preview_does_not_change_the_settings(user, micrographs):
    user.start(micrographs)
    before = len(user.open.picks.picks)
    user.open.picks.preview(threshold=0.99)
    assert len(user.open.picks.picks) < before
    assert user.open.counts()[user.open.shown] == len(user.open.picks.picks)
    assert user.state.settings.threshold == 0.5
    user.open.set_settings(threshold=0.5, separation=1.0)
    user.settle()
    assert user.state.settings.separation == 1.0
    assert user.open.counts()[user.open.shown] == len(user.open.picks.picks)


def test_rejected_micrographs_are_skipped(user, micrographs):
    user.start(micrographs)
    user.open.show(1)
    user.open.set_rejected(2, True)
    user.settle()
    user.open.show_neighbour(1)
    assert user.open.shown == 3
    user.open.toggle_rejected()
    user.settle()
    assert user.open.shown_is_rejected


def test_an_unreadable_micrograph_is_reported_and_marked(user, micrographs):
    user.start(micrographs)
    (micrographs / "micrograph_003.mrc").write_bytes(b"no micrograph")
    user.open.show(3)
    user.settle()
    assert user.open.images.displayed is None
    assert "micrograph_003.mrc" in user.open.dataset.errors[3]
    assert user.told[-1][0] == "error"


def test_a_session_without_readable_micrographs_reports_each_once(users, micrographs):
    first = users()
    first.start(micrographs)
    folder = first.open.session.folder
    first.controller.close_session()
    for file in micrographs.glob("*.mrc"):
        file.write_bytes(b"no micrograph")
    user = users()
    user.controller.open_paths([folder])
    user.qtbot.waitUntil(lambda: len(user.open.dataset.errors) == 3, timeout=LONG)
    user.settle()
    errors = [text for severity, text in user.told if severity == "error"]
    assert len(errors) == 3
    assert user.open.picks.peaks is None


def test_controls_show_and_change_their_settings(user, micrographs):
    bindings, box = SettingBindings(), FloatSpinBox(value=3, max=10)
    bindings.bind_setting(
        box, "edge_margin", to_control=lambda radii: 2 * radii, from_control=lambda box: box / 2
    )
    assert bindings.values() == {"edge_margin": 1.5}
    user.start(micrographs)
    bindings.set_session(user.open)
    assert box.value == 2
    box.value = 5
    assert user.state.settings.edge_margin == 2.5
    user.open.set_settings(edge_margin=1.0)
    user.settle()
    assert box.value == 2
    bindings.set_session(None)
    box.value = 7
    assert user.state.settings.edge_margin == 1.0


def test_the_label_section_shows_the_progress_and_offers_strategies(user, micrographs, tmp_path):
    viewer = ViewerModel()
    layers = Layers(viewer)
    navigation = Navigation(viewer, layers)
    section = LabelSection(
        navigation,
        Commands(navigation, layers),
        MouseBindings(viewer, layers, navigation),
        Preferences(tmp_path / "p.json"),
    )
    assert set(section.strategy.choices) == {n for n, one in STRATEGIES.items() if one.in_window}
    # While questions are being chosen, this is shown: at the start and between rounds.
    user.controller.session_changed.connect(lambda: section.set_session(user.open))
    said: list[str] = []

    def asked() -> bool:
        said.append(section._title.text())
        return said[-1].startswith("Question 1 of")

    user.controller.open_paths([micrographs])
    user.controller.start(SETTINGS.model_copy(update={"batch": 1}))
    user.qtbot.waitUntil(asked, timeout=LONG)
    assert "Looking for questions …" in said
    assert not user.open.labelling.looking
    user.settle()
    said.clear()
    for _ in range(2):
        answered = user.open.labelling.current
        user.open.labelling.answer(0)
        user.open.labelling.answer(0)  # too early: no question is open
        user.qtbot.wait(1)  # the views of the questions are updated
        user.qtbot.waitUntil(
            lambda before=answered: asked() and user.open.labelling.current != before, timeout=LONG
        )
        user.settle()
    assert set(said) == {"Looking for questions …", "Question 1 of 1"}
    assert user.told == []
    assert len(user.state.marks) == 2
    user.open.set_settings(strategy="badge")
    user.settle()
    assert section.strategy.value == "badge"
    section.strategy.value = "range"
    assert user.state.settings.strategy == "range"
    # Manual picking asks no questions, with a message.
    section.start.value = "No questions (manual picking)"
    user.open.labelling.answer(0)
    user.settle()
    assert section._title.text() == "No question is open"
    user.open.labelling.answer(0)
    assert "No question is open" in user.told[-1][1]
    section.set_session(None)


def test_rows_are_updated_a_few_at_a_time(user, micrographs, monkeypatch):
    monkeypatch.setattr("activepick._napari.row_updates._TOGETHER", 1)
    user.start(micrographs)
    user.open.dataset.predict()
    user.settle()
    table = MicrographTable()
    table.resize(390, 300)
    user.qtbot.addWidget(table)
    updates = RowUpdates(table)

    def expected():
        return {row.number: row for row in session_rows(user.open, list(user.state.micrographs))}

    updates.update(user.open)
    assert table.rows == expected()
    user.open.set_settings(threshold=0.9)
    user.open.edit(lambda session: session.micrographs.set_rejected(2, True))
    assert table.rows != expected()
    updates.update(user.open)
    assert updates.waiting
    user.qtbot.waitUntil(lambda: not updates.waiting, timeout=LONG)
    assert table.rows == expected()
    user.open.set_settings(threshold=0.4)
    updates.update(user.open, [1])
    user.qtbot.waitUntil(lambda: not updates.waiting, timeout=LONG)
    assert table.rows[1] == expected()[1]
    assert table.rows[3] != expected()[3]
    updates.update(user.open)
    updates.clear()
    assert not updates.waiting


def test_areas_of_one_session_do_not_affect_another(user, micrographs):
    viewer = ViewerModel()
    layers = Layers(viewer)
    keys = KeyBindings(viewer, Commands(Navigation(viewer, layers), layers))
    areas = ExcludedAreas(layers, keys)
    user.controller.session_changed.connect(lambda: areas.set_session(user.open))
    square = [(10.0, 10.0), (200.0, 10.0), (200.0, 200.0)]
    folders = [micrographs, copy_of(micrographs, "grid 2")]
    for folder in folders:
        user.start(folder)
        user.settle()
        layers.show_micrograph(user.open.images.displayed)
        user.open.edit(lambda session: session.micrographs.set_areas(user.open.shown, [square]))
        user.settle()
        assert len(viewer.layers["excluded areas"].data) == 1
    viewer.layers["excluded areas"].add_polygons([np.array(square)])
    user.settle()
    assert len(user.state.areas[user.open.shown]) == 2
    shown = user.open.shown
    user.start(folders[0])
    assert len(user.state.areas[user.open.shown]) == 1
    with Session.open(next(folders[1].glob("*.activepick"))) as kept:
        assert len(kept.state.areas[shown]) == 2


def test_keys_act_on_the_open_session_only(user, micrographs):
    viewer = ViewerModel()
    layers = Layers(viewer)
    navigation = Navigation(viewer, layers)
    keys = KeyBindings(viewer, Commands(navigation, layers))
    press = {str(key): act for key, act in viewer.keymap.items()}
    assert len(press) == sum(len(binding.keys) for binding in (*KEY_BINDINGS, *KIND_BINDINGS))
    for act in press.values():
        act(viewer)  # no session is open
    user.start(micrographs)
    keys.set_session(user.open)
    question = user.open.labelling.current
    press["D"](viewer)
    assert not user.state.marks  # the question is not visible yet
    SessionView(layers, navigation).set_session(user.open)
    user.open.images.ready.emit(user.open.images.displayed)
    user.settle()  # the questions are drawn after the image
    press["D"](viewer)
    assert user.state.marks[question.id].target == 0
    press["X"](viewer)
    assert not user.state.marks
    keys.set_session(None)
    press["F"](viewer)
    assert not user.state.marks
