"""Run the commands of all tutorials as they are written, and print how long each takes.

    .venv/bin/python tools/try_tutorials.py [NAME ...]

The blocks marked `sh` in docs/tutorials/*.md are run in order, each tutorial in an empty folder
and with an empty home folder. A command that fails ends the tutorial.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TUTORIALS = Path(__file__).parent.parent / "docs" / "tutorials"


def main() -> None:
    """Run the tutorials; exit with 1 when one fails."""
    parser = argparse.ArgumentParser(description="Run the commands of the tutorials.")
    parser.add_argument("names", nargs="*", help="such as relion; by default all")
    asked = parser.parse_args().names
    pages = [page for page in sorted(TUTORIALS.glob("*.md")) if page.stem != "index"]
    failed = [page.stem for page in pages if not asked or page.stem in asked if not run(page)]
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


def run(page: Path) -> bool:
    """Run the commands of one tutorial; return whether all succeeded."""
    blocks = commands(page.read_text("utf-8"))
    script = "\n".join(["set -euo pipefail", *blocks])
    with tempfile.TemporaryDirectory() as folder:
        work, home = Path(folder) / "work", Path(folder) / "home"
        work.mkdir()
        home.mkdir()
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        start = time.monotonic()
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=work,
            env={**os.environ, "HOME": str(home), "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.monotonic() - start
    print(f"{page.stem}: {len(blocks)} blocks, {seconds:.0f} s", flush=True)
    if done.returncode:
        print(done.stdout[-1500:], done.stderr[-1500:], sep="\n", flush=True)
    return done.returncode == 0


def commands(text: str) -> list[str]:
    """Return the blocks of a page that are marked `sh`."""
    return re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


if __name__ == "__main__":
    main()
