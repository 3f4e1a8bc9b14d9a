"""Simulate one micrograph: specimen, image formation and true particles."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import fft
from scipy.spatial.transform import Rotation

from activepick.simulate.ice import carbon_film
from activepick.simulate.optics import Defocus, contrast_transfer, frequency_grid
from activepick.simulate.settings import SimulationSettings
from activepick.simulate.specimen import Specimen, build_specimen

__all__ = ["SimulatedMicrograph", "expose", "simulate_micrograph"]

# Width of the border around the frame that is also simulated, since defocus moves signal of objects
# outside the frame into it.
BORDER_ANGSTROM = 150.0

# Thickness of ice in which the image loses 1 - 1/e of the electrons, at 300 kV with an aperture.
MEAN_FREE_PATH_ANGSTROM = 3000.0


@dataclass(frozen=True, eq=False)
class SimulatedMicrograph:
    """A micrograph with known particles.

    Attributes
    ----------
    pixels
        Electrons per pixel, float32, (H, W); particles are dark.
    pixel_size_angstrom
        Pixel size in Å.
    truth
        One row for each particle: `x` and `y` of its centre in pixels (0-based; integers are pixel
        centres), and `protein`, its name.
    orientations
        Rotation of the density for each row of `truth`, before the projection along z.
    contaminants
        One row for each fragment, aggregate or crystal in the frame: `x` and `y` as in `truth`, and
        `kind`.
    diameter_angstrom
        Diameter of the particles in Å.
    defocus
        Underfocus and astigmatism.
    carbon
        Whether there is a carbon edge in the frame.
    """

    pixels: NDArray[np.float32]
    pixel_size_angstrom: float
    truth: pd.DataFrame
    orientations: Rotation
    contaminants: pd.DataFrame
    diameter_angstrom: float
    defocus: Defocus
    carbon: bool


def simulate_micrograph(
    settings: SimulationSettings,
    seed: int | list[int],
    *,
    defocus_um: float | None = None,
    carbon: bool | None = None,
) -> SimulatedMicrograph:
    """Simulate a micrograph.

    The true particles are all intact particles in the ice whose centre is in the frame. They
    include particles that overlap or touch, and those that are cut off by the frame; crystals may
    cover a few. No centre is closer to the border of the frame than a fifth of the diameter, on
    either side of it, so that it is clear which particles are in the frame. Some particles are on
    the carbon film. They are not true particles, since they are hardly visible in its texture, and
    people do not pick even the visible ones. Broken particles, aggregates and crystals are not true
    particles either.

    Parameters
    ----------
    settings
        Settings of the set.
    seed
        Random seed. The same seed gives the same pixels.
    defocus_um
        Mean underfocus in µm; None to draw it from the range of the settings.
    carbon
        Whether there is a carbon edge; None to draw it.

    Returns
    -------
    SimulatedMicrograph
    """
    rng, for_film, for_specimen, for_counts = np.random.default_rng(seed).spawn(4)
    pixel_size = settings.pixel_size_angstrom
    drawn_defocus = rng.uniform(*settings.defocus_um)
    drawn_carbon = rng.random() < settings.carbon_share
    defocus = Defocus(
        drawn_defocus if defocus_um is None else defocus_um,
        rng.uniform(0, settings.astigmatism_um),
        rng.uniform(0, np.pi),
    )
    has_carbon = bool(drawn_carbon) if carbon is None else carbon
    border = int(np.ceil(BORDER_ANGSTROM / pixel_size))
    height, width = (fft.next_fast_len(side + 2 * border, real=True) for side in settings.shape)
    film = carbon_film((height, width), pixel_size, for_film) if has_carbon else None
    specimen = build_specimen(settings, (height, width), border, film, for_specimen)
    expected = expose(specimen, settings, defocus)
    frame = expected[border : border + settings.shape[0], border : border + settings.shape[1]]
    counts = for_counts.poisson(frame) if settings.shot_noise else frame
    inside = specimen.particles - border
    in_frame = _in_frame(inside, settings.shape)
    truth = pd.DataFrame(inside[in_frame], columns=["x", "y"])
    truth["protein"] = np.array(settings.proteins, object)[specimen.proteins[in_frame]]
    others = specimen.contaminants
    others[["x", "y"]] -= border
    others = others[_in_frame(others[["x", "y"]].to_numpy(), settings.shape)]
    return SimulatedMicrograph(
        np.ascontiguousarray(counts, np.float32),
        pixel_size,
        truth,
        specimen.orientations[in_frame],
        others.reset_index(drop=True),
        settings.diameter_angstrom,
        defocus,
        has_carbon,
    )


def _in_frame(xy: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return a mask (n,) of the positions (n, 2) on a pixel of the frame (H, W)."""
    inside = (xy >= 0) & (xy <= np.array(shape[::-1]) - 1)
    return inside[:, 0] & inside[:, 1]


def expose(
    specimen: Specimen, settings: SimulationSettings, defocus: Defocus
) -> NDArray[np.float32]:
    """Compute the image of a specimen.

    The model is linear imaging of a weak phase object, ``1 + 2 ctf * phase``, times the loss of
    electrons in ice, carbon and crystals, ``exp(-thickness / mean free path)``.

    Parameters
    ----------
    specimen
        Phase and thickness, (H, W).
    settings
        Microscope, pixel size and dose.
    defocus
        The underfocus.

    Returns
    -------
    ndarray
        Expected electrons per pixel, float32, (H, W).
    """
    shape = specimen.phase_rad.shape
    kx, ky = frequency_grid((shape[0], shape[1]), settings.pixel_size_angstrom)
    transfer = contrast_transfer(kx, ky, settings.microscope, defocus).astype(np.float32)
    contrast = fft.irfft2(fft.rfft2(specimen.phase_rad) * transfer, shape)
    loss = np.exp(-specimen.thickness_angstrom / MEAN_FREE_PATH_ANGSTROM)
    dose = settings.dose_per_angstrom2 * settings.pixel_size_angstrom**2
    values: NDArray[np.float32] = np.clip(dose * loss * (1 + 2 * contrast), 0, None)
    return values
