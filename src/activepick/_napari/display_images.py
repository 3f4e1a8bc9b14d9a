"""Images of micrographs for the display: filtered, or raw."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from qtpy.QtCore import QObject, Signal

from activepick._napari.jobs import Jobs
from activepick.features.torch_libraries import load_torch_libraries
from activepick.micrograph import Micrograph
from activepick.micrograph.display import DisplayImage, display_image
from activepick.progress import Progress
from activepick.session import Session
from activepick.session.micrographs import open_micrograph

__all__ = [
    "DisplayImages",
    "DisplayedMicrograph",
    "denoised_micrograph",
    "display_filters",
    "read_displayed",
]

# Number of images that are kept, each of at most 16 MB.
_KEEP = 24

# Number, low-pass, high-pass, pixel size, raw, denoised.
_Key = tuple[int, float | None, float | None, float | None, bool, bool]


@dataclass(frozen=True, eq=False)
class DisplayedMicrograph:
    """A micrograph with the image that is displayed of it.

    Attributes
    ----------
    number
        Number of the micrograph in the session; 0 if it belongs to none.
    path
        File of the micrograph.
    image
        Image for the display, filtered and down-sampled.
    shape
        Height and width of the micrograph in original pixels.
    pixel_size_angstrom
        Å per original pixel; None if unknown.
    header_angstrom
        Å per original pixel as in the header of the file; None if it has none.
    """

    number: int
    path: Path
    image: DisplayImage
    shape: tuple[int, int]
    pixel_size_angstrom: float | None
    header_angstrom: float | None = None

    @property
    def scale(self) -> float:
        """World units per original pixel: Å, or pixels if the pixel size is unknown."""
        return self.pixel_size_angstrom or 1.0


def display_filters(
    diameter_angstrom: float, low_pass_angstrom: float | None, high_pass_angstrom: float | None
) -> tuple[float | None, float | None]:
    """Return the low-pass and the high-pass filter of the display in Å, None for no filter.

    Parameters
    ----------
    diameter_angstrom
        Particle diameter; 0 if it is unknown.
    low_pass_angstrom, high_pass_angstrom
        Filters that the user chose; None for values that suit the diameter.
    """
    if not diameter_angstrom:
        return low_pass_angstrom, high_pass_angstrom
    low = diameter_angstrom / 8 if low_pass_angstrom is None else low_pass_angstrom
    return low, diameter_angstrom * 6 if high_pass_angstrom is None else high_pass_angstrom


def read_displayed(
    number: int,
    micrograph: Micrograph,
    low_pass_angstrom: float | None = None,
    high_pass_angstrom: float | None = None,
) -> DisplayedMicrograph:
    """Read a micrograph and compute its image for the display.

    Parameters
    ----------
    number
        Number of the micrograph in the session; 0 if it belongs to none.
    micrograph
        The micrograph.
    low_pass_angstrom, high_pass_angstrom
        Filters in Å; None for no filter.

    Raises
    ------
    MicrographError
        If the file cannot be read.
    """
    size = micrograph.pixel_size_angstrom if micrograph.has_pixel_size else None
    image = display_image(micrograph, low_pass_angstrom, high_pass_angstrom)
    return DisplayedMicrograph(
        number,
        micrograph.path,
        image,
        micrograph.shape,
        size,
        micrograph.header_pixel_size_angstrom,
    )


def denoised_micrograph(
    number: int, micrograph: Micrograph, progress: Progress
) -> DisplayedMicrograph:
    """Read a micrograph and denoise it by a network, which takes seconds.

    Parameters
    ----------
    number, micrograph
        As in `read_displayed`.
    progress
        Called with the fraction done; may raise an exception to cancel.
    """
    load_torch_libraries()
    from activepick.features.denoise import denoised_image  # loads PyTorch

    displayed = read_displayed(number, micrograph)
    return replace(displayed, image=denoised_image(displayed.image, progress))


class DisplayImages(QObject):
    """Read the micrographs of a session for the display, in the background.

    Parameters
    ----------
    session
        The session.
    jobs
        Runs the reading.

    Attributes
    ----------
    shown
        Number of the micrograph to show; 0 for none.
    displayed
        The micrograph that is displayed; another one than `shown` while that is being read. None
        if there is none.
    raw
        Whether images are displayed unfiltered.
    denoised
        Whether images are denoised by a network, which takes seconds.

    Signals
    -------
    shown_changed()
        Another micrograph is to be shown.
    ready(displayed)
        There is a new image to display.
    failed(number, error)
        The shown micrograph cannot be read.
    denoising_failed(error)
        An image cannot be denoised.
    cached(number)
        The filtered image of a requested micrograph is in the cache.
    raw_changed()
        `raw` or `denoised` changed.
    """

    shown_changed = Signal()
    ready = Signal(object)
    failed = Signal(int, object)
    denoising_failed = Signal(object)
    cached = Signal(int)
    raw_changed = Signal()

    def __init__(self, session: Session, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._jobs = session, jobs
        self._cache: OrderedDict[_Key, DisplayedMicrograph] = OrderedDict()
        self.shown = 0
        self.displayed: DisplayedMicrograph | None = None
        self.raw = False
        self.denoised = False

    @property
    def is_current(self) -> bool:
        """Whether the shown micrograph is displayed, and no longer the previous one."""
        return self.displayed is not None and self.displayed.number == self.shown

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the displayed micrograph in original pixels; (0, 0) if none is."""
        return (0, 0) if self.displayed is None else self.displayed.shape

    @property
    def radius_px(self) -> float:
        """Particle radius in pixels of the displayed micrograph; 0 if none is displayed."""
        if self.displayed is None:
            return 0.0
        return self._session.state.settings.diameter_angstrom / 2 / self.displayed.scale

    def show(self, number: int) -> None:
        """Read and display a micrograph of the session."""
        self.shown = number
        self.shown_changed.emit()
        self._read_shown()

    def reload(self) -> None:
        """Read the shown micrograph again because its file changed."""
        for key in [key for key in self._cache if key[0] == self.shown]:
            del self._cache[key]
        self._read_shown()

    def _read_shown(self) -> None:
        if self.denoised and self._key(self.shown, False, True) not in self._cache:
            # The image is shown until the network has finished.
            self._read(self.shown, self.raw, "image", self._display, "Reading", self._fail)
            self._jobs.cancel("denoise")
            self._read(
                self.shown,
                False,
                "denoise",
                self._display_denoised,
                "Denoising",
                self.denoising_failed.emit,
                True,
            )
        else:
            self._read(
                self.shown, self.raw, "image", self._display, "Reading", self._fail, self.denoised
            )

    def set_raw(self, raw: bool) -> None:
        """Display raw or filtered images."""
        if raw != self.raw:
            self.raw = raw
            self.raw_changed.emit()
            if self.shown:
                self._read_shown()

    def set_denoised(self, denoised: bool) -> None:
        """Display denoised or other images."""
        if denoised != self.denoised:
            self.denoised = denoised
            self.raw_changed.emit()
            if not denoised:
                self._jobs.cancel("denoise")
            if self.shown:
                self._read_shown()

    def toggle_raw(self) -> None:
        """Switch between filtered and raw images."""
        self.set_raw(not self.raw)

    def refresh(self) -> None:
        """Display the shown micrograph again if the settings of the display changed."""
        if self.shown and self._key(self.shown, self.raw, self.denoised) not in self._cache:
            self._read_shown()

    def filtered(self, number: int) -> DisplayedMicrograph | None:
        """Return the filtered image of a micrograph; None if it is not in the cache."""
        return self._cache.get(self._key(number, False))

    def request(self, numbers: list[int]) -> None:
        """Read the filtered images of micrographs one by one; `cached` is emitted for each."""
        missing = [number for number in numbers if self.filtered(number) is None]
        if missing:
            number, *rest = missing

            def done(displayed: DisplayedMicrograph) -> None:
                self.cached.emit(number)
                self.request(rest)

            self._read(number, False, "images", done, "", lambda error: None)

    def read_filtered(
        self, number: int, lane: str, done: Callable[[DisplayedMicrograph | None], None]
    ) -> None:
        """Read the filtered image of a micrograph.

        Parameters
        ----------
        number
            Number of the micrograph.
        lane
            Lane of the job.
        done
            Called with the image; None if it cannot be read.
        """
        self._read(number, False, lane, done, "", lambda error: done(None))

    def _read(
        self,
        number: int,
        raw: bool,
        lane: str,
        done: Callable[[DisplayedMicrograph], None],
        text: str,
        failed: Callable[[Exception], None],
        denoised: bool = False,
    ) -> None:
        key = self._key(number, raw, denoised)
        if key in self._cache:
            self._cache.move_to_end(key)
            self._jobs.cancel(lane)
            done(self._cache[key])
            return

        def keep(displayed: DisplayedMicrograph) -> None:
            self._cache[key] = displayed
            while len(self._cache) > _KEEP:
                self._cache.popitem(last=False)
            done(displayed)

        settings = self._session.state.settings
        _, low, high, _, _, _ = key

        def work(progress: Progress) -> DisplayedMicrograph:
            micrograph = open_micrograph(self._session.micrographs.path(number), settings)
            if denoised:
                return denoised_micrograph(number, micrograph, progress)
            return read_displayed(number, micrograph, low, high)

        self._jobs.run(lane, work, keep, text=text, failed=failed)

    def _key(self, number: int, raw: bool, denoised: bool = False) -> _Key:
        settings = self._session.state.settings
        if raw or denoised:
            return number, None, None, settings.pixel_size_angstrom, raw and not denoised, denoised
        low, high = display_filters(
            settings.diameter_angstrom, settings.low_pass_angstrom, settings.high_pass_angstrom
        )
        return number, low, high, settings.pixel_size_angstrom, raw, denoised

    def _display(self, displayed: DisplayedMicrograph) -> None:
        self.displayed = displayed
        self.ready.emit(displayed)

    def _display_denoised(self, displayed: DisplayedMicrograph) -> None:
        if displayed.number == self.shown and self.denoised:
            self._display(displayed)

    def _fail(self, error: Exception) -> None:
        self.displayed = None
        self.failed.emit(self.shown, error)
