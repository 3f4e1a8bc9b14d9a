import pandas as pd
from test_commands import run
from test_prune import picked  # noqa: F401

from activepick.formats import read_table
from activepick.learning.head_file import load_head


def test_heads_are_trained_combined_and_used_on_something_new(picked):  # noqa: F811
    folder, diameter, picks = picked
    mics = sorted((folder / "mics").glob("*.mrc"))
    trained = []
    for mic in mics:
        labels = folder / f"{mic.stem}.csv"
        picks[picks["micrograph"] == mic.name].to_csv(labels, index=False)
        trained.append(folder / f"{mic.stem}.safetensors")
        run("train", mic, "--labels", labels, "--diameter", diameter, "--out", trained[-1])
    generic = folder / "generic.safetensors"
    run("heads", "combine", *trained, "--out", generic)
    head = load_head(generic)
    assert head.particles == (picks["label"] == 1).sum()
    out = folder / "zero.csv"
    run("pick", mics[0], "--diameter", diameter, "--head", generic, "--out", out)
    assert len(read_table(out)) > 5
    few = picks.groupby("label").head(5)
    pd.DataFrame(few).to_csv(folder / "few.csv", index=False)
    run("train", folder / "mics", "--labels", folder / "few.csv", "--diameter", diameter,
        "--base", generic, "--out", folder / "based.safetensors")  # fmt: skip
    based = load_head(folder / "based.safetensors")
    assert not based.notes.get("generic")
    assert (based.particles, based.others) == (5, 5)
