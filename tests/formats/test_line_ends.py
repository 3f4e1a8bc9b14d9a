"""The same table as editors, spreadsheets and other systems save it."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activepick.errors import TableError
from activepick.formats import FORMATS, read_folder, read_table, write_table
from activepick.formats.boxes import BOX_COLUMNS

TEXTS = sorted(name for name in FORMATS if name != "cs")
# Whitespace at the ends of lines is part of the value in CSV, and JSON may end anywhere.
WITH_BLANKS = sorted(set(TEXTS) - {"csv", "topaz"})
NAMES = st.sampled_from(["grid 7.mrc", "Größe_µ.mrc", "a.b_c-d.mrc", "0001.mrc", "data_1.mrc"])


CHANGES = {
    "Windows": lambda data: data.replace(b"\n", b"\r\n"),
    "old Mac": lambda data: data.replace(b"\n", b"\r"),
    "byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "Excel": lambda data: b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n"),
    "no end": lambda data: data.rstrip(),
    "empty lines at the end": lambda data: data + b"\n\n",
    "mixed ends": lambda data: data.replace(b"\n", b"\r\n", 3),
}
BLANKS = {
    "blanks behind": lambda data: data.replace(b"\n", b" \t\n"),
    "tabs before": lambda data: b"\n".join(
        b"\t" + line if line[:1].isdigit() else line for line in data.split(b"\n")
    ),
}


@st.composite
def picks(draw):
    rows = draw(
        st.lists(st.tuples(*[st.floats(0, 9000)] * 2, st.floats(-20, 20)), min_size=1, max_size=6)
    )
    table = pd.DataFrame(rows, columns=["x", "y", "score"])
    table.insert(0, "micrograph", draw(NAMES))
    return table.assign(**dict.fromkeys(BOX_COLUMNS, draw(st.integers(1, 200))))


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(found, expected)
    assert found.attrs == expected.attrs


@pytest.mark.filterwarnings("ignore::activepick.formats.TableWarning")
@pytest.mark.parametrize("name", TEXTS)
@settings(max_examples=15, deadline=None)
@given(table=picks(), data=st.data())
def test_line_ends_and_byte_order_marks_change_nothing(name, table, data):
    changes = {**CHANGES, **(BLANKS if name in WITH_BLANKS else {})}
    change = data.draw(st.sampled_from(sorted(changes)))
    if name in ("box", "eman", "coords", "xmipp", "cbox"):
        table = table.assign(score=table["score"].where(table["score"] > 0, 1.5))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"m{FORMATS[name].ending}"
        write_table(table, path, name)
        expected = read_table(path, name)
        path.write_bytes(changes[change](path.read_bytes()))
        same(read_table(path, name), expected)
        # The same where files are read together.
        (Path(folder) / "n").mkdir()
        other = Path(folder) / "n" / f"n{FORMATS[name].ending}"
        other.write_bytes(path.read_bytes())
        both = read_folder(folder, name)
        assert len(both) == 2 * len(expected)
        np.testing.assert_array_equal(both["x"], np.tile(expected["x"], 2))


@pytest.mark.parametrize("name", TEXTS)
def test_a_blank_file_is_an_empty_table_or_an_error(name, tmp_path):
    path = tmp_path / f"m{FORMATS[name].ending}"
    for content in (b"", b"\n", b"\r\n\r\n", b"\xef\xbb\xbf", b" \t\n"):
        path.write_bytes(content)
        try:
            found = read_table(path, name)
        except TableError:
            continue
        assert len(found) == 0
        assert {"micrograph", "x", "y"} <= set(found)
