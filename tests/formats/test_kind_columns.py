"""Numbers and names of kinds of particles in tables."""

import numpy as np
import pandas as pd
import pytest

from activepick.errors import TableError
from activepick.formats import read_table, write_table
from activepick.formats.kind_columns import kinds_of_rows


def read(values, column="class", **columns):
    numbers, names = kinds_of_rows(pd.DataFrame({column: values, **columns}), column, "labels.csv")
    return numbers.tolist(), names


def test_whole_numbers_are_used_as_numbers_even_if_rows_without_a_particle_are_empty():
    expected = [1, 3, 0], {1: "1", 3: "3"}
    assert read([1.0, 3.0, np.nan], label=[1, 1, 0]) == expected
    assert read(["1", "3", ""], label=[1, 1, 0]) == expected
    assert read([1, 3, -1], "rlnClassNumber", label=[1, 1, 0]) == expected


@pytest.mark.parametrize("wrong", [0, -1, 10000])
@pytest.mark.parametrize("column", ["class", "rlnClassNumber"])
def test_other_numbers_are_refused_if_there_are_several(column, wrong):
    with pytest.raises(TableError, match=f"labels.csv: {wrong} in the column {column}"):
        read([wrong, 1, 2], column)
    assert len(read([wrong, wrong], column)[1]) == 1


@pytest.mark.parametrize("beside", [["a", "b"], [np.nan, 2], [np.inf, 2], [10000, 2], [1.2, 2]])
def test_names_are_numbered_in_order_if_the_numbers_beside_them_are_unusable(beside):
    assert read(["tail", "head"], rlnClassNumber=beside) == ([2, 1], {1: "head", 2: "tail"})


def test_numbers_beside_names_take_precedence_over_names_that_are_numbers():
    assert read(["0", "1"], rlnClassNumber=[1, 2]) == ([1, 2], {1: "0", 2: "1"})


def test_a_particle_needs_a_kind():
    with pytest.raises(TableError, match="row 1 has no kind"):
        read(["a", np.nan], label=[1, 1])


def test_numbers_of_kinds_are_integers_in_star_files(tmp_path):
    """RELION reads the column as an integer, and other programs write 2.0 in CSV files."""
    (tmp_path / "picks.csv").write_text(
        "micrograph,x,y,rlnClassNumber,rlnGroupNumber,rlnDefocusU\n"
        "a.mrc,10,20,1.0,1e30,5.0\na.mrc,30,40,2.0,2.5,6.0\n"
    )
    write_table(read_table(tmp_path / "picks.csv"), tmp_path / "picks.star")
    rows = [
        line.split()
        for line in (tmp_path / "picks.star").read_text().splitlines()
        if "a.mrc" in line
    ]
    assert [row[2] for row in rows] == ["1", "2"]
    table = read_table(tmp_path / "picks.star")
    assert table["rlnClassNumber"].dtype.kind == "i"
    assert table["rlnGroupNumber"].tolist() == [1e30, 2.5]
    assert table["rlnDefocusU"].dtype.kind == "f"
