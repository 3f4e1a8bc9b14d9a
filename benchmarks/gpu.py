"""On a GPU: picking against Topaz's own `extract` on the same card, and against the layers alone.

    python benchmarks/gpu.py [--micrographs 20] [--size 4096]

Without a GPU it says so and measures nothing. Topaz extracts from micrographs that were shrunk
before (`preprocess -s 4`, not counted); activepick reads, shrinks, picks and writes the large ones.
Both run as whole processes on one micrograph and on all, and the difference counts, so that the
start of Python and of the card does not. Limits: 10 times faster; 60 % of what the same layers
reach in half precision on an image that is on the card already; no more memory than asked for.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from whole_process import DIAMETER, PICK, PYTHON, micrograph, run, write

from activepick.features.backbone import load_backbone
from activepick.features.extractor import Extractor

FASTER, SHARE = 10.0, 0.6
MEMORY_GIB = 2.0


def on_card(work: Callable[[], object], repeats: int = 10) -> float:
    """Give the median seconds of some runs after three that are not counted."""
    times = []
    for k in range(repeats + 3):
        events = [torch.cuda.Event(enable_timing=True) for _ in range(2)]  # type: ignore[no-untyped-call]
        start, end = events
        start.record()
        work()
        end.record()
        torch.cuda.synchronize()
        if k >= 3:
            times.append(start.elapsed_time(end) / 1e3)
    return float(np.median(times))


def layers_alone(pixels: np.ndarray) -> float:
    """Time the plain layers on an image that is on the card already."""
    backbone = load_backbone()
    layers = backbone.layers.to("cuda", torch.float16)
    layers.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    half = backbone.width // 2
    image = torch.nn.functional.pad(torch.from_numpy(pixels), (half,) * 4)[None, None]
    image = image.to("cuda", torch.float16).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        return on_card(lambda: layers(image))


def share_of_layers(pixels: np.ndarray) -> tuple[float, float]:
    """Time scores from an image in the computer's memory, and the layers alone."""
    backbone = load_backbone()
    extractor = Extractor(backbone, device="cuda")
    ours = on_card(lambda: extractor.score(pixels, backbone.weights, backbone.bias))
    return ours, layers_alone(pixels)


def memory(pixels: np.ndarray) -> float:
    """Give the GiB that scores take when `MEMORY_GIB` may be taken."""
    backbone = load_backbone()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    extractor = Extractor(backbone, device="cuda", memory_gib=MEMORY_GIB)
    extractor.score(np.tile(pixels, (4, 4)), backbone.weights, backbone.bias)
    torch.cuda.set_per_process_memory_fraction(1.0)
    return torch.cuda.max_memory_reserved() / 2**30


def each(
    folder: Path, command: Callable[[list[Path], Path], list[str]], files: list[Path]
) -> float:
    """Give the seconds that a command takes for one more file."""
    one, _ = run(command(files[:1], folder / "one"))
    every, _ = run(command(files, folder / "all"))
    return (every - one) / (len(files) - 1)


def against_topaz(folder: Path, count: int, size: int) -> tuple[float, float]:
    """Give the seconds a micrograph of Topaz's `extract` and of `activepick pick`."""
    pixels = micrograph(folder)[0][:size, :size]
    source, small = folder / "micrographs", folder / "small"
    source.mkdir()
    for number in range(count):
        other = np.roll(pixels[:: (-1) ** number], 97 * number, axis=1)
        write(np.ascontiguousarray(other), source / f"m{number:03}.mrc")
    files = sorted(source.iterdir())
    module = [PYTHON, "-m"]
    run([*module, "topaz.commands.preprocess", "-s", "4", "-o", f"{small}/", *map(str, files)])
    extract = [*module, "topaz.commands.extract", "-r", "14", "-x", "4", "-d", "0"]

    def topaz(some: list[Path], out: Path) -> list[str]:
        return [*extract, "-o", f"{out}.txt", *map(str, some)]

    def ours(some: list[Path], out: Path) -> list[str]:
        settings = ["--diameter", str(DIAMETER), "--working-radius", "13", "--device", "cuda"]
        return [*PICK, *map(str, some), *settings, "--out", f"{out}.star"]

    shrunk = sorted(small.glob("*.mrc"))
    return each(folder, topaz, shrunk), each(folder, ours, files)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--micrographs", type=int, default=20)
    parser.add_argument("--size", type=int, default=4096)
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("no GPU here: awaits one")
        return
    print(torch.cuda.get_device_name())
    pixels = np.random.default_rng(0).standard_normal((1024, 1024)).astype(np.float32)
    ours, alone = share_of_layers(pixels)
    print(f"scores of 1024 x 1024: {ours * 1e3:.1f} ms, the layers alone {alone * 1e3:.1f} ms:")
    print(f"{alone / ours:.2f} of what they reach (limit {SHARE:g})")
    taken = memory(pixels)
    print(f"memory of 4096 x 4096: {taken:.2f} GiB (limit {MEMORY_GIB:g})")
    with tempfile.TemporaryDirectory() as name:
        topaz, mine = against_topaz(Path(name), options.micrographs, options.size)
    print(f"a micrograph: Topaz's extract {topaz:.3f} s, activepick pick {mine:.3f} s")
    print(f"{topaz / mine:.1f} times faster (limit {FASTER:g})")
    sys.exit(alone / ours < SHARE or topaz / mine < FASTER or taken > MEMORY_GIB)


if __name__ == "__main__":
    main()
