"""The content of each format is kept by every other one, as far as it can store it."""

import itertools
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activepick.formats import FORMATS, TableWarning, read_folder, read_table, write_folder
from activepick.formats import write_table as write

HEIGHT, WIDTH = 3710, 5760
# Rounding of formats; all others keep a thousandth of a pixel.
ROUNDING = {"box": 0.5, "coords": 0.5, "xmipp": 0.5}
WITH_SCORES = {"star", "csv", "topaz", "cs", "cbox", "eman", "xmipp"}
PAIRS = list(itertools.product(FORMATS, FORMATS))


@pytest.fixture(scope="module")
def exposures(tmp_path_factory):
    path = tmp_path_factory.mktemp("exposures") / "exposures.cs"
    names = ["Movies/a.mrc", "Movies/b_1.mrc", "x/y/c.d.mrc"]
    kinds = [("uid", "<u8"), ("micrograph_blob/path", "S60"), ("micrograph_blob/shape", "<u4", 2)]
    rows = [(k, f"J1/imported/00000000000000000{k}_{n.rpartition('/')[2]}", (HEIGHT, WIDTH))
            for k, n in enumerate(names, 7001)]  # fmt: skip
    with path.open("wb") as file:
        np.save(file, np.array(rows, kinds))
    return path


@st.composite
def picks(draw):
    names = st.sampled_from(["Movies/a.mrc", "Movies/b_1.mrc", "x/y/c.d.mrc"])
    x, y = st.floats(0, WIDTH - 1), st.floats(0, HEIGHT - 1)
    scores = st.floats(-15, 15)
    rows = draw(st.lists(st.tuples(names, x, y, scores), max_size=6))
    table = pd.DataFrame(rows, columns=["micrograph", "x", "y", "score"])
    table = table.astype({"micrograph": str, "x": float, "y": float, "score": float})
    return table if draw(st.booleans()) else table.drop(columns="score")


def through(table: pd.DataFrame, name: str, folder: Path, exposures: Path, box: int):
    """Write and read; gives what was read, under the names that were written."""
    options = {"box_size": box} if name in ("box", "cbox") else {}
    if name == "cs":
        options["exposures"] = exposures
    chosen = FORMATS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TableWarning)
        if chosen.one_micrograph:
            if not len(table):
                write(table, folder / f"a{chosen.ending}", name, **options)
                return read_table(folder / f"a{chosen.ending}", name)
            write_folder(table, folder, name, **options)
            return read_folder(folder, name)
        write(table, folder / f"all{chosen.extensions[0]}", name, **options)
        return read_table(folder / f"all{chosen.extensions[0]}", name)


def keyed(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Micrographs without folders and endings, as several formats know them, with their rows."""
    stems = [name.rsplit("/", 1)[-1].removesuffix(".mrc") for name in table["micrograph"]]
    stems = [s[s.index("_") + 1 :] if s.startswith("0000") else s for s in stems]
    groups = table.assign(micrograph=stems).groupby("micrograph", sort=True)
    return [(str(name), rows.reset_index(drop=True)) for name, rows in groups]


def check(table: pd.DataFrame, first: str, second: str, exposures: Path, box: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        one, two = Path(name, "one"), Path(name, "two")
        one.mkdir()
        two.mkdir()
        middle = through(table, first, one, exposures, box)
        back = through(middle, second, two, exposures, box)
    assert len(back) == len(table)
    tolerance = max(1e-3, ROUNDING.get(first, 0) + ROUNDING.get(second, 0)) + 1e-6
    scored = "score" in table and {first, second} <= WITH_SCORES
    for (wanted_name, wanted), (found_name, found) in zip(keyed(table), keyed(back), strict=True):
        assert found_name == wanted_name
        np.testing.assert_allclose(found[["x", "y"]], wanted[["x", "y"]], atol=tolerance)
        if scored:
            np.testing.assert_allclose(found["score"], wanted["score"], atol=1e-4, rtol=1e-5)


SAMPLE = pd.DataFrame(
    {
        "micrograph": ["Movies/a.mrc"] * 3 + ["x/y/c.d.mrc"] * 2,
        "x": [0.0, WIDTH - 1, 1234.5678, 3709.25, 17],
        "y": [HEIGHT - 1.0, 0, 2345.6789, 3.5, 18],
        "score": [-3.25, 0.0, 1.5, 9.75, -0.001],
    }
)


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_every_pair_of_formats_keeps_positions_and_scores(first, second, exposures):
    check(SAMPLE, first, second, exposures, 101)


@pytest.mark.parametrize("first", sorted(WITH_SCORES))
def test_scores_that_are_all_zero_are_kept(first, exposures):
    check(SAMPLE.assign(score=0.0), first, "csv", exposures, 101)
    check(SAMPLE[:1].assign(score=0.0), first, first, exposures, 101)


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_every_pair_of_formats_keeps_empty_tables(first, second, exposures):
    check(SAMPLE[:0], first, second, exposures, 64)


@settings(max_examples=40, deadline=None)
@given(table=picks(), pair=st.sampled_from(PAIRS), box=st.integers(1, 301))
def test_any_picks_survive_any_pair_of_formats(table, pair, box, exposures):
    check(table, *pair, exposures, box)
