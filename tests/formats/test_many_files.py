"""Folders of files that are parsed together give what the files give one by one."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activepick.errors import TableError
from activepick.formats import FORMATS, TableWarning, read_folder, read_table, write_folder
from activepick.formats.many_files import join_tables

TOGETHER = [entry.name for entry in FORMATS.values() if entry.read_files is not None]
NAMES = ("a", "b_1", "c.d")


@st.composite
def picks(draw):
    number = st.floats(0, 4000, allow_nan=False).map(lambda value: round(value, 3))
    rows = st.tuples(st.sampled_from(NAMES), number, number, st.floats(-9, 9))
    table = pd.DataFrame(
        draw(st.lists(rows, max_size=8)), columns=["micrograph", "x", "y", "score"]
    )
    table = table.astype({"micrograph": str, "x": float, "y": float, "score": float})
    return table if draw(st.booleans()) else table.drop(columns="score")


def written(table: pd.DataFrame, name: str, folder) -> None:
    options = {"box_size": 32} if name in ("box", "cbox") else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write_folder(table, folder, name, micrographs=NAMES, **options)


def one_by_one(folder, name: str) -> pd.DataFrame:
    files = sorted(folder.glob("[!.]*"))
    return join_tables([read_table(path, name) for path in files])


@pytest.mark.parametrize("name", TOGETHER)
@settings(max_examples=15, deadline=None)
@given(table=picks())
def test_reading_together_equals_reading_one_by_one(name, table, tmp_path_factory):
    folder = tmp_path_factory.mktemp(name)
    written(table, name, folder)
    pd.testing.assert_frame_equal(read_folder(folder, name), one_by_one(folder, name))


@pytest.mark.parametrize("name", TOGETHER)
def test_an_invalid_file_among_many_is_named(name, tmp_path):
    table = pd.DataFrame({"micrograph": [*NAMES], "x": 5.0, "y": 6.0, "score": [1, 2, 3.5]})
    written(table, name, tmp_path)
    [broken] = tmp_path.glob("b_1*")
    broken.write_bytes(broken.read_bytes().replace(b"6", b"six").replace(b"-10", b"six"))
    with pytest.raises(TableError, match=r"six|not JSON") as caught:
        read_folder(tmp_path, name)
    assert str(broken) in str(caught.value)


# A file like the others, and one with other columns or special rows.
DIFFERENT = {
    "csv": ("x,y\n1,2\n3,4\n", 'y,x,note\n6,5,"a, b"\n'),
    "topaz": (
        "image_name\tx_coord\ty_coord\na\t1\t2\na\t3\t4\n",
        "x_coord\ty_coord\tscore\n5\t6\t1\n",
    ),
    "box": ("0 1 2 2\n2 3 2 2\n", "# EMAN\n4 5 2 2 0.5 1\n"),
    "coords": ("1 2\n3 4\n", "x y density\n5 6 0.5\n"),
    "cbox": ("0 1 2 2 0.5\n2 3 2 2 0.5\n", "4 5 2 2 0.5 3 3\n"),
    "eman": ('{"boxes":[[1,2,"manual"],[3,4,"manual"]]}', '{"boxes":[[5,6,"auto",0.5]]}'),
    "xmipp": (
        "# XMIPP_STAR_1 *\ndata_particles\nloop_\n_xcoor\n_ycoor\n1 2\n3 4\n",
        "# XMIPP_STAR_1 *\ndata_particles\nloop_\n_ycoor\n_xcoor\n_cost\n6 5 1\n",
    ),
}


@pytest.mark.parametrize("name", TOGETHER)
@pytest.mark.parametrize("empty", [False, True])
def test_files_with_different_layouts_are_read(name, empty, tmp_path):
    alike, other = DIFFERENT[name]
    ending = FORMATS[name].ending
    (tmp_path / f"a{ending}").write_text(alike)
    (tmp_path / f"b{ending}").write_text(other)
    if empty and name in ("box", "coords", "cbox"):
        (tmp_path / f"aa{ending}").write_text("")
    table = read_folder(tmp_path, name)
    assert table["micrograph"].tolist() == ["a", "a", "b"]
    assert table[["x", "y"]].to_numpy().tolist() == [[1, 2], [3, 4], [5, 6]]
    pd.testing.assert_frame_equal(table[["x", "y"]], one_by_one(tmp_path, name)[["x", "y"]])


def test_joined_tables_keep_the_attributes_that_all_have():
    one = pd.DataFrame({"micrograph": ["a"], "x": [1.0], "y": [2.0]})
    one.attrs = {"optics": [{"rlnOpticsGroup": 1, "rlnVoltage": 300.0}]}
    other = one.assign(x=3.0)
    assert join_tables([one, other]).attrs["optics"] == one.attrs["optics"]
    other.attrs = {"optics": [{"rlnOpticsGroup": 1, "rlnVoltage": 200.0}]}
    both = join_tables([one, other])
    assert [group["rlnVoltage"] for group in both.attrs["optics"]] == [300, 200]
    assert both["rlnOpticsGroup"].tolist() == [1, 2]
    assert np.array_equal(join_tables([one, other[:0]])["x"], [1.0])


@pytest.mark.parametrize(
    ("ending", "content"),
    [
        (".box", "{x} 20 4 4\n"),
        (".coords", "{x} 20\n"),
        (".star", "data_\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n{x} 20\n"),
    ],
)
def test_a_position_outside_in_one_of_many_files_is_reported_without_a_wrong_line(
    tmp_path, ending, content
):
    for name, x in (("a", 30), ("b", 40), ("c", -90)):
        (tmp_path / f"{name}{ending}").write_text(content.format(x=x))
    with pytest.warns(TableWarning, match=r"1 of 3 .* of c; they are left out$"):
        assert read_folder(tmp_path)["micrograph"].tolist() == ["a", "b"]
