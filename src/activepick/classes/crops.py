"""Cut out crops of picks for averaging, with phases flipped and the background normalised."""

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import ArrayLike, NDArray

from activepick.micrograph import Micrograph, WorkingImage
from activepick.micrograph.working_scale import checked_diameter
from activepick.simulate.optics import Defocus, Microscope, contrast_transfer, frequency_grid

__all__ = ["BOX_DIAMETERS", "CropScale", "cut_particles", "fair_sample", "flip_phases"]

# Side of a crop in particle diameters. The boxes of RELION and cryoSPARC have 1.5 to 2 diameters;
# in wider boxes, neighbouring particles affect the alignment.
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
            The micrograph.
        xy
            Positions (n, 2), x and y, in pixels of the micrograph.
        defocus_angstrom
            Mean defocus in Å for the phase flip; None for no phase flip.
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
            # In the whole image, since defocus moves signal of a particle out of its crop.
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
    """Return an image (h, w) with the same sign of contrast at all frequencies, particles dark.

    The sign of its Fourier transform is reversed at the frequencies at which the contrast transfer
    function is positive.

    Parameters
    ----------
    image
        Pixels, float32, (h, w).
    pixel_size_angstrom
        Pixel size of the image in Å.
    defocus, microscope
        Defocus and microscope of the contrast transfer function.
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
        The image. It is mirrored at its border.
    xy
        Positions (n, 2), x and y, in pixels of the micrograph.
    side
        Side of a crop in pixels, even.

    Returns
    -------
    ndarray
        Crops (n, side, side), float32. The position is the pixel ``side // 2``. In each crop, the
        pixels outside the particle radius have mean 0 and standard deviation 1. Particles are
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
    """Return rows of a representative sample of picks, spread over micrographs and scores.

    Parameters
    ----------
    micrograph
        Number of the micrograph of each pick, (n,).
    score
        Score of each pick, (n,).
    count
        Size of the sample.

    Returns
    -------
    ndarray
        At most `count` rows, ascending: the same share of the picks of each micrograph, evenly
        distributed over the ranks of their scores.
    """
    groups, scores = np.asarray(micrograph), np.asarray(score, np.float64)
    n = len(scores)
    if n <= count:
        return np.arange(n)
    order = np.lexsort((-scores, groups))
    return np.sort(order[(np.arange(count) * n) // count])
