"""One file per micrograph: its path, which stays inside the folder, and RELION's list of them."""

import re
import warnings
import zlib
from pathlib import Path

import pandas as pd
import pytest
import starfile
from hypothesis import given, settings
from hypothesis import strategies as st

from activepick.errors import TableError
from activepick.formats import (
    PickFolder,
    TableWarning,
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
def test_no_name_writes_outside_the_folder(name, tree):
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
def test_files_are_written_to_the_expected_paths(names, tree, files):
    paths = output_paths(names, Path("out"), ".star", tree=tree)
    assert [p.as_posix() for p in paths.values()] == [f"out/{file}.star" for file in files]


def test_two_micrographs_never_share_a_file():
    with pytest.raises(TableError, match="both be written"):
        output_paths(["x/a.mrc", "x/a.tif"], Path("out"), ".box", tree=False)
    with pytest.raises(TableError, match="both be written"):
        output_paths(["x/a.mrc", "x/A.mrc"], Path("out"), ".star", tree=True)


@pytest.mark.posix("makes links for everybody")
def test_a_link_within_the_folder_is_not_followed(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out/Movies").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TableError, match="link"):
        write_folder(PICKS, tmp_path / "out", "star")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_names_in_a_star_file_write_only_inside_the_folder(tmp_path):
    star = tmp_path / "in.star"
    write_table(
        PICKS.assign(micrograph=["../../evil.mrc", "/abs/olute.mrc", "a/../../b.mrc"]), star
    )
    write_folder(read_table(star), tmp_path / "deep/out", "star")
    inside = [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()]
    assert sorted(inside) == [
        "deep/out/.activepick-files",
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


def test_a_list_of_coordinate_files_may_name_files_of_other_programs(tmp_path):
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
def test_a_folder_without_a_list_names_micrographs_by_their_path(tmp_path):
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


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("[!.]*") if path.is_file())


def test_files_of_an_earlier_run_are_reported_and_removed_on_request(tmp_path):
    def write(names: str, **options: object) -> None:
        table = pd.DataFrame({"micrograph": list(names), "x": 10.0, "y": 20.0})
        write_folder(table, tmp_path, "box", box_size=8, **options)

    (tmp_path / "mine.box").write_text("1\t2\t3\t3\n")
    (tmp_path / "note.txt").write_text("of mine")
    with pytest.warns(TableWarning, match=r"1 other file was in the folder already \(mine\.box\)"):
        write("abcd")
    with pytest.warns(TableWarning) as caught:
        write("ac")
    said = [str(warning.message) for warning in caught]
    assert any(re.search(r"2 files of an earlier run remain .* \(b\.box\) ", t) for t in said)
    assert any("1 other file was" in text for text in said)
    assert names_in(tmp_path) == ["a.box", "b.box", "c.box", "d.box", "mine.box", "note.txt"]
    # A file that another program changed is not removed.
    (tmp_path / "b.box").write_text("5\t5\t8\t8\n")
    with pytest.warns(TableWarning, match=r"2 other files were in the folder already \(b\.box\)"):
        write("a", overwrite=True)
    assert names_in(tmp_path) == ["a.box", "b.box", "mine.box", "note.txt"]
    for name in ("b.box", "mine.box"):
        (tmp_path / name).unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write("a", overwrite=True)
        write("ab")
    assert read_folder(tmp_path)["micrograph"].tolist() == ["a", "b"]


def test_another_format_or_version_replaces_the_first_in_a_folder(tmp_path):
    write_folder(PICKS, tmp_path, "star")
    with pytest.warns(
        TableWarning, match=r"1 file of an earlier run remains .* \(.*autopick\.star\)"
    ):
        write_folder(PICKS, tmp_path, "star", version="3.1")
    write_folder(PICKS, tmp_path, "star", version="3.1", overwrite=True)
    assert names_in(tmp_path) == [
        "a_autopick.star",
        "b_autopick.star",
        "coords_suffix_autopick.star",
    ]
    write_folder(PICKS.drop(columns="score"), tmp_path, "coords", overwrite=True)
    assert names_in(tmp_path) == ["a.coords", "b.coords"]


def test_picks_written_one_by_one_are_recorded(tmp_path):
    names = [f"{JOB}Movies/{name}.mrc" for name in "abc"]
    first = PickFolder(tmp_path / "job", "star", names)
    for name in names:
        first.write(name, PICKS[PICKS["micrograph"] == name])
    # Interrupted before the list is written.
    again = PickFolder(tmp_path / "job", "star", names[:2], overwrite=True)
    again.write(names[0], PICKS[PICKS["micrograph"] == names[0]])
    again.finish(names[:1])
    assert names_in(tmp_path / "job") == ["a_autopick.star", "autopick.star"]


@pytest.mark.posix("makes links for everybody")
def test_a_manipulated_record_removes_nothing_elsewhere(tmp_path):
    folder = tmp_path / "out"
    write_folder(PICKS, folder, "topaz")
    outside = tmp_path / "kept.txt"
    outside.write_bytes(b"abc")
    (folder / "link.txt").symlink_to(outside)
    line = f"3 {zlib.crc32(b'abc')}"
    with (folder / ".activepick-files").open("a") as record:
        record.write(
            f"{line} ../kept.txt\n{line} {outside}\n{line} link.txt\n{line} a\0b\n3 x y\n7 "
        )
    with pytest.warns(TableWarning, match=r"1 other file .* .link\.txt"):
        write_folder(PICKS, folder, "topaz", overwrite=True)
    assert outside.read_bytes() == b"abc"
    assert names_in(folder) == ["a.txt", "b.txt", "link.txt"]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of RELION, with the working folder outside of it."""
    folder = tmp_path / "data/project"
    for name in "ab":
        file = folder / f"{JOB}Movies/{name}.mrc"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return folder


def listed(folder: Path) -> list[tuple[str, str]]:
    index = starfile.read(folder / "autopick.star")
    return list(zip(index["rlnMicrographName"], index["rlnMicrographCoordinates"], strict=True))


@pytest.mark.parametrize("spelled", ["absolute", "relative", "from the project"])
@pytest.mark.parametrize("pipeline", [True, False])
def test_a_job_written_from_another_folder_has_paths_relative_to_the_project(
    project, spelled, pipeline
):
    before = {"absolute": project, "relative": Path("../data/project"), "from the project": Path()}
    out = project / ("AutoPick/job007" if not pipeline else "somewhere/else")
    if pipeline:
        (project / "default_pipeline.star").touch()
    table = PICKS.assign(
        micrograph=[(before[spelled] / name).as_posix() for name in PICKS["micrograph"]]
    )
    out = Path("../data/project") / out.relative_to(project) if spelled == "relative" else out
    paths = write_folder(table, out, "star")
    inside = out.resolve().relative_to(project).as_posix()
    assert listed(out) == [
        (f"{JOB}Movies/{name}.mrc", f"{inside}/Movies/{name}_autopick.star") for name in "ba"
    ]
    assert list(paths) == table["micrograph"].unique().tolist()
    assert read_folder(out)["micrograph"].tolist() == [PICKS["micrograph"][k] for k in (0, 2, 1)]


def test_a_job_outside_the_project_of_its_micrographs_has_absolute_paths(project, tmp_path):
    star = project / "CtfFind/job003/micrographs_ctf.star"
    star.parent.mkdir(parents=True)
    star.write_text(f"data_micrographs\n\nloop_\n_rlnMicrographName\n{JOB}Movies/b.mrc\n")
    write_folder(PICKS[::2], "job", "star", micrographs_star=star)
    file = (tmp_path / "work/job/Movies/b_autopick.star").as_posix()
    assert listed(Path("job")) == [(f"{JOB}Movies/b.mrc", file)]
    write_folder(PICKS[::2], "old", "star", version="3.1", micrographs_star=star)
    text = Path("old/coords_suffix_autopick.star").read_text()
    assert text == "CtfFind/job003/micrographs_ctf.star\n"


def test_two_names_of_one_micrograph_are_refused_in_a_job(project):
    names = [f"{JOB}Movies/a.mrc", (project / f"{JOB}Movies/a.mrc").as_posix()]
    table = pd.DataFrame({"micrograph": names, "x": 1.0, "y": 2.0})
    with pytest.raises(TableError, match=r"both .* in the RELION project"):
        write_folder(table, project / "AutoPick/job007", "star")


def test_names_that_relion_cannot_find_are_reported(tmp_path):
    table = pd.DataFrame({"micrograph": ["a", "b.mrc"], "x": 1.0, "y": 2.0})
    with pytest.warns(TableWarning, match="1 micrograph has a name without extension, such as a;"):
        write_folder(table, tmp_path / "job", "star")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_folder(table[1:], tmp_path / "job2", "star")
        write_folder(table, tmp_path / "other", "star", ending=".star")
