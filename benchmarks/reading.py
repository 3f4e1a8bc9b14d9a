"""Time to read an MRC file and resample it to the working scale, compared with Topaz.

    python benchmarks/reading.py [--size 4096]

Topaz reads with its own reader and calls `topaz.utils.image.downsample`. Reading the bytes of the
file from the cache of the system is measured as the lower bound. Limit: 3 times faster.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from limits import Limits
from topaz.utils.data.loader import load_image
from topaz.utils.image import downsample
from whole_process import write

from activepick.micrograph import Micrograph
from features import seconds

FACTOR, LIMIT = 4, 3.0


def load(path: Path) -> np.ndarray:
    pixels: np.ndarray = load_image(str(path), make_image=False, return_header=False)
    return pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=4096, help="edge of the image (default 4096)")
    size = parser.parse_args().size
    pixels = np.random.default_rng(0).standard_normal((size, size)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "micrograph.mrc"
        write(pixels, path)
        # A particle has 2 x 14 working pixels, so that the image is reduced by the factor.
        diameter = 2 * 14 * FACTOR * 1.77
        plain = seconds(path.read_bytes)
        topaz = seconds(lambda: downsample(load(path), FACTOR))
        ours = seconds(lambda: Micrograph(path).working_images(diameter, [14.0]))
    megabytes = pixels.nbytes / 1e6
    print(f"{size} x {size}, float32, {megabytes:.0f} MB, to a {FACTOR}th of the size:")
    print(f"reading alone {plain:.3f} s, Topaz {topaz:.3f} s, activepick {ours:.3f} s")
    limits = Limits()
    limits.at_least(f"{megabytes / ours:.0f} MB/s", topaz / ours, LIMIT, "times faster than Topaz")
    limits.exit()


if __name__ == "__main__":
    main()
