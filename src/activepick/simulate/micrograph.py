"""One simulated micrograph: specimen, image formation and known particles."""

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

# The field is simulated with a border, as defocus moves signal of what lies outside into the frame.
BORDER_ANGSTROM = 150.0

# Thickness in which 1 - 1/e of the electrons are lost to the image at 300 kV behind an aperture.
MEAN_FREE_PATH_ANGSTROM = 3000.0


@dataclass(frozen=True, eq=False)
class SimulatedMicrograph:
    """A micrograph with known particles.

    Attributes
    ----------
    pixels
        (H, W) float32 electrons per pixel; particles are dark.
    pixel_size_angstrom
        Pixel size.
    truth
        One row a particle: `x`, `y` of its centre in pixels, 0-based, integer = pixel centre, and
        `protein`, its name.
    orientations
        Rotation of the density of each row of the truth; it is projected along z after that.
    contaminants
        One row a fragment, aggregate or crystal in the frame: `x`, `y` as in the truth, and `kind`.
    diameter_angstrom
        Diameter of the particles.
    defocus
        Underfocus and astigmatism.
    carbon
        Whether a carbon edge runs through the frame.
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

    The truth holds every intact particle in the ice with its centre in the frame: overlapping and
    touching ones, and those that the frame cuts. No centre lies closer to the frame's border than
    a fifth of the diameter, on either side, so that none is in doubt; a crystal may cover a few.
    On the carbon film particles drown in its texture, and people leave even the visible ones out:
    some lie there, and they are not in the truth. Nor are broken particles, aggregates, crystals.

    Parameters
    ----------
    settings
        What the set is like.
    seed
        The same seed gives the same pixels.
    defocus_um
        Mean underfocus; drawn from the settings' range when None.
    carbon
        Whether there is a carbon edge; drawn when None.

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
    """Form the image of a specimen.

    Linear imaging of a weak phase object, ``1 + 2 ctf * phase``, under the loss of electrons in
    thick ice, carbon and crystals, ``exp(-thickness / mean free path)``.

    Parameters
    ----------
    specimen
        Phase and thickness, (H, W).
    settings
        The microscope, pixel size and dose.
    defocus
        The underfocus.

    Returns
    -------
    ndarray
        (H, W) float32 expected electrons per pixel.
    """
    shape = specimen.phase_rad.shape
    kx, ky = frequency_grid((shape[0], shape[1]), settings.pixel_size_angstrom)
    transfer = contrast_transfer(kx, ky, settings.microscope, defocus).astype(np.float32)
    contrast = fft.irfft2(fft.rfft2(specimen.phase_rad) * transfer, shape)
    loss = np.exp(-specimen.thickness_angstrom / MEAN_FREE_PATH_ANGSTROM)
    dose = settings.dose_per_angstrom2 * settings.pixel_size_angstrom**2
    values: NDArray[np.float32] = np.clip(dose * loss * (1 + 2 * contrast), 0, None)
    return values
