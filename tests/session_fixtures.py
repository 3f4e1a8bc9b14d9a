"""Sessions for the tests of sessions and of the workspace."""

from pathlib import Path

import pytest

from activepick.session import Session, Settings


@pytest.fixture
def files(tmp_path) -> list[Path]:
    folder = tmp_path / "data" / "micrographs"
    folder.mkdir(parents=True)
    paths = [folder / f"m{k}.mrc" for k in range(3)]
    for k, path in enumerate(paths):
        path.write_bytes(bytes([k]) * 300_000)
    return paths


@pytest.fixture
def session(tmp_path, files):
    one = Session.create(tmp_path / "data" / "work", Settings(diameter_angstrom=180))
    one.micrographs.add(files)
    assert one.flush()
    yield one
    one.close(abandon=True)


# What follows needs the network, which only those tests load that ask for it.


@pytest.fixture(scope="session")
def learning():
    from activepick.learning.settings import LearnerSettings

    return LearnerSettings(unlabelled=400)


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """Three simulated micrographs."""
    from activepick.simulate import SimulationSettings, simulate_dataset

    settings = SimulationSettings(shape=(512, 512))
    return simulate_dataset(tmp_path_factory.mktemp("data"), 3, 3, settings)


@pytest.fixture(scope="session")
def make_engine(tmp_path_factory):
    from activepick.features.backbone import load_backbone
    from activepick.features.cache import FeatureCache
    from activepick.features.engine import FeatureEngine
    from activepick.features.extractor import Extractor

    extractor = Extractor(load_backbone("resnet16_u32"), device="cpu", precision="float32")
    cache = FeatureCache(tmp_path_factory.mktemp("cache"))
    return lambda settings: FeatureEngine(extractor, settings.diameter_angstrom, cache=cache)


@pytest.fixture(scope="session")
def truth(data):
    """True centres by number."""
    from activepick.formats import read_table

    table = read_table(data.truth)
    names = [path.name for path in data.micrographs]
    return {
        k: table[table["micrograph"] == n][["x", "y"]].to_numpy() for k, n in enumerate(names, 1)
    }


@pytest.fixture
def simulated(tmp_path, data):
    """A session of these micrographs."""
    settings = Settings(
        diameter_angstrom=data.diameter_angstrom,
        working_radius_px=7,
        working_radii_px=(7, 10),
        batch=6,
    )
    with Session.create(tmp_path / "s", settings) as one:
        one.micrographs.add(data.micrographs)
        yield one


@pytest.fixture
def workspace(simulated, make_engine, learning):
    from activepick.workspace.workspace import Workspace

    with Workspace(simulated, make_engine, learning) as one:
        yield one
