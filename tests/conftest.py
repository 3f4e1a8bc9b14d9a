import os
import sys
from pathlib import Path

import pytest

# Qt cannot even be imported on a machine without a screen's libraries.
HAS_SCREEN = not sys.platform.startswith("linux") or bool(
    os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
)
pytest_plugins = ["pytestqt.plugin"] if HAS_SCREEN else []

DATA = Path(os.environ.get("ACTIVEPICK_DATA", Path(__file__).parents[2] / "shared" / "data"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip on Windows what only other systems have."""
    for item in items if sys.platform == "win32" else ():
        if mark := item.get_closest_marker("posix"):
            item.add_marker(pytest.mark.skip(reason=f"Windows is no system that {mark.args[0]}"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real micrographs with published picks."""
    if not DATA.is_dir():
        pytest.skip(f"no real micrographs at {DATA}; set ACTIVEPICK_DATA to their folder")
    return DATA
