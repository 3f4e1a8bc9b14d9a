"""The messages of `activepick pick` and the files that it writes, in this process."""

import json
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from typer.testing import CliRunner

from activepick.cli import app
from activepick.formats import TableWarning, read_picks
from activepick.simulate import SimulationSettings, simulate_dataset

DIAMETER = 150


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    settings = SimulationSettings(shape=(512, 512), pixel_size_angstrom=3.0)
    return simulate_dataset(tmp_path_factory.mktemp("data") / "mics", 3, 4, settings)


@pytest.fixture
def pick(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*arguments, status=0):
        options = ["--diameter", DIAMETER, "--device", "cpu", "--model", "resnet8_u32"]
        done = CliRunner().invoke(app, ["pick", *map(str, [*arguments, *options])])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == status, done.output
        return done

    return run


def radii(out):
    return json.loads(Path(f"{out}.run/settings.json").read_text())["working_radii_px"]


def empty(folder, name):
    with mrcfile.new(folder / name) as file:
        file.set_data(np.random.default_rng(0).normal(size=(512, 512)).astype(np.float32))
        file.voxel_size = 3.0


def test_the_chosen_scale_is_printed_with_the_option_to_keep_it(data, pick):
    folder = data.micrographs[0].parent
    said = pick(folder, "--out", "a.csv").stderr
    [radius] = radii("a.csv")
    assert f"working radius {radius:g} px" in said
    assert f"--working-radius {radius:g}" in said
    again = pick(folder, "--out", "b.csv", "--working-radius", radius)
    assert "working radius" not in again.stderr
    assert Path("b.csv").read_bytes() == Path("a.csv").read_bytes()


def test_the_scale_depends_on_neither_order_nor_empty_micrographs(data, pick, tmp_path):
    pick(*data.micrographs, "--out", "a.csv")
    pick(*reversed(data.micrographs), "--out", "b.csv")
    (tmp_path / "mics").mkdir()
    for path in data.micrographs:
        (tmp_path / "mics" / path.name).write_bytes(path.read_bytes())
    for name in ("a_empty.mrc", "b_empty.mrc", "c_empty.mrc", "z_empty.mrc"):
        empty(tmp_path / "mics", name)
    pick("mics", "--out", "c.csv")
    assert radii("a.csv") == radii("b.csv") == radii("c.csv")
    counts = [
        read_picks(Path(name)).assign(file=lambda t: t["micrograph"].str[-18:])
        for name in "abc"
        for name in (f"{name}.csv",)
    ]
    sizes = [table.groupby("file").size().to_dict() for table in counts]
    assert sizes[0] == sizes[1] == {k: v for k, v in sizes[2].items() if "empty" not in k}


@pytest.mark.parametrize("out", ["AutoPick/job.007/", "plain"])
def test_a_trailing_slash_or_no_extension_means_a_folder(data, pick, out):
    pick(data.micrographs[0], "--out", out)
    assert (Path(out) / "autopick.star").is_file()
    assert len(read_picks(Path(out))) > 3


def test_an_existing_folder_with_a_dot_in_its_name_is_a_folder(data, pick):
    Path("job.8").mkdir()
    pick(data.micrographs[0], "--out", "job.8")
    assert (Path("job.8") / "autopick.star").is_file()


def test_files_that_are_left_out_are_reported(data, pick, tmp_path):
    folder = tmp_path / "mics"
    (folder / "more").mkdir(parents=True)
    for name in ("a.mrc", "a_PS.mrc", "a_noDW.mrc", "._a.mrc", "more/b.mrc"):
        (folder / name).write_bytes(data.micrographs[0].read_bytes())
    done = pick("mics", "--out", "p.csv")
    assert set(read_picks(Path("p.csv"))["micrograph"]) == {"mics/a.mrc"}
    assert "note: 2 files are left out" in done.stderr
    assert "its subfolders contain more micrographs (1), such as mics/more/b.mrc" in done.stderr
    assert "._a" not in done.stderr
    pick("mics", "--recursive", "--out", "q.csv")
    assert set(read_picks(Path("q.csv"))["micrograph"]) == {"mics/a.mrc", "mics/more/b.mrc"}


def test_missing_files_of_a_list_are_reported(data, pick, tmp_path):
    Path("list.txt").write_text(f"{data.micrographs[0]}\ngone.mrc\nlost.mrc\n")
    done = pick("list.txt", "--out", "p.csv", status=2)
    assert "left out: gone.mrc is listed in list.txt but does not exist" in done.stderr
    assert str(tmp_path) in done.stderr
    assert "1 more" in done.stderr


def test_columns_that_a_format_cannot_contain_are_reported_once(data, pick):
    folder = data.micrographs[0].parent
    with pytest.warns(TableWarning) as caught:
        pick(folder, "--out", "coords/", "--format", "coords")
    [said] = [str(one.message) for one in caught if "no column for score" in str(one.message)]
    assert said.endswith("(the same in 2 other files)")
