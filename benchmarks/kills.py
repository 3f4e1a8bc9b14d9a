"""Kill sessions and runs at random, more often than `make test` does.

    python benchmarks/kills.py [--sessions 200] [--picks 40]

A program that labels is ended by SIGKILL, and all acknowledged labels have to be on disk.
`activepick pick` is ended by SIGKILL or SIGTERM; no file may be incomplete, and the final picks
have to be those of an uninterrupted run. The tests are those of `make test`. The script prints how
many processes were killed.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent.parent / "tests"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=200, help="number of sessions to kill")
    parser.add_argument("--picks", type=int, default=40, help="number of runs for each signal")
    options = parser.parse_args()
    counts = {
        "ACTIVEPICK_SESSION_KILLS": str(options.sessions),
        "ACTIVEPICK_PICK_KILLS": str(options.picks),
    }
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-k", "kill_9 or pick_killed"]
    command += [f"{TESTS}/session/test_session_kill.py", f"{TESTS}/hostile/test_faults.py"]
    sys.exit(subprocess.run(command, env={**os.environ, **counts}, check=False).returncode)


if __name__ == "__main__":
    main()
