"""Pixel size, voltage and aberrations between the versions of RELION's STAR files."""

import tempfile
import warnings
from pathlib import Path

import pandas as pd
import pytest
import starfile
from hypothesis import given, settings
from hypothesis import strategies as st

from activepick.formats import TableWarning, read_folder, read_table, write_table
from activepick.formats.transform import scale_table

ROWS = {
    "rlnMicrographName": ["a.mrc", "b.mrc", "a.mrc"],
    "rlnCoordinateX": [1.5, 2, 3],
    "rlnCoordinateY": [4, 5, 6.25],
}


def star(path: Path, **blocks: dict) -> pd.DataFrame:
    frames = {name: pd.DataFrame(rows) for name, rows in blocks.items()}
    starfile.write(frames if len(frames) > 1 else next(iter(frames.values())), path)
    return read_table(path)


OPTICS = {
    "rlnOpticsGroup": [1, 2],
    "rlnOpticsGroupName": ["one", "two"],
    "rlnMicrographPixelSize": [1.77, 0.885],
    "rlnMicrographOriginalPixelSize": [0.885, 0.885],
    "rlnVoltage": [300.0, 200.0],
    "rlnSphericalAberration": [2.7, 0.0],
    "rlnMtfFileName": ["mtf_300.star", "mtf_200.star"],
}


def test_relion_30_has_the_values_of_the_groups_in_each_row(tmp_path):
    grouped = star(
        tmp_path / "31.star", optics=OPTICS, particles={**ROWS, "rlnOpticsGroup": [1, 2, 1]}
    )
    said = "no optics groups; .* rlnMicrographPixelSize, .*; left out: rlnMtfFileName$"
    with pytest.warns(TableWarning, match=said):
        write_table(grouped, tmp_path / "30.star", version="3.0")
    text = (tmp_path / "30.star").read_text()
    assert "data_optics" not in text
    assert "rlnOpticsGroup" not in text
    table = read_table(tmp_path / "30.star")
    size = 1e4 * table["rlnDetectorPixelSize"] / table["rlnMagnification"]
    assert size.round(6).tolist() == [1.77, 0.885, 1.77]
    assert table["rlnVoltage"].tolist() == [300, 200, 300]
    assert table["rlnSphericalAberration"].tolist() == [2.7, 0, 2.7]
    assert "rlnMicrographPixelSize" not in table


