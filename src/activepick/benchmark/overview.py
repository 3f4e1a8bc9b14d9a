"""Pictures of micrographs with their picks."""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit

from activepick.atomic import replacing
from activepick.micrograph import Micrograph
from activepick.wording import counted

__all__ = ["draw_picks"]

# Working radius of the picture: particles are visible, and finer noise is filtered out.
_WORKING_RADIUS = 10.0


def draw_picks(
    micrograph: Micrograph, picks: pd.DataFrame, diameter_angstrom: float, path: Path
) -> None:
    """Draw a micrograph with circles around its picks, coloured by their probability.

    Parameters
    ----------
    micrograph
        The micrograph. It is low-pass filtered, and its contrast is stretched.
    picks
        Columns x, y (original pixels) and score.
    diameter_angstrom
        Particle diameter in Å, which is also the diameter of the circles.
    path
        Path of the PNG file.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.collections import EllipseCollection
    from matplotlib.figure import Figure

    [image] = micrograph.working_images(diameter_angstrom, [_WORKING_RADIUS])
    height, width = micrograph.shape
    low, high = np.percentile(image.pixels, [1, 99])
    figure = Figure(figsize=(6.4, 0.3 + 5.4 * height / width), layout="constrained")
    axes = figure.subplots()
    axes.imshow(image.pixels, cmap="gray", vmin=low, vmax=high, extent=(0, width, height, 0))
    diameters = np.full(len(picks), 2 * micrograph.radius_px(diameter_angstrom))
    circles = EllipseCollection(
        diameters,
        diameters,
        np.zeros(len(picks)),
        units="xy",
        offsets=picks[["x", "y"]].to_numpy(),
        offset_transform=axes.transData,
        facecolors="none",
        linewidths=1.2,
        cmap="viridis",
        clim=(0.5, 1),
    )
    circles.set_array(expit(picks["score"].to_numpy(float)))
    axes.add_collection(circles)
    axes.set_axis_off()
    axes.set_title(f"{micrograph.name}: {counted(len(picks), 'pick')}", fontsize=9)
    figure.colorbar(
        ScalarMappable(circles.norm, circles.cmap), ax=axes, label="probability", shrink=0.6
    )
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150)
