import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from activepick.sample import sample_session
from activepick.simulate import SimulationSettings, simulate_dataset

LINUX = sys.platform.startswith("linux")
SCREEN = not LINUX or bool(os.environ.get("DISPLAY"))
SMALL = SimulationSettings(shape=(320, 320))

pytestmark = pytest.mark.skipif(find_spec("PyQt6") is None, reason="there is no Qt")
only_linux = pytest.mark.skipif(not LINUX, reason="of X11 and Wayland")
with_screen = pytest.mark.skipif(not SCREEN, reason="a window needs a screen: use xvfb-run")

COMMAND = "from activepick.cli import main; main()"
# Closes the window when the widget has opened something, and prints it.
WATCHED = """
from napari.qt import get_qapp
from napari.viewer import current_viewer
from qtpy.QtCore import QTimer

application = get_qapp()
timer = QTimer()

def look():
    viewer = current_viewer()
    controller = viewer and next(iter(viewer.window.dock_widgets.values())).controller
    session = controller and controller.open_session and controller.open_session.session
    opened = session or (controller and controller.new_session)
    if opened:
        timer.stop()
        print("opened", type(opened).__name__, opened.folder)
        viewer.close()

timer.timeout.connect(look)
timer.start(50)
"""


def gui(*arguments, program=COMMAND, home: Path | None = None, **environment):
    clean = {k: v for k, v in os.environ.items() if k != "QT_QPA_PLATFORM"}
    if home is not None:
        for kind in ("CACHE", "CONFIG", "DATA", "STATE"):
            clean[f"XDG_{kind}_HOME"] = str(home / kind.lower())
    for name, value in environment.items():
        clean.pop(name, None)
        if value is not None:
            clean[name] = value
    return subprocess.run(
        [sys.executable, "-c", program, "gui", *map(str, arguments)],
        env=clean,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def refused(done) -> str:
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


@only_linux
def test_a_missing_screen_is_reported_with_advice():
    said = refused(gui(DISPLAY=None, WAYLAND_DISPLAY=None))
    assert "neither DISPLAY nor WAYLAND_DISPLAY" in said
    assert "ssh -X" in said


@only_linux
def test_a_screen_that_does_not_respond_is_named():
    assert "display :7777 cannot be reached" in refused(gui(DISPLAY=":7777", WAYLAND_DISPLAY=None))


@only_linux
def test_a_platform_without_opengl_is_refused():
    assert "OpenGL" in refused(gui(QT_QPA_PLATFORM="offscreen", DISPLAY=None))
    assert "'nonsense'" in refused(gui(QT_QPA_PLATFORM="nonsense"))


@only_linux
@with_screen
def test_an_old_opengl_is_refused():
    said = refused(gui(MESA_GL_VERSION_OVERRIDE="1.4"))
    assert "only OpenGL 1.4, and napari needs 2.1" in said


def test_missing_files_are_reported_before_the_window_opens(tmp_path):
    assert "does not exist" in refused(gui(tmp_path / "missing"))
    assert "--sample" in refused(gui(tmp_path, "--sample"))


@with_screen
def test_gui_opens_a_folder_and_writes_a_log(tmp_path):
    simulate_dataset(tmp_path / "mics", 1, 0, SMALL)
    done = gui(tmp_path / "mics", program=WATCHED + COMMAND, home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"opened NewSession {tmp_path / 'mics' / 'mics.activepick'}" in done.stdout
    if LINUX:
        (log,) = tmp_path.rglob("activepick.log")
        assert "INFO activepick" in log.read_text()


@with_screen
def test_gui_opens_a_session(tmp_path):
    session = sample_session(tmp_path, settings=SMALL)
    done = gui(session, program=WATCHED + COMMAND, home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"opened Session {session}" in done.stdout


@only_linux
@with_screen
def test_gui_opens_the_sample_while_it_is_simulated(tmp_path):
    done = gui("--sample", program=WATCHED + COMMAND, home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"opened Session {tmp_path / 'data' / 'activepick' / 'sample.activepick'}" in done.stdout
