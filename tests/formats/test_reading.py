import warnings
from pathlib import Path

import pandas as pd
import pytest

from activepick.errors import TableError
from activepick.formats import (
    TableWarning,
    choose_format,
    read_relion_micrographs,
    read_table,
    write_coordinate_index,
    write_table,
)

STAR_30 = """
data_

loop_
_rlnMicrographName #1
_rlnCoordinateX #2
_rlnCoordinateY #3
_rlnAutopickFigureOfMerit #4
Micrographs/a.mrc   100.500000    20.000000     1.250000
Micrographs/b.mrc     3.000000     4.000000    -0.500000
"""
STAR_31 = """
# version 30001

data_optics

loop_
_rlnOpticsGroupName #1
_rlnOpticsGroup #2
_rlnMicrographPixelSize #3
opticsGroup1            1     1.770000


# version 30001

data_particles

loop_
_rlnCoordinateX #1
_rlnCoordinateY #2
_rlnAutopickFigureOfMerit #3
_rlnMicrographName #4
_rlnOpticsGroup #5
  100.500000    20.000000     1.250000 Micrographs/a.mrc            1
    3.000000     4.000000    -0.500000 Micrographs/b.mrc            1

"""
ONE_MICROGRAPH = """
# version 30001

data_

loop_
_rlnCoordinateX #1
_rlnCoordinateY #2
_rlnClassNumber #3
_rlnAnglePsi #4
_rlnAutopickFigureOfMerit #5
  100.500000    20.000000            0     0.000000     1.250000
    3.000000     4.000000            0     0.000000    -0.500000

"""
CSV = "micrograph,x,y,score\nMicrographs/a.mrc,100.5,20,1.25\nMicrographs/b.mrc,3,4,-0.5\n"
TOPAZ = "image_name\tx_coord\ty_coord\tscore\na\t100.5\t20\t1.25\nb\t3\t4\t-0.5\n"


def save(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.star", STAR_30),
        ("a.star", STAR_31),
        ("a.star", STAR_31.replace("data_particles", "data_micrographs")),
        ("a.star", STAR_30.replace("\n", "\r\n")),
        ("a.star", STAR_30.replace("_#1\n", "_#1\r")),
        ("a.star", STAR_30.replace("\n", "\r")),
        ("a.csv", CSV),
        ("a.csv", CSV.replace("\n", "\r\n", 2)),
        ("a.csv", b"\xef\xbb\xbf" + CSV.encode()),
        ("a.csv", "\n" + CSV + "\n\n"),
        ("a.csv", CSV.replace(",", ";").replace(".5", ",5").replace(".25", ",25")),
        ("a.tsv", CSV.replace(",", "\t")),
        ("a.csv", CSV.replace("micrograph,x,y", "Image_Name,X-Coordinate,Y-Coordinate")),
        ("a.csv", CSV.replace("score", "rlnAutopickFigureOfMerit").replace("x,", "x_coord,")),
        ("a.txt", TOPAZ),
        # the content decides if the extension is ambiguous
        ("a.dat", STAR_31),
        ("a.dat", CSV),
        ("a", TOPAZ),
    ],
)  # fmt: skip
def test_layouts_of_other_programs_are_read(tmp_path, name, content):
    table = read_table(save(tmp_path, name, content))
    assert [n.split("/")[-1][0] for n in table["micrograph"]] == ["a", "b"]
    assert table[["x", "y", "score"]].to_numpy().tolist() == [[100.5, 20, 1.25], [3, 4, -0.5]]


def test_a_given_format_takes_precedence_over_the_extension(tmp_path):
    path = save(tmp_path, "a.star", CSV)
    assert len(read_table(path, "csv")) == 2
    with pytest.raises(TableError, match="looks like CSV"):
        read_table(path)
    with pytest.raises(TableError, match="choose one of star, csv, topaz"):
        read_table(path, "xlsx")
    with pytest.raises(TableError, match="format"):
        read_table(save(tmp_path, "a.dat", "nothing that is known"))
    with pytest.raises(TableError, match="format"):
        choose_format("picks.xyz", sniff=False)


def test_coordinates_without_names_are_named_after_the_file(tmp_path):
    table = read_table(save(tmp_path, "May08_03.05.02_autopick.star", ONE_MICROGRAPH))
    assert table["micrograph"].tolist() == ["May08_03.05.02"] * 2
    assert table["score"].tolist() == [1.25, -0.5]
    assert table.attrs["micrograph_from_file_name"] is True


