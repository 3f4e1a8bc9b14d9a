"""The examples run as they stand, on micrographs that are small."""

import json
import runpy
import sys
from pathlib import Path

import pandas as pd
import pytest

from activepick.formats import read_folder, read_table
from activepick.learning.head_file import load_head

EXAMPLES = Path(__file__).parents[2] / "examples"
SMALL = ["--side", "400"]
ENOUGH = ["--side", "640"]  # particles in a micrograph to learn from

pytestmark = pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the examples are in the source")


@pytest.fixture
def example(monkeypatch, tmp_path, capsys):
    """Run an example in an empty folder: what it prints."""
    monkeypatch.chdir(tmp_path)

    def run(name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return run


def test_the_example_learn_in_twenty_lines_runs(example):
    said = example("learn_in_twenty_lines.py", *ENOUGH, "--out", "out").splitlines()
    before, after = (float(line.split()[2]) for line in said)
    assert after > max(before, 0.5)
    head = load_head("out/head.safetensors")
    assert 30 < head.particles + head.others <= 50  # some questions are left out
    assert set(read_table("out/picks.star")["micrograph"]) == {"micrograph_003.mrc"}


def test_the_example_average_picks_runs(example):
    rows = example("average_picks.py", "--micrographs", 1, *ENOUGH, "--out", "out").splitlines()
    sizes = [int(row.split()[0]) for row in rows]
    assert sizes == sorted(sizes, reverse=True)
    assert sum(sizes) > 20
    assert Path("out/averages.png").stat().st_size > 1000


def test_the_example_custom_query_strategy_runs(example):
    arguments = ["--micrographs", 3, *ENOUGH, "--labels", 10]
    header, *rows = example("custom_query_strategy.py", *arguments).splitlines()
    table = pd.DataFrame([row.split() for row in rows], columns=header.split())
    assert list(table["method"]) == ["evenly", "evenly", "uncertain", "uncertain"] + 2 * ["random"]
    assert table["labels"].astype(int).tolist() == 3 * [0, 10]
    own = table[table["method"] == "evenly"].astype({"ap": float})
    assert own["ap"].iloc[1] != own["ap"].iloc[0] > 0.3


def test_the_example_custom_format_runs(example):
    assert '"x": 200.0' in example("custom_format.py")
    picks = pd.DataFrame({"micrograph": ["a.mrc", "b.mrc"], "x": [1.5, 2.0], "y": [3.0, 4.25]})
    picks.to_csv("picks.csv", index=False)
    assert "2 picks" in example("custom_format.py", "picks.csv", "picks.jsonl")
    example("custom_format.py", "picks.jsonl", "again.star")
    again = read_table("again.star")[["micrograph", "x", "y"]]
    pd.testing.assert_frame_equal(again, picks, check_dtype=False)


def test_the_example_cluster_run_runs(example):
    pytest.importorskip("distributed")
    said = example("cluster_run.py", *SMALL, "--out", "out").splitlines()
    assert "in 4 micrographs" in said[-1]
    assert len(read_folder("out")) == int(said[-1].split()[0]) > 10


def test_the_example_compare_heads_runs(example):
    header, *rows = example("compare_heads.py", *SMALL).splitlines()
    assert header.split()[:2] == ["head", "AP"]
    names = ["topaz", "10-labels.safetensors", "50-labels.safetensors"]
    assert [row.split()[0] for row in rows] == names
    assert all(0.3 < float(row.split()[1]) <= 1 for row in rows)


@pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive")
def test_the_example_first_picks_runs(monkeypatch, tmp_path):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("Agg")
    monkeypatch.setattr("tempfile.mkdtemp", lambda: str(tmp_path))
    notebook = json.loads((EXAMPLES / "first_picks.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    names: dict[str, object] = {}
    for cell in cells:
        source = "".join(cell["source"])
        if "parameters" in cell["metadata"].get("tags", ()):
            exec(source, names)
            assert {"side", "rounds"} <= set(names)
            source = "side, rounds = 400, 2"
        exec(source, names)
    course = names["course"]
    answers = list(course.index)
    assert answers[0] == 0 < 5 < answers[1] <= 10 < answers[2] <= 20
    assert course["AP"].iloc[-1] > 0.5
    assert len(pyplot.get_fignums()) == 5
    pyplot.close("all")
    assert load_head(tmp_path / "head.safetensors").others > 0
