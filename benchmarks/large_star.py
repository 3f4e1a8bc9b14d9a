"""Read and write the STAR file of a whole dataset, compared with the starfile package.

    python benchmarks/large_star.py [--picks 1500000] [--micrographs 10000]

Writes a particles STAR file of RELION 3.1 with this number of picks, and runs each step in a
separate process. Prints the wall time of the step (without starting Python and importing), the
processor time, and the peak memory of the whole process; the first line is a process without data.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HEADER = """
# version 30001

data_optics

loop_
_rlnOpticsGroupName #1
_rlnOpticsGroup #2
_rlnMicrographPixelSize #3
opticsGroup1            1     0.885000


# version 30001

data_particles

loop_
_rlnCoordinateX #1
_rlnCoordinateY #2
_rlnAutopickFigureOfMerit #3
_rlnClassNumber #4
_rlnAnglePsi #5
_rlnMicrographName #6
_rlnOpticsGroup #7
"""
READ = "from activepick.formats import read_table; table = read_table('large.star')"
STEPS = (
    ("(Python and activepick.formats alone)", "import activepick.formats", "pass"),
    ("starfile reads", "import starfile", "starfile.read('large.star')"),
    ("activepick reads", "from activepick.formats import read_table", "read_table('large.star')"),
    (
        "starfile writes",
        "import starfile; table = starfile.read('large.star')",
        "starfile.write(table, 'out.star')",
    ),
    (
        "activepick writes",
        f"from activepick.formats import write_table; {READ}",
        "write_table(table, 'out.star')",
    ),
    (
        "starfile writes a file a micrograph",
        "import os, starfile; table = starfile.read('large.star')['particles']\nos.mkdir('theirs')",
        "for k, (name, rows) in enumerate(table.groupby('rlnMicrographName')):\n"
        "    starfile.write(rows.iloc[:, :5], f'theirs/{k}.star')",
    ),
    (
        "activepick writes a file a micrograph",
        f"from activepick.formats import write_folder; {READ}",
        "write_folder(table, 'job', 'star')",
    ),
    (
        "activepick reads these files",
        "from activepick.formats import read_folder",
        "read_folder('job')",
    ),
)
MEASURE = """
import resource, time
{before}
start, busy = time.perf_counter(), time.process_time()
{step}
took, busy = time.perf_counter() - start, time.process_time() - busy
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(took, busy, peak / 1e6)
"""


def make(path: Path, picks: int, micrographs: int) -> None:
    """Write the file with plain Python, row by row."""
    rng = np.random.default_rng(0)
    names = [f"MotionCorr/job002/Movies/FoilHole_{k:05d}_fractions.mrc" for k in range(micrographs)]
    owner = np.sort(rng.integers(0, micrographs, picks)).tolist()
    x, y = rng.uniform(0, 5760, picks).tolist(), rng.uniform(0, 4092, picks).tolist()
    score = rng.normal(0, 3, picks).tolist()
    with path.open("w") as file:
        file.write(HEADER)
        for row in zip(x, y, score, owner, strict=True):
            values = "{:12.6f} {:12.6f} {:12.6f}            0     0.000000 ".format(*row[:3])
            file.write(f"{values}{names[row[3]]}            1 \n")
        file.write(" \n")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--picks", type=int, default=1_500_000)
    parser.add_argument("--micrographs", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder / "large.star", options.picks, options.micrographs)
        size = (folder / "large.star").stat().st_size / 1e6
        print(f"{options.picks} picks of {options.micrographs} micrographs, {size:.0f} MB")
        print(f"{'':<40}{'seconds':>9}{'processor':>11}{'memory/GB':>11}")
        for title, before, step in STEPS:
            done = subprocess.run(
                [sys.executable, "-c", MEASURE.format(before=before, step=step)],
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
                env={**os.environ, "PYTHONWARNINGS": "ignore"},
            )
            if done.returncode:
                print(f"{title:<40}failed: {done.stderr.strip().splitlines()[-1]}")
                continue
            took, busy, peak = map(float, done.stdout.split())
            print(f"{title:<40}{took:>9.1f}{busy:>11.1f}{peak:>11.2f}", flush=True)


if __name__ == "__main__":
    main()
