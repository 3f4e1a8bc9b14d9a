"""The scripts of benchmarks: each is run by `make bench` or named as one that is not."""

import runpy
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the benchmarks are in the source")


@pytest.fixture
def load(monkeypatch):
    """Return what defines the names of a script without running it."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return lambda name: runpy.run_path(str(FOLDER / f"{name}.py"))


def test_every_script_is_run_or_listed_as_excluded(load):
    found = load("run_all")
    others = [name for names in found["OTHERS"].values() for name in names]
    named = [*found["SCRIPTS"], *others]
    assert sorted(named) == sorted(path.stem for path in FOLDER.glob("*.py"))
    assert sum(minutes for _, minutes in found["SCRIPTS"].values()) <= 40


def test_limits_that_are_not_met_are_marked_and_fail_the_script(load, capsys):
    found = load("limits")
    kept, missed = found["Limits"](), found["Limits"]()
    assert kept.at_most("time", 1.0, 1.0, "ms")
    assert kept.at_least("ratio", 2.0, 1.5)
    assert found["MISSED"] not in capsys.readouterr().out
    assert not missed.at_most("time", 1.5, 1.0, "ms")
    assert not missed.at_least("ratio", 1.0, 1.5)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"time: 1.5 ms (at most 1) {found['MISSED']}"
    assert all(found["MISSED"] in line for line in lines)
    with pytest.raises(SystemExit) as end:
        kept.exit()
    assert not end.value.code
    with pytest.raises(SystemExit) as end:
        missed.exit()
    assert end.value.code


def test_limits_that_are_not_met_are_reported_at_the_end(load, monkeypatch, tmp_path, capsys):
    found = load("run_all")
    (tmp_path / "fine.py").write_text("print('time: 1 ms (at most 2)')")
    (tmp_path / "slow.py").write_text(f"print('time: 3 ms {found['MISSED']}')\nraise SystemExit(1)")
    (tmp_path / "broken.py").write_text("raise SystemExit(3)")
    scripts = {"fine": ((), 1), "slow": ((), 1), "broken": ((), 1)}
    main = found["main"]
    monkeypatch.setitem(main.__globals__, "SCRIPTS", scripts)
    monkeypatch.setitem(main.__globals__, "__file__", str(tmp_path / "run_all.py"))
    monkeypatch.setattr(sys, "argv", ["run_all.py"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code
    summary = capsys.readouterr().out.partition("Limits that do not hold:")[2].splitlines()
    assert summary[1:] == [f"slow: time: 3 ms {found['MISSED']}", "broken: ended with status 3"]
    monkeypatch.setattr(sys, "argv", ["run_all.py", "fine"])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    assert "All limits hold." in capsys.readouterr().out
