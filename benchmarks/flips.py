"""Measure how often the contrast at the picks identifies the correct flip.

    python benchmarks/flips.py

Flips the published picks of the real micrographs in ACTIVEPICK_DATA in each of the four ways, and
checks the flip that is found, with a few picks and with all picks of a micrograph.
"""

import numpy as np
from known_sets import DATA

from activepick.formats import read_table
from activepick.formats.coordinates import FLIPS, flipped
from activepick.formats.orientation import flip_contrasts
from activepick.micrograph import Micrograph

RADII_PX = {"empiar-10017": 54, "empiar-10146": 40}


def main() -> None:
    if not DATA.is_dir():
        print(f"skipped: no real micrographs at {DATA}; set ACTIVEPICK_DATA to their folder")
        return
    print(f"{'':<14}{'picks':>6}{'right':>8}{'right and sure':>16}{'wrong and sure':>16}"
          f"{'contrast':>12}{'others':>8}")  # fmt: skip
    for name, radius in RADII_PX.items():
        table = read_table(DATA / name / "truth.star")
        images = {n: Micrograph(DATA / name / n).read() for n in table["micrograph"].unique()}
        for count in (5, 10, 30, 10_000):
            right, sure, wrong, best, others = 0, 0, 0, [], []
            for index, (micrograph, image) in enumerate(images.items()):
                xy = table.loc[table["micrograph"] == micrograph, ["x", "y"]].to_numpy()
                xy = np.random.default_rng(index).permutation(xy)[:count]
                flip = FLIPS[index % 4]
                shape = (image.shape[0], image.shape[1])
                found = flip_contrasts(image, flipped(xy, shape, flip), radius)
                right += found.best == flip
                sure += found.sure and found.best == flip
                wrong += found.sure and found.best != flip
                best.append(abs(found.contrasts[flip]))
                others += [abs(c) for f, c in found.contrasts.items() if f != flip]
            shown = "all" if count == 10_000 else str(count)
            print(
                f"{name:<14}{shown:>6}{right:>5}/{len(images)}{sure:>14}/{len(images)}{wrong:>16}"
                f"{min(best):>6.0f}-{max(best):.0f}{max(others):>9.1f}"
            )


if __name__ == "__main__":
    main()
