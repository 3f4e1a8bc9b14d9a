"""Which session a path means, and what a new one is planned with."""

from pathlib import Path

import pytest

from activepick.errors import ActivepickError, SessionError
from activepick.session import Session, Settings
from activepick.session.new_session import new_session_of, session_at


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.mrc", "b.mrc", "b_PS.mrc"):
        path = tmp_path / "project" / "mics" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path


def star(rows, columns="_rlnMicrographName\n_rlnMicrographPixelSize\n_rlnDefocusU\n"):
    path = Path("project/micrographs.star")
    path.write_text(f"data_micrographs\nloop_\n{columns}{rows}")
    return path


def test_the_session_of_a_folder_is_created_inside_it(here):
    folder = here / "project" / "mics"
    new_session = new_session_of([folder], here / "elsewhere")
    assert new_session.files == (folder / "a.mrc", folder / "b.mrc")
    assert new_session.folder == folder / "mics.activepick"
    assert (new_session.pixel_size_angstrom, new_session.defocus_angstrom) == (None, ())
    [notice] = new_session.notices
    assert "b_PS.mrc" in notice
    (folder / "mics.activepick").mkdir()
    assert new_session_of([folder], here).folder == folder / "mics 2.activepick"


def test_a_list_gives_pixel_size_and_defocus(here):
    path = star("mics/a.mrc 1.5 12000\nmics/b.mrc 1.5 nan\nmics/gone.mrc 1.5 9000\n")
    new_session = new_session_of([path], here)
    assert [file.name for file in new_session.files] == ["a.mrc", "b.mrc"]
    assert new_session.pixel_size_angstrom == 1.5
    assert new_session.defocus_angstrom == (12000, None)
    assert new_session.folder == here / "project" / "mics" / "mics.activepick"
    [notice] = new_session.notices
    assert "mics/gone.mrc" in notice


def test_with_two_pixel_sizes_those_of_the_files_are_used(here):
    path = star("mics/a.mrc 1.5 12000\nmics/b.mrc 0.8 9000\n")
    assert new_session_of([path], here).pixel_size_angstrom is None


def test_a_new_session_needs_a_micrograph(here):
    with pytest.raises(SessionError, match=r"mics/gone\.mrc is listed in .*Keep the folders"):
        new_session_of([star("mics/gone.mrc 1 1\n")], here)
    Path("project/micrographs.star").unlink()
    (here / "notes.md").write_text("")
    with pytest.raises(SessionError, match="no micrographs"):
        new_session_of([here / "notes.md"], here)
    with pytest.raises(ActivepickError, match="no micrographs in this folder itself"):
        new_session_of([here / "project"], here)
    new_session = new_session_of([here / "notes.md", Path("project/mics/a.mrc")], here)
    assert "1 of the files" in new_session.notices[0]


def test_the_session_of_a_folder_is_found(here):
    folder = here / "project" / "mics"
    assert session_at(folder) is None
    session = folder / "mics.activepick"
    Session.create(session, Settings(diameter_angstrom=100)).close()
    for path in (folder, session, session / "session.json"):
        assert session_at(path) == session
    assert session_at(folder / "a.mrc") is None
