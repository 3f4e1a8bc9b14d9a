"""Which micrographs folders, files and lists mean."""

import os
from pathlib import Path

import numpy as np
import pytest

from activepick.errors import MicrographError, TableError
from activepick.micrograph.discovery import find_micrographs

CTF = """# version 30001

data_optics

loop_
_rlnOpticsGroupName #1
_rlnOpticsGroup #2
_rlnMicrographPixelSize #3
day1 1 1.5
day2 2 0.8

data_micrographs

loop_
_rlnMicrographName #1
_rlnOpticsGroup #2
_rlnDefocusU #3
_rlnDefocusV #4
MotionCorr/m0.mrc 1 10000 11000
MotionCorr/m1.mrc 2 nan 11000
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touch(*names):
    """Make files, of which only the names count here."""
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def names_in(*paths, **options):
    return [found.name for found in find_micrographs([Path(p) for p in paths], **options).found]


def test_a_folder_gives_its_micrographs_in_the_order_of_their_names():
    touch("mics/b.mrc", "mics/a.MRC", "mics/c.tif", "mics/notes.txt", "mics/d.mrc.gz", "mics/e.eer")
    assert names_in("mics") == ["mics/a.MRC", "mics/b.mrc", "mics/c.tif", "mics/d.mrc.gz"]
    assert names_in(Path("mics").absolute())[1] == str(Path("mics/b.mrc").absolute())
    assert find_micrographs([Path("mics")]).notices == []


def test_hidden_files_of_a_folder_are_skipped():
    touch("mics/a.mrc", "mics/._a.mrc", "mics/.b.mrc.tmp.mrc", "mics/.trash/c.mrc")
    assert names_in("mics") == ["mics/a.mrc"]
    assert names_in("mics", recursive=True) == ["mics/a.mrc"]
    assert names_in("mics/.b.mrc.tmp.mrc") == ["mics/.b.mrc.tmp.mrc"]


@pytest.mark.parametrize(
    ("beside", "kept"),
    [
        (["a_PS", "a_noDW", "a_EVN", "a_ODD", "a_ps", "a_background"], "a.mrc"),
        (["a"], "a_DW.mrc"),
        (["a", "a_noDW", "a_DWS", "a_PS"], "a_DW.mrc"),
        (["a_patch_aligned"], "a_patch_aligned_doseweighted.mrc"),
        (["a_DW_PS"], "a_DW.mrc"),
        (["a_Stk", "a_ctf", "a_diag", "a_even", "a_odd", "a_DWS"], "a.mrc"),
        (["a_background", "a_thumb_@1x", "a_rigid_aligned"], "a_rigid_aligned_doseweighted.mrc"),
        (["a_background"], "a_patch_aligned.mrc"),
        (["a_ODD"], "a_EVN.mrc"),
        (["a_odd"], "a_even.mrc"),
    ],
)
def test_files_that_accompany_a_micrograph_are_left_out_and_reported(beside, kept):
    touch(f"mics/{kept}", *(f"mics/{name}.mrc" for name in beside), "mics/b_PS.mrc", "mics/odd.mrc")
    found = find_micrographs([Path("mics")])
    assert {each.name for each in found.found} == {
        f"mics/{kept}", "mics/b_PS.mrc", "mics/odd.mrc",
    }  # fmt: skip
    [notice] = found.notices
    assert f"{len(beside)} file" in str(notice)
    assert f"belongs to mics/{kept}" in str(notice)
    # The same if the shell expands the names, and for a list of them.
    assert set(names_in(*Path("mics").iterdir())) == {each.name for each in found.found}
    Path("list.txt").write_text("\n".join(sorted(map(str, Path("mics").iterdir()))))
    assert set(names_in("list.txt")) == {each.name for each in found.found}
    assert names_in(f"mics/{beside[0]}.mrc") == [f"mics/{beside[0]}.mrc"]


def test_a_list_of_relion_selects_exactly_its_files():
    touch("a.mrc", "a_noDW.mrc")
    rows = "data_\nloop_\n_rlnMicrographName\na.mrc\na_noDW.mrc\n"
    Path("micrographs.star").write_text(rows)
    assert names_in("micrographs.star") == ["a.mrc", "a_noDW.mrc"]


def test_previews_and_compressed_copies_are_left_out():
    touch("mics/a.mrc", "mics/a.png", "mics/b.mrc.bz2", "mics/b.mrc", "mics/c.jpg", "mics/d.tif")
    found = find_micrographs([Path("mics")])
    assert names_in("mics") == ["mics/a.mrc", "mics/b.mrc", "mics/c.jpg", "mics/d.tif"]
    assert "2 files" in str(found.notices[0])


def test_one_file_with_several_paths_is_one_micrograph(here):
    touch("data/mics/a.mrc", "data/mics/b.mrc")
    spellings = ["data/mics/a.mrc", "./data/mics/a.mrc", f"{here}/data/../data/mics/a.mrc"]
    Path("list.txt").write_text("\n".join([*spellings, "data/mics/b.mrc"]))
    for named in (["list.txt"], [*spellings, "data/mics/b.mrc"], ["list.txt", "data/mics"]):
        found = find_micrographs([Path(p) for p in named])
        assert [each.name for each in found.found] == ["data/mics/a.mrc", "data/mics/b.mrc"]
    assert "the same file as another one" in str(find_micrographs([Path("list.txt")]).notices[0])


@pytest.mark.posix("makes links for everybody")
def test_links_to_one_file_are_one_micrograph():
    touch("store/a.mrc", "store/b.mrc")
    Path("links").mkdir()
    for name in ("1.mrc", "2.mrc"):
        Path("links", name).symlink_to(Path("store/a.mrc").absolute())
    Path("folder").symlink_to("store")
    assert names_in("links") == ["links/1.mrc"]
    assert names_in("folder", "links", "store") == ["folder/a.mrc", "folder/b.mrc"]
    Path("links", "circle.mrc").symlink_to("circle.mrc")
    assert names_in("links") == ["links/1.mrc", "links/circle.mrc"]


def test_a_list_of_relion_gives_names_pixel_sizes_defocus_and_optics(here):
    touch("project/MotionCorr/m0.mrc", "project/MotionCorr/m1.mrc")
    path = here / "project" / "CtfFind" / "job003" / "micrographs_ctf.star"
    path.parent.mkdir(parents=True)
    path.write_text(CTF + "MotionCorr/gone.mrc 1 9000 9000\n")
    found = find_micrographs([path], inverted=True)
    assert [each.name for each in found.found] == ["MotionCorr/m0.mrc", "MotionCorr/m1.mrc"]
    assert [each.path for each in found.found] == [
        here / "project" / "MotionCorr" / name for name in ("m0.mrc", "m1.mrc")
    ]
    assert [each.pixel_size_angstrom for each in found.found] == [1.5, 0.8]
    assert [each.defocus_angstrom for each in found.found] == [10500, None]
    assert all(each.inverted for each in found.found)
    assert [group["rlnOpticsGroupName"] for group in found.relion_lists[0].optics] == [
        "day1", "day2",
    ]  # fmt: skip
    assert list(found.missing) == ["MotionCorr/gone.mrc"]
    reason = found.missing["MotionCorr/gone.mrc"]
    assert str(path.parent) in reason
    assert "parent folders" in reason
    micrograph = found.found[0].micrograph()
    assert (micrograph.path, micrograph.inverted) == (found.found[0].path, True)
    typed = find_micrographs([path], 2.5).found
    assert [each.pixel_size_angstrom for each in typed] == [2.5, 2.5]


def test_older_lists_have_the_pixel_size_in_their_rows(here):
    touch("MotionCorr/m0.mrc", "MotionCorr/m1.mrc")
    path = here / "all.star"
    path.write_text(
        "data_\nloop_\n_rlnMicrographName #1\n_rlnMagnification #2\n_rlnDetectorPixelSize #3\n"
        "MotionCorr/m0.mrc 50000 7\nMotionCorr/m0.mrc 50000 7\n"
    )
    [found] = find_micrographs([path]).found
    assert found.pixel_size_angstrom == pytest.approx(1.4)
    path.write_text("data_\nloop_\n_rlnMicrographName #1\nMotionCorr/m1.mrc\n")
    [found] = find_micrographs([path]).found
    assert found.pixel_size_angstrom is None
    path.write_text("data_\nloop_\n_rlnCoordinateX #1\n5\n")
    with pytest.raises(TableError, match="not a list of micrographs"):
        find_micrographs([path])


def test_the_number_of_an_image_in_a_stack_is_removed_from_names():
    touch("Movies/a.mrcs", "Movies/b.mrc")
    Path("list.txt").write_text("000001@Movies/a.mrcs\nMovies/b.mrc\n")
    found = find_micrographs([Path("list.txt")]).found
    assert [each.name for each in found] == ["Movies/a.mrcs", "Movies/b.mrc"]
    assert [each.path.name for each in found] == ["a.mrcs", "b.mrc"]
    Path("list.star").write_text("data_\nloop_\n_rlnMicrographName\n000001@Movies/a.mrcs\n")
    [named] = find_micrographs([Path("list.star")]).found
    assert (named.name, named.path.name) == ("000001@Movies/a.mrcs", "a.mrcs")


def test_text_files_of_editors_and_shells_are_read(monkeypatch, here):
    touch("data/mics/a 1.mrc", "data/mics/b.mrc", "data/mics/c.mrc", "home/d.mrc")
    monkeypatch.setenv("HOME", str(here / "home"))
    monkeypatch.setenv("USERPROFILE", str(here / "home"))
    Path("data/list.txt").write_bytes(
        b"\xef\xbb\xbf# mine\r\n\r\nmics/a 1.mrc  \r\n\"mics/b.mrc\"\r\n'mics/c.mrc'\r\n~/d.mrc\r\n"
    )
    found = find_micrographs([Path("data/list.txt")])
    assert [each.name for each in found.found][:3] == ["mics/a 1.mrc", "mics/b.mrc", "mics/c.mrc"]
    assert found.found[3].path == here / "home" / "d.mrc"
    assert found.missing == {}


def test_comments_after_names_in_a_list_are_ignored(here):
    touch("m/a.mrc", "m/b #1.mrc", "m/c #2.mrc")
    Path("list.txt").write_text('m/a.mrc # good\nm/b #1.mrc\n"m/c #2.mrc"  # bad ice\n')
    found = find_micrographs([Path("list.txt")])
    assert [each.name for each in found.found] == ["m/a.mrc", "m/b #1.mrc", "m/c #2.mrc"]
    assert found.missing == {}


def test_names_in_a_list_may_be_relative_to_the_current_folder(here, monkeypatch):
    touch("project/Movies/a.mrc")
    (here / "lists").mkdir()
    (here / "lists" / "some.txt").write_text("Movies/a.mrc\nMovies/gone.mrc\n")
    (here / "lists" / "some.star").write_text(
        "data_micrographs\nloop_\n_rlnMicrographName\nMovies/a.mrc\n"
    )
    monkeypatch.chdir(here / "project")
    for name in ("some.txt", "some.star"):
        found = find_micrographs([here / "lists" / name])
        assert [each.name for each in found.found] == ["Movies/a.mrc"]
    missing = find_micrographs([here / "lists" / "some.txt"]).missing["Movies/gone.mrc"]
    assert str(here / "lists") in missing
    assert str(here / "project") in missing


def test_two_files_with_the_same_name_in_tables_are_refused():
    touch("one/Movies/a.mrc", "two/Movies/a.mrc")
    for project in ("one", "two"):
        Path(project, "list.star").write_text("data_\nloop_\n_rlnMicrographName\nMovies/a.mrc\n")
    with pytest.raises(MicrographError, match=r"both named Movies/a\.mrc"):
        find_micrographs([Path("one/list.star"), Path("two/list.star")])


def test_quotes_around_a_path_are_removed():
    touch("mics 1/a.mrc")
    assert names_in('"mics 1"') == names_in("'mics 1/a.mrc'") == ["mics 1/a.mrc"]
    touch("'odd'/b.mrc")
    assert names_in("'odd'") == ["'odd'/b.mrc"]


def test_exposures_of_cryosparc_are_found():
    touch("J2/motioncorrected/001_a.mrc", "J2/motioncorrected/002_b.mrc")
    rows = np.zeros(
        3,
        [
            ("uid", "u8"),
            ("micrograph_blob/path", "S40"),
            ("micrograph_blob/shape", "u4", 2),
            ("micrograph_blob/psize_A", "f4"),
            ("ctf/df1_A", "f4"),
            ("ctf/df2_A", "f4"),
        ],
    )
    files = [b"J2/motioncorrected/%s" % name for name in (b"001_a.mrc", b"002_b.mrc", b"3.mrc")]
    rows["micrograph_blob/path"] = files
    rows["micrograph_blob/shape"] = 100
    rows["micrograph_blob/psize_A"] = [0.5, 0, 0.5]
    rows["ctf/df1_A"], rows["ctf/df2_A"] = [9000, 8000, 0], [11000, np.nan, 0]
    with open("J2/exposures_accepted.cs", "wb") as file:
        np.save(file, rows)
    found = find_micrographs([Path("J2/exposures_accepted.cs")])
    assert [each.name for each in found.found] == [name.decode() for name in files[:2]]
    assert [each.pixel_size_angstrom for each in found.found] == [0.5, None]
    assert [each.defocus_angstrom for each in found.found] == [10000, None]
    assert list(found.missing) == ["J2/motioncorrected/3.mrc"]


def test_micrographs_in_subfolders_are_reported_and_found_on_request():
    touch("mics/a.mrc", "mics/day2/b.mrc", "mics/day2/c.mrc", "mics/thumbs/a.png")
    touch("mics/mics.activepick/x.mrc")
    found = find_micrographs([Path("mics")])
    assert [each.name for each in found.found] == ["mics/a.mrc"]
    [notice] = found.notices
    assert "more micrographs (2)" in str(notice)
    assert "mics/day2/b.mrc" in str(notice)
    assert "--recursive" in notice.option
    assert names_in("mics", recursive=True) == [
        "mics/a.mrc", "mics/day2/b.mrc", "mics/day2/c.mrc", "mics/thumbs/a.png",
    ]  # fmt: skip


@pytest.mark.posix("makes links for everybody")
def test_a_recursive_search_ends_at_circular_links():
    touch("mics/day1/a.mrc")
    Path("mics/day1/up").symlink_to(Path("mics").absolute())
    assert names_in("mics", recursive=True) == ["mics/day1/a.mrc"]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([], "end in .mrc"),
        (["notes.txt"], "end in .mrc"),
        (["a.eer"], "movies: run motion correction"),
        (["a.dm4"], "convert them to MRC"),
        (["day1/a.mrc", "day2/b.mrc"], "in its subfolders (2), such as mics/day1/a.mrc"),
        (["corrected_micrographs.star", "Movies/a.mrc"], "mics/corrected_micrographs.star"),
    ],
)
def test_a_folder_without_micrographs_is_refused_with_advice(files, said):
    touch("mics/.hidden", *(f"mics/{name}" for name in files))
    with pytest.raises(MicrographError) as error:
        find_micrographs([Path("mics")])
    assert "there are no micrographs in this folder" in str(error.value)
    assert said.replace("/", os.sep) in str(error.value) or said in str(error.value)
    assert find_micrographs([Path("mics")], may_be_empty=True).found == []


def test_lists_without_micrographs_are_refused():
    Path("list.txt").write_text("# nothing yet\n")
    with pytest.raises(MicrographError, match="no micrographs in this list"):
        find_micrographs([Path("list.txt")])
    assert find_micrographs([Path("list.txt")], may_be_empty=True).found == []
    Path("movies.star").write_text("data_movies\nloop_\n_rlnMicrographMovieName\nMovies/a.tiff\n")
    with pytest.raises(TableError, match="list of movies"):
        find_micrographs([Path("movies.star")])
