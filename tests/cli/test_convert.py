"""`activepick convert` writes what was requested, and reports unusual input."""

from pathlib import Path

import mrcfile
import numpy as np
import pandas as pd
import pytest
import starfile
from invoked import invoke
from typer.testing import CliRunner

from activepick.cli import app
from activepick.errors import on_command_line
from activepick.formats import FORMATS, TableWarning, read_folder, read_table, write_table
from activepick.formats.outside import inside

HEIGHT, WIDTH = 200, 300
NAMES = ["Movies/a.mrc", "Movies/b.mrc"]


def convert(*arguments, fails: str | None = None) -> str:
    return invoke("convert", *arguments, fails=fails).stderr


@pytest.fixture
def picks(tmp_path) -> Path:
    table = pd.DataFrame({"micrograph": NAMES * 6, "x": 0.0, "y": 0.0, "score": 1.0})
    rng = np.random.default_rng(0)
    table["x"] = rng.choice(np.arange(20, WIDTH - 20), 12, replace=False).astype(float)
    table["y"] = rng.choice(np.arange(20, HEIGHT - 20), 12, replace=False).astype(float)
    write_table(table, tmp_path / "picks.star", pixel_size_angstrom=1.5)
    return tmp_path / "picks.star"


@pytest.fixture
def micrographs(tmp_path, picks) -> Path:
    """Micrographs with dark discs at the picks, and RELION's list of them."""
    project = tmp_path / "project"
    table = read_table(picks)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    for name in NAMES:
        pixels = np.random.default_rng(1).normal(size=(HEIGHT, WIDTH)).astype(np.float32)
        for place in table[table["micrograph"] == name][["x", "y"]].to_numpy():
            pixels[np.hypot(x - place[0], y - place[1]) < 8] -= 2
        path = project / "MotionCorr/job002" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with mrcfile.new(path) as file:
            file.set_data(pixels)
    rows = "".join(f"MotionCorr/job002/{name} {k}\n" for k, name in enumerate(NAMES, 1))
    (project / "micrographs_ctf.star").write_text(
        "data_optics\n\nloop_\n_rlnOpticsGroup\n_rlnOpticsGroupName\n_rlnVoltage\n"
        "1 one 300\n2 two 200\n\ndata_micrographs\n\nloop_\n_rlnMicrographName\n_rlnOpticsGroup\n"
        + rows
    )
    return project


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "cs"])
def test_convert_to_every_format_and_back(picks, tmp_path, name):
    out = tmp_path / "out"
    convert(picks, out, "--to", name, "--box-size", 21)
    convert(out, tmp_path / "back.csv", "--from", name)
    table, back = read_table(picks), read_table(tmp_path / "back.csv")
    assert len(back) == len(table)
    for one, other in zip(NAMES, ("a", "b"), strict=True):
        stems = back["micrograph"].map(lambda name: Path(name).stem)
        wanted = table.loc[table["micrograph"] == one, ["x", "y"]]
        assert np.allclose(back.loc[stems == other, ["x", "y"]], wanted, atol=1e-3)


def test_a_format_for_one_micrograph_refuses_two(picks, tmp_path):
    convert(picks, tmp_path / "a.box", "--box-size", 21, fails="write them to a folder")
    convert(picks, tmp_path / "boxes", "--to", "box", fails="--box-size")
    assert not (tmp_path / "a.box").exists()


def test_names_and_optics_groups_of_relion(picks, micrographs, tmp_path, monkeypatch):
    monkeypatch.chdir(micrographs)
    convert(picks, "AutoPick/job005", "--micrographs", "micrographs_ctf.star")
    listed = starfile.read("AutoPick/job005/autopick.star")
    assert listed["rlnMicrographName"].tolist() == [f"MotionCorr/job002/{name}" for name in NAMES]
    assert Path("AutoPick/job005/Movies/a_autopick.star").is_file()
    convert(picks, "all.star", "--micrographs", "micrographs_ctf.star")
    written = starfile.read("all.star")
    assert written["optics"]["rlnVoltage"].tolist() == [300, 200]
    assert set(written["particles"]["rlnOpticsGroup"]) == {1, 2}
    convert(picks, "old", "--micrographs", "micrographs_ctf.star", "--relion", "3.1")
    assert Path("old/coords_suffix_autopick.star").read_text() == "micrographs_ctf.star\n"
    assert len(read_folder("old")) == 12


