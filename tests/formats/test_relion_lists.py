"""RELION's lists of micrographs, and where the files lie that a list names."""

import os
from pathlib import Path

import pandas as pd
import pytest

from activepick.errors import TableError
from activepick.formats import read_relion_micrographs
from activepick.formats.project_files import find_in_project, project_finder, searched_folders

OPTICS = (
    "data_optics\n\nloop_\n_rlnOpticsGroup\n_rlnMicrographPixelSize\n1 0.885\n2 nan\n3 1.77\n\n"
)
TABLE = "data_micrographs\n\nloop_\n"


def listed(folder: Path, text: str):
    path = folder / "micrographs_ctf.star"
    path.write_text(text)
    return read_relion_micrographs(path)


def test_a_list_contains_groups_pixel_sizes_and_defocus(tmp_path):
    found = listed(
        tmp_path,
        f"{OPTICS}{TABLE}_rlnMicrographName\n_rlnOpticsGroup\n_rlnDefocusU\n_rlnDefocusV\n"
        "a.mrc 1 10000 12000\nb.mrc 2 9000 nan\nc.mrc 3 -500 500\na.mrc 3 1 1\n",
    )
    assert found.names == ("a.mrc", "b.mrc", "c.mrc")
    assert found.groups == {"a.mrc": 1, "b.mrc": 2, "c.mrc": 3}
    assert found.pixel_sizes_angstrom == {"a.mrc": 0.885, "c.mrc": 1.77}
    assert found.defocus_angstrom == {"a.mrc": 11000, "c.mrc": 0}


def test_the_pixel_size_of_relion_30_follows_from_the_magnification(tmp_path):
    found = listed(
        tmp_path,
        "data_\n\nloop_\n_rlnMicrographName\n_rlnDetectorPixelSize\n_rlnMagnification\n"
        "_rlnDefocusU\na.mrc 5 28248.587571 8000\nb.mrc 5 0 7000\n",
    )
    assert found.pixel_sizes_angstrom == {"a.mrc": 1.77}
    assert found.defocus_angstrom == {"a.mrc": 8000, "b.mrc": 7000}
    assert found.optics == []


def test_a_pixel_size_in_a_row_takes_precedence_over_the_optics_group(tmp_path):
    text = f"{OPTICS}{TABLE}_rlnMicrographName\n_rlnOpticsGroup\n_rlnPixelSize\na.mrc 1 2.5\n"
    assert listed(tmp_path, text).pixel_sizes_angstrom == {"a.mrc": 2.5}


def test_a_list_of_movies_or_particles_is_refused(tmp_path):
    with pytest.raises(TableError, match="movies; run motion correction"):
        listed(tmp_path, f"{OPTICS}data_movies\n\nloop_\n_rlnMicrographMovieName\nm.tiff\n")
    with pytest.raises(TableError, match=r"tilt series \(rlnTomoNominalStageTiltAngle\)"):
        listed(
            tmp_path,
            "data_TS_01\n\nloop_\n_rlnMicrographName\n_rlnTomoNominalStageTiltAngle\na.mrc 3\n",
        )
    with pytest.raises(TableError, match="not a list of micrographs"):
        listed(tmp_path, OPTICS)


def test_optics_groups_of_the_list_are_assigned_to_picks(tmp_path):
    found = listed(tmp_path, f"{OPTICS}{TABLE}_rlnMicrographName\n_rlnOpticsGroup\na 3\nb 1\n")
    picks = pd.DataFrame({"micrograph": ["b", "a", "other"], "x": 1.0, "y": 1.0})
    assert found.with_optics(picks)["rlnOpticsGroup"].tolist() == [1, 3, 1]


def made(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_names_are_searched_beside_the_list_above_it_and_in_the_current_folder(
    tmp_path, monkeypatch
):
    job, work = tmp_path / "project/Select/job005", tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    star = job / "micrographs.star"
    made(tmp_path / "project/Movies/a.mrc", job / "Movies/a.mrc", tmp_path / "project/Movies/b.mrc")
    made(work / "c.mrc", work / "Movies/b.mrc", tmp_path / "project/stack.mrcs")
    find = project_finder(star)
    assert find("Movies/a.mrc") == job / "Movies/a.mrc"
    assert find("Movies/b.mrc") == tmp_path / "project/Movies/b.mrc"
    assert find("c.mrc") == Path("c.mrc").absolute()
    assert find(str(tmp_path / "project/Movies/a.mrc")) == tmp_path / "project/Movies/a.mrc"
    assert find("000012@stack.mrcs") == tmp_path / "project/stack.mrcs"
    assert find(r"Movies\b.mrc") == tmp_path / "project/Movies/b.mrc"
    for nowhere in ("gone.mrc", "Movies", "Movies/", "", "a\0b", "x" * 5000, "gone/b.mrc"):
        assert find(nowhere) is None
        assert find_in_project(nowhere, star) is None
    # Folders above the list are searched, folders above the current one are not.
    made(tmp_path / "elsewhere/list.star")
    assert find_in_project("project/Movies/a.mrc", work / "list.star") is not None
    monkeypatch.chdir(job)
    assert find_in_project("Movies/b.mrc", tmp_path / "elsewhere/list.star") is None
    assert searched_folders("list.star") == [Path(), *job.parents]
    assert searched_folders(tmp_path / "elsewhere/list.star")[-1] == job


@pytest.mark.posix("makes links for everybody")
def test_ten_thousand_names_are_searched_only_in_existing_folders(tmp_path):
    deep = tmp_path / "/".join("abcdefgh") / "list.star"
    made(*(tmp_path / f"Movies/m{k}.mrc" for k in range(20)))
    os.symlink(tmp_path / "Movies", tmp_path / "Linked")
    find = project_finder(deep)
    for k in range(10_000):
        folder = "Movies" if k % 2 else "Linked"
        assert (find(f"{folder}/m{k}.mrc") is not None) == (k < 20)
