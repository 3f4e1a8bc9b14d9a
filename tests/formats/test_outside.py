"""Positions outside of their micrographs: one rule, wherever they come from."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activepick.errors import SettingsError, TableError
from activepick.formats import TableWarning, read_folder, read_table, write_table
from activepick.formats.outside import checked_outside, inside, leave_out_outside

STAR = "data_\n\nloop_\n_rlnMicrographName\n_rlnCoordinateX\n_rlnCoordinateY\n"
# A file with a position inside and one that is not, and where in the file that one is.
FILES = [
    ("a.csv", "micrograph,x,y\nm.mrc,5,6\nm.mrc,-3,4\n", "line 3: x is -3"),
    ("a.star", f"{STAR}m.mrc 5 6\nm.mrc 3 -4\n", "line 8: y is -4"),
    ("a.txt", "image_name\tx_coord\ty_coord\nm\t5\t6\nm\t-3\t4\n", "line 3: x is -3"),
    ("a.box", "10\t20\t30\t30\n-90\t20\t30\t30\n", "line 2: x is -75"),
    ("a.coords", "5 6\n-3 4\n", "line 2: x is -3"),
    ("a.cbox", "1 2 30 30 0.5\n-31 2 30 30 0.5\n", "line 2: x is -16"),
    ("a_info.json", '{"boxes": [[9, 2, "manual"], [-5, 2, "manual"]]}', "box 2: x is -5"),
    ("a.pos", "# XMIPP_STAR_1 *\ndata_p\nloop_\n_xcoor\n_ycoor\n1 2\n-9 2\n", "line 7: x is -9"),
]


@pytest.mark.parametrize(("name", "content", "place"), FILES, ids=[file[0] for file in FILES])
def test_a_position_outside_in_a_file_is_left_out_or_an_error_with_its_line(
    tmp_path, name, content, place
):
    path = tmp_path / name
    path.write_text(content)
    with pytest.warns(TableWarning, match="1 of 2 positions lies outside"):
        assert len(read_table(path)) == 1
    with pytest.raises(TableError, match=place) as caught:
        read_table(path, outside="error")
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(("name", "content", "_"), FILES[3:], ids=[file[0] for file in FILES[3:]])
def test_positions_outside_in_a_folder_are_left_out(tmp_path, name, content, _):
    for stem in "ab":
        (tmp_path / f"{stem}{name[1:]}").write_text(content)
    with pytest.warns(TableWarning, match="2 of 4 positions lie outside"):
        assert sorted(read_folder(tmp_path)["micrograph"]) == ["a", "b"]
    with pytest.raises(TableError, match="2 of 4"):
        read_folder(tmp_path, outside="error")


# The second row cannot be used: no position, no micrograph or an infinite score.
UNUSABLE = [
    ("a.csv", "micrograph,x,y\nm.mrc,5,6\nm.mrc,nan,4\n", "line 3: x is nan"),
    ("a.csv", "micrograph,x,y\nm.mrc,5,6\nm.mrc,3,\n", "line 3: y is nan"),
    ("a.csv", "micrograph;x;y\nm.mrc;5,5;6\nm.mrc;#N/A;4\n", "line 3: x is nan"),
    ("a.csv", "micrograph,x,y,score\nm.mrc,5,6,1\nm.mrc,3,4,-inf\n", "line 3: the score is -inf"),
    ("a.csv", "micrograph,x,y\nm.mrc,5,6\n,3,4\n", "line 3: the name of the micrograph is empty"),
    ("a.csv", "micrograph,x,y\nm.mrc,5,6\nm.mrc,4e12,4\n", r"line 3: x is 4e\+12"),
    ("a.star", f"{STAR}m.mrc 5 6\nm.mrc inf 4\n", "line 8: x is inf"),
    ("a.star", f"{STAR}m.mrc 5 6\n'm.mrc' 5 <NA>\n", "line 8: y is nan"),
    ("a.txt", "image_name\tx_coord\ty_coord\nm\t5\t6\nm\t\t4\n", "line 3: x is nan"),
    ("a.box", "10\t20\t30\t30\nnan\t20\t30\t30\n", "line 2: x is nan"),
    ("a.box", "10\t20\t30\t30\n10\t20\t30\tinf\n", "line 2: y is inf"),
    ("a.box", "10\t20\t30\t30\t2.5\n10\t20\t30\t30\tinf\n", "line 2: the score is inf"),
    ("a.coords", "5 6\n1e9 4\n", r"line 2: x is 1e\+09"),
    ("a.cbox", "1 2 30 30 0.5\n1 nan 30 30 0.5\n", "line 2: y is nan"),
    ("a.cbox", "1 2 30 30 0.5\n1 2 30 30 inf\n", "line 2: the score is inf"),
    ("a_info.json", '{"boxes": [[9, 2, "manual"], [NaN, 2, "manual"]]}', "box 2: x is nan"),
    ("a.pos", "# XMIPP_STAR_1 *\ndata_p\nloop_\n_xcoor\n_ycoor\n1 2\nnan 2\n", "line 7: x is nan"),
]


@pytest.mark.parametrize(("name", "content", "place"), UNUSABLE)
def test_an_unusable_row_is_left_out_or_an_error_with_its_line(tmp_path, name, content, place):
    path = tmp_path / name
    path.write_text(content)
    with pytest.warns(TableWarning, match=f"1 of 2 rows has no position.*{place}"):
        assert len(read_table(path)) == 1
    with pytest.raises(TableError, match=place) as caught:
        read_table(path, outside="error")
    assert caught.value.option == "--outside drop leaves them out"


def test_unusable_rows_in_a_folder_are_counted(tmp_path):
    for stem in "ab":
        (tmp_path / f"{stem}.box").write_text("1 2 30 30\n1 nan 30 30\n-90 2 30 30\n")
    with pytest.warns(TableWarning) as caught:
        assert sorted(read_folder(tmp_path)["micrograph"]) == ["a", "b"]
    first, second = (str(warning.message) for warning in caught)
    assert "2 of 6 rows have no position" in first
    assert "2 of 4 positions lie outside" in second


def test_a_table_without_any_position_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("micrograph,x,y\nm.mrc,,6\nm.mrc,,4\n")
    with pytest.raises(TableError, match=r"2 of 2 rows .*line 2: x is nan.*nothing would be left"):
        read_table(path)


def table_of(xy, micrograph="m") -> pd.DataFrame:
    table = pd.DataFrame(np.array(xy, float).reshape(-1, 2), columns=["x", "y"])
    return table.assign(micrograph=micrograph)


POSITIONS, SIDE = st.floats(-40, 140), st.integers(1, 99)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(POSITIONS, POSITIONS), max_size=20), st.integers(1, 99), st.integers(1, 99)
)
def test_kept_positions_are_on_a_pixel_of_the_micrograph(xy, height, width):
    table = table_of(xy)
    keep = inside(table["x"], table["y"], width, height)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = leave_out_outside(table, {"m": (height, width)}, source="t")
        except TableError:
            assert len(xy)
            assert not keep.any()
            return

    def beyond(rows):
        """Distance along an axis from the centre of the nearest row or column of pixels."""
        xy = rows[["x", "y"]].to_numpy()
        return np.abs(xy - np.clip(xy, 0, [width - 1, height - 1])).max(axis=1)

    gone = table[~keep]
    assert (beyond(found) <= 0.5).all()
    assert (beyond(gone) > 0.5).all()
    assert len(found) + len(gone) == len(table)
    # Mirrored positions stay inside.
    assert inside(width - 1 - found["x"], height - 1 - found["y"], width, height).all()


def test_positions_are_not_limited_by_an_unknown_size():
    table = pd.concat([table_of([(500, 5)], "a"), table_of([(500, 5), (5, 5)], "b")])
    with pytest.warns(TableWarning, match=r"t\.star: 1 of 3 .* of b, which has 20 x 10 pixels"):
        found = leave_out_outside(table, {"b": (10, 20)}, source="t.star")
    assert found["micrograph"].tolist() == ["a", "b"]
    assert found.index.tolist() == [0, 1]


def test_a_table_without_positions_outside_is_returned_itself():
    table = table_of([(-0.5, 0), (99.5, 49.5)])
    assert leave_out_outside(table, {"m": (50, 100)}, source="t") is table


@pytest.mark.parametrize(
    ("xy", "cause", "option"),
    [
        ([(2000, 1500), (3900, 2800)], "4 times as large", "--scale 0.25"),
        ([(1500, 700), (40, 30)], "2 times as large", "--scale 0.5"),
        ([(700, 990), (10, 20)], "Are x and y exchanged", "--swap-xy"),
        ([(900_000, 10)], "Are these the micrographs", ""),
    ],
)
def test_positions_far_outside_name_the_option_that_corrects_them(xy, cause, option):
    table = table_of([*xy, (5, 5)])
    with pytest.warns(TableWarning, match=cause) as caught:
        leave_out_outside(table, {"m": (720, 1000)}, source="t")
    assert option in caught[0].message.option
    far = table_of([(x, y) for x, y in xy if x > 1000 or y > 720])
    with pytest.raises(TableError, match=f"{len(far)} of {len(far)} .*{cause}") as raised:
        leave_out_outside(far, {"m": (720, 1000)}, source="t")
    assert option in raised.value.option
    assert "--" not in str(raised.value)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([1.5, 2, 3, 4, 8, 1.2]), st.integers(0, 2**32 - 1))
def test_the_factor_of_positions_that_are_too_large_is_estimated(factor, seed):
    xy = np.random.default_rng(seed).uniform(0, (1000 * factor, 720 * factor), (300, 2))
    xy[0] = 5  # with none inside it would be an error
    with pytest.warns(TableWarning) as caught:
        leave_out_outside(table_of(xy), {"m": (720, 1000)}, source="t")
    scale = float(caught[0].message.option.split()[1])
    assert abs(scale * factor - 1) < (0.001 if factor != 1.2 else 0.05)


def test_positions_just_outside_do_not_suggest_a_wrong_scale():
    with pytest.warns(TableWarning) as caught:
        leave_out_outside(table_of([(1003, 10), (5, 5)]), {"m": (720, 1000)}, source="t")
    assert str(caught[0].message).endswith("they are left out")
    assert caught[0].message.option == ""


def test_the_option_outside_has_two_values():
    assert checked_outside("drop") == "drop"
    with pytest.raises(SettingsError, match="drop, error"):
        checked_outside("keep")


def test_only_positions_on_the_exposures_are_written_to_a_dataset(exposures, tmp_path):
    name = "14sep05c_00024sq_00003hl_00002es.frames"
    picks = table_of([(5, 5), (4000, 5), (5, 3709.5)], name)
    with pytest.warns(TableWarning, match="1 of 3 positions lies outside"):
        write_table(picks, tmp_path / "p.cs", exposures=exposures)
    assert len(np.load(tmp_path / "p.cs")) == 2
    with pytest.raises(TableError, match=r"2 of 2 .*times as large"):
        write_table(picks[1:2].iloc[[0, 0]], Path(tmp_path, "p.cs"), exposures=exposures)