def test_names_that_are_not_found_are_an_error_by_default(picks, micrographs, tmp_path):
    table = read_table(picks)
    table.loc[0, "micrograph"] = "Movies/q.mrc"
    write_table(table, tmp_path / "q.csv")
    folder = micrographs / "MotionCorr/job002/Movies"
    out = tmp_path / "out.csv"
    convert(tmp_path / "q.csv", out, "--micrographs", folder, fails="Movies/q.mrc")
    assert not out.exists()
    said = convert(tmp_path / "q.csv", out, "--micrographs", folder, "--unmatched", "drop")
    assert "Movies/q.mrc" in said
    assert len(read_table(out)) == 11
    assert read_table(out)["micrograph"][0] == (folder / "b.mrc").as_posix()
    convert(tmp_path / "q.csv", out, "--micrographs", folder, "--unmatched", "keep")
    assert read_table(out)["micrograph"][0] == "Movies/q.mrc"
    loose = table.assign(micrograph=table["micrograph"].str.replace(".mrc", "_DW.mrc"))
    write_table(loose[1:], tmp_path / "loose.csv")
    said = convert(tmp_path / "loose.csv", out, "--micrographs", folder)
    assert "motion correction" in said


def test_flips_scales_and_sizes(picks, micrographs, tmp_path):
    table, out = read_table(picks), tmp_path / "out.csv"
    convert(picks, out, "--flip-y", "--size", f"{WIDTH}x{HEIGHT}")
    assert np.allclose(read_table(out)["y"], HEIGHT - 1 - table["y"])
    convert(picks, out, "--flip-x", "--micrographs", micrographs / "micrographs_ctf.star")
    assert np.allclose(read_table(out)["x"], WIDTH - 1 - table["x"])
    convert(picks, out, "--flip-y", fails="--size")
    convert(picks, out, "--flip-y", "--size", "300", fails="WIDTHxHEIGHT")
    convert(picks, out, "--flip-y", "--size", "30x20", fails="outside")
    convert(picks, tmp_path / "out.star", "--scale", 2)
    scaled = read_table(tmp_path / "out.star")
    assert np.allclose(scaled[["x", "y"]], 2 * table[["x", "y"]])
    assert scaled.attrs["optics"][0]["rlnMicrographPixelSize"] == 0.75
    convert(picks, out, "--scale", 0, fails="above 0")


def test_the_preview_prints_which_flip_fits(picks, micrographs, tmp_path):
    wrong, picture = tmp_path / "wrong.csv", tmp_path / "flips.png"
    convert(picks, wrong, "--flip-y", "--size", f"{WIDTH}x{HEIGHT}")
    look = ["--micrographs", micrographs / "micrographs_ctf.star", "--preview", picture]
    said = convert(wrong, tmp_path / "o.csv", *look, "--radius", 8)
    assert "pass --flip-y" in said
    assert picture.read_bytes().startswith(b"\x89PNG")
    said = convert(wrong, tmp_path / "o.csv", *look, "--radius", 8, "--flip-y")
    assert "the picks fit without a flip" in said
    assert np.allclose(read_table(tmp_path / "o.csv")["y"], read_table(picks)["y"])
    random = pd.DataFrame({"micrograph": NAMES[0], "x": [30.0, 90, 40], "y": [33.0, 71, 90]})
    write_table(random, tmp_path / "random.csv")
    said = convert(tmp_path / "random.csv", tmp_path / "o.csv", *look, "--radius", 8)
    assert "none of the flips fits clearly" in said
    convert(picks, wrong, "--scale", 0.25)
    said = convert(wrong, tmp_path / "o.csv", *look, "--radius", 8)
    assert "the picks multiplied by 4 do: pass --scale 4" in said
    said = convert(wrong, tmp_path / "o.csv", *look, "--radius", 8, "--scale", 2)
    assert "the picks multiplied by 2 do: pass --scale 4" in said
    convert(wrong, tmp_path / "o.csv", *look, fails="--radius")
    convert(wrong, tmp_path / "o.csv", "--preview", picture, "--radius", 8, fails="--micrographs")