def test_an_index_of_coordinate_files_is_followed(tmp_path):
    job = tmp_path / "AutoPick" / "job009"
    (job / "Movies").mkdir(parents=True)
    save(job / "Movies", "a_autopick.star", ONE_MICROGRAPH)
    index = job / "autopick.star"
    listed = {"Movies/a.mrc": "AutoPick/job009/Movies/a_autopick.star"}
    write_coordinate_index(listed, index)
    table = read_table(index)
    assert table["micrograph"].tolist() == ["Movies/a.mrc"] * 2
    assert table["x"].tolist() == [100.5, 3]
    assert list(read_relion_micrographs(index).names) == ["Movies/a.mrc"]
    write_coordinate_index({"b.mrc": "gone.star"}, index)
    with pytest.raises(TableError, match=r"line 9: gone\.star"):
        read_table(index)
    write_coordinate_index({"b.mrc": "autopick.star"}, index)
    with pytest.raises(TableError, match="itself"):
        read_table(index)


def test_a_block_without_a_loop_is_read_as_one_row(tmp_path):
    text = "data_particles\n\n_rlnMicrographName 'a b.mrc'\n_rlnCoordinateX 1\n_rlnCoordinateY 2\n"
    table = read_table(save(tmp_path, "a.star", text))
    assert table.to_numpy().tolist() == [["a b.mrc", 1, 2]]


def test_latin_1_is_read_with_a_warning(tmp_path):
    path = save(tmp_path, "a.csv", CSV.replace("b.mrc", "é.mrc").encode("latin-1"))
    with pytest.warns(TableWarning, match=r"not UTF-8 \(line 3\)"):
        assert read_table(path)["micrograph"].tolist()[1] == "Micrographs/é.mrc"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "empty"),
        ("a.star", "\n\n  \n", "empty"),
        ("a.star", b"PK\x03\x04\x00\x00", "line 1"),
        ("a.csv", CSV.encode("utf-16-le"), "not text"),
        # cut off
        ("a.star", STAR_30[:-25], "line 10: 2 values where the table has 4"),
        ("a.star", STAR_31[:200], "blocks: data_optics, data_particles"),
        ("a.csv", CSV[:-7], "line 3: 3 values"),
        ("a.txt", TOPAZ[:-8], "line 3: 2 values"),
        # wrong columns
        ("a.csv", "a,b,c\n1,2,3\n", "micrograph and x and y"),
        ("a.csv", "micrograph,x,x\na,2,3\n", "'x' is repeated"),
        ("a.csv", "1,2,3\n4,5,6\n", "micrograph"),
        ("a.txt", "image_name x_coord y_coord\na 1 2\n", "micrograph"),
        ("a.star", STAR_30.replace("_rlnCoordinateY", "_rlnCoordinateX"), "rlnCoordinateX"),
        ("a.star", "data_\nloop_\n_rlnMicrographName #1\na.mrc\n", "list of micrographs"),
        ("a.star", "data_particles\na b c\n", "line 2"),
        ("a.star", "data_particles\nloop_\na b c\n", "line 3"),
        ("a.star", "data_particles\n_rlnCoordinateX\n", "line 2"),
        ("a.star", "a b c\n", "line 1"),
        ("a.star", "# only a comment\n", "no data_ block"),
        # blanks in names without quotes
        ("a.star", STAR_30.replace("/b.mrc", "/b c.mrc"), "line 10: 5 values"),
        ("a.csv", CSV.replace("/b.mrc", "/b,c.mrc"), "line 3: 5 values"),
        ("a.csv", 'micrograph,x,y\n"a,1,2\nb,3,4\n', "line 3"),
        ("a.csv", "micrograph,x,y\n,1,2\n", "line 2: the name"),
        # values
        ("a.csv", CSV.replace("100.5", "many"), "line 2: x is 'many'"),
        ("a.star", STAR_30.replace("20.000000", "2o.000000"), "line 9: y is '2o.000000'"),
        ("a.star", STAR_31.replace("1.250000", "good"), "line 23: score is 'good'"),
        ("a.csv", "micrograph,x,y,label\na,1,2,5\n", "line 2: label is 5"),
        # a line of a million columns
        ("a.csv", CSV + "1," * 1_000_000, "line 4: 1000001 values"),
        ("a.star", STAR_30 + "1 " * 1_000_000, "line 11: 1000000 values"),
        ("a.csv", "c," * 1_000_000 + "c\n1\n", "1000000 columns"),
        ("a.csv", "micrograph,x,y\n" + "a" * 1_000_000 + ",1,2\n", "field larger"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::activepick.formats.TableWarning")
def test_errors_in_files_give_the_line(tmp_path, name, content, message):
    path = save(tmp_path, name, content)
    with pytest.raises(TableError, match=message) as caught:
        read_table(path)
    assert str(caught.value).startswith(str(path))
    assert len(str(caught.value)) < 600 + len(str(path))


def test_missing_files_and_folders_are_reported(tmp_path):
    with pytest.raises(TableError, match="does not exist"):
        read_table(tmp_path / "gone.star")
    (tmp_path / "b.star").mkdir()
    with pytest.raises(TableError, match="folder"):
        read_table(tmp_path / "b.star")
    with pytest.raises(TableError, match="gone"):
        read_table(tmp_path / "gone")


GOOD = pd.DataFrame({"micrograph": ["a.mrc"], "x": [1.0], "y": [2.0], "score": [0.5]})


@pytest.mark.parametrize(
    ("table", "name", "options", "message"),
    [
        (GOOD.drop(columns="x"), "a.csv", {}, "no column x"),
        (GOOD.assign(x=-7.0), "a.star", {}, "row 0 .*x is -7"),
        (GOOD.assign(y=float("nan")), "a.csv", {}, "y is nan"),
        (GOOD.assign(x="left"), "a.csv", {}, "does not contain numbers"),
        (GOOD.assign(score=float("inf")), "a.txt", {}, "infinite"),
        (GOOD.assign(label=3), "a.csv", {}, "label is 3"),
        (GOOD.assign(micrograph="a\nb"), "a.csv", {}, "characters"),
        (GOOD.assign(micrograph=""), "a.csv", {}, "empty"),
        (GOOD.assign(micrograph='a"b'), "a.star", {}, "quote"),
        (GOOD, "a.star", {"version": "2"}, "3.1"),
        (GOOD, "a.star", {"pixel_size_angstrom": 0.0}, "above 0"),
        (GOOD, "a.txt", {"scale": "half"}, "scale"),
        (GOOD, "a.csv", {"scale": 2}, "no option scale"),
        (GOOD, "a.xyz", {}, "extension"),
        (pd.concat([GOOD, GOOD.assign(micrograph="b")]), "a.star", {"per_micrograph": True}, "one"),
        (pd.concat([GOOD, GOOD.assign(micrograph="x/a")]), "a.txt", {}, "would both be 'a'"),
    ],
)  # fmt: skip
def test_invalid_tables_are_not_written(tmp_path, table, name, options, message):
    path = save(tmp_path, name, "what was there before")
    with pytest.raises(TableError, match=message):
        write_table(table, path, **options)
    assert path.read_text() == "what was there before"
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_folder_is_not_replaced_by_a_file(tmp_path):
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(TableError, match="cannot be written"):
        write_table(GOOD, tmp_path / "a.csv")
    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]


