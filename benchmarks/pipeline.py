"""A folder of micrographs from files to STAR: activepick against the Topaz command line.

    python benchmarks/pipeline.py [--micrographs 20] [--size 4096] [--topaz-micrographs N]

Whole processes one after the other, on the CPU. Topaz runs as it advises for this protein
(`preprocess -s 4`, then `extract -r 14 -x 4`); --topaz-micrographs measures it on fewer and scales,
for a dry run. Limits: 15 times faster with one scale, 8 times with the default.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from whole_process import DIAMETER, PICK, PYTHON, micrograph, run, write

LIMITS = {"one scale": 15.0, "default": 8.0, "one scale, float32": 0.0, "default, float32": 0.0}
OPTIONS = {"one scale": ["--working-radius", "13"], "default": []}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--micrographs", type=int, default=20)
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--topaz-micrographs", type=int, default=0, help="0: all of them")
    options = parser.parse_args()
    count = options.micrographs
    fewer = options.topaz_micrographs or count
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pixels = micrograph(folder)[0][: options.size, : options.size]
        source, small = folder / "micrographs", folder / "small"
        source.mkdir()
        small.mkdir()
        for number in range(count):
            # Others than the first, and as real: the same one rolled and mirrored.
            other = np.roll(pixels[:: (-1) ** number], 97 * number, axis=1)
            write(np.ascontiguousarray(other), source / f"m{number:03}.mrc")
        few = [str(path) for path in sorted(source.iterdir())[:fewer]]
        module = [PYTHON, "-m"]
        topaz, memory = run(
            [*module, "topaz.commands.preprocess", "-s", "4", "-o", f"{small}/", *few]
        )
        made = [str(path) for path in sorted(small.glob("*.mrc"))]
        extract = [*module, "topaz.commands.extract", "-r", "14", "-x", "4", "-d", "-1"]
        more, most = run([*extract, "-o", str(folder / "topaz.txt"), *made])
        topaz = (topaz + more) * count / fewer
        print(f"{count} micrographs of {options.size} x {options.size}")
        print(f"{'':<22}{'seconds':>9}{'memory/GB':>11}{'times faster':>14}{'limit':>7}")
        print(f"{'Topaz':<22}{topaz:>9.1f}{max(memory, most):>11.2f}")
        missed = False
        for title, limit in LIMITS.items():
            scale, _, precision = title.partition(", ")
            extra = OPTIONS[scale] + (["--precision", precision] if precision else [])
            out = folder / title.replace(" ", "_").replace(",", "")
            command = [*PICK, str(source), "--diameter", str(DIAMETER), "--out", str(out)]
            took, memory = run([*command, "--threshold", "0", "--device", "cpu", *extra])
            said = f"{limit:>7g}" if limit else f"{'':>7}"
            print(f"{title:<22}{took:>9.1f}{memory:>11.2f}{topaz / took:>14.1f}{said}")
            missed |= topaz / took < limit
    sys.exit(missed)


if __name__ == "__main__":
    main()