def test_duplicates_are_reported_and_removed_on_request(picks, tmp_path):
    table, out = read_table(picks), tmp_path / "out.csv"
    write_table(pd.concat([table, table.assign(x=table["x"] + 1)]), tmp_path / "twice.csv")
    assert convert(tmp_path / "twice.csv", out).count("within") == 0
    assert "12 picks are within 2 px" in convert(tmp_path / "twice.csv", out, "--duplicates", 2)
    assert len(read_table(out)) == 24
    convert(tmp_path / "twice.csv", out, "--duplicates", 2, "--remove-duplicates")
    assert np.allclose(read_table(out)["x"], table["x"])


def test_pixel_sizes_and_groups_of_exposures_are_optics_groups(picks, tmp_path):
    kinds = [("uid", "<u8"), ("micrograph_blob/path", "S60"), ("micrograph_blob/shape", "<u4", 2)]
    kinds += [("micrograph_blob/psize_A", "<f4"), ("mscope_params/exp_group_id", "<u4")]
    rows = [(70 + k, f">J2/{name}.mrc", (HEIGHT, WIDTH), 1.06 + k, 4 + k)
            for k, name in enumerate("ab")]  # fmt: skip
    exposures = tmp_path / "exposures.cs"
    with exposures.open("wb") as file:
        np.save(file, np.array(rows, kinds))
    convert(picks, tmp_path / "plain.csv")
    for option in ("--micrographs", "--exposures"):
        out = tmp_path / f"{option}.star"
        convert(tmp_path / "plain.csv", out, option, exposures)
        blocks = starfile.read(out)
        sizes = blocks["optics"].set_index("rlnOpticsGroup")["rlnMicrographPixelSize"]
        assert sizes.to_dict() == {4: 1.06, 5: 2.06}
        of = dict(zip(blocks["particles"]["rlnMicrographName"].str[-5:],
                      blocks["particles"]["rlnOpticsGroup"], strict=True))  # fmt: skip
        assert of == {"a.mrc": 4, "b.mrc": 5}


def test_convert_to_cryosparc_and_its_prefixes(picks, tmp_path):
    kinds = [("uid", "<u8"), ("micrograph_blob/path", "S60"), ("micrograph_blob/shape", "<u4", 2)]
    rows = [(70 + k, f"J2/imported/{70 + k:021d}_{name}.mrc", (HEIGHT, WIDTH))
            for k, name in enumerate("ab")]  # fmt: skip
    exposures = tmp_path / "exposures.cs"
    with exposures.open("wb") as file:
        np.save(file, np.array(rows, kinds))
    out = tmp_path / "picks.cs"
    convert(picks, out, fails="--exposures")
    convert(picks, out, "--exposures", exposures)
    back = read_table(out)
    assert np.allclose(back[["x", "y"]], read_table(picks)[["x", "y"]], atol=1e-3)
    assert set(back["location/micrograph_uid"]) == {70, 71}
    convert(picks, tmp_path / "for.star", "--exposures", exposures, "--uids", "add")
    names = read_table(tmp_path / "for.star")["micrograph"]
    assert set(names) == {f"{70 + k:021d}_{name}.mrc" for k, name in enumerate("ab")}
    convert(tmp_path / "for.star", tmp_path / "plain.csv", "--uids", "remove")
    assert set(read_table(tmp_path / "plain.csv")["micrograph"]) == {"a.mrc", "b.mrc"}
    convert(picks, tmp_path / "x.csv", "--uids", "add", fails="--exposures")
    convert(out, tmp_path / "flipped.csv", "--flip-y")
    flipped = read_table(tmp_path / "flipped.csv")
    assert np.allclose(flipped["y"], HEIGHT - 1 - back["y"], atol=1e-3)


