import json

import pandas as pd
from invoked import run
from scipy.spatial import cKDTree
from test_prune import picked  # noqa: F401

from activepick.formats import read_table
from activepick.learning.head_file import load_head


def labels_of(micrograph, folder):
    return folder / f"{micrograph.stem}.csv"


def test_combined_heads_pick_another_dataset(picked):  # noqa: F811
    folder, diameter, picks = picked
    mics = sorted((folder / "mics").glob("*.mrc"))
    trained = []
    for mic in mics:
        labels = labels_of(mic, folder)
        picks[picks["micrograph"] == mic.name].to_csv(labels, index=False)
        trained.append(folder / f"{mic.stem}.safetensors")
        run("train", mic, "--labels", labels, "--diameter", diameter, "--out", trained[-1])
    generic = folder / "generic.safetensors"
    run("heads", "combine", *trained, "--out", generic)
    head = load_head(generic)
    assert head.particles == (picks["label"] == 1).sum()
    out = folder / "zero.csv"
    run("pick", mics[0], "--diameter", diameter, "--head", generic, "--threshold", 0, "--out", out)
    particles = picks[(picks["micrograph"] == mics[0].name) & (picks["label"] == 1)]
    best = read_table(out).nlargest(10, "score")
    distance, _ = cKDTree(particles[["x", "y"]]).query(best[["x", "y"]])
    assert (distance < 30).sum() > 5
    few = picks.groupby("label").head(5)
    pd.DataFrame(few).to_csv(folder / "few.csv", index=False)
    run("train", folder / "mics", "--labels", folder / "few.csv", "--diameter", diameter,
        "--base", generic, "--out", folder / "based.safetensors")  # fmt: skip
    plain = run("train", mics[0], "--labels", labels_of(mics[0], folder), "--diameter", diameter,
                "--orientations", 1, "--out", folder / "plain.safetensors", "--json")  # fmt: skip
    told = json.loads(plain.stdout)
    count = (picks[picks["micrograph"] == mics[0].name]["label"] == 1).sum()
    assert 0.5 * count < told["expected_particles"] < 3 * count
    assert 0.5 < told["expected_precision"] <= 1
    assert load_head(folder / "plain.safetensors").spec.orientations == 1
    run("pick", mics[0], "--diameter", diameter, "--head", folder / "plain.safetensors",
        "--out", out)  # fmt: skip
    based = load_head(folder / "based.safetensors")
    assert not based.notes.get("generic")
    assert (based.particles, based.others) == (5, 5)
