"""The end of a process without Python's finalisation."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import atexit, sys, threading, time, types
from activepick.cli.interruption import finish

class Object:
    def __del__(self):
        print("finalised")

kept = Object()
kept.itself = kept
atexit.register(lambda: print("registered function"))
for name in {modules}:
    sys.modules[name] = types.ModuleType(name)
if {thread}:
    threading.Thread(target=lambda: (time.sleep(0.2), print("thread"))).start()
print("output")
finish(2)
sys.exit(2)
"""


@pytest.mark.parametrize(
    ("modules", "thread", "expected"),
    [
        (["torch"], False, ["output", "registered function"]),
        (["torch", "qtpy"], False, ["output", "registered function", "finalised"]),
        ([], False, ["output", "registered function", "finalised"]),
        (["torch"], True, ["output", "thread", "registered function", "finalised"]),
    ],
)
def test_finalisation_is_skipped_only_if_nothing_needs_it(modules, thread, expected):
    program = PROGRAM.format(modules=modules, thread=thread)
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stdout.split("\n")[:-1] == expected


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
def test_an_output_that_cannot_be_written_is_reported():
    program = PROGRAM.format(modules=["torch"], thread=False)
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", program], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode != 0
    assert "No space left" in done.stderr
