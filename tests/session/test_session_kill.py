"""kill -9 in the middle of labelling: whatever was acknowledged is there on reopening."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from activepick.session import Session, Settings

pytestmark = pytest.mark.posix("forks, and has kill -9")

# Forks a labelling program for each line of input, to import the modules only once.
LAUNCHER = """
import os, sys
from activepick.session import Session

def label(folder):
    session = Session.open(folder)
    first = session.state.next_id
    offset = first - session.last - 1  # each action from now on adds one label
    session.acknowledged.connect(lambda number: os.write(1, b"%d\\n" % (number + offset)))
    while True:
        session.labels.add(1, [(session.state.next_id, 0.5)], 1)
        if len(session.pending) > 200:
            session.flush()

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        label(line.strip())
    os.write(1, b"pid %d\\n" % child)
    os.waitpid(child, 0)
    os.write(1, b"gone\\n")
"""
# benchmarks/kills.py runs more.
TIMES = int(os.environ.get("ACTIVEPICK_SESSION_KILLS", "50"))


def acknowledged_until_killed(launcher, folder, delay) -> list[int]:
    launcher.stdin.write(f"{folder}\n".encode())
    launcher.stdin.flush()
    ids, pid = [], None
    while (line := launcher.stdout.readline()) != b"gone\n":
        assert line
        if line.startswith(b"pid"):
            pid = int(line.split()[1])
        else:
            ids.append(int(line))
        if pid and ids and delay is not None:
            time.sleep(delay)
            os.kill(pid, signal.SIGKILL)
            delay = None
    return ids


def new_session(folder) -> Path:
    with Session.create(folder, Settings(diameter_angstrom=1)) as session:
        session.micrographs.add([__file__])
    return session.folder


def test_every_acknowledged_click_survives_kill_9(tmp_path):
    lots, acknowledged = random.Random(0), 0
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", LAUNCHER], **pipes) as launcher:
        for k in range(TIMES):
            if k % 5 == 0:  # in between the same session is opened and killed again
                folder, seen = new_session(tmp_path / str(k)), set()
            ids = acknowledged_until_killed(launcher, folder, lots.uniform(0, 0.02))
            assert ids
            seen.update(ids)
            acknowledged += len(ids)
            with Session.open(folder, read_only=True) as again:
                labels = again.state.labels
                assert seen <= labels.keys()
                assert all(labels[i].x == i for i in labels)
        launcher.stdin.close()
    print(f"{TIMES} sessions killed, {acknowledged} labels acknowledged, none lost")
    with Session.open(folder) as again:
        assert seen <= again.state.labels.keys()
        assert "was not closed" in again.notices[0]