def test_relion_30_has_one_block(tmp_path):
    path = tmp_path / "a.star"
    write_table(GOOD, path, version="3.0", pixel_size_angstrom=1.77)
    lines = path.read_text().splitlines()
    assert [line for line in lines if line.startswith("data_")] == ["data_"]
    table = read_table(path)
    assert table["rlnDetectorPixelSize"].tolist() == [1.77]
    assert table["rlnMagnification"].tolist() == [10000]


def test_a_large_star_file_is_read_completely(tmp_path):
    rows = "".join(f"m_{i // 100}.mrc {i % 4000}.5 {i % 3000}.25 1\n" for i in range(50_000))
    header = "data_\nloop_\n_rlnMicrographName\n_rlnCoordinateX\n_rlnCoordinateY\n_rlnOpticsGroup\n"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = read_table(save(tmp_path, "a.star", header + rows))
    assert len(table) == 50_000
    assert table["micrograph"].nunique() == 500


def test_files_of_real_picks_are_read(real_data):
    assert len(read_table(real_data / "empiar-10017" / "truth.star")) == 4854
    assert len(read_table(real_data / "empiar-10146" / "truth.star")) == 1285


@pytest.mark.parametrize("separator", [",", "\t"])
def test_rows_that_are_parsed_separately_give_the_same_table(tmp_path, separator):
    rows = ["micrograph,x,y,score,label,note", "Movies/a.mrc,1.5,2,,1,007", "b,3,4,-1e-3,0,x y"]
    plain = "\n".join(rows).replace(",", separator) + "\n"
    quoted = plain.replace("b" + separator, f'"b"{separator}').replace("\n", "\n\n", 1)
    one = read_table(save(tmp_path, "a.csv", plain))
    other = read_table(save(tmp_path, "b.csv", quoted))
    pd.testing.assert_frame_equal(one, other)
    assert one["note"].tolist() == ["007", "x y"]
    assert one["score"].isna().tolist() == [True, False]
