"""Numbers and names of kinds of particles in tables."""

import numpy as np
import pandas as pd
import pytest

from activepick.errors import TableError
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
