"""One micrograph from file to STAR, as whole processes: activepick against the Topaz command line.

    python benchmarks/whole_process.py [--skip-topaz] [--skip-large]

Takes a micrograph of beta-galactosidase from ACTIVEPICK_DATA (a simulated one of the same size
without it), writes it as float32 MRC, and runs one command after the other on it. Prints wall time,
peak memory, the ratio to Topaz, and the average precision of each against the published picks.
Topaz runs as its documentation advises for this protein: `preprocess -s 4` and `extract -r 14 -x
4`.
"""

import argparse
import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path

import mrcfile
import numpy as np
import pandas as pd
from PIL import Image

from activepick.formats import read_table
from activepick.metrics import evaluate

DATA = Path(os.environ.get("ACTIVEPICK_DATA", "../shared/data")) / "empiar-10017"
DIAMETER, PIXEL_SIZE = 191.0, 1.77
RADIUS_PX = DIAMETER / 2 / PIXEL_SIZE
PYTHON = sys.executable
PICK = [PYTHON, "-c", "from activepick.cli import main; main()", "pick"]


def micrograph(folder: Path) -> tuple[np.ndarray, pd.DataFrame]:
    """Return a 4096 x 4096 image and its particles."""
    if DATA.is_dir():
        path = sorted(DATA.glob("*.jpg"))[0]
        truth = read_table(DATA / "truth.star")
        pixels = np.asarray(Image.open(path).convert("L"), np.float32)
        return pixels, truth[truth["micrograph"] == path.name]
    from activepick.simulate import SimulationSettings, simulate_micrograph

    print("ACTIVEPICK_DATA is not set: a simulated micrograph is used")
    settings = SimulationSettings(
        protein="globule", shape=(4096, 4096), pixel_size_angstrom=PIXEL_SIZE
    )
    simulated = simulate_micrograph(settings, 0)
    return simulated.pixels, simulated.truth


def write(pixels: np.ndarray, path: Path) -> None:
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(pixels)
        file.voxel_size = PIXEL_SIZE


def run(*commands: list[str]) -> tuple[float, float]:
    """Run commands one after the other: total seconds and the largest peak memory in GB."""
    start, peak = time.perf_counter(), 0.0
    for command in commands:
        pid = os.posix_spawn(
            command[0],
            command,
            os.environ,
            file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
        )
        ended = 0
        while not ended:
            # The peak that the system reports for an ended process includes that of its parent.
            with contextlib.suppress(OSError, IndexError):
                lines = Path(f"/proc/{pid}/status").read_text()
                peak = max(peak, float(lines.split("VmHWM:")[1].split()[0]) * 1024 / 1e9)
            time.sleep(0.01)
            ended, status = os.waitpid(pid, os.WNOHANG)
        if status:
            sys.exit(f"failed: {' '.join(command)}")
    return time.perf_counter() - start, peak


def average_precision(picks: Path, truth: pd.DataFrame, name: str) -> float:
    table = read_table(picks)
    return evaluate(table.assign(micrograph=name), truth.assign(micrograph=name), RADIUS_PX).ap


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--skip-topaz", action="store_true")
    parser.add_argument("--skip-large", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pixels, truth = micrograph(folder)
        source = folder / "micrograph.mrc"
        write(pixels, source)
        print(f"{'':<34}{'seconds':>9}{'memory/GB':>11}{'times faster':>14}{'AP':>8}")
        topaz = float("nan")
        if not options.skip_topaz:
            small, out = folder / "small", folder / "topaz.txt"
            module = [PYTHON, "-m"]
            topaz, memory = run(
                [*module, "topaz.commands.preprocess", "-s", "4", "-o", f"{small}/", str(source)],
                [
                    *module,
                    "topaz.commands.extract",
                    "-r",
                    "14",
                    "-x",
                    "4",
                    "-d",
                    "-1",
                    "-o",
                    str(out),
                    str(small / "micrograph.mrc"),
                ],
            )
            ap = average_precision(out, truth, "micrograph")
            title = "topaz preprocess + extract"
            print(f"{title:<34}{topaz:>9.1f}{memory:>11.2f}{1:>14.1f}{ap:>8.3f}")
        for title, extra in (
            ("one scale", ["--working-radius", "13"]),
            ("default", []),
            ("one scale, float32", ["--working-radius", "13", "--precision", "float32"]),
            ("default, float32", ["--precision", "float32"]),
        ):
            out = folder / "picks.star"
            common = [str(source), "--diameter", str(DIAMETER), "--out", str(out)]
            command = [*PICK, *common, "--fresh", "--threshold", "0", "--device", "cpu", *extra]
            results = sorted(run(command) for _ in range(3))
            seconds, memory = results[1]
            ap = average_precision(out, truth, "micrograph")
            print(
                f"{'activepick pick, ' + title:<34}{seconds:>9.1f}{memory:>11.2f}"
                f"{topaz / seconds:>14.1f}{ap:>8.3f}"
            )
        if not options.skip_large:
            large = folder / "large.mrc"
            write(np.tile(np.concatenate([pixels, pixels[::-1]]), (1, 3))[:8184, :11520], large)
            large_out = str(folder / "large.star")
            for title, extra in (("default", []), ("default, float32", ["--precision", "float32"])):
                command = [
                    *PICK,
                    str(large),
                    "--diameter",
                    str(DIAMETER),
                    "--out",
                    large_out,
                    "--fresh",
                    *extra,
                ]
                seconds, memory = run([*command, "--device", "cpu"])
                print(f"{'11520 x 8184, ' + title:<34}{seconds:>9.1f}{memory:>11.2f}")


if __name__ == "__main__":
    main()
