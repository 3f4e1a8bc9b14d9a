"""One micrograph and a folder of them, from files to STAR, against the Topaz command line.

    python benchmarks/pipeline.py [--micrographs 20] [--size 4096] [--topaz-all] [--float32]

Whole processes are run one after the other on the CPU. Topaz is run as its documentation advises
for this protein (`preprocess -s 4`, then `extract -r 14 -x 4`), on one micrograph and on two; the
difference is taken as the time of each further micrograph. With --topaz-all, Topaz is run on all.
activepick picks one micrograph (median of three runs) and all: with one scale (`--working-radius
13`, about that of Topaz) in one orientation, as Topaz does; with the scale that is chosen from the
images, in two orientations; and with a head of two scales in two orientations, as trained heads are
(radii 10 and 14). Limits: 12 and 8 times faster for one micrograph (no limit for two scales), 20,
10 and 6 times for twenty.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from limits import Limits
from processor_name import processor
from whole_process import DIAMETER, PICK, PYTHON, micrograph, run, write

from activepick.features.scales import FINE_RATIO

# Smallest speed-up for one micrograph and for twenty.
LIMITS = {
    "one scale and orientation": (12.0, 20.0),
    "default": (8.0, 10.0),
    "head of two scales": (0.0, 6.0),
}
REPEATS = 3  # one micrograph, for which most of the time is the start of the program
RADII = (10.0, 10.0 * FINE_RATIO)


def two_scales(path: Path) -> Path:
    """Save a head like those of training; the time does not depend on its weights."""
    from activepick.features.backbone import load_backbone
    from activepick.features.engine import FeatureEngine
    from activepick.features.extractor import Extractor
    from activepick.learning.head import Head
    from activepick.learning.head_file import save_head

    backbone = load_backbone()
    spec = FeatureEngine(Extractor(backbone, device="cpu"), DIAMETER).spec(RADII)
    save_head(Head(np.stack([0.5 * backbone.weights] * 2), backbone.bias, spec, DIAMETER), path)
    return path


def topaz(folder: Path, files: list[Path]) -> tuple[float, float]:
    """Run both commands of Topaz on some micrographs; return seconds and GB."""
    small = folder / f"small{len(files)}"
    module = [PYTHON, "-m"]
    shrink = [*module, "topaz.commands.preprocess", "-s", "4", "-o", f"{small}/"]
    first, memory = run([*shrink, *map(str, files)])
    extract = [*module, "topaz.commands.extract", "-r", "14", "-x", "4", "-d", "-1"]
    made = [str(path) for path in sorted(small.glob("*.mrc"))]
    second, more = run([*extract, "-o", str(folder / "topaz.txt"), *made])
    return first + second, max(memory, more)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--micrographs", type=int, default=20)
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--topaz-all", action="store_true", help="run Topaz on all: many minutes")
    parser.add_argument("--float32", action="store_true", help="also in float32, without a limit")
    options = parser.parse_args()
    count = options.micrographs
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pixels = micrograph(folder)[0][: options.size, : options.size]
        source = folder / "micrographs"
        source.mkdir()
        for number in range(count):
            # Other realistic micrographs: the first one, shifted and mirrored.
            other = np.roll(pixels[:: (-1) ** number], 97 * number, axis=1)
            write(np.ascontiguousarray(other), source / f"m{number:03}.mrc")
        files = sorted(source.iterdir())
        one, memory = topaz(folder, files[:1])
        if options.topaz_all:
            theirs, memory = topaz(folder, files)
        else:
            two, memory = topaz(folder, files[:2])
            theirs = one + (count - 1) * (two - one)
        print(f"1 and {count} micrographs of {options.size} x {options.size}, {processor()}")
        print(f"{'':<34}{'seconds':>9}{'memory/GB':>11}{'times faster':>14}")
        print(f"{'Topaz, 1':<34}{one:>9.1f}")
        print(f"{f'Topaz, {count}':<34}{theirs:>9.1f}{memory:>11.2f}", flush=True)
        head = two_scales(folder / "head.safetensors")
        ways = {
            "one scale and orientation": ["--working-radius", "13", "--orientations", "1"],
            "default": [],
            "head of two scales": ["--head", str(head)],
        }
        limits = Limits()
        for precision in ("auto", "float32") if options.float32 else ("auto",):
            for title, extra in ways.items():
                settings = ["--threshold", "0", "--device", "cpu", "--precision", precision]
                for what, topaz_seconds, limit in zip(
                    (files[0], source), (one, theirs), LIMITS[title], strict=True
                ):
                    single = what is not source
                    runs = []
                    for k in range(REPEATS if single else 1):
                        out = folder / f"{title} {precision} {single} {k}".replace(" ", "_")
                        command = [*PICK, str(what), "--diameter", str(DIAMETER), "--out", str(out)]
                        runs.append(run([*command, *settings, *extra]))
                    took, memory = sorted(runs)[len(runs) // 2]
                    ratio = topaz_seconds / took
                    shown = f"{title}, {1 if single else count}"
                    shown += "" if precision == "auto" else f", {precision}"
                    print(f"{shown:<34}{took:>9.1f}{memory:>11.2f}{ratio:>14.1f}", flush=True)
                    if precision == "auto" and limit:
                        limits.at_least(f"  {shown}", ratio, limit, "times faster than Topaz")
    limits.exit()


if __name__ == "__main__":
    main()
