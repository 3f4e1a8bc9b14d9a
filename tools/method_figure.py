"""Draw the figure of the method for the documentation: docs/images/method.jpg.

    .venv/bin/python tools/method_figure.py

It shows a simulated micrograph, the score map before and after 50 answers of an oracle, and the
entropy, whose peaks are the next queries.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.special import expit

from activepick.benchmark.oracle import Oracle, learn
from activepick.features.backbone import load_backbone
from activepick.features.engine import FeatureEngine
from activepick.features.extractor import Extractor
from activepick.formats import read_table
from activepick.learning.initial_head import starting_head
from activepick.learning.learner import Learner
from activepick.learning.uncertainty import entropy
from activepick.micrograph import Micrograph
from activepick.micrograph.display import display_image
from activepick.sample import sample_micrographs
from activepick.scoremap import separated_peaks
from activepick.scoremap.score_map import ScoreMap
from activepick.simulate import SimulationSettings

ANSWERS, BATCH = 50, 10
DIAMETER = 2 * SimulationSettings().radius_px * SimulationSettings().pixel_size_angstrom


def main() -> None:
    """Train a head and draw the figure."""
    parser = argparse.ArgumentParser(description="Draw the figure of the method.")
    parser.add_argument("--out", type=Path, default=Path("docs/images/method.jpg"))
    out = parser.parse_args().out
    folder = sample_micrographs()
    micrograph = Micrograph(sorted(folder.glob("*.mrc"))[0])
    table = read_table(folder / "truth.star")
    truth = table.loc[table["micrograph"] == micrograph.name, ["x", "y"]].to_numpy()
    engine = FeatureEngine(Extractor(load_backbone()), DIAMETER)
    first = starting_head(engine, [micrograph])
    learner = Learner([engine.features(micrograph, first.spec.working_radii)], first)
    before = learner.score_map(0)
    oracle = Oracle([truth], [micrograph.radius_px(DIAMETER)])
    rng = np.random.default_rng(0)
    for _ in range(ANSWERS // BATCH):
        learn(learner, oracle, BATCH, "active", rng)
    draw(micrograph, before, learner, out)


def draw(micrograph: Micrograph, before: ScoreMap, learner: Learner, out: Path) -> None:
    """Draw the four panels and save the figure."""
    after = learner.score_map(0)
    shown = display_image(micrograph, 20.0, 400.0)
    figure = Figure(figsize=(10, 2.75), layout="constrained")
    panels = list(figure.subplots(1, 4))
    image(panels[0], shown.pixels, micrograph, "gray", shown.limits, "micrograph and picks")
    found = separated_peaks(after)
    xy, score = found.xy.astype(np.float64), found.score
    radius = micrograph.radius_px(DIAMETER)
    circles(panels[0], xy[score > 0], radius, "#33d17a")
    title = f"probability before and after {learner.head.particles + learner.head.others} answers"
    image(panels[1], expit(before.values), micrograph, "viridis", (0, 1), title.split(" and")[0])
    image(panels[2], expit(after.values), micrograph, "viridis", (0, 1), title.split("and ")[1])
    title = "entropy, and what is asked next"
    image(panels[3], entropy(after.values), micrograph, "magma", (0, float(np.log(2))), title)
    asked = np.array([(q.x, q.y) for q in learner.ask(BATCH)])
    circles(panels[3], asked, radius, "#f9f06b")
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110, pil_kwargs={"quality": 85})
    print(out)


def image(
    axes: Axes,
    values: NDArray[np.floating],
    micrograph: Micrograph,
    colours: str,
    limits: tuple[float, float],
    title: str,
) -> None:
    """Draw an image over the whole micrograph."""
    height, width = micrograph.shape
    low, high = limits
    axes.imshow(values, cmap=colours, vmin=low, vmax=high, extent=(0, width, height, 0))
    axes.set_title(title, fontsize=9)
    axes.set_axis_off()


def circles(axes: Axes, xy: NDArray[np.float64], radius: float, colour: str) -> None:
    """Draw circles of the particle radius, in original pixels."""
    from matplotlib.patches import Circle

    for x, y in xy:
        axes.add_patch(Circle((x, y), radius, fill=False, edgecolor=colour, linewidth=0.9))


if __name__ == "__main__":
    main()