def test_only_csv_contains_rows_of_non_particles(tmp_path):
    table = pd.DataFrame({"micrograph": "a", "x": [1.0, 2], "y": 3.0, "label": [1, 0]})
    write_table(table, tmp_path / "l.csv")
    said = convert(tmp_path / "l.csv", tmp_path / "l.star")
    assert "1 row with label 0" in said
    assert read_table(tmp_path / "l.star")["x"].tolist() == [1]
    convert(tmp_path / "l.csv", tmp_path / "m.csv")
    assert read_table(tmp_path / "m.csv")["label"].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("arguments", "fails"),
    [
        (["--unmatched", "guess"], "--unmatched guess"),
        (["--uids", "both"], "--uids both"),
        (["--to", "xlsx"], "xlsx"),
        (["--relion", "2"], "2"),
        (["--micrographs", "nowhere"], "nowhere"),
    ],
)
def test_invalid_options_are_reported(picks, tmp_path, arguments, fails):
    convert(picks, tmp_path / "out.star", *arguments, fails=fails)
    assert not (tmp_path / "out.star").exists()


def test_picks_of_any_program_are_compared(picks, tmp_path):
    convert(picks, tmp_path / "boxes", "--to", "box", "--box-size", 21)
    convert(picks, tmp_path / "theirs.txt")
    command = ["evaluate", "--picks", tmp_path / "boxes", "--truth", tmp_path / "theirs.txt"]
    done = CliRunner().invoke(app, [*map(str, command), "--radius", "5", "--json"])
    assert done.exit_code == 0, done.exception
    assert '"n_hits": 12' in done.stdout


def test_file_names_follow_other_programs(picks, tmp_path):
    convert(picks, tmp_path / "STAR", "--ending", ".star")
    assert sorted(path.name for path in (tmp_path / "STAR").iterdir()) == [
        ".activepick-files",
        "a.star",
        "b.star",
    ]
    convert(picks, tmp_path / "bad", "--ending", "/../x.star", fails="cannot end in")
    convert(picks, tmp_path / "bad", "--ending", ".box", fails="cannot end in")
    assert not (tmp_path / "bad").exists()


def test_files_of_an_earlier_run_are_removed_only_on_request(picks, tmp_path):
    table, boxes = read_table(picks), tmp_path / "boxes"
    convert(picks, boxes, "--to", "box", "--box-size", 21)
    write_table(table[table["micrograph"] == NAMES[0]], tmp_path / "one.star")
    convert(tmp_path / "one.star", boxes, "--to", "box", "--box-size", 21)
    assert len(read_folder(boxes)) == 12
    (boxes / "mine.box").write_text("1\t2\t3\t3\n")
    convert(tmp_path / "one.star", boxes, "--to", "box", "--box-size", 21, "--overwrite")
    assert sorted(path.name for path in boxes.glob("[!.]*")) == ["a.box", "mine.box"]


def test_files_of_picks_with_any_ending_find_their_micrographs(micrographs, tmp_path):
    folder = micrographs / "MotionCorr/job002/Movies"
    for suffix in ("topazpicks", "checked", "extract"):
        made = tmp_path / suffix
        made.mkdir()
        for name in "ab":
            (made / f"{name}_{suffix}.star").write_text(
                "data_\n\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n10 20\n"
            )
        said = convert(made, tmp_path / "out.csv", "--micrographs", folder)
        assert f"such as a_{suffix}, which is used for" in said
        assert read_table(tmp_path / "out.csv")["micrograph"].tolist() == [
            (folder / f"{name}.mrc").as_posix() for name in "ab"
        ]


