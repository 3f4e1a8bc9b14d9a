"""A file a micrograph: where it goes, that it stays there, and how RELION finds it."""

from pathlib import Path

import pandas as pd
import pytest
import starfile
from hypothesis import given, settings
from hypothesis import strategies as st

from activepick.errors import TableError
from activepick.formats import (
    PickFolder,
    read_folder,
    read_relion_micrographs,
    read_table,
    write_folder,
    write_table,
)
from activepick.formats.output_paths import output_paths

JOB = "MotionCorr/job002/"
PICKS = pd.DataFrame(
    {
        "micrograph": [f"{JOB}Movies/b.mrc", f"{JOB}Movies/a.mrc", f"{JOB}Movies/b.mrc"],
        "x": [1.0, 2.5, 3.0],
        "y": [4.0, 5.0, 6.25],
        "score": [0.5, -1.0, 2.0],
    }
)
PART = st.text(max_size=8) | st.sampled_from(
    ["..", ".", "", "/", "C:", "\\", "~", "job001", "con", "a.mrc", "...", "\x00", "x" * 300]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PART, max_size=6).map("/".join), st.booleans())
def test_no_name_leads_out_of_the_folder(name, tree):
    folder = Path("/some/folder")
    path = output_paths([name], folder, "_autopick.star", tree=tree)[name]
    assert path.is_relative_to(folder)
    assert ".." not in path.parts
    assert path.name.endswith("_autopick.star")
    assert all(0 < len(part.encode()) <= 1000 for part in path.parts)


@pytest.mark.parametrize(
    ("names", "tree", "files"),
    [
        ([f"{JOB}Movies/a.mrc"], True, ["Movies/a"]),
        (["Micrographs/a.mrc", "b.mrc"], True, ["Micrographs/a", "b"]),
        (["Import/job001/x/job002/y/a.mrc"], True, ["x/job002/y/a"]),
        (["/data/x/a.mrc", "/data/x/b.mrc"], True, ["a", "b"]),
        (["/data/x/a.mrc", "/data/y/a.mrc"], True, ["data/x/a", "data/y/a"]),
        (["x/a.mrc", "y/b.mrc"], False, ["a", "b"]),
        (["x/a.mrc", "y/a.mrc"], False, ["x/a", "y/a"]),
        (["../../../etc/passwd", "C:\\Users\\a.mrc"], True, ["passwd", "a"]),
    ],
)
def test_where_files_go(names, tree, files):
    paths = output_paths(names, Path("out"), ".star", tree=tree)
    assert [p.as_posix() for p in paths.values()] == [f"out/{file}.star" for file in files]


def test_two_micrographs_never_share_a_file():
    with pytest.raises(TableError, match="both be written"):
        output_paths(["x/a.mrc", "x/a.tif"], Path("out"), ".box", tree=False)
    with pytest.raises(TableError, match="both be written"):
        output_paths(["x/a.mrc", "x/A.mrc"], Path("out"), ".star", tree=True)


