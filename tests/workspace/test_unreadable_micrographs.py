import re
import shutil

import mrcfile
import numpy as np
import pytest

from activepick.errors import ActivepickError, MicrographError
from activepick.session import Session, Settings
from activepick.workspace.workspace import Workspace


class Cancelled(Exception):
    pass


def truncated(path, good):
    path.write_bytes(good.read_bytes()[: good.stat().st_size // 2])


def five_bytes(path, good):
    path.write_bytes(b"MRC \n")


def movie(path, good):
    with mrcfile.new(path) as file:
        file.set_data(np.zeros((4, 64, 64), np.float32))


DAMAGES = (truncated, five_bytes, movie)


@pytest.fixture(scope="module")
def good_files(tmp_path_factory):
    from activepick.simulate import SimulationSettings, simulate_dataset

    settings = SimulationSettings(shape=(256, 256), pixel_size_angstrom=4)
    return simulate_dataset(tmp_path_factory.mktemp("good"), 2, 3, settings).micrographs


@pytest.fixture
def opened(tmp_path, make_engine, learning):
    """Return a session of some files, without a working radius, and its workspace."""
    made = []

    def make(files):
        session = Session.create(tmp_path / f"session{len(made)}", Settings(diameter_angstrom=150))
        session.micrographs.add(files)
        made.append(Workspace(session, make_engine, learning))
        return session, made[-1]

    yield make
    for workspace in made:
        workspace.close()
        workspace.session.close(abandon=True)


def damaged_and_good(folder, good_files, damages):
    bad = [folder / f"a_{damage.__name__}.mrc" for damage in damages]
    for damage, path in zip(damages, bad, strict=True):
        damage(path, good_files[0])
    return bad, [shutil.copy(path, folder) for path in good_files]


@pytest.mark.parametrize("damages", [*((d,) for d in DAMAGES), DAMAGES])
def test_damaged_files_do_not_stop_the_other_micrographs(tmp_path, good_files, opened, damages):
    bad, good = damaged_and_good(tmp_path, good_files, damages)
    session, workspace = opened([*bad, *good])
    numbers = range(1, len(bad) + 1)
    failed = {}
    assert workspace.predictor.predict_all(failed=failed.__setitem__) == len(good)
    assert set(failed) == set(numbers)
    for number, path in zip(numbers, bad, strict=True):
        assert path.name in str(failed[number])
        with pytest.raises(MicrographError, match=path.name):
            workspace.open(number)
    assert workspace.open(len(bad) + 1).name == good_files[0].name
    alone, others = opened(good)
    others.open(1)
    assert session.state.settings.working_radii_px == alone.state.settings.working_radii_px


def test_more_damaged_files_than_the_search_reads_are_passed_over(tmp_path, good_files, opened):
    bad, good = damaged_and_good(tmp_path, good_files, DAMAGES)
    more = [shutil.copy(path, tmp_path / f"more_{path.name}") for path in bad]
    _, workspace = opened([*bad, *more, *good])
    assert workspace.open(7).name == good_files[0].name


def test_if_no_file_can_be_read_one_is_named(tmp_path, good_files, opened):
    bad, _ = damaged_and_good(tmp_path, good_files, DAMAGES)
    session, workspace = opened(bad)
    with pytest.raises(ActivepickError, match="|".join(re.escape(path.name) for path in bad)):
        workspace.open(3)
    assert session.state.settings.working_radius_px is None
    session.micrographs.add(good_files)
    assert workspace.open(4).name == good_files[0].name


def test_the_search_for_the_scale_reports_its_progress(good_files, opened):
    _, workspace = opened(good_files)
    fractions = []
    workspace.open(1, fractions.append)
    assert fractions == sorted(fractions)
    assert fractions[0] == 0
    assert fractions[-1] == 1
    assert len({f for f in fractions if 0 < f < 0.4}) >= 6
    again = []
    workspace.open(2, again.append)
    assert again[:1] == [0]
    assert again == sorted(again)


@pytest.mark.parametrize("steps", [1, 3, 7])
@pytest.mark.parametrize("whole", [False, True])
def test_a_cancelled_search_can_be_repeated(good_files, opened, steps, whole):
    session, workspace = opened(good_files)
    told = []

    def cancel(*progress):
        told.append(progress)
        if len(told) == steps:
            raise Cancelled

    with pytest.raises(Cancelled):
        workspace.predictor.predict_all(cancel) if whole else workspace.open(1, cancel)
    assert session.state.settings.working_radius_px is None
    assert not workspace.ready
    assert workspace.open(1).name == good_files[0].name
    assert workspace.ready
    assert session.state.settings.working_radius_px in session.state.settings.working_radii_px
