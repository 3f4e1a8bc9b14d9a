import os

import pytest

from activepick.formats import read_table
from activepick.micrograph import Micrograph
from activepick.sample import sample_micrographs, sample_session
from activepick.session import Session
from activepick.simulate import SimulationSettings

SMALL = SimulationSettings(shape=(320, 320))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    sample_micrographs(folder, settings=SMALL)
    return folder


def test_the_sample_is_simulated_once_with_known_particles(folder):
    steps = []
    micrographs = sample_micrographs(folder, lambda done, total: steps.append(done), SMALL)
    assert steps == []
    files = sorted(micrographs.glob("*.mrc"))
    assert len(files) == 6
    truth = read_table(micrographs / "truth.star")
    assert set(truth["micrograph"]) == {file.name for file in files}
    assert Micrograph(files[0]).pixel_size_angstrom == pytest.approx(2)


def test_the_sample_session_continues_the_next_time(folder):
    path = sample_session(folder, settings=SMALL)
    with Session.open(path) as session:
        state = session.state
        assert len(state.micrographs) == 6
        assert all(0.5e4 < e.defocus_angstrom < 3e4 for e in state.micrographs.values())
        assert state.settings.diameter_angstrom > 100
        session.labels.add(1, [(100.0, 200.0)], 1)
    assert sample_session(folder, settings=SMALL) == path
    with Session.open(path) as session:
        assert len(session.state.labels) == 1


def test_a_sample_session_that_is_open_or_damaged_is_not_changed(folder):
    first = sample_session(folder, settings=SMALL)
    with Session.open(first):
        second = sample_session(folder, settings=SMALL)
        assert second != first
    assert sample_session(folder, settings=SMALL) == first
    (first / "session.json").write_text("{")
    assert sample_session(folder, settings=SMALL) == second
    assert (first / "session.json").read_text() == "{"


@pytest.mark.posix("has pipes with names")
def test_a_damaged_summary_is_created_again(tmp_path):
    tiny = SimulationSettings(shape=(256, 256))
    summary = sample_micrographs(tmp_path, settings=tiny) / "simulation.json"
    good = summary.read_bytes()
    for damage in (b"{", b"[]", None):
        summary.unlink()
        os.mkfifo(summary) if damage is None else summary.write_bytes(damage)
        sample_session(tmp_path, settings=tiny)
        assert summary.read_bytes() == good


def test_deleted_micrographs_are_simulated_again_for_the_same_session(folder):
    path = sample_session(folder, settings=SMALL)
    micrographs = sample_micrographs(folder, settings=SMALL)
    content = {file.name: file.read_bytes() for file in micrographs.glob("*.mrc")}
    for file in list(micrographs.iterdir())[::2]:
        file.unlink()
    assert sample_session(folder, settings=SMALL) == path
    assert {file.name: file.read_bytes() for file in micrographs.glob("*.mrc")} == content
