"""The window never waits, and can be closed at any moment."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from needed_screen import needs_screen
from person import Person
from qtpy.QtCore import QTimer

from activepick.session import Session
from activepick.simulate import SimulationSettings, simulate_dataset

pytestmark = needs_screen

DIAMETER = 2 * SimulationSettings().radius_px * SimulationSettings().pixel_size_angstrom


class Beat:
    """Records the blocking of the event loop, without the time of other programs.

    Other programs can delay the window. Therefore the time is measured for which this process
    itself blocked its event loop, by the processor time of its main thread.
    """

    def __init__(self) -> None:
        self.held: list[float] = []
        self._last = time.thread_time()
        self._timer = QTimer()
        self._timer.timeout.connect(self._beat)
        self._timer.start(1)

    def _beat(self) -> None:
        now = time.thread_time()
        self.held.append(now - self._last)
        self._last = now

    def stop(self) -> list[float]:
        self._timer.stop()
        return self.held


def test_the_event_loop_is_not_blocked_while_features_are_computed(
    qtbot, open_widget, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty cache"))
    folder = tmp_path / "new grid"
    simulate_dataset(folder, 1, seed=5, settings=SimulationSettings(shape=(1536, 1536)))
    person = Person(qtbot, open_widget())
    person.widget.open_path(folder)
    person.wait(lambda: person.widget.layers.has_micrograph)
    person.settle()
    person.widget.particle.diameter.value = DIAMETER
    begun = []

    def begin(*_):
        # The first layers of points are added meanwhile, whose shaders take a second to compile.
        if not begun and person.widget.layers.has_points:
            begun.append(Beat())

    person.controller.jobs.progressed.connect(begin)
    ended = []
    person.controller.jobs.finished.connect(
        lambda lane: ended.append(begun[0].stop()) if lane == "features" else None
    )
    said, seen = [], []
    person.controller.jobs.described.connect(lambda lane, text: said.append(text))
    person.controller.jobs.described.connect(lambda lane, text: seen.append(person.has_picks))
    person.widget.particle.start()
    person.wait(lambda: bool(ended))
    # The status is shown, and picks appear after the first scale.
    order = ["Loading the network", "Choosing the scale of the particles"]
    if len(person.state.settings.working_radii_px) > 1:
        order.append("Computing the first picks")
        assert seen[said.index("Computing features")]
    assert list(dict.fromkeys(said)) == [*order, "Computing features"]
    assert len(ended[0]) > 20  # the event loop ran during the computation
    assert max(ended[0]) < sum(ended[0]) / 4  # and was never blocked for long
    # The window is closed while new settings are to be shown in the next turn of the event loop.
    person.settle()
    person.open.set_settings(threshold=0.9)
    close_window(person)


def test_the_window_never_waits_for_slow_work(qtbot, open_widget, micrographs):
    person = Person(qtbot, open_widget())
    person.start(micrographs, DIAMETER)
    gate, came = threading.Event(), []
    jobs = person.controller.jobs
    jobs.run("slow", lambda step: gate.wait(20) and 1, came.append)
    person.answer_now("F")
    assert len(person.state.labels) == 1
    assert jobs.busy("slow")
    # Late results are discarded.
    jobs.run("slow", lambda step: 2, came.append)
    jobs.run("slow", lambda step: 3, came.append)
    gate.set()
    person.settle()
    assert came == [3]
    # A cancelled job keeps its results so far.
    person.dataset.predict()
    person.widget.status.cancel_jobs()
    person.settle()
    assert not jobs.busy()
    person.dataset.predict()
    person.settle()
    assert set(person.open.counts()) == {1, 2, 3}
    # The window is closed during a refit.
    person.press("F")
    person.press("D")
    close_window(person)


@pytest.mark.parametrize("moment", ["reading", "features", "predicting"])
def test_the_window_can_be_closed_at_any_moment(qtbot, open_widget, micrographs, moment):
    person = Person(qtbot, open_widget())
    if moment == "reading":
        person.widget.open_path(micrographs)
        person.viewer.close()
        return
    person.start(micrographs, DIAMETER)
    if moment == "features":
        person.open.set_settings(diameter_angstrom=DIAMETER * 1.1)
        person.wait(lambda: person.controller.jobs.busy("features"))
    else:
        person.dataset.predict()
    close_window(person)


def close_window(person: Person) -> None:
    """Close the window with a session, which keeps all labels."""
    folder, labels = person.session.folder, dict(person.state.labels)
    person.viewer.close()
    person.widget.close_session()
    person.qtbot.wait(10)
    with Session.open(folder) as kept:
        assert kept.state.labels == labels
        assert not kept.notices  # it was closed properly


def test_closing_the_dock_releases_the_session(qtbot, open_widget, micrographs):
    person = Person(qtbot, open_widget())
    person.start(micrographs, DIAMETER)
    folder = person.session.folder
    dock = person.widget.parent()
    dock.destroyOnClose()  # the close button of the dock
    qtbot.waitUntil(lambda: person.controller.open_session is None)
    with Session.open(folder) as kept:
        assert not kept.notices
    assert "labels" not in person.viewer.layers


_PROGRAM = """
import json, sys
from pathlib import Path
import napari
from qtpy.QtCore import QTimer, Qt
from qtpy.QtTest import QTest
from activepick._napari.preferences import Preferences
from activepick._napari.widget import ActivePickWidget

session, acknowledged, preferences = sys.argv[1:]
viewer = napari.Viewer()
widget = ActivePickWidget(viewer, Preferences(Path(preferences)))
viewer.window.add_dock_widget(widget, area="right")
told = open(acknowledged, "a", buffering=1)
widget.open_path(session)
# Signals of the session come from the thread that writes: these actions are acknowledged.
opened = widget.controller.open_session
opened.session.acknowledged.connect(lambda number: told.write(f"{number}\\n"))
keys = [Qt.Key.Key_F, Qt.Key.Key_D, Qt.Key.Key_G, Qt.Key.Key_F, Qt.Key.Key_X]
pressed = 0

def press():
    global pressed
    if opened.labelling.current is not None:
        QTest.keyClick(viewer.window._qt_viewer.canvas.native, keys[pressed % len(keys)])
        pressed += 1

timer = QTimer()
timer.timeout.connect(press)
timer.start(15)
napari.run()
"""


def test_a_killed_window_loses_no_acknowledged_click(qtbot, open_widget, micrographs, tmp_path):
    person = Person(qtbot, open_widget())
    person.start(micrographs, DIAMETER)
    folder = person.session.folder
    person.widget.close_session()
    for turn in range(2):
        told = tmp_path / f"acknowledged {turn}"
        told.touch()
        arguments = [str(folder), str(told), str(tmp_path / "preferences")]
        program = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, *arguments],
            env={**os.environ},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_for_lines(qtbot, told, 5 + 8 * turn)
        finally:
            program.kill()
            program.wait()
        acknowledged = max(map(int, _lines(told)))
        journal = (folder / "journal.jsonl").read_text().splitlines()
        with Session.open(folder) as kept:
            assert kept.last >= acknowledged
            assert len(journal) >= acknowledged
            assert json.loads(journal[acknowledged - 1])


def _wait_for_lines(qtbot, path: Path, count: int) -> None:
    qtbot.waitUntil(lambda: len(_lines(path)) >= count, timeout=120_000)


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text().split("\n")[:-1] if line]
