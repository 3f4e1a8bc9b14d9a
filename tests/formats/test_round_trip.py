import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import starfile
from hypothesis import given, settings
from hypothesis import strategies as st

from activepick.formats import FORMATS, TableWarning, read_table, write_table
from activepick.formats.names import without_ending

TEXT = st.text(
    st.characters(exclude_categories=["C", "Zl", "Zp"], exclude_characters='"/\\\x85'),
    min_size=1,
    max_size=12,
).filter(str.strip)
HARD_NAMES = st.sampled_from(
    ["data_1.mrc", "_1.mrc", "#1.mrc", "a#1.mrc", "it's.mrc", "'q.mrc", "loop_", "nan", "007",
     "two  blanks.mrc", "µ_é.mrc", "a,b;c.mrc", " lead.mrc", "NA", "1e5", "\xa0x.mrc", "ends.mrc '"]
)  # fmt: skip
NAMES = (
    st.tuples(st.lists(TEXT, max_size=2), TEXT | HARD_NAMES).map(lambda p: "/".join([*p[0], p[1]]))
    | HARD_NAMES
)
COORDINATES = st.floats(-0.5, 20000, allow_nan=False)
# -999 stands for no score in STAR files.
SCORES = st.floats(-1e4, 1e4, allow_nan=False).filter(lambda score: abs(score + 999) > 1e-3)


@st.composite
def tables(draw, names=NAMES):
    rows = draw(st.lists(st.tuples(names, COORDINATES, COORDINATES, SCORES), max_size=8))
    table = pd.DataFrame(rows, columns=["micrograph", "x", "y", "score"])
    table = table.astype({"micrograph": str, "x": float, "y": float, "score": float})
    return table if draw(st.booleans()) else table.drop(columns="score")


def there_and_back(table: pd.DataFrame, ending: str, **options: object) -> pd.DataFrame:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"picks{ending}"
        write_table(table, path, **options)
        return read_table(path)


def assert_same(found: pd.DataFrame, table: pd.DataFrame, atol: float) -> None:
    assert found["micrograph"].tolist() == table["micrograph"].tolist()
    assert ("score" in found) == ("score" in table)
    for name in table.columns.drop("micrograph"):
        assert found[name].dtype == table[name].dtype
        np.testing.assert_allclose(found[name], table[name], atol=atol)


@settings(max_examples=50, deadline=None)
@given(tables())
def test_csv_keeps_all_columns(table):
    table["label"] = np.arange(len(table)) % 2
    assert_same(there_and_back(table, ".csv"), table, 0)


def test_tsv_is_separated_by_tabs(tmp_path):
    write_table(pd.DataFrame({"micrograph": ["a,b"], "x": [1.5], "y": [2.0]}), tmp_path / "a.tsv")
    assert (tmp_path / "a.tsv").read_text() == "micrograph\tx\ty\na,b\t1.5\t2.0\n"
    assert read_table(tmp_path / "a.tsv")["micrograph"].tolist() == ["a,b"]


@pytest.mark.parametrize("version", ["3.0", "3.1"])
@settings(max_examples=40, deadline=None)
@given(table=tables())
def test_star_files_keep_names_and_six_decimals(table, version):
    assert_same(there_and_back(table, ".star", version=version), table, 1e-6)


@settings(max_examples=40, deadline=None)
@given(tables(), st.sampled_from([1.0, 0.125]))
def test_topaz_files_contain_names_without_extensions(table, scale):
    stems = table["micrograph"].map(without_ending).astype(str)
    table = table.assign(micrograph=stems)
    found = there_and_back(table, ".txt", scale=scale)
    found[["x", "y"]] /= scale
    assert_same(found, table, 1e-3)


@settings(max_examples=40, deadline=None)
@given(tables(st.just("a.mrc")))
def test_a_star_file_of_one_micrograph_is_named_after_its_file(table):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a_autopick.star"
        write_table(table, path, per_micrograph=True)
        assert "rlnMicrographName" not in path.read_text()
        found = read_table(path)
    assert found.attrs["micrograph_from_file_name"] is True
    assert_same(found, table.assign(micrograph="a").astype({"micrograph": str}), 1e-6)


