"""A micrograph file: its size, its pixel size, and the working images made from it."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from activepick.errors import MicrographError, SettingsError
from activepick.micrograph.border import NO_BORDER, Border, BorderFinder
from activepick.micrograph.early_images import EarlyImages
from activepick.micrograph.fourier_crop import Transforms, fourier_crop
from activepick.micrograph.identity import fingerprint
from activepick.micrograph.normalise import Normalisation, normalise
from activepick.micrograph.pixel_size import checked_pixel_size
from activepick.micrograph.reading import open_micrograph
from activepick.micrograph.source import MicrographFile, checked_blocks
from activepick.micrograph.working_image import WorkingImage
from activepick.micrograph.working_scale import checked_diameter, working_radius, working_size

__all__ = ["Micrograph"]


class Micrograph:
    """A micrograph file, which is read on demand.

    Parameters
    ----------
    path
        The file; see `activepick.micrograph.EXTENSIONS`. It is not opened before its first use.
    pixel_size_angstrom
        Å per pixel; by default that of the header.
    inverted
        Whether particles are bright.

    Raises
    ------
    SettingsError
        If the pixel size is not between 0.05 and 100 Å.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        pixel_size_angstrom: float | None = None,
        inverted: bool = False,
    ) -> None:
        self.path = Path(path)
        self.inverted = inverted
        self._opened: MicrographFile | None = None
        self._border: Border | None = None
        self._early: EarlyImages | None = None
        self._given_pixel_size = (
            None if pixel_size_angstrom is None else checked_pixel_size(pixel_size_angstrom)
        )

    def __repr__(self) -> str:
        return f"Micrograph({str(self.path)!r})"

    @property
    def _file(self) -> MicrographFile:
        # Not a cached_property, whose lock is shared by all micrographs before Python 3.12: one
        # file that hangs would block them all.
        if self._opened is None:
            self._opened = open_micrograph(self.path)
        return self._opened

    @property
    def name(self) -> str:
        """File name with extension."""
        return self.path.name

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels; MicrographError if the file cannot be read."""
        return self._file.shape

    @property
    def has_pixel_size(self) -> bool:
        """Whether a pixel size was given by the user or is in the header."""
        return self._given_pixel_size is not None or self._file.pixel_size_angstrom is not None

    @property
    def pixel_size_angstrom(self) -> float:
        """Å per pixel; MicrographError if neither the user nor the header gives it."""
        size = self._given_pixel_size or self._file.pixel_size_angstrom
        if size is None:
            raise MicrographError(
                f"{self.path} has no usable pixel size in its header: give it in Å.",
                option="--pixel-size",
            )
        return size

    @property
    def header_pixel_size_angstrom(self) -> float | None:
        """Å per pixel in the header, even if the user gave another value; None if it has none."""
        return self._file.pixel_size_angstrom

    def read(self) -> NDArray[np.float32]:
        """Read all pixels, without scaling.

        Returns
        -------
        ndarray
            Image (height, width), float32; row 0 is the first row of the file.

        Raises
        ------
        MicrographError
            If the file is damaged, constant, or contains NaN or infinite values.
        """
        pixels = np.empty(self.shape, np.float32)
        start = 0
        for block in self.blocks():
            pixels[start : start + len(block)] = block
            start += len(block)
        return pixels

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """Read the pixels in blocks of rows, from row 0; the errors are those of `read`."""
        finder = BorderFinder(self.shape)
        yield from finder.watch(checked_blocks(self._file))
        self._border = finder.border

    @property
    def border(self) -> Border:
        """Number of rows and columns without an image: left, top, right, bottom.

        They are determined whenever the pixels are read; if this has not happened, the file is
        read. `MicrographError` if it cannot be read.
        """
        if self._border is None:
            for _ in self.blocks():
                pass
        return self._border or NO_BORDER

    def radius_px(self, diameter_angstrom: float) -> float:
        """Return the particle radius in original pixels.

        Raises
        ------
        MicrographError
            If the pixel size is missing.
        SettingsError
            If the diameter is not a number above 0.
        """
        return checked_diameter(diameter_angstrom) / 2 / self.pixel_size_angstrom

    def working_ratio(
        self, diameter_angstrom: float, working_radius_px: float
    ) -> tuple[float, float]:
        """Return the number of original pixels per working pixel, along x and y.

        Parameters
        ----------
        diameter_angstrom
            Particle diameter in Å.
        working_radius_px
            Particle radius in working pixels.

        Raises
        ------
        MicrographError, SettingsError
            As in `working_images`.
        """
        radius = self.radius_px(diameter_angstrom)
        n_rows, n_columns = working_size(self.shape, radius, working_radius_px, self.name)
        return self.shape[1] / n_columns, self.shape[0] / n_rows

    def fits(self, diameter_angstrom: float, working_radius_px: float) -> bool:
        """Return whether a working radius is possible; only the header of the file is read.

        Raises
        ------
        MicrographError
            If the file cannot be read, or has no pixel size.
        """
        try:
            self.working_ratio(diameter_angstrom, working_radius_px)
        except SettingsError:
            return False
        return True

    def read_early(
        self,
        diameter_angstrom: float,
        working_radii: Sequence[float],
        normalisation: Normalisation = "affine",
    ) -> None:
        """Begin to compute working images in a thread, before they are needed.

        `working_images` then returns these images for the same diameter and normalisation, and for
        any of the radii, unless it is called with `transforms`. They stay in memory until the next
        call of `keep_early`.

        Parameters
        ----------
        diameter_angstrom, working_radii, normalisation
            As in `working_images`. Radii that are not possible are left out.
        """

        def read() -> dict[float, WorkingImage]:
            radii = [r for r in dict.fromkeys(working_radii) if self.fits(diameter_angstrom, r)]
            images = self._read_images(diameter_angstrom, radii, normalisation)
            return dict(zip(radii, images, strict=True))

        self._early = EarlyImages(
            diameter_angstrom, working_radii, normalisation, self._fingerprint, read
        )

    def keep_early(self, working_radii: Sequence[float]) -> None:
        """Release the memory of the images of `read_early` at all other radii."""
        if self._early is not None:
            self._early.keep(working_radii)

    def working_images(
        self,
        diameter_angstrom: float,
        working_radii: Sequence[float],
        normalisation: Normalisation = "affine",
        transforms: Transforms | None = None,
    ) -> list[WorkingImage]:
        """Return images in which particles have the given radii; the file is read once.

        Parameters
        ----------
        diameter_angstrom
            Particle diameter in Å.
        working_radii
            Particle radii in working pixels, one for each image. They are approximate, since the
            sides of the images are rounded to even numbers.
        normalisation
            "affine" or "gmm"; see `activepick.micrograph.normalise`.
        transforms
            Library and device of the resampling; see `activepick.micrograph.fourier_crop`.

        Returns
        -------
        list of WorkingImage
            One for each radius, normalised, with dark particles.

        Raises
        ------
        MicrographError
            If the file is damaged, constant, contains NaN or infinite values, or has no pixel size.
        SettingsError
            If the diameter and the pixel size do not suit the size of the micrograph.
        """
        early = None
        if self._early is not None and transforms is None:
            early = self._early.get(diameter_angstrom, working_radii, normalisation)
        if early is not None:
            return early
        return self._read_images(diameter_angstrom, working_radii, normalisation, transforms)

    def _read_images(
        self,
        diameter_angstrom: float,
        working_radii: Sequence[float],
        normalisation: Normalisation,
        transforms: Transforms | None = None,
    ) -> list[WorkingImage]:
        radius = self.radius_px(diameter_angstrom)
        sizes = [working_size(self.shape, radius, asked, self.name) for asked in working_radii]
        if not sizes:
            return []
        images = fourier_crop(self.blocks(), self.shape, sizes, transforms)
        return [self._working_image(image, radius, normalisation) for image in images]

    def _working_image(
        self, image: NDArray[np.float32], radius: float, normalisation: Normalisation
    ) -> WorkingImage:
        # Smaller values are rounding errors of float32: no contrast is left at this scale.
        if np.ptp(image) <= 1e-6 * np.abs(image).max():
            raise MicrographError(
                f"{self.path} has no contrast at the scale of the particles. "
                "Check the diameter and the pixel size, or leave it out."
            )
        pixels = normalise(image, normalisation)
        if self.inverted:
            np.negative(pixels, out=pixels)
        n_rows, n_columns = image.shape
        reached = working_radius(self.shape, (n_rows, n_columns), radius)
        return WorkingImage(pixels, self.shape, reached)

    def content_key(self) -> str:
        """Return the hash by which cached features and finished picks detect a changed file.

        It is `activepick.micrograph.identity.fingerprint` with the modification time; after
        `read_early`, that of the file when it was read.

        Raises
        ------
        MicrographError
            If the file cannot be read.
        """
        return (None if self._early is None else self._early.key) or self._fingerprint()

    def _fingerprint(self) -> str:
        return fingerprint(self.path, with_time=True)