@pytest.fixture
def cbox(tmp_path) -> Path:
    rows = "".join(f"{10 * k} 20 30 30 {confidence}\n" for k, confidence in enumerate((0.85, 0.12)))
    (tmp_path / "m.cbox").write_text(rows)
    return tmp_path / "m.cbox"


def test_picks_below_a_threshold_are_left_out(cbox, picks, tmp_path):
    out = tmp_path / "out.star"
    assert "1 of 2 picks below the threshold" in convert(cbox, out, "--threshold", 0.3)
    assert read_table(out)["x"].tolist() == [15]
    convert(cbox, out, "--min-score", 0)
    assert read_table(out)["x"].tolist() == [15]
    convert(cbox, out, "--threshold", 0)
    assert len(read_table(out)) == 2
    (tmp_path / "theirs.star").write_text(
        "data_\n\nloop_\n_rlnMicrographName\n_rlnCoordinateX\n_rlnCoordinateY\n"
        "_rlnAutopickFigureOfMerit\na.mrc 1 2 0.4\na.mrc 3 4 2.5\n"
    )
    convert(tmp_path / "theirs.star", out, "--threshold", 0.5, fails="--min-score")
    convert(tmp_path / "theirs.star", out, "--min-score", 1)
    assert read_table(out)["x"].tolist() == [3]
    read_table(picks).drop(columns="score").to_csv(tmp_path / "none.csv", index=False)
    convert(tmp_path / "none.csv", out, "--threshold", 0.5, fails="no scores")
    convert(cbox, out, "--threshold", 3, fails="not a probability")


def told(*arguments) -> list[str]:
    """Convert, and return the warnings."""
    with pytest.warns(TableWarning) as caught:
        assert CliRunner().invoke(app, ["convert", *map(str, arguments)]).exit_code == 0
    return [on_command_line(warning.message) for warning in caught]


def test_positions_outside_are_counted_and_left_out(picks, micrographs, tmp_path):
    star, out = micrographs / "micrographs_ctf.star", tmp_path / "out.csv"
    table = read_table(picks)
    table.loc[0, "x"] = WIDTH + 3
    write_table(table, tmp_path / "one.csv")
    said = " ".join(told(tmp_path / "one.csv", out, "--micrographs", star))
    assert "1 of 12 positions lies outside" in said
    assert f"{WIDTH} x {HEIGHT} pixels" in said
    assert len(read_table(out)) == 11
    convert(tmp_path / "one.csv", out, "--micrographs", star, "--outside", "error", fails="1 of 12")
    convert(tmp_path / "one.csv", out, "--outside", "keep", fails="drop, error (--outside)")
    # Without the size, positions cannot be checked.
    convert(tmp_path / "one.csv", out, "--outside", "error")
    convert(tmp_path / "one.csv", out, "--size", "200x100", "--outside", "error", fails="outside")
    [said] = told(tmp_path / "one.csv", out, "--flip-y", "--size", f"{WIDTH}x{HEIGHT}")
    assert "1 of 12" in said
    assert len(read_table(out)) == 11
    assert not inside(table["x"], table["y"], WIDTH, HEIGHT).all()


def test_positions_in_pixels_of_another_size_name_the_option_that_corrects_them(
    picks, micrographs, tmp_path
):
    star, out = micrographs / "micrographs_ctf.star", tmp_path / "out.csv"
    table = read_table(picks)
    large = tmp_path / "large.csv"
    write_table(table.assign(x=table["x"] * 4 + 900, y=table["y"] * 4), large)
    convert(large, out, "--micrographs", star, fails="--scale 0.1429")
    many = pd.concat([table] * 3)
    write_table(many.assign(x=many["x"] / 4, y=many["y"] / 4), tmp_path / "small.csv")
    said = convert(tmp_path / "small.csv", out, "--micrographs", star, "--duplicates", 0)
    assert "--scale 4" in said
    assert "--scale" not in convert(picks, out, "--micrographs", star)
    swapped = tmp_path / "swapped.csv"
    write_table(table.assign(x=table["y"], y=table["x"]), swapped)
    assert any("--swap-xy" in said for said in told(swapped, out, "--micrographs", star))
    convert(swapped, out, "--micrographs", star, "--swap-xy")
    assert np.allclose(read_table(out)[["x", "y"]], table[["x", "y"]])