@settings(max_examples=60, deadline=None)
@given(tables(TEXT.filter(lambda n: "'" not in n and n.lower() not in ("nan", "<na>"))))
def test_the_starfile_package_reads_the_same_table(table):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picks.star"
        write_table(table, path, pixel_size_angstrom=1.77)
        blocks = starfile.read(path, parse_as_string=["rlnMicrographName"])
    assert list(blocks) == ["optics", "particles"]
    assert blocks["optics"]["rlnMicrographPixelSize"].tolist() == [1.77]
    if len(table):
        assert blocks["particles"]["rlnMicrographName"].tolist() == table["micrograph"].tolist()
        np.testing.assert_allclose(blocks["particles"]["rlnCoordinateX"], table["x"], atol=1e-6)


def test_a_file_of_the_starfile_package_is_read():
    frame = pd.DataFrame(
        {
            "rlnMicrographName": ["a b.mrc", "c.mrc"],
            "rlnCoordinateX": [1.5, 2.5],
            "rlnCoordinateY": [3.5, 4.5],
            "rlnGroupNumber": [1, 2],
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picks.star"
        starfile.write({"particles": frame}, path)
        found = read_table(path)
    assert found["micrograph"].tolist() == ["a b.mrc", "c.mrc"]
    assert found["rlnGroupNumber"].tolist() == [1, 2]


def test_unknown_columns_and_optics_survive_a_star(tmp_path):
    first = tmp_path / "first.star"
    first.write_text(
        "\n# version 30001\n\ndata_optics\n\nloop_ \n_rlnOpticsGroupName #1 \n_rlnOpticsGroup #2 \n"
        "_rlnVoltage #3 \nopticsGroup1 1 300.0 \nopticsGroup2 2 200.0 \n \n\n# version 30001\n\n"
        "data_particles\n\nloop_ \n_rlnCoordinateX #1 \n_rlnCoordinateY #2 \n_rlnClassNumber #3 \n"
        "_rlnMicrographName #4 \n_rlnOpticsGroup #5 \n_rlnCtfFigureOfMerit #6 \n"
        "  1.0   2.0  7  m/a.mrc  2  0.25 \n  3.0   4.0  8  m/b.mrc  1  0.5 \n \n"
    )
    table = read_table(first)
    second = tmp_path / "second.star"
    write_table(table, second)
    found = read_table(second)
    assert found["rlnClassNumber"].tolist() == [7, 8]
    assert found["rlnCtfFigureOfMerit"].tolist() == [0.25, 0.5]
    assert found["rlnOpticsGroup"].tolist() == [2, 1]
    assert found.attrs["optics"] == table.attrs["optics"]
    assert found.attrs["optics"][1]["rlnVoltage"] == 200
    # The attributes of tables must not prevent their concatenation.
    assert len(pd.concat([table, found])) == 4


def test_empty_tables_keep_their_columns():
    table = pd.DataFrame({"micrograph": [], "x": [], "y": [], "score": []}).astype(
        {"micrograph": str, "x": float, "y": float, "score": float}
    )
    for ending in (".star", ".csv", ".txt"):
        found = there_and_back(table, ending)
        assert list(found.columns[:4]) == ["micrograph", "x", "y", "score"]
        assert len(found) == 0
        assert found["x"].dtype == float


def test_empty_scores_and_labels_survive_csv():
    table = pd.DataFrame(
        {"micrograph": ["a", "a"], "x": 1.0, "y": 2.0, "score": [np.nan, 1], "label": [1, None]}
    )
    found = there_and_back(table, ".csv")
    assert found["score"].isna().tolist() == [True, False]
    assert found["label"].isna().tolist() == [False, True]


@pytest.mark.parametrize("ending", [".star", ".txt"])
def test_dropped_labels_are_reported(ending, tmp_path):
    table = pd.DataFrame({"micrograph": ["a"], "x": [1.0], "y": [2.0], "label": [1]})
    with pytest.warns(TableWarning, match="label"):
        write_table(table, tmp_path / f"a{ending}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_table(table, tmp_path / "a.csv")


@pytest.mark.filterwarnings("ignore::activepick.formats.TableWarning")
def test_equal_picks_give_equal_files(tmp_path):
    table = pd.DataFrame({"micrograph": ["a"], "x": [1.0], "y": [2.0], "box_width_px": [9]})
    table["box_height_px"] = 9
    for number, name in (
        ("location/micrograph_uid", 7),
        ("location/micrograph_shape[0]", 5),
        ("location/micrograph_shape[1]", 5),
    ):
        table[number] = name
    for name in FORMATS:
        write_table(table, tmp_path / f"1{name}", name)
        write_table(table, tmp_path / f"2{name}", name)
        assert (tmp_path / f"1{name}").read_bytes() == (tmp_path / f"2{name}").read_bytes()
