from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from invoked import run
from scipy.spatial import cKDTree

from activepick.cli.prune import _with_classes
from activepick.formats import read_table, write_table
from activepick.formats.scores import score_meaning
from activepick.simulate import SimulationSettings, simulate_dataset


@pytest.fixture(scope="module")
def picked(tmp_path_factory):
    """Two micrographs, all their particles, and as many places far from any."""
    folder = tmp_path_factory.mktemp("prune")
    data = simulate_dataset(folder / "mics", 2, 0, SimulationSettings(shape=(640, 640)))
    truth = read_table(data.truth)
    radius = data.diameter_angstrom / data.pixel_size_angstrom / 2
    rng = np.random.default_rng(0)
    parts = []
    for name, own in truth.groupby("micrograph"):
        places = rng.uniform(0, 639, (400, 2))
        far = places[cKDTree(own[["x", "y"]]).query(places)[0] > 1.2 * radius][: len(own)]
        parts.append(own[["micrograph", "x", "y"]].assign(label=1))
        parts.append(pd.DataFrame(far, columns=["x", "y"]).assign(micrograph=name, label=0))
    picks = pd.concat(parts, ignore_index=True).sample(frac=1, random_state=0)
    return folder, data.diameter_angstrom, picks


def test_a_few_labels_of_each_class_remove_wrong_picks_of_another_program(picked):
    folder, diameter, picks = picked
    picks.drop(columns="label").to_csv(folder / "picks.csv", index=False)
    labels = picks.groupby("label").head(15)
    named = labels.assign(**{"class": labels["label"].map({1: "particle", 0: "ice"})})
    named.drop(columns="label").to_csv(folder / "labels.csv", index=False)
    for name in ("kept.csv", "kept.star"):
        run(
            "prune", folder / "picks.csv", "--micrographs", folder / "mics", "--diameter", diameter,
            "--labels", folder / "labels.csv", "--out", folder / name,
        )  # fmt: skip
    kept = read_table(folder / "kept.csv")
    both = kept.merge(picks, on=["micrograph", "x", "y"], suffixes=("", "_true"))
    assert len(both) == len(kept) < len(picks)
    right, wrong = (both["label"] == 1).sum(), (both["label"] == 0).sum()
    assert right > 0.85 * (picks["label"] == 1).sum()
    assert wrong < 0.2 * (picks["label"] == 0).sum()
    assert set(kept["class"]) <= {"particle", "ice"}
    assert len(read_table(folder / "kept.star")) == len(kept)


def test_a_saved_head_scores_picks(picked):
    folder, diameter, picks = picked
    picks.to_csv(folder / "labels.csv", index=False)
    head, out = folder / "head.safetensors", folder / "scored.csv"
    (folder / "labels").mkdir()
    for name, rows in picks.groupby("micrograph"):
        rows[["x", "y", "label"]].to_csv(folder / "labels" / f"{name}.csv", index=False)
    run("train", folder / "mics", "--labels", folder / "labels", "--diameter", diameter,
        "--out", head)  # fmt: skip
    run("prune", folder / "labels.csv", "--micrographs", folder / "mics", "--diameter", diameter,
        "--head", head, "--threshold", 0, "--out", out)  # fmt: skip
    scored = read_table(out)
    assert len(scored) == len(picks)
    particle = scored["label"] == 1
    assert scored.loc[particle, "score"].median() > scored.loc[~particle, "score"].quantile(0.9)


def test_prune_needs_either_a_head_or_labels(picked):
    folder, diameter, _ = picked
    done = run("prune", folder / "picks.csv", "--micrographs", folder / "mics", "--diameter",
               diameter, "--out", folder / "x.csv", status=2)  # fmt: skip
    assert "--head" in done.stderr


@pytest.fixture(scope="module")
def head(picked):
    folder, diameter, picks = picked
    picks.to_csv(folder / "all.csv", index=False)
    path = folder / "of_all.safetensors"
    run("train", folder / "mics", "--labels", folder / "all.csv", "--diameter", diameter,
        "--out", path)  # fmt: skip
    return path


