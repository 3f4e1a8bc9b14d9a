"""Positions from boxes, fractions, flips and scales, and back."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activepick.errors import SettingsError, TableError
from activepick.formats import TableWarning, find_duplicates, read_exposures
from activepick.formats.coordinates import box_centre, box_corner, flipped, mirrored
from activepick.formats.orientation import clear_scale, flip_contrasts
from activepick.formats.preview import draw_flips
from activepick.formats.transform import (
    flip_table,
    rename_micrographs,
    scale_table,
    with_uids,
    without_uids,
)

PIXELS = st.floats(0, 11520)


def test_the_centre_of_a_box_follows_the_convention_of_each_program():
    # EMAN, RELION and Topaz: the pixel in the middle, or right of the middle.
    assert box_centre([100, 100], [4, 5], "eman").tolist() == [102, 102]
    # crYOLO: half the side, also between pixels.
    assert box_centre([100, 100], [4, 5], "cryolo").tolist() == [102, 102.5]
    assert box_corner([102.4, 102.4], [4, 5], "eman").tolist() == [100, 100]
    assert box_corner([102, 102.5], [4, 5], "cryolo").tolist() == [100, 100]


@settings(max_examples=60, deadline=None)
@given(PIXELS, st.integers(1, 999))
def test_box_corner_is_the_inverse_of_box_centre(centre, side):
    assert box_centre(box_corner(centre, side, "cryolo"), side, "cryolo") == pytest.approx(centre)
    back = box_centre(box_corner(centre, side, "eman"), side, "eman")
    assert abs(back - centre) <= 0.5
    assert back == round(float(back))


def test_a_flip_moves_positions_with_the_pixels():
    rng = np.random.default_rng(0)
    image = rng.normal(size=(5, 8))
    turned = {"none": image, "y": image[::-1], "x": image[:, ::-1], "both": image[::-1, ::-1]}
    for flip, other in turned.items():
        [[x, y]] = flipped([[6, 1]], image.shape, flip)
        assert other[int(y), int(x)] == image[1, 6]
    assert mirrored(mirrored([0.25, 7], 8), 8).tolist() == [0.25, 7]


def test_a_table_is_flipped_by_the_size_of_each_micrograph():
    table = pd.DataFrame({"micrograph": ["a", "b"], "x": [1.0, 1], "y": [2.0, 2]})
    shapes = {"a": (10, 20), "b": (30, 40)}
    assert flip_table(table, shapes, "y")["y"].tolist() == [7, 27]
    assert flip_table(table, shapes, "both")["x"].tolist() == [18, 38]
    with pytest.raises(TableError, match="size of b"):
        flip_table(table, {"a": (10, 20)}, "y")
    beyond = table.assign(y=[2.0, 30])
    with pytest.raises(TableError, match="1 of 2 positions lies outside"):
        flip_table(beyond, shapes, "y", outside="error")
    with pytest.warns(TableWarning, match=r"1 of 2 positions lies outside .* y 30 of b"):
        assert flip_table(beyond, shapes, "y")["y"].tolist() == [7]
    table["location/micrograph_shape[0]"], table["location/micrograph_shape[1]"] = 10, 20
    assert flip_table(table, {}, "y")["y"].tolist() == [7, 7]


def test_a_scale_applies_to_positions_boxes_and_pixel_sizes():
    table = pd.DataFrame({"micrograph": ["a"], "x": [1.5], "y": [2.0], "box_width_px": [8.0]})
    table.attrs["optics"] = [{"rlnMicrographPixelSize": 4.0}]
    scaled = scale_table(table, 4)
    assert scaled[["x", "y", "box_width_px"]].to_numpy().tolist() == [[6, 8, 32]]
    assert scaled.attrs["optics"] == [{"rlnMicrographPixelSize": 1.0}]
    assert table.attrs["optics"] == [{"rlnMicrographPixelSize": 4.0}]
    for wrong in (0, -1, float("nan"), float("inf"), "half"):
        with pytest.raises(SettingsError, match="scale"):
            scale_table(table, wrong)


def test_of_duplicate_picks_the_best_is_kept():
    table = pd.DataFrame(
        {
            "micrograph": ["a", "a", "a", "b", "a"],
            "x": [10.0, 12, 13.5, 10, 50],
            "y": 10.0,
            "score": [0.5, 2, 1, 0, np.nan],
        }
    )
    assert find_duplicates(table, 2).tolist() == [True, False, True, False, False]
    assert find_duplicates(table.drop(columns="score"), 2).tolist() == [
        False,
        True,
        False,
        *[False] * 2,
    ]
    assert not find_duplicates(table, 1).any()
    assert find_duplicates(pd.concat([table, table]), 0).sum() == 5
    assert find_duplicates(table[:0], 5).tolist() == []


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=25), st.floats(0, 5))
def test_kept_picks_are_distinct_and_removed_picks_are_near_a_better_one(places, radius):
    table = pd.DataFrame(places, columns=["x", "y"]).astype(float).assign(micrograph="a")
    table["score"] = np.arange(len(table)) % 7
    gone = find_duplicates(table, radius)
    xy, score = table[["x", "y"]].to_numpy(), table["score"].to_numpy()
    gaps = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1))
    stay = ~gone
    assert (gaps[np.ix_(stay, stay)][~np.eye(stay.sum(), dtype=bool)] > radius).all()
    for row in np.flatnonzero(gone):
        assert ((gaps[row] <= radius) & stay & (score >= score[row])).any()


def test_names_that_are_not_found_are_listed_kept_or_dropped():
    table = pd.DataFrame({"micrograph": ["a", "q", "c"], "x": 1.0, "y": 1.0})
    names = ["M/a.mrc", "1/c.mrc", "2/c.mrc"]
    with pytest.raises(TableError, match=r"1 micrograph is not found: q; c could be 1/c"):
        rename_micrographs(table, names)
    kept, matched = rename_micrographs(table, names, "keep")
    assert kept["micrograph"].tolist() == ["M/a.mrc", "q", "c"]
    assert matched.unmatched == ["q"]
    dropped, _ = rename_micrographs(table, names, "drop")
    assert dropped["micrograph"].tolist() == ["M/a.mrc"]


def test_prefixes_of_cryosparc_are_added_and_removed(exposures):
    stem = "14sep05c_00024sq_00003hl_00002es.frames"
    table = pd.DataFrame({"micrograph": [f"{stem}.mrc"], "x": 1.0, "y": 1.0})
    added, _ = with_uids(table, read_exposures(exposures))
    name = f"003512089177620345522_{stem}_patch_aligned_doseweighted.mrc"
    assert added["micrograph"].tolist() == [name]
    assert without_uids(added)["micrograph"][0] == f"{stem}_patch_aligned_doseweighted.mrc"


@pytest.fixture(scope="module")
def discs():
    """Dark discs in noise on a micrograph that is not square, and where they are."""
    rng = np.random.default_rng(1)
    image = rng.normal(0, 1, (300, 500)).astype(np.float32)
    xy = rng.uniform((10, 10), (490, 290), (40, 2))
    y, x = np.mgrid[:300, :500]
    for place in xy:
        image[np.hypot(x - place[0], y - place[1]) < 9] -= 0.7
    return image, xy


@pytest.mark.parametrize("flip", ["none", "y", "x", "both"])
@pytest.mark.parametrize("radius", [6, 9, 15])
def test_the_flip_that_fits_is_found_by_the_contrast_at_the_picks(discs, flip, radius):
    image, xy = discs
    for polarity in (1, -1):
        found = flip_contrasts(polarity * image, flipped(xy, image.shape, flip), radius)
        assert found.best == flip
        assert found.sure
        assert found.contrasts[flip] * polarity > 0
        assert found.picks == len(xy)


@pytest.mark.parametrize("flip", ["none", "y"])
@pytest.mark.parametrize("factor", [8.0, 4.0, 2.0, 1.5])
def test_the_factor_of_binning_is_found_by_the_contrast_at_the_picks(discs, factor, flip):
    image, xy = discs
    found = clear_scale(image, flipped(xy, image.shape, flip) / factor, 9)
    assert found == (factor, flip)
    # Picked on a micrograph of twice the size.
    small = image.reshape(150, 2, 250, 2).mean((1, 3))
    assert clear_scale(small, flipped(xy, image.shape, flip), 5) == (0.5, flip)


def test_no_flip_is_clear_for_picks_that_fit_none(discs):
    image, _ = discs
    random = np.random.default_rng(2).uniform(0, (499, 299), (40, 2))
    assert clear_scale(image, random, 9) is None
    assert clear_scale(image, random / 4, 9) is None
    assert clear_scale(image, np.empty((0, 2)), 9) is None
    assert not flip_contrasts(image, random, 9).sure
    assert not flip_contrasts(image, np.empty((0, 2)), 9).sure


def test_real_picks_fit_without_a_flip(real_data):
    from activepick.formats import read_table
    from activepick.micrograph import Micrograph

    table = read_table(real_data / "empiar-10146" / "truth.star")
    name = table["micrograph"][0]
    image = Micrograph(real_data / "empiar-10146" / name).read()
    xy = table.loc[table["micrograph"] == name, ["x", "y"]].to_numpy()
    for flip in ("none", "y"):
        found = flip_contrasts(image, flipped(xy, image.shape, flip), 40)
        assert (found.best, found.sure) == (flip, True)


def test_the_preview_is_written_as_a_picture(discs, tmp_path):
    image, xy = discs
    found = draw_flips(image, flipped(xy, image.shape, "y"), 9, tmp_path / "p.png", title="a.mrc")
    assert found.best == "y"
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(TableError, match="drawn"):
        draw_flips(image, xy, 9, tmp_path / "p.xyz")
    assert [p.name for p in tmp_path.iterdir()] == ["p.png"]
