"""STAR files as RELION reads them: comments, text before the tables, several loops in a block."""

import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activepick.errors import TableError
from activepick.formats import read_table
from activepick.formats.star.grammar import read_blocks
from activepick.formats.star.rows import tokens_of, without_comment

LABELS = ["_rlnMicrographName", "_rlnCoordinateX", "_rlnCoordinateY"]
ROWS = ["m/a.mrc 100.5 200", "m/a.mrc 1.5e2 3E+02"]
STAR = "data_\n\nloop_\n" + "".join(f"{t} #{n}\n" for n, t in enumerate(LABELS, 1))
STAR += "\n".join(ROWS) + "\n"
POSITIONS = [["m/a.mrc", 100.5, 200], ["m/a.mrc", 150, 300]]


def read(text: str, newline: str | None = None) -> pd.DataFrame:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.star")
        path.write_text(text, encoding="utf-8", newline=newline)
        return read_table(path)


def blocks_of(text: str):
    return read_blocks(text.encode(), Path("a.star"))


@pytest.mark.parametrize(
    "text",
    [
        STAR.replace(" #", "\t# "),
        STAR.replace(" #1", "#1").replace(" #2", "").replace("#3", "#3 # rows"),
        STAR.replace("#2", "# from the left, in pixels"),
        STAR.replace("#2", "2"),
        STAR.replace("data_\n", "data_ # positions\n"),
        STAR.replace("loop_\n", "loop_ # they begin\n"),
        STAR.replace("data_", "DATA_x").replace("loop_", "Loop_"),
        STAR.replace(ROWS[0], f"{ROWS[0]} # a good one"),
        STAR.replace(ROWS[0], f'{ROWS[0]}\t#it\'s "good"'),
        STAR.replace(ROWS[1], "'m/a.mrc' 1.5e2 3E+02 # 'quoted' \"too\""),
        STAR.replace(ROWS[1], f"# the second\n\n   # one\n{ROWS[1]}"),
        "RELION; version 3.0\n_rlnCoordinateX 7\nloop_\n1 2 3\n\n" + STAR,
        STAR.replace("\n", " \t\n"),
        STAR.replace("_rln", "\t _rln"),
        STAR.rstrip("\n"),
        STAR + "\n#\n\n \t",
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_spellings_of_a_star_file_give_the_same_table(text, newline):
    assert read(text, newline)[["micrograph", "x", "y"]].to_numpy().tolist() == POSITIONS


COMMENT = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=12).map(
    lambda text: f" # {text}"
)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_comments_and_empty_lines_change_nothing(data):
    lines = []
    for line in STAR.splitlines():
        lines += data.draw(st.lists(st.just("") | COMMENT, max_size=2))
        lines.append(line + data.draw(st.just("") | COMMENT) if line else line)
    table = read("\n".join(lines))
    assert table[["micrograph", "x", "y"]].to_numpy().tolist() == POSITIONS


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(["a", "#", "'", '"', "\t", "ab#", "#1", "'b", "c'", '"#', 'd"']), max_size=8
    )
)
def test_a_line_without_its_comment_has_the_same_values(words):
    line = " ".join(words).strip()
    bare = without_comment(line.encode()).decode()
    assert line.startswith(bare)
    assert tokens_of(bare) == tokens_of(line)


def test_a_hash_within_a_name_is_not_a_comment():
    text = STAR.replace("m/a.mrc", "m/a#1.mrc")
    assert read(text)["micrograph"].tolist() == ["m/a#1.mrc"] * 2
    assert tokens_of("'a #1.mrc' b#2 #3 c") == ["a #1.mrc", "b#2"]
    assert without_comment(b"_rlnMicrographName 'a #1.mrc' # name") == (
        b"_rlnMicrographName 'a #1.mrc'"
    )


def test_a_second_loop_in_a_block_is_a_separate_table():
    blocks = blocks_of(
        "data_x\n_version 3 # of the file\nloop_\n_a\n_b\n1 2\n\nloop_\n_c\n3\n4\n\n_d 'e f'\n"
        "_g 5\nloop_\n_h\n"
    )
    assert [(block.name, block.columns, len(block)) for block in blocks] == [
        ("x", ["version"], 1),
        ("x", ["a", "b"], 1),
        ("x", ["c"], 2),
        ("x", ["d", "g"], 1),
        ("x", ["h"], 0),
    ]
    assert blocks[3].frame(Path("a")).to_numpy().tolist() == [["e f", 5]]
    assert [block.line for block in blocks] == [1, 3, 8, 13, 15]


def test_positions_are_found_after_another_loop():
    text = STAR.replace("loop_", "_rlnVersion 5\n\nloop_\n_rlnComment\nsome\n\nloop_", 1)
    assert read(text)[["micrograph", "x", "y"]].to_numpy().tolist() == POSITIONS


def test_a_row_that_looks_like_a_keyword_is_a_row():
    names = ["_1.mrc", "data_1.mrc", "loop_", "loop_1.mrc"]
    for name in names:
        text = STAR.replace("m/a.mrc", name)
        assert read(text)["micrograph"].tolist() == [name] * 2
    one = blocks_of("data_\nloop_\n_rlnMicrographName\ndata_1.mrc\nb.mrc\n")
    assert one[0].frame(Path("a"))["rlnMicrographName"].tolist() == ["data_1.mrc", "b.mrc"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,y\n1,2\n", "line 1: no data_ block"),
        ("# nothing\n", "no data_ block"),
        (STAR.replace(ROWS[1], "m/a.mrc 1.5e2 # 3E+02"), "line 8: 2 values .* 3 columns"),
        (STAR.replace(ROWS[1], "'m/a.mrc' 1.5e2 # 3"), "line 8: 2 values .* 3 columns"),
        ("data_\nloop_ # no columns\n1 2\n", "line 3: values without columns"),
        ("data_\n_rlnCoordinateX # 1\n", "line 2: expected one name and one value"),
    ],
)
def test_errors_of_the_grammar_give_the_line(text, message):
    with pytest.raises(TableError, match=message):
        read(text)