def test_groups_without_information_are_removed_silently(tmp_path):
    plain = {name: OPTICS[name] for name in ("rlnOpticsGroup", "rlnOpticsGroupName")}
    table = star(
        tmp_path / "31.star", optics=plain, particles={**ROWS, "rlnOpticsGroup": [1, 1, 1]}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_table(table, tmp_path / "30.star", version="3.0")


@pytest.mark.parametrize("version", ["3.1", "4", "5"])
def test_a_pixel_size_by_magnification_becomes_that_of_a_group(tmp_path, version):
    rows = {**ROWS, "rlnDetectorPixelSize": [5.0] * 3, "rlnMagnification": [28248.587571] * 3}
    rows |= {"rlnVoltage": [300.0] * 3, "rlnDefocusU": [9000.0, 8000, 7000]}
    table = star(tmp_path / "30.star", particles=rows)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_table(table, tmp_path / "out.star", version=version)
    written = starfile.read(tmp_path / "out.star")
    assert written["optics"]["rlnMicrographPixelSize"].tolist() == [1.77]
    assert written["optics"]["rlnMicrographOriginalPixelSize"].tolist() == [1.77]
    assert written["optics"]["rlnVoltage"].tolist() == [300]
    particles = written["particles"]
    assert particles["rlnOpticsGroup"].tolist() == [1, 1, 1]
    assert particles["rlnDefocusU"].tolist() == [9000, 8000, 7000]
    assert not {"rlnMagnification", "rlnDetectorPixelSize", "rlnVoltage"} & set(particles)


def test_two_pixel_sizes_become_two_groups_and_are_converted_back(tmp_path):
    rows = {**ROWS, "rlnDetectorPixelSize": [5, 5, 5], "rlnMagnification": [50000, 25000, 50000]}
    write_table(star(tmp_path / "30.star", particles=rows), tmp_path / "5.star")
    table = read_table(tmp_path / "5.star")
    assert table["rlnOpticsGroup"].tolist() == [1, 2, 1]
    assert [g["rlnMicrographPixelSize"] for g in table.attrs["optics"]] == [1, 2]
    with pytest.warns(TableWarning, match="written in each row: rlnMicrographPixelSize$"):
        write_table(table, tmp_path / "again.star", version="3.0")
    back = read_table(tmp_path / "again.star")
    assert (1e4 * back["rlnDetectorPixelSize"] / back["rlnMagnification"]).tolist() == [1, 2, 1]


def test_groups_keep_their_numbers_if_they_distinguish_pixel_sizes(tmp_path):
    rows = {**ROWS, "rlnDetectorPixelSize": [5, 5, 5], "rlnMagnification": [50000, 25000, 50000]}
    write_table(
        star(tmp_path / "a.star", particles={**rows, "rlnOpticsGroup": [7, 3, 7]}),
        tmp_path / "b.star",
    )
    table = read_table(tmp_path / "b.star")
    assert table["rlnOpticsGroup"].tolist() == [7, 3, 7]
    assert [g["rlnOpticsGroup"] for g in table.attrs["optics"]] == [7, 3]
    same = {**rows, "rlnMagnification": [50000] * 3, "rlnOpticsGroup": [2, 1, 2]}
    write_table(star(tmp_path / "a.star", particles=same), tmp_path / "b.star")
    table = read_table(tmp_path / "b.star")
    assert table["rlnOpticsGroup"].tolist() == [2, 1, 2]
    assert [g["rlnMicrographPixelSize"] for g in table.attrs["optics"]] == [1, 1]
    write_table(
        star(tmp_path / "a.star", particles={**rows, "rlnOpticsGroup": [1, 1, 1]}),
        tmp_path / "b.star",
    )
    assert read_table(tmp_path / "b.star")["rlnOpticsGroup"].tolist() == [1, 2, 1]


def test_a_given_pixel_size_wins_and_an_incomplete_column_is_kept(tmp_path):
    rows = {**ROWS, "rlnDetectorPixelSize": [5, 5, 5], "rlnMagnification": [50000, 25000, 0]}
    table = star(tmp_path / "30.star", particles=rows)
    write_table(table, tmp_path / "b.star")
    back = read_table(tmp_path / "b.star")
    assert "rlnMicrographPixelSize" not in back.attrs["optics"][0]
    assert back["rlnMagnification"].tolist() == [50000, 25000, 0]
    write_table(table.assign(rlnMagnification=50000), tmp_path / "b.star", pixel_size_angstrom=3.5)
    assert read_table(tmp_path / "b.star").attrs["optics"][0]["rlnMicrographPixelSize"] == 3.5


FACTS = st.fixed_dictionaries(
    {"rlnMicrographPixelSize": st.sampled_from([0.5, 1.0]), "rlnVoltage": st.sampled_from([200.0])},
    optional={"rlnSphericalAberration": st.sampled_from([2.7, 0.0])},
)


@st.composite
def groups_of_a_file(draw):
    facts = draw(st.lists(FACTS, min_size=1, max_size=3))
    shared = set.intersection(*map(set, facts))
    return [
        {
            "rlnOpticsGroup": number,
            "rlnOpticsGroupName": f"opticsGroup{number}",
            **{name: value for name, value in fact.items() if name in shared},
        }
        for number, fact in enumerate(facts, 1)
    ]


@settings(max_examples=40, deadline=None)
@given(st.lists(groups_of_a_file(), min_size=2, max_size=4))
def test_files_of_a_folder_keep_their_optics_groups(files):
    """The same number means different groups in different files: each row keeps its own facts."""
    expected = {}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", TableWarning)
        for k, groups in enumerate(files):
            rows = {
                "rlnMicrographName": [f"m{k}_{one['rlnOpticsGroup']}.mrc" for one in groups],
                "rlnCoordinateX": [1.0] * len(groups),
                "rlnCoordinateY": [2.0] * len(groups),
                "rlnOpticsGroup": [one["rlnOpticsGroup"] for one in groups],
            }
            optics = {name: [one[name] for one in groups] for name in groups[0]}
            star(Path(folder) / f"m{k}.star", optics=optics, particles=rows)
            expected |= dict(zip(rows["rlnMicrographName"], groups, strict=True))
        found = read_folder(folder)
        write_table(found, Path(folder) / "all.star")
        again = read_table(Path(folder) / "all.star")
    for table in (found, again):
        optics = table.attrs["optics"]
        assert len({one["rlnOpticsGroupName"] for one in optics}) == len(optics)
        by_number = {one["rlnOpticsGroup"]: one for one in optics}
        assert len(by_number) == len(optics)
        for name, number in zip(table["micrograph"], table["rlnOpticsGroup"], strict=True):
            for fact in ("rlnMicrographPixelSize", "rlnVoltage", "rlnSphericalAberration"):
                if fact in by_number[number]:
                    assert by_number[number][fact] == expected[name][fact]
        assert all({"rlnMicrographPixelSize", "rlnVoltage"} <= set(one) for one in optics)


def test_groups_that_only_some_files_have_are_lost_with_a_warning(tmp_path):
    star(
        tmp_path / "a.star",
        optics={name: values[:1] for name, values in OPTICS.items()},
        particles={**ROWS, "rlnOpticsGroup": [1, 1, 1]},
    )
    star(tmp_path / "b.star", particles=ROWS)
    with pytest.warns(TableWarning, match="not all optics groups have rlnMicrographPixelSize"):
        table = read_folder(tmp_path)
    assert len(table) == 6
    assert "optics" not in table.attrs


def test_groups_are_lost_with_a_warning_if_one_is_not_described(tmp_path):
    particles = {**ROWS, "rlnOpticsGroup": [1, 2, 7]}
    table = star(tmp_path / "a.star", optics=OPTICS, particles=particles)
    with pytest.warns(TableWarning, match=r"optics groups 7 .* \(rlnMicrographPixelSize"):
        write_table(table, tmp_path / "b.star")
    found = read_table(tmp_path / "b.star")
    assert found["rlnOpticsGroup"].tolist() == [1, 2, 7]
    assert [group["rlnOpticsGroup"] for group in found.attrs["optics"]] == [1, 2, 7]


@pytest.mark.parametrize("version", ["3.0", "5"])
def test_pixel_sizes_are_scaled_with_positions(tmp_path, version):
    old = {**ROWS, "rlnDetectorPixelSize": [5.0] * 3, "rlnMagnification": [50000.0] * 3}
    table = scale_table(star(tmp_path / "old.star", particles=old), 4)  # bin 4 has 1 Å, bin 1 0.25
    write_table(table, tmp_path / "new.star", version=version)
    new = read_table(tmp_path / "new.star")
    assert new["x"].tolist() == [6, 8, 12]
    if version == "5":
        assert new.attrs["optics"][0]["rlnMicrographPixelSize"] == 0.25
    else:
        assert (1e4 * new["rlnDetectorPixelSize"] / new["rlnMagnification"] == 0.25).all()
    # Extracted images keep their pixel size.
    images = star(tmp_path / "p.star", particles={**old, "rlnImageName": ["1@a.mrcs"] * 3})
    assert scale_table(images, 4)["rlnDetectorPixelSize"].tolist() == [5] * 3


def test_pixel_sizes_of_cryosparc_are_scaled_with_positions(cs_picks, tmp_path):
    table = read_table(cs_picks)
    if "location/micrograph_psize_A" not in table:
        table["location/micrograph_psize_A"] = 2.0
    scaled = scale_table(table, 2)
    before, after = (t["location/micrograph_psize_A"] for t in (table, scaled))
    assert (after == before / 2).all()


@pytest.mark.parametrize(
    ("version", "other", "own"),
    [("3.0", "rlnOriginXAngst", "pixels"), ("5", "rlnOriginX", "Å")],
)
def test_shifts_in_the_unit_of_another_version_are_reported(tmp_path, version, other, own):
    table = pd.DataFrame({"micrograph": ["a.mrc"], "x": [1.0], "y": [2.0], other: [3.0]})
    with pytest.warns(TableWarning, match=f"RELION {version} reads shifts .* in {own}") as caught:
        write_table(table, tmp_path / "p.star", version=version)
    assert "--apply-origins" in caught[0].message.option
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_table(table.assign(**{other: 0.0}), tmp_path / "p.star", version=version)
