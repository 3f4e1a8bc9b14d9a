"""Crops of picks for averaging: one scale, phases flipped, background normalised."""

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import ArrayLike, NDArray

from activepick.micrograph import Micrograph, WorkingImage
from activepick.micrograph.working_scale import checked_diameter
from activepick.simulate.optics import Defocus, Microscope, contrast_transfer, frequency_grid

__all__ = ["BOX_DIAMETERS", "CropScale", "cut_particles", "fair_sample", "flip_phases"]

# Side of a crop in particle diameters: RELION's and cryoSPARC's boxes are 1.5 to 2 of them, and in
# the wider ones neighbours take part in the alignment.
BOX_DIAMETERS = 1.5


@dataclass(frozen=True)
class CropScale:
    """The scale of all crops of one kind of particle.

    Attributes
    ----------
    diameter_angstrom
        Particle diameter in Å.
    side
        Side of a crop in pixels, even.

    Raises
    ------
    SettingsError
        If the diameter is not a number above 0.
    """

    diameter_angstrom: float
    side: int = 64

    def __post_init__(self) -> None:
        checked_diameter(self.diameter_angstrom)

    @property
    def radius_px(self) -> float:
        """Particle radius in pixels of a crop."""
        return self.side / BOX_DIAMETERS / 2

    @property
    def pixel_size_angstrom(self) -> float:
        """Å per pixel of a crop."""
        return self.diameter_angstrom / 2 / self.radius_px

    def crops(
        self,
        micrograph: Micrograph,
        xy: ArrayLike,
        defocus_angstrom: float | None = None,
        microscope: Microscope | None = None,
    ) -> NDArray[np.float32]:
        """Read a micrograph and cut crops (n, side, side) out of it; see `cut_particles`.

        Parameters
        ----------
        micrograph
            The file.
        xy
            Positions (n, 2), x and y, in pixels of the micrograph.
        defocus_angstrom
            Mean defocus in Å, with which the phases are flipped; None leaves them.
        microscope
            Voltage, Cs and amplitude contrast; 300 kV by default.

        Raises
        ------
        ActivepickError
            If the micrograph cannot be read, or the diameter does not fit it.
        """
        [image] = micrograph.working_images(self.diameter_angstrom, [self.radius_px])
        pixels = image.pixels
        if defocus_angstrom is not None:
            # Of the whole image: what the defocus moved out of a crop comes back into it.
            pixels = flip_phases(
                pixels,
                self.diameter_angstrom / 2 / image.working_radius_px,
                Defocus(defocus_angstrom / 1e4),
                microscope or Microscope(),
            )
        flipped = WorkingImage(pixels, image.original_shape, image.working_radius_px)
        return cut_particles(flipped, xy, self.side)


def flip_phases(
    image: NDArray[np.float32],
    pixel_size_angstrom: float,
    defocus: Defocus,
    microscope: Microscope,
) -> NDArray[np.float32]:
    """Return an image (h, w) with one sign of contrast at all frequencies, particles dark.

    Where the contrast transfer function is reversed, so is the Fourier transform of the image.
    """
    height, width = image.shape
    kx, ky = frequency_grid((height, width), pixel_size_angstrom)
    transfer = contrast_transfer(kx, ky, microscope, defocus, envelope=False)
    signs = np.where(transfer > 0, np.float32(-1), np.float32(1))
    flipped = scipy.fft.irfft2(scipy.fft.rfft2(image) * signs, s=image.shape)
    return np.asarray(flipped, np.float32)


def cut_particles(image: WorkingImage, xy: ArrayLike, side: int) -> NDArray[np.float32]:
    """Cut crops out of a working image, to the nearest pixel.

    Parameters
    ----------
    image
        The image; beyond its border it is mirrored.
    xy
        Positions (n, 2), x and y, in pixels of the micrograph.
    side
        Side of a crop in pixels, even.

    Returns
    -------
    ndarray
        Crops (n, side, side), float32. The position is the pixel ``side // 2``. In each, the
        pixels beyond the particle radius have mean 0 and standard deviation 1; particles are
        bright, as in the class averages of other programs.
    """
    half = side // 2
    padded = np.pad(image.pixels, half, mode="reflect")
    columns, rows = np.rint(image.to_working(xy)).astype(np.intp).T
    height, width = image.shape
    rows, columns = np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side))
    crops = -windows[rows, columns]
    y, x = np.ogrid[-half:half, -half:half]
    outside = np.hypot(y, x) > image.working_radius_px
    background = crops[:, outside]
    mean = background.mean(axis=1)[:, None, None]
    deviation = np.maximum(background.std(axis=1), 1e-6)[:, None, None]
    return np.asarray((crops - mean) / deviation, np.float32)


def fair_sample(micrograph: ArrayLike, score: ArrayLike, count: int) -> NDArray[np.intp]:
    """Return rows of picks that stand for all: spread over micrographs and over scores.

    Parameters
    ----------
    micrograph
        Number of the micrograph of each pick, (n,).
    score
        Score of each pick, (n,).
    count
        How many are wanted.

    Returns
    -------
    ndarray
        Rows, ascending, at most `count`: of each micrograph the same share, evenly over the ranks
        of its scores.
    """
    groups, scores = np.asarray(micrograph), np.asarray(score, np.float64)
    n = len(scores)
    if n <= count:
        return np.arange(n)
    order = np.lexsort((-scores, groups))
    return np.sort(order[(np.arange(count) * n) // count])
