"""A format and a query strategy are added in the files that `docs/developers.md` names."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import activepick
from activepick.formats import read_table
from activepick.simulate import SimulationSettings, simulate_dataset

EXAMPLES = Path(__file__).parents[2] / "examples"

pytestmark = pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the examples are in the source")


@pytest.fixture
def package(tmp_path):
    """A copy of the package."""
    copy = tmp_path / "changed" / "activepick"
    source = Path(activepick.__file__).parent
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def run(package, code, *arguments):
    """Run code with the copy in an own process; returns what it prints."""
    code = f"import activepick; print(activepick.__file__)\n{code}"
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(package.parent), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    used, _, said = done.stdout.partition("\n")
    assert Path(used).parent == package
    return said


def replace(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


COMMAND = "from activepick.cli import main; main()"


def test_the_steps_for_adding_a_format_are_complete(package, tmp_path):
    example = (EXAMPLES / "custom_format.py").read_text(encoding="utf-8")
    imports = "from activepick.formats import Format, read_table, write_folder, write_table"
    assert imports in example
    module = example.partition("def chosen(")[0].replace(
        imports, "from activepick.formats.format import Format"
    )
    (package / "formats" / "json_lines.py").write_text(module, encoding="utf-8")
    registry = package / "formats" / "registry.py"
    replace(registry, "    eman_json,\n", "    eman_json,\n    json_lines,\n")
    replace(registry, "_ALL = (\n", "_ALL = (\n    json_lines.JSON_LINES,\n")

    picks = pd.DataFrame({"micrograph": ["a.mrc", "b.mrc"], "x": [1.5, 2.0], "y": [3.0, 4.25]})
    picks.to_csv(tmp_path / "picks.csv", index=False)
    assert "jsonl" in run(package, COMMAND, "convert", "--help")
    lines, star = tmp_path / "picks.jsonl", tmp_path / "picks.star"
    run(package, COMMAND, "convert", tmp_path / "picks.csv", lines)
    assert lines.read_text().startswith('{"micrograph": "a.mrc", "x": 1.5')
    run(package, COMMAND, "convert", lines, star)  # recognised by its content and its name
    pd.testing.assert_frame_equal(read_table(star)[["micrograph", "x", "y"]], picks)


def test_the_steps_for_adding_a_query_strategy_are_complete(package, tmp_path):
    example = (EXAMPLES / "custom_query_strategy.py").read_text(encoding="utf-8")
    function = example[example.index("def evenly(") : example.index("EVENLY = ")]
    strategies = package / "learning" / "strategies"
    (strategies / "evenly.py").write_text(
        "from activepick.learning.strategies.candidates import Candidates, find_candidates\n"
        "from activepick.learning.strategies.context import QueryContext\n\n\n"
        + function.replace("def evenly(", "def select("),
        encoding="utf-8",
    )
    registry = strategies / "registry.py"
    replace(registry, "    entropy,\n", "    entropy,\n    evenly,\n")
    entry = '    "evenly": Strategy("the same number from each", evenly.select, in_window=True),\n'
    replace(registry, "STRATEGIES = {\n", "STRATEGIES = {\n" + entry)

    assert "evenly" in run(package, COMMAND, "benchmark", "--help")
    code = """
import json, sys
from activepick.benchmark.methods import METHODS
from activepick.session import Settings
print(METHODS["evenly"].summary, Settings(diameter_angstrom=100, strategy="evenly").strategy)
"""
    assert run(package, code).split("\n")[0] == "the same number from each evenly"
    made = simulate_dataset(tmp_path / "data", 3, settings=SimulationSettings(shape=(400, 400)))
    arguments = ["--truth", made.truth, "--diameter", made.diameter_angstrom, "--seeds", 1]
    arguments += ["--method", "evenly", "--labels", 5, "--out", tmp_path / "out"]
    run(package, COMMAND, "benchmark", tmp_path / "data", *arguments)
    curve = pd.read_csv(tmp_path / "out" / "curve.csv")
    assert set(curve["method"]) == {"evenly"}
    assert set(curve["labels"]) == {0, 5}
