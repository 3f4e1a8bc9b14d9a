"""Working images that are computed in a thread before they are needed."""

import contextlib
import threading
from collections.abc import Callable, Sequence

from activepick.errors import ActivepickError
from activepick.micrograph.normalise import Normalisation
from activepick.micrograph.working_image import WorkingImage
from activepick.threads import READER

__all__ = ["EarlyImages"]


class EarlyImages:
    """The working images of a micrograph at several scales, for which the file is read once.

    Parameters
    ----------
    diameter_angstrom
        Particle diameter in Å.
    radii
        Working radii in working pixels.
    normalisation
        Normalisation of the grey values.
    content_key
        Returns the hash of the file; see `Micrograph.content_key`.
    read
        Reads the file and returns the images by radius; radii that are not possible are left out.
        Its errors are not raised here: `get` then returns None, and the caller reads the file again
        and raises them.
    """

    def __init__(
        self,
        diameter_angstrom: float,
        radii: Sequence[float],
        normalisation: Normalisation,
        content_key: Callable[[], str],
        read: Callable[[], dict[float, WorkingImage]],
    ) -> None:
        self._settings = diameter_angstrom, normalisation
        self._radii = tuple(radii)
        self._images: dict[float, WorkingImage] = {}
        self._key: str | None = None

        def run() -> None:
            with contextlib.suppress(ActivepickError, MemoryError):
                self._key = content_key()
                self._images = read()

        # A daemon, because a file system that hangs would block the exit.
        self._thread = threading.Thread(target=run, daemon=True, name=READER)
        self._thread.start()

    @property
    def key(self) -> str | None:
        """The hash of the file before it was read; None if it cannot be read."""
        self._thread.join()
        return self._key

    def get(
        self, diameter_angstrom: float, radii: Sequence[float], normalisation: Normalisation
    ) -> list[WorkingImage] | None:
        """Return images, after waiting for the thread; None if one of them is not there."""
        wanted = (diameter_angstrom, normalisation) == self._settings
        if not wanted or not set(radii) <= set(self._radii):
            return None
        self._thread.join()
        images = self._images
        return [images[r] for r in radii] if all(r in images for r in radii) else None

    def keep(self, radii: Sequence[float]) -> None:
        """Release the memory of the images at all other radii."""
        self._thread.join()
        self._images = {r: image for r, image in self._images.items() if r in radii}
