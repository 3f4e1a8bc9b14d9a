"""Ctrl-C at any moment, also while Python and its libraries are still being loaded."""

import random
import signal
import subprocess
import sys
import time

import pytest
from blobs import write_micrograph

from activepick.formats import read_table

# Reports the start of the program itself, after that of Python.
PROGRAM = "from activepick.cli import main; import os; os.write(1, b'.'); main()"
COMMAND = [sys.executable, "-c", PROGRAM, "pick"]
OPTIONS = ["--diameter", "60", "--model", "resnet8_u32", "--working-radius", "6"]
OPTIONS += ["--device", "cpu", "--threshold", "0.0001"]


@pytest.mark.posix("interrupts one program among several")
@pytest.mark.parametrize(("number", "latest"), list(enumerate([0.1, 0.3, 0.3, 6.0, 6.0])), ids=str)
def test_ctrl_c_ends_without_a_traceback_at_any_moment(tmp_path, number, latest):
    folder = tmp_path / "mics"
    folder.mkdir()
    for seed in range(12):
        write_micrograph(folder / f"m{seed}.mrc", seed)
    out = tmp_path / "p.csv"
    with subprocess.Popen(
        [*COMMAND, str(folder), *OPTIONS, "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.read(1) == "."
        time.sleep(random.Random(number).uniform(0.01, latest))
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert "Traceback" not in said
    assert process.returncode in (0, 130)
    assert process.returncode == 0 or "interrupted" in said
    if out.exists():
        assert len(read_table(out)) > 0