def test_pruned_particles_keep_all_columns_and_positions_outside_are_left_out(picked, head):
    folder, diameter, picks = picked
    table = picks.drop(columns="label").reset_index(drop=True)
    table["rlnOpticsGroup"] = 1 + np.arange(len(table)) % 2
    table["rlnClassNumber"] = np.arange(len(table)) % 7
    table["rlnImageName"] = [f"{k:06d}@Extract/a.mrcs" for k in range(len(table))]
    table.attrs["optics"] = [
        {"rlnOpticsGroup": k, "rlnOpticsGroupName": f"g{k}", "rlnVoltage": 100.0 * k}
        for k in (1, 2)
    ]
    table.loc[0, "x"] = 5000.0
    write_table(table, folder / "p.star")
    arguments = ["prune", folder / "p.star", "--micrographs", folder / "mics", "--diameter",
                 diameter, "--head", head]  # fmt: skip
    done = run(*arguments, "--out", folder / "k.star")
    assert f"1 of {len(table)} positions lies outside" in done.stderr
    kept = read_table(folder / "k.star")
    assert 0 < len(kept) < len(table)
    assert kept.attrs["optics"] == table.attrs["optics"]
    assert score_meaning(kept) == "log-odds"
    both = kept.merge(table, on="rlnImageName", suffixes=("", "_before"))
    assert len(both) == len(kept)
    for name in ("micrograph", "rlnOpticsGroup", "rlnClassNumber"):
        assert (both[name] == both[f"{name}_before"]).all()
    for name in ("x", "y"):
        assert np.allclose(both[name], both[f"{name}_before"], atol=1e-5)
    done = run(*arguments, "--out", folder / "x.star", "--outside", "error", status=2)
    assert "positions lies outside" in done.stderr


def test_a_dataset_of_cryosparc_keeps_all_its_fields(picked, head):
    folder, diameter, picks = picked
    stems = picks["micrograph"].map(lambda name: Path(name).stem)
    fields = {
        "uid": np.arange(len(picks), dtype=np.uint64),
        "location/micrograph_path": np.array([f">J1/imported/{s}.mrc" for s in stems], "S60"),
        "location/micrograph_uid": np.ones(len(picks), np.uint64),
        "location/micrograph_shape": np.full((len(picks), 2), 640, np.uint32),
        "location/center_x_frac": (picks["x"] / 640).to_numpy(np.float32),
        "location/center_y_frac": (picks["y"] / 640).to_numpy(np.float32),
        "pick_stats/ncc_score": np.linspace(0, 1, len(picks)).astype(np.float32),
        "pick_stats/power": np.linspace(5, 6, len(picks)).astype(np.float32),
        "blob/idx": np.arange(len(picks), dtype=np.uint32),
    }
    array = np.zeros(len(picks), [(name, v.dtype, v.shape[1:]) for name, v in fields.items()])
    for name, values in fields.items():
        array[name] = values
    with (folder / "p.cs").open("wb") as file:
        np.save(file, array)
    run("prune", folder / "p.cs", "--micrographs", folder / "mics", "--diameter", diameter,
        "--head", head, "--out", folder / "k.cs")  # fmt: skip
    kept = np.load(folder / "k.cs")
    assert 0 < len(kept) < len(picks)
    assert set(fields) <= set(kept.dtype.names)
    before = array[np.searchsorted(array["uid"], kept["uid"])]
    for name in ("blob/idx", "location/micrograph_uid", "location/center_x_frac"):
        assert np.allclose(kept[name], before[name], atol=1e-6)
    assert not any(path.startswith(b">") for path in kept["location/micrograph_path"].tolist())
    # The scores of the picker are replaced by those of the head, which are log-odds.
    assert score_meaning(read_table(folder / "k.cs")) == "log-odds"
    assert (kept["pick_stats/ncc_score"] >= 0).all()


def test_particles_of_all_kinds_are_particles():
    names = ["ribosome", "proteasome", "empty", "contamination"]
    labels = pd.DataFrame({"label": [1, 1, 0, 0], "class": names})
    expected = ["particle", "particle", "empty", "contamination"]
    assert _with_classes(labels, Path("labels.csv"))["class"].tolist() == expected
    assert _with_classes(labels[["class"]], Path("labels.csv"))["class"].tolist() == names
