import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from activepick.simulate import SimulationSettings, simulate_dataset

# Importing it after Mesa has drawn crashes, since each contains its own LLVM.
with contextlib.suppress(ImportError):
    import triton  # noqa: F401


@pytest.fixture
def micrograph_file(tmp_path: Path) -> Path:
    """Return a micrograph of 1.5 Å per pixel with bright pixels at the start of its first rows."""
    pixels = np.random.default_rng(0).normal(0, 1, (96, 160)).astype(np.float32)
    pixels[:24, :40] += 20
    path = tmp_path / "grid_07.mrc"
    with mrcfile.new(path, data=pixels) as file:
        file.voxel_size = 1.5
    return path


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of three small simulated micrographs and their truth; do not change it."""
    folder = tmp_path_factory.mktemp("simulated")
    simulate_dataset(folder, 3, seed=1, settings=SimulationSettings(shape=(640, 800)))
    return folder


@pytest.fixture
def micrographs(tmp_path: Path, simulated: Path) -> Path:
    """Return a folder of micrographs for one test."""
    folder = tmp_path / "grid 1"
    folder.mkdir()
    for file in simulated.glob("*.mrc"):
        shutil.copy2(file, folder)  # the same modification time, so that features are computed once
    return folder


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keep features of the tests apart from those of the user."""
    folder = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


@pytest.fixture
def open_widget(make_napari_viewer, tmp_path: Path, cache: Path) -> Iterator[Callable]:
    """Return a function that docks the widget in a new window, 1280 x 800, as a plugin."""
    from napari.utils._proxies import PublicOnlyProxy

    from activepick._napari.preferences import Preferences
    from activepick._napari.widget import ActivePickWidget

    opened = []

    def make():
        viewer = make_napari_viewer(show=True)
        viewer.window._qt_window.resize(1280, 800)
        widget = ActivePickWidget(
            PublicOnlyProxy(viewer), Preferences(tmp_path / "preferences.json")
        )
        viewer.window.add_dock_widget(widget, name="activepick", area="right")
        opened.append(widget)
        return widget

    yield make
    for widget in opened:
        widget.close_session()


@pytest.fixture
def person(qtbot, open_widget, micrographs: Path):
    """Return a user of a new window who has started a session with the simulated micrographs."""
    from person import Person  # imports Qt

    someone = Person(qtbot, open_widget())
    settings = SimulationSettings()
    someone.start(micrographs, 2 * settings.radius_px * settings.pixel_size_angstrom)
    return someone
