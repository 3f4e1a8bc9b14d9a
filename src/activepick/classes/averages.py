"""Sort crops of picks into classes, and average each class after alignment."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from activepick.classes.maximisation import FEWEST_MEMBERS, Maximisation
from activepick.classes.result import ClassAverages
from activepick.features.device import choose_device
from activepick.progress import Progress, part_between

__all__ = ["assign_classes", "average_classes"]

# The last temperature of the posterior, and the temperatures in the passes over the crops: at half
# the resolution, then at full resolution, and when known classes are refined. At the temperature 1,
# noisy crops belong to many classes, so that averages mix views.
_LAST = 0.5
_COARSE, _FINE, _REFINED = (1.0, 0.9, 0.8), (0.7, 0.65, 0.6, 0.55, _LAST), (_LAST,) * 3


def average_classes(
    crops: NDArray[np.float32],
    radius_px: float,
    count: int = 20,
    *,
    seed: int = 0,
    start: ClassAverages | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> ClassAverages:
    """Sort crops into classes and average them; the same seed gives the same classes.

    Parameters
    ----------
    crops
        Crops (n, side, side) from `activepick.classes.crops.cut_particles`; the side must be a
        multiple of 4.
    radius_px
        Particle radius in pixels of the crops.
    count
        Number of classes. It is reduced if there are fewer than five crops for each class, and
        classes that have no members in the end are left out.
    seed
        Seed for the choice of the 2,000 crops with which classes begin, if there are more.
    start
        Classes of other crops of the same side, which are refined instead of new ones. Each keeps
        its number; a class with fewer than five members also keeps its average.
    device
        As in `activepick.features.device.choose_device`.
    progress
        Called with the fraction done; may raise to cancel.

    Returns
    -------
    ClassAverages
        The classes, in any order.

    Raises
    ------
    ValueError
        If there are no crops, or their side is not a multiple of 4.
    SettingsError
        If the device is not available.
    """
    report = progress or (lambda fraction: None)
    with torch.inference_mode():
        run = Maximisation(
            crops, radius_px, choose_device(device), start, part_between(report, 0.0, 0.4)
        )
        if start is None:
            most = max(1, min(count, len(crops) // FEWEST_MEMBERS))
            run.begin(most, np.random.default_rng(seed), part_between(report, 0.4, 0.6))
            run.maximise(2, _COARSE, part_between(report, 0.6, 0.7))
            run.maximise(1, _FINE, part_between(report, 0.7, 1.0))
        else:
            run.maximise(1, _REFINED, part_between(report, 0.4, 1.0))
        found = run.result()
        return found.without_empty() if start is None else found


def assign_classes(
    crops: NDArray[np.float32],
    radius_px: float,
    known: ClassAverages,
    *,
    device: str = "auto",
    progress: Progress | None = None,
) -> ClassAverages:
    """Find the classes of further crops without a change of the averages.

    Parameters
    ----------
    crops, radius_px, device, progress
        As in `average_classes`.
    known
        The classes.

    Returns
    -------
    ClassAverages
        The known averages, with the classes of these crops.
    """
    if not len(crops):
        return ClassAverages.without_members(
            known.averages, known.references, known.noise, known.descriptors
        )
    report = progress or (lambda fraction: None)
    with torch.inference_mode():
        run = Maximisation(
            crops, radius_px, choose_device(device), known, part_between(report, 0.0, 0.8)
        )
        run.maximise(2, [_LAST], part_between(report, 0.8, 1.0), learn=False)
        found = run.result()
    return replace(found, averages=known.averages, references=known.references)
