import gc
import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from own_screen import OwnScreen

# The same examples in each run; `pytest --hypothesis-profile=random` looks for others.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("random", deadline=None)
settings.load_profile("repeatable")

# The tests import a million objects, among which there is no garbage. Later collections leave these
# objects out.
THRESHOLDS = gc.get_threshold()
gc.set_threshold(50_000, *THRESHOLDS[1:])

SCREEN = OwnScreen()
if "PYTEST_XDIST_WORKER" in os.environ:
    # With two processes on two cores, threads of both that wait for each other take half as long
    # again.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    SCREEN.start()
# Qt cannot even be imported on a machine without a screen's libraries.
HAS_SCREEN = not sys.platform.startswith("linux") or bool(
    os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
)
pytest_plugins = ["session_fixtures", "napari.utils._testsupport"]
if HAS_SCREEN:
    pytest_plugins.append("pytestqt.plugin")

# Tests with windows; where processes share a screen, only one shows windows at a time.
WINDOWS = {"napari", "test_gui"}

DATA = Path(os.environ.get("ACTIVEPICK_DATA", Path(__file__).parents[2] / "shared" / "data"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Distribute the tests among processes; skip on Windows those that need other systems."""
    for item in items:
        group = "window" if has_window(item) and not SCREEN.running else item.path.stem
        item.add_marker(pytest.mark.xdist_group(group))
        mark = item.get_closest_marker("posix")
        if mark and sys.platform == "win32":
            item.add_marker(pytest.mark.skip(reason=f"Windows is no system that {mark.args[0]}"))
    items.sort(key=has_window, reverse=True)  # the longest tests run first


def pytest_collection_finish() -> None:
    """Collect garbage only among the objects of the tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)


def pytest_unconfigure() -> None:
    """Close the screen of this process."""
    SCREEN.stop()


def has_window(item: pytest.Item) -> bool:
    """Return whether a test opens a window."""
    return not WINDOWS.isdisjoint((item.path.parent.name, item.path.stem))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real micrographs with published picks."""
    if not DATA.is_dir():
        pytest.skip(f"no real micrographs at {DATA}; set ACTIVEPICK_DATA to their folder")
    return DATA
