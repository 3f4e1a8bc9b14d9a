"""Compare the grey values normalised by the mixture with those of Topaz, on real micrographs.

    python benchmarks/normalisation.py [--micrographs N]

For each micrograph and working radius, it prints the difference of the background's mean from that
of `topaz.stats.normalize`, in standard deviations, the difference of the standard deviations, and
the speed-up of the histogram. Topaz takes up to 44 s for an image. The micrographs are those in
the folder that ACTIVEPICK_DATA names, by default `../shared/data` beside the repository.
"""

import argparse
import sys
import time

import topaz.stats
from known_sets import DATA

from activepick.micrograph import Micrograph
from activepick.micrograph.normalise import grey_scale

# Folder, ending, pixel size and diameter in Å.
DATASETS = (("empiar-10017", "jpg", 1.77, 191.0), ("empiar-10146", "png", 1.5, 120.0))
WORKING_RADII = (10.0, 14.0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--micrographs", type=int, default=1, help="of each dataset (default 1)")
    count = parser.parse_args().micrographs
    if not DATA.is_dir():
        print(f"skipped: no real micrographs at {DATA}; set ACTIVEPICK_DATA to their folder")
        return 0
    print(f"{'micrograph':36} {'radius':>6} {'mean off':>9} {'std off':>8} {'times faster':>12}")
    shifts, ratios, speeds = [], [], []
    for folder, ending, pixel_size, diameter in DATASETS:
        for path in sorted((DATA / folder).glob(f"*.{ending}"))[:count]:
            images = Micrograph(path, pixel_size).working_images(diameter, WORKING_RADII)
            for radius, image in zip(WORKING_RADII, images, strict=True):
                start = time.perf_counter()
                mean, deviation = grey_scale(image.pixels, "gmm")
                middle = time.perf_counter()
                _, theirs = topaz.stats.normalize(image.pixels)
                end = time.perf_counter()
                shifts.append(abs(mean - theirs["mu"]) / theirs["std"])
                ratios.append(abs(deviation / theirs["std"] - 1))
                speeds.append((end - middle) / (middle - start))
                print(
                    f"{path.name:36} {radius:6g} {shifts[-1]:9.5f} {ratios[-1]:8.5f} "
                    f"{speeds[-1]:9.0f} x  ({end - middle:.1f} s, {middle - start:.2f} s)",
                    flush=True,
                )
    if not shifts:
        print(f"No micrographs of {', '.join(dataset[0] for dataset in DATASETS)} in {DATA}.")
        return 2
    print(f"worst: mean {max(shifts):.5f}, std {max(ratios):.5f}; slowest gain {min(speeds):.0f} x")
    return 0


if __name__ == "__main__":
    sys.exit(main())
