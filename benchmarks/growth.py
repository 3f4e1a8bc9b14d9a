"""Time and memory of `activepick pick` against the size and the number of micrographs, as a plot.

    python benchmarks/growth.py [--small] [--plot growth.png]

Limits: per pixel the largest micrograph takes at most 1.5 times as long as the second smallest;
memory with all micrographs is at most 1.15 times that with few of them.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from limits import Limits
from whole_process import PICK, run, write

DIAMETER = 191.0
TIME_LIMIT, MEMORY_LIMIT = 1.5, 1.15


def pick(folder: Path, paths: list[Path]) -> tuple[float, float]:
    """Pick some micrographs in a separate process; return seconds and GB."""
    out = ["--out", str(folder / f"job{len(list(folder.iterdir()))}")]
    settings = ["--diameter", str(DIAMETER), "--working-radius", "13", "--device", "cpu"]
    return run([*PICK, *map(str, paths), *settings, *out])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="a dry run")
    parser.add_argument("--plot", type=Path, help="where to write the plot")
    options = parser.parse_args()
    sizes = (512, 1024, 1536) if options.small else (1024, 2048, 4096, 8192, 11520)
    numbers = (2, 4, 8) if options.small else (5, 20, 40, 80)
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "micrographs"
        source.mkdir()
        by_size: list[tuple[float, float]] = []
        for size in sizes:
            path = source / f"size{size}.mrc"
            write(rng.standard_normal((size, size)).astype(np.float32), path)
            by_size.append(pick(folder, [path]))
            path.unlink()
        paths = [source / f"m{k}.mrc" for k in range(numbers[-1])]
        for path in paths:
            write(rng.standard_normal((1024, 1024)).astype(np.float32), path)
        by_number = [pick(folder, paths[:number]) for number in numbers]
    start = by_size[0][0]  # little more than the start of the program
    print(f"{'pixels':>14}{'seconds':>9}{'GB':>7}")
    for size, (took, memory) in zip(sizes, by_size, strict=True):
        print(f"{f'{size} x {size}':>14}{took:>9.1f}{memory:>7.2f}")
    print(f"{'micrographs':>14}{'seconds':>9}{'GB':>7}")
    for number, (took, memory) in zip(numbers, by_number, strict=True):
        print(f"{number:>14}{took:>9.1f}{memory:>7.2f}")
    rates = [
        (took - start) / (size**2 - sizes[0] ** 2)
        for size, (took, _) in zip(sizes[1:], by_size[1:], strict=True)
    ]
    slower, larger = rates[-1] / rates[0], by_number[-1][1] / by_number[0][1]
    if options.plot:
        plot(options.plot, sizes, by_size, numbers, by_number)
    limits = Limits()
    if not options.small:
        limits.at_most("time per pixel grows", slower, TIME_LIMIT, "times")
        limits.at_most(f"memory with {numbers[-1]} micrographs is", larger, MEMORY_LIMIT, "times")
    limits.exit()


def plot(
    path: Path,
    sizes: tuple[int, ...],
    by_size: list[tuple[float, float]],
    numbers: tuple[int, ...],
    by_number: list[tuple[float, float]],
) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3), layout="constrained")
    panels = [
        ([size**2 / 1e6 for size in sizes], "megapixels", by_size),
        ([float(number) for number in numbers], "micrographs", by_number),
    ]
    for place, (x, label, values) in enumerate(panels):
        left = figure.add_subplot(1, 2, place + 1)
        left.plot(x, [took for took, _ in values], "o-", color="tab:blue")
        left.set(xlabel=label, xlim=(0, None), ylim=(0, None))
        left.set_ylabel("seconds", color="tab:blue")
        right = left.twinx()
        right.plot(x, [memory for _, memory in values], "s--", color="tab:red")
        right.set_ylabel("GB", color="tab:red")
        right.set_ylim(0, None)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
