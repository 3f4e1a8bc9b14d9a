"""STAR files of picks and particles: of which micrograph a row is, and what is refused."""

import re
import warnings
from pathlib import Path

import pandas as pd
import pytest

from activepick.errors import TableError
from activepick.formats import TableWarning, read_folder, read_table


def star(folder: Path, rows: dict[str, list], name: str = "run_data.star", block: str = "") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text_of(rows, block))
    return path


def text_of(rows: dict[str, list], block: str = "") -> str:
    labels = "".join(f"_{label} #{k}\n" for k, label in enumerate(rows, 1))
    lines = "".join(" ".join(map(str, row)) + "\n" for row in zip(*rows.values(), strict=True))
    return f"data_{block}\n\nloop_\n{labels}{lines}\n"


XY = {"rlnCoordinateX": [100, 300, 110], "rlnCoordinateY": [200, 400, 210]}


@pytest.mark.parametrize(
    ("label", "values"),
    [
        ("rlnImageName", ["000001@E/job007/M/a.mrcs", "000002@E/job007/M/a.mrcs", "1@E/b.mrcs"]),
        ("rlnImageOriginalName", ["1@E/a.mrcs", "2@E/a.mrcs", "1@E/b.mrcs"]),
        ("rlnMicrographMovieName", ["Movies/a.tiff", "Movies/a.tiff", "Movies/b.tiff"]),
        ("rlnMicrographNameNoDW", ["M/a_noDW.mrc", "M/a_noDW.mrc", "M/b_noDW.mrc"]),
    ],
)
def test_micrographs_without_a_name_are_named_after_images_and_movies(tmp_path, label, values):
    path = star(tmp_path, {label: values, **XY}, block="images")
    plain = [value.rpartition("@")[2] for value in values]
    with pytest.warns(TableWarning, match=f"named after {label}, such as {re.escape(plain[0])}"):
        table = read_table(path)
    assert table["micrograph"].tolist() == plain
    assert table[label].tolist() == values
    assert "micrograph_from_file_name" not in table.attrs
    assert table["x"].tolist() == XY["rlnCoordinateX"]


def test_names_of_micrographs_take_precedence_over_movies_and_stacks(tmp_path):
    images = {"rlnImageName": ["1@x.mrcs"] * 3}
    movies = {"rlnMicrographMovieName": list("abb")}
    names = {"rlnMicrographName": list("cdd")}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = read_table(star(tmp_path, {**images, **movies, **XY, **names}))
    assert table["micrograph"].tolist() == list("cdd")
    with pytest.warns(TableWarning, match="rlnMicrographMovieName"):
        assert read_table(star(tmp_path, {**images, **XY, **movies}))["micrograph"][2] == "b"


@pytest.mark.parametrize(
    "label", ["rlnMicrographId", "rlnGroupNumber", "rlnGroupName", "rlnOpticsGroup", "rlnCtfImage"]
)
def test_particles_of_several_unnamed_micrographs_are_refused(tmp_path, label):
    with pytest.raises(TableError, match=f"several micrographs \\({label} varies\\)"):
        read_table(star(tmp_path, {**XY, label: [1, 1, 2]}))
    one = read_table(star(tmp_path, {**XY, label: [3, 3, 3]}, "a_autopick.star"))
    assert one["micrograph"].tolist() == ["a"] * 3


@pytest.mark.parametrize("label", ["rlnMicrographId", "rlnGroupNumber", "rlnOpticsGroup"])
def test_a_stack_of_several_micrographs_does_not_name_them(tmp_path, label):
    images = {"rlnImageName": ["1@all.mrcs", "2@all.mrcs", "3@all.mrcs"]}
    with pytest.raises(TableError, match=f"several micrographs \\({label} varies\\)"):
        read_table(star(tmp_path, {**XY, **images, label: [1, 1, 2]}))
    apart = {"rlnImageName": ["1@a.mrcs", "2@a.mrcs", "1@b.mrcs"]}
    with pytest.warns(TableWarning, match="rlnImageName"):
        table = read_table(star(tmp_path, {**XY, **apart, label: [1, 1, 2]}))
    assert table["micrograph"].tolist() == ["a.mrcs", "a.mrcs", "b.mrcs"]


def test_the_name_none_is_not_a_micrograph(tmp_path):
    rows = {"rlnMicrographName": ["None"] * 3, **XY}
    images = {"rlnImageName": ["1@a.mrcs", "2@a.mrcs", "1@b.mrcs"]}
    with pytest.warns(TableWarning, match="named after rlnImageName"):
        table = read_table(star(tmp_path, {**rows, **images}))
    assert table["micrograph"].tolist() == ["a.mrcs", "a.mrcs", "b.mrcs"]
    assert set(read_table(star(tmp_path, rows, "c_autopick.star"))["micrograph"]) == {"c"}
    for name in "cd":
        star(tmp_path, rows, f"jobs/{name}_autopick.star")
    assert read_folder(tmp_path / "jobs")["micrograph"].tolist() == [*"cccddd"]