@pytest.mark.posix("makes links for everybody")
def test_a_link_within_the_folder_leads_nowhere(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out/Movies").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TableError, match="link"):
        write_folder(PICKS, tmp_path / "out", "star")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_whatever_a_star_says_stays_in_the_folder(tmp_path):
    star = tmp_path / "in.star"
    write_table(
        PICKS.assign(micrograph=["../../evil.mrc", "/abs/olute.mrc", "a/../../b.mrc"]), star
    )
    write_folder(read_table(star), tmp_path / "deep/out", "star")
    inside = [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()]
    assert sorted(inside) == [
        "deep/out/autopick.star",
        "deep/out/b_autopick.star",
        "deep/out/evil_autopick.star",
        "deep/out/olute_autopick.star",
        "in.star",
    ]


def test_a_job_of_relion_4_lists_its_files_by_exact_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = write_folder(PICKS, "AutoPick/job007", "star", micrographs=[f"{JOB}Movies/none.mrc"])
    assert paths[PICKS["micrograph"][0]] == Path("AutoPick/job007/Movies/b_autopick.star")
    listed = starfile.read("AutoPick/job007/autopick.star")
    assert listed["rlnMicrographName"].tolist() == [
        f"{JOB}Movies/none.mrc",
        f"{JOB}Movies/b.mrc",
        f"{JOB}Movies/a.mrc",
    ]
    assert listed["rlnMicrographCoordinates"][2] == "AutoPick/job007/Movies/a_autopick.star"
    assert "data_coordinate_files" in Path("AutoPick/job007/autopick.star").read_text()
    columns = starfile.read("AutoPick/job007/Movies/b_autopick.star").columns
    assert columns.tolist() == [
        "rlnCoordinateX",
        "rlnCoordinateY",
        "rlnAutopickFigureOfMerit",
        "rlnClassNumber",
        "rlnAnglePsi",
    ]
    back = read_folder("AutoPick/job007")
    assert back["micrograph"].tolist() == sorted(PICKS["micrograph"], reverse=True)
    assert back["x"].tolist() == [1, 3, 2.5]
    assert back["score"].tolist() == [0.5, 2, -1]


@pytest.mark.parametrize("version", ["3.0", "3.1"])
def test_a_job_of_relion_3_is_found_by_its_suffix(tmp_path, monkeypatch, version):
    monkeypatch.chdir(tmp_path)
    star = Path("CtfFind/job003/micrographs_ctf.star")
    star.parent.mkdir(parents=True)
    star.write_text(
        "data_micrographs\n\nloop_\n_rlnMicrographName\n"
        + "".join(f"{JOB}Movies/{name}.mrc\n" for name in "abc")
    )
    write_folder(PICKS, "AutoPick/job004", "star", version=version, micrographs_star=star)
    suffix = Path("AutoPick/job004/coords_suffix_autopick.star")
    assert suffix.read_text().strip() == star.as_posix()
    assert not Path("AutoPick/job004/autopick.star").exists()
    assert Path("AutoPick/job004/Movies/a_autopick.star").is_file()
    back = read_table(suffix)
    assert back["micrograph"].tolist() == [f"{JOB}Movies/{name}.mrc" for name in "abb"]
    star.unlink()
    with pytest.raises(TableError, match="not found"):
        read_table(suffix)


def test_a_list_may_name_files_of_other_programs(tmp_path):
    (tmp_path / "a.box").write_text("10\t20\t30\t30\n")
    (tmp_path / "autopick.star").write_text(
        "data_coordinate_files\n\nloop_\n_rlnMicrographName\n_rlnMicrographCoordinates\n"
        "Movies/a.mrc a.box\n"
    )
    table = read_folder(tmp_path)
    assert table[["micrograph", "x", "y"]].to_numpy().tolist() == [["Movies/a.mrc", 25, 35]]


def test_files_of_a_job_with_other_columns_or_errors_are_read_one_by_one(tmp_path):
    write_folder(PICKS, tmp_path, "star")
    one = tmp_path / "Movies/a_autopick.star"
    one.write_text("data_\n\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n7 8\n")
    back = read_folder(tmp_path)
    assert back["score"].isna().tolist() == [False, False, True]
    one.write_text("data_\n\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n7\n")
    with pytest.raises(TableError, match=r"a_autopick\.star, line 6"):
        read_folder(tmp_path)


@pytest.mark.filterwarnings("ignore::activepick.formats.TableWarning")
def test_a_folder_without_a_list_names_micrographs_by_their_place(tmp_path):
    write_folder(PICKS, tmp_path, "star")
    (tmp_path / "autopick.star").unlink()
    assert set(read_folder(tmp_path)["micrograph"]) == {"Movies/a", "Movies/b"}
    write_folder(PICKS, tmp_path / "boxes", "box", box_size=21)
    assert read_folder(tmp_path / "boxes")["micrograph"].tolist() == ["a", "b", "b"]


def test_micrographs_are_written_one_by_one_as_they_are_picked(tmp_path):
    names = [f"{JOB}Movies/{name}.mrc" for name in "abc"]
    folder = PickFolder(tmp_path / "job", "star", names)
    for name in names[:2]:
        folder.write(name, PICKS[PICKS["micrograph"] == name])
    folder.write_index(names[:2])
    assert len(read_folder(tmp_path / "job")) == 3
    assert not folder.paths[names[2]].exists()


def test_exact_names_and_optics_groups_come_from_the_list_of_micrographs(tmp_path):
    fixture = Path(__file__).parent / "fixtures/relion4/CtfFind/job003/micrographs_ctf.star"
    known = read_relion_micrographs(fixture)
    table = pd.DataFrame({"micrograph": known.names, "x": [1.0, 2], "y": [3.0, 4]})
    write_table(known.with_optics(table), tmp_path / "p.star")
    written = starfile.read(tmp_path / "p.star")
    assert written["optics"]["rlnVoltage"].tolist() == [200, 200]
    assert written["optics"]["rlnMicrographPixelSize"].tolist() == [0.885, 0.885]
    assert written["particles"]["rlnOpticsGroup"].tolist() == [1, 2]
    assert written["particles"]["rlnMicrographName"].tolist() == list(known.names)
