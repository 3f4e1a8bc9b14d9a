import json
import os
import signal
import subprocess
import sys
import time

import mrcfile
import numpy as np
import pandas as pd
import pytest
from invoked import run

from activepick.formats import read_table
from activepick.learning.head_file import load_head
from activepick.simulate import SimulationSettings, simulate_dataset

COMMAND = [sys.executable, "-c", "from activepick.cli import main; main()"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    return simulate_dataset(folder / "mics", 3, 0, SimulationSettings(shape=(512, 512)))


@pytest.fixture(scope="module")
def options(data):
    return ["--diameter", data.diameter_angstrom, "--device", "cpu"]


def test_commands_pick_evaluate_convert_and_train(data, options, tmp_path):
    picks = tmp_path / "topaz.star"
    said = json.loads(
        run("pick", *data.micrographs, *options, "--out", picks, "--threshold", 0, "--json").stdout
    )
    table = read_table(picks)
    assert said["picks"] == len(table) > 100
    assert said["failed"] == {}
    assert set(table["micrograph"]) == {path.as_posix() for path in data.micrographs}

    radius = data.diameter_angstrom / 2 / data.pixel_size_angstrom
    judge = ["--truth", data.truth, "--radius", radius]
    before = json.loads(run("evaluate", "--picks", picks, *judge, "--json").stdout)
    assert before["n_truth"] == data.particles
    assert 0.1 < before["ap"] < 1
    assert f"AP {before['ap']:.3f}" in run("evaluate", "--picks", picks, *judge).stdout

    for name in ("p.csv", "p.txt", "old.star"):
        extra = ["--relion", "3.0"] if name == "old.star" else []
        # Some shells do not remove quotes.
        run("convert", f"'{picks}'", f'"{tmp_path / name}"', *extra)
        other = read_table(tmp_path / name)
        assert np.allclose(other[["x", "y"]], table[["x", "y"]], atol=1e-3)
    assert "data_optics" in picks.read_text()
    assert "data_optics" not in (tmp_path / "old.star").read_text()
    run("convert", picks, tmp_path / "fine.star", "--scale", 4)
    [optics] = read_table(tmp_path / "fine.star").attrs["optics"]
    assert float(optics["rlnMicrographPixelSize"]) == data.pixel_size_angstrom / 4
    run("convert", picks, tmp_path / "binned.csv", "--scale", 0.25)
    assert np.allclose(read_table(tmp_path / "binned.csv")["x"] * 4, table["x"], atol=1e-3)

    truth = read_table(data.truth)
    junk = table.sort_values("score").head(80).assign(label=0)
    labels = pd.concat([truth.assign(label=1), junk])
    labels["micrograph"] = [name.rsplit("/", 1)[-1] for name in labels["micrograph"]]
    labels[["micrograph", "x", "y", "label"]].to_csv(tmp_path / "labels.csv", index=False)
    head = tmp_path / "head.safetensors"
    run("train", *data.micrographs, *options, "--labels", tmp_path / "labels.csv", "--out", head)
    assert load_head(head).particles == len(truth)
    assert load_head(head).others == 80

    run(
        "pick",
        data.micrographs[0].parent,
        *options,
        "--head",
        head,
        "--threshold",
        0,
        "--out",
        tmp_path / "learnt.csv",
    )
    after = json.loads(run("evaluate", "--picks", tmp_path / "learnt.csv", *judge, "--json").stdout)
    assert after["ap"] > before["ap"] + 0.05


def test_a_folder_has_a_file_for_each_readable_micrograph(data, options, tmp_path):
    broken = tmp_path / "broken.mrc"
    broken.write_bytes(data.micrographs[0].read_bytes()[:5000])
    out = tmp_path / "job"
    done = run("pick", broken, *data.micrographs[:2], *options, "--out", out, status=2)
    assert "broken.mrc" in done.stderr
    assert "1 left out" in done.stdout
    names = sorted(path.name for path in out.glob("[!.]*"))
    assert names == [
        "autopick.star",
        "micrograph_001_autopick.star",
        "micrograph_002_autopick.star",
    ]
    assert len(read_table(out / "micrograph_001_autopick.star")) > 5


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pick", "nowhere.mrc", "--diameter", 150, "--out", "o.star"], "nowhere.mrc"),
        (["pick", "MICROGRAPH", "--diameter", -1, "--out", "o.star"], "diameter"),
        (["pick", "MICROGRAPH", "--diameter", 150, "--out", "o.xyz"], "o.xyz"),
        (["pick", "MICROGRAPH", "--diameter", 150, "--out", "o.csv", "--threshold", 2], "2"),
        (["pick", "MICROGRAPH", "--diameter", 150, "--out", "o.star", "--head", "no"], "no"),
        (["pick", "MICROGRAPH", "--diameter", 150, "--out", "o.star", "--min-distance", -1], "min"),
        (["train", "MICROGRAPH", "--diameter", 150, "--labels", "FAR", "--out", "o"], "outside"),
        (["train", "MICROGRAPH", "--diameter", 150, "--labels", "EMPTY", "--out", "o"], "empty"),
        (["pick", "MICROGRAPH", "--diameter", 150, "--out", "o.star", "--model", "vgg"], "vgg"),
        (["pick", "UNSCALED", "--diameter", 150, "--out", "o.star"], "--pixel-size"),
        (["evaluate", "--picks", "no.star", "--truth", "no.star", "--radius", 9], "no.star"),
        (["convert", "no.csv", "out.star"], "no.csv"),
        (["benchmark", "MICROGRAPH", "--truth", "TRUTH", "--diameter", 150, "--out", "o"], "train"),
        (["simulate", "o", "--protein", "unicorn"], "unicorn"),
        (["pick"], "MICROGRAPH"),
    ],
)  # fmt: skip
def test_errors_are_one_sentence_and_exit_status_2(data, tmp_path, arguments, said):
    unscaled = tmp_path / "unscaled.mrc"
    with mrcfile.new(unscaled) as file:
        file.set_data(np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32))
    outside, empty = tmp_path / "labels.csv", tmp_path / "empty.csv"
    outside.write_text("micrograph,x,y,label\nmicrograph_001.mrc,5000,10,1\n")
    empty.write_text("micrograph,x,y,label\nmicrograph_001.mrc,50,10,1\nmicrograph_001.mrc,9,9,\n")
    places = {
        "MICROGRAPH": data.micrographs[0],
        "TRUTH": data.truth,
        "UNSCALED": unscaled,
        "FAR": outside,
        "EMPTY": empty,
    }
    typed = [places.get(a, tmp_path / a if str(a).startswith("o") else a) for a in arguments]
    done = run(*typed, status=2)
    assert said in done.stderr
    assert done.stdout == ""
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("o")]