@pytest.mark.parametrize("name", ["a_autopick.star", "jobs/a_autopick.star"])
def test_numbers_of_images_in_names_of_micrographs_are_removed(tmp_path, name):
    rows = {"rlnMicrographName": ["000001@M/a.mrcs", "000001@M/a.mrcs", "000001@M/b.mrcs"], **XY}
    path = star(tmp_path, rows, name)
    with pytest.warns(TableWarning, match=r"without the number of the image, such as 000001@M/a"):
        table = read_folder(path.parent) if "/" in name else read_table(path)
    assert table["micrograph"].tolist() == ["M/a.mrcs", "M/a.mrcs", "M/b.mrcs"]


def test_names_in_files_take_precedence_over_the_names_of_files(tmp_path):
    for name in "ab":
        images = {"rlnImageName": [f"{k}@Extract/{name}.mrcs" for k in (1, 2, 3)]}
        star(tmp_path, {**XY, **images}, f"Movies/{name}1.star")
    with pytest.warns(TableWarning, match="rlnImageName"):
        assert read_folder(tmp_path)["micrograph"].tolist()[::3] == [
            "Extract/a.mrcs",
            "Extract/b.mrcs",
        ]
    lists = {"rlnMicrographName": ["A.mrc", "B.mrc"]}
    lists["rlnMicrographCoordinates"] = ["Movies/a1.star", "Movies/b1.star"]
    star(tmp_path, lists, "autopick.star", "coordinate_files")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_folder(tmp_path)["micrograph"].tolist()[::3] == ["A.mrc", "B.mrc"]


NAMED = {"rlnMicrographName": ["a.mrc"] * 3, **XY}
TOMOGRAMS = [
    ({"rlnTomoName": ["TS_1", "TS_2", "TS_2"], **XY}, "rlnTomoName"),
    ({"rlnTomoParticleId": [1, 2, 3], **NAMED}, "rlnTomoParticleId"),
    (
        {"rlnCenteredCoordinateXAngst": [1, 2, 3], "rlnCenteredCoordinateYAngst": [1, 2, 3]},
        "rlnCenteredCoordinateXAngst",
    ),
    ({**NAMED, "rlnCoordinateZ": [50, 50, 60.5]}, "rlnCoordinateZ varies"),
    ({**NAMED, "rlnCoordinateZ": [50, 50, 50]}, "rlnCoordinateZ is not 0"),
    ({**XY, "rlnMicrographName": ["TS_1.tomostar"] * 3}, "TS_1.tomostar"),
]
FILAMENTS = [
    ({**NAMED, "rlnHelicalTubeID": [1, 1, 2]}, "rlnHelicalTubeID"),
    ({**XY, "rlnHelicalTrackLengthAngst": [0, 30, 60]}, "rlnHelicalTrackLengthAngst"),
]


@pytest.mark.parametrize(("rows", "reason"), TOMOGRAMS)
def test_tomograms_are_refused(tmp_path, rows, reason):
    sentence = rf"particles in tomograms \({reason}\), and tomograms are not supported"
    with pytest.raises(TableError, match=sentence):
        read_table(star(tmp_path, rows, block="particles"))
    star(tmp_path, rows, "other.star")
    with pytest.raises(TableError, match=sentence):
        read_folder(tmp_path)


@pytest.mark.parametrize(("rows", "reason"), FILAMENTS)
def test_filaments_are_refused(tmp_path, rows, reason):
    sentence = rf"points on filaments \({reason}\), not particles, and filaments are not supported"
    with pytest.raises(TableError, match=sentence):
        read_table(star(tmp_path, rows))
    star(tmp_path, rows, "other.star")
    with pytest.raises(TableError, match=sentence):
        read_folder(tmp_path)


def test_a_tilt_series_is_refused_by_its_extension(tmp_path):
    rows = {"wrpMovieName": ["a.tif"], "wrpAngleTilt": [-60]}
    with pytest.raises(TableError, match="tomograms are not supported"):
        read_table(star(tmp_path, rows, "TS_1.tomostar"))


def test_empty_columns_of_tomograms_and_filaments_are_not_refused(tmp_path):
    rows = {**NAMED, "rlnCoordinateZ": [0, 0, 0], "rlnHelicalTubeID": [0, 0, 0]}
    assert len(read_table(star(tmp_path, rows))) == 3


def test_two_tables_of_positions_are_combined_with_a_warning(tmp_path):
    first = {**NAMED, "rlnAutopickFigureOfMerit": [1, 2, 3]}
    other = {"rlnMicrographName": ["b.mrc"], "rlnCoordinateX": [7], "rlnCoordinateY": [8]}
    path = tmp_path / "a.star"
    path.write_text(text_of(first, "particles") + text_of(other, "images"))
    with pytest.warns(TableWarning, match="2 tables are joined: data_particles, data_images"):
        table = read_table(path)
    assert table["micrograph"].tolist() == ["a.mrc"] * 3 + ["b.mrc"]
    assert table["x"].tolist() == [*XY["rlnCoordinateX"], 7]
    assert table["score"].isna().tolist() == [False] * 3 + [True]
    path.write_text(text_of(XY) + text_of(XY, "more"))
    with pytest.warns(TableWarning, match="are joined"):
        table = read_table(path)
    assert table["micrograph"].tolist() == ["a"] * 6
    assert table.attrs["micrograph_from_file_name"] is True
    # A table without rows is ignored.
    path.write_text(text_of({key: [] for key in NAMED}, "particles") + text_of(other, "images"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pd.testing.assert_frame_equal(
            read_table(path)[["x", "y"]], pd.DataFrame({"x": [7.0], "y": [8.0]})
        )
