"""Slurm's own commands stand in for Slurm: jobs run here, as they would on a node."""

import os
import stat
import sys

import pytest

from activepick.errors import SettingsError
from activepick.micrograph.discovery import find_micrographs

pytest.importorskip("dask_jobqueue")

# Runs the job in the background, as on a cluster of one node, and prints its number.
SBATCH = """#!/bin/sh
for script; do :; done
job=$(dirname "$0")/job.sh
cp "$script" "$job"
setsid sh "$job" > "$job.log" 2>&1 < /dev/null &
echo "Submitted batch job $!"
"""
SCANCEL = '#!/bin/sh\nfor job; do kill -- "-$job" 2>/dev/null; done\nexit 0\n'


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    import dask

    for name, text in (("sbatch", SBATCH), ("scancel", SCANCEL)):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    mine = {"cores": 1, "processes": 1, "memory": "2GB", "python": sys.executable}
    mine |= {"interface": None, "local-directory": str(tmp_path), "walltime": "00:10:00"}
    mine |= {"scheduler-options": {"host": "127.0.0.1", "dashboard": False}}
    with dask.config.set({"jobqueue.slurm": {**dask.config.get("jobqueue.slurm"), **mine}}):
        yield


@pytest.mark.posix("runs shell scripts")
def test_slurm_gives_the_same_picks_as_one_machine(pick, folder, tmp_path, slurm):
    pick(folder, "--out", "here.csv")
    pick(folder, "--out", "there.csv", "--slurm", "--jobs", 1, "--chunk", 2)
    assert (tmp_path / "there.csv").read_bytes() == (tmp_path / "here.csv").read_bytes()
    assert len(find_micrographs([folder]).found) == 4


def test_missing_slurm_is_reported(pick, folder, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SettingsError, match="no sbatch"):
        pick(folder, "--out", "p.csv", "--slurm")