def test_the_shell_gets_the_exit_status_and_the_message(tmp_path):
    command = [*COMMAND, "convert", "no.csv", "out.star"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert "no.csv" in line


def test_the_warning_about_bright_particles_names_the_option(data, options, tmp_path):
    done = run("pick", data.micrographs[0], *options, "--invert", "--out", tmp_path / "p.csv")
    assert "leave out --invert" in done.stderr
    assert (
        "invert"
        not in run("pick", data.micrographs[0], *options, "--out", tmp_path / "p.csv").stderr
    )


@pytest.mark.posix("interrupts one program among several")
def test_an_interrupted_pick_leaves_no_incomplete_file(data, options, tmp_path):
    micrographs = []
    for i in range(12):
        link = tmp_path / f"m{i}.mrc"
        os.link(data.micrographs[0], link)
        micrographs.append(link)
    out = tmp_path / "out"
    started = subprocess.Popen(
        [*COMMAND, "pick", *map(str, micrographs), *map(str, options), "--out", str(out)],
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (out.is_dir() and any(out.glob("*_autopick.star"))):
        assert started.poll() is None, "it ended before it could be interrupted"
        time.sleep(0.01)
    started.send_signal(signal.SIGINT)
    _, said = started.communicate(timeout=60)
    assert started.returncode == 130
    assert "interrupted" in said
    assert "Traceback" not in said
    written = list(out.glob("[!.]*"))
    assert all(path.name.endswith("autopick.star") for path in written)
    for path in written:
        assert len(read_table(path)) > 0


def test_benchmark_writes_the_curve(data, options, tmp_path):
    done = run(
        "benchmark", *data.micrographs, *options, "--truth", data.truth, "--train", 1,
        "--labels", "5,10", "--batch", 5, "--seeds", 2, "--method", "topaz,random",
        "--cache", tmp_path / "cache", "--out", tmp_path / "out",
    )  # fmt: skip
    curve = pd.read_csv(tmp_path / "out" / "curve.csv")
    columns = "method seed clicks labels positives ap ap90 f1 refit_seconds skips changed settled"
    assert list(curve.columns) == [
        *columns.split(),
        "precision",
        "recall",
        "predicted_precision",
    ]
    assert len(curve) == 2 * 2 * 3
    assert "random" in done.stdout
    assert (tmp_path / "out" / "curve.png").stat().st_size > 5000


def test_the_demo_writes_head_picks_and_pictures(tmp_path, monkeypatch):
    monkeypatch.setattr("activepick.cli.demo._MICROGRAPHS", 3)
    monkeypatch.setattr("activepick.cli.demo._TRAIN", 1)
    done = run("demo", "--out", tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert {"curve.csv", "curve.png", "head.safetensors", "picks.star", "picks.csv"} <= names
    curve = pd.read_csv(tmp_path / "curve.csv").set_index(["method", "labels"])["ap"]
    assert 0.3 < curve["topaz", 0] < 0.7
    assert curve["active", 100] > curve["topaz", 0] + 0.1
    assert len(read_table(tmp_path / "picks.star")) == len(read_table(tmp_path / "picks.csv")) > 50
    assert "active" in done.stdout


def test_help_names_all_methods():
    from activepick.benchmark.methods import METHODS

    text = "".join(run("benchmark", "--help").stdout.split())
    assert [name for name in METHODS if f"{name}," not in text and f"{name}." not in text] == []
