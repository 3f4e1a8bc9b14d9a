"""Pixel size, voltage and aberrations between the versions of RELION's STAR files."""

import warnings
from pathlib import Path

import pandas as pd
import pytest
import starfile

from activepick.formats import TableWarning, read_table, write_table

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


def test_30_gets_what_the_groups_say_in_each_row_and_the_rest_is_told(tmp_path):
    grouped = star(
        tmp_path / "31.star", optics=OPTICS, particles={**ROWS, "rlnOpticsGroup": [1, 2, 1]}
    )
    said = "no optics groups, so rlnMicrographPixelSize, .*; left out: rlnMtfFileName$"
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


def test_groups_without_facts_go_without_a_word(tmp_path):
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


def test_two_pixel_sizes_become_two_groups_and_come_back(tmp_path):
    rows = {**ROWS, "rlnDetectorPixelSize": [5, 5, 5], "rlnMagnification": [50000, 25000, 50000]}
    write_table(star(tmp_path / "30.star", particles=rows), tmp_path / "5.star")
    table = read_table(tmp_path / "5.star")
    assert table["rlnOpticsGroup"].tolist() == [1, 2, 1]
    assert [g["rlnMicrographPixelSize"] for g in table.attrs["optics"]] == [1, 2]
    with pytest.warns(TableWarning, match="rlnMicrographPixelSize is written in each row$"):
        write_table(table, tmp_path / "again.star", version="3.0")
    back = read_table(tmp_path / "again.star")
    assert (1e4 * back["rlnDetectorPixelSize"] / back["rlnMagnification"]).tolist() == [1, 2, 1]


def test_groups_of_the_table_keep_their_numbers_where_they_tell_pixel_sizes_apart(tmp_path):
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


def test_a_pixel_size_that_is_given_wins_and_one_that_is_incomplete_stays_in_its_rows(tmp_path):
    rows = {**ROWS, "rlnDetectorPixelSize": [5, 5, 5], "rlnMagnification": [50000, 25000, 0]}
    table = star(tmp_path / "30.star", particles=rows)
    write_table(table, tmp_path / "b.star")
    back = read_table(tmp_path / "b.star")
    assert "rlnMicrographPixelSize" not in back.attrs["optics"][0]
    assert back["rlnMagnification"].tolist() == [50000, 25000, 0]
    write_table(table.assign(rlnMagnification=50000), tmp_path / "b.star", pixel_size_angstrom=3.5)
    assert read_table(tmp_path / "b.star").attrs["optics"][0]["rlnMicrographPixelSize"] == 3.5