PARTICLES = """
data_optics

loop_
_rlnOpticsGroup
_rlnOpticsGroupName
_rlnMicrographPixelSize
1 one 2

data_particles

loop_
_rlnMicrographName
_rlnCoordinateX
_rlnCoordinateY
_rlnOpticsGroup
_rlnAnglePsi
_rlnOriginXAngst
_rlnOriginYAngst
a.mrc 100 40 1  30 16 -8
a.mrc  50 60 1 -90  2  4
"""


def test_angles_and_shifts_of_particles_follow_a_flip(tmp_path):
    source, out = tmp_path / "p.star", tmp_path / "out.star"
    source.write_text(PARTICLES)
    convert(source, out, "--flip-y", "--size", f"{WIDTH}x{HEIGHT}")
    table = read_table(out)
    assert table["y"].tolist() == [HEIGHT - 1 - 40, HEIGHT - 1 - 60]
    assert table["rlnAnglePsi"].tolist() == [-30, 90]
    assert table["rlnOriginXAngst"].tolist() == [16, 2]
    assert table["rlnOriginYAngst"].tolist() == [8, -4]


def test_particles_are_centred_on_request_and_large_shifts_are_reported(tmp_path):
    source, out = tmp_path / "p.star", tmp_path / "out.star"
    source.write_text(PARTICLES)
    said = convert(source, out)
    assert "18 Å" in said
    assert "--apply-origins" in said
    assert read_table(out)["rlnOriginXAngst"].tolist() == [16, 2]
    said = convert(source, out, "--apply-origins")
    assert "--apply-origins" not in said
    table = read_table(out)
    assert table[["x", "y"]].to_numpy().tolist() == [[92, 44], [49, 58]]
    assert not table[["rlnOriginXAngst", "rlnOriginYAngst"]].to_numpy().any()
    # The pixel size that is given is that of the positions that are written.
    convert(source, out, "--apply-origins", "--scale", 2, "--pixel-size", 1)
    assert read_table(out)[["x", "y"]].to_numpy().tolist() == [[184, 88], [98, 116]]
    convert(out, tmp_path / "x.box", "--apply-origins", "--box-size", 9)
    source.write_text(PARTICLES.replace("rlnOrigin", "rlnOther"))
    convert(source, out, "--apply-origins", fails="no shifts")


def test_a_trailing_slash_marks_a_folder(picks, tmp_path):
    convert(picks, f"{tmp_path}/job.007/")
    assert (tmp_path / "job.007" / "autopick.star").is_file()
    (tmp_path / "exists.v2").mkdir()
    convert(picks, tmp_path / "exists.v2")
    assert (tmp_path / "exists.v2" / "autopick.star").is_file()
    convert(picks, tmp_path / "job.008", fails="a slash at its end")


def test_positions_outside_are_left_out_before_exposures_rename_micrographs(picks, tmp_path):
    kinds = [("uid", "<u8"), ("micrograph_blob/path", "S60"), ("micrograph_blob/shape", "<u4", 2)]
    rows = [(70 + k, f">J2/imported/{70 + k:021d}_{name}.mrc", (HEIGHT, WIDTH))
            for k, name in enumerate("ab")]  # fmt: skip
    with (tmp_path / "exposures.cs").open("wb") as file:
        np.save(file, np.array(rows, kinds))
    table = read_table(picks)
    table.loc[0, "x"] = WIDTH + 3
    write_table(table, tmp_path / "one.csv")
    arguments = tmp_path / "one.csv", tmp_path / "o.cs", "--exposures", tmp_path / "exposures.cs"
    convert(*arguments, "--outside", "error", fails="1 of 12 positions lies outside")
    assert any("1 of 12" in said for said in told(*arguments))
    assert len(read_table(tmp_path / "o.cs")) == 11
