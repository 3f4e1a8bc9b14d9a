import numpy as np
import pandas as pd
import pytest
from scipy.spatial import cKDTree
from test_commands import run

from activepick.formats import read_table
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


def test_a_few_labels_a_class_cut_the_picks_of_another_program(picked):
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
    run("train", folder / "mics", "--labels", folder / "labels.csv", "--diameter", diameter,
        "--out", head)  # fmt: skip
    run("prune", folder / "labels.csv", "--micrographs", folder / "mics", "--diameter", diameter,
        "--head", head, "--threshold", 0, "--out", out)  # fmt: skip
    scored = read_table(out)
    assert len(scored) == len(picks)
    particle = scored["label"] == 1
    assert scored.loc[particle, "score"].median() > scored.loc[~particle, "score"].quantile(0.9)


def test_head_or_labels(picked):
    folder, diameter, _ = picked
    done = run("prune", folder / "picks.csv", "--micrographs", folder / "mics", "--diameter",
               diameter, "--out", folder / "x.csv", status=2)  # fmt: skip
    assert "--head" in done.stderr
