"""The micrographs of a new session, which can be viewed before the session is created."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from qtpy.QtCore import QObject, Signal

from activepick._napari.display_images import (
    DisplayedMicrograph,
    denoised_micrograph,
    display_filters,
    read_displayed,
)
from activepick._napari.jobs import Jobs
from activepick.errors import ActivepickError
from activepick.micrograph import Micrograph
from activepick.progress import Progress

__all__ = ["NewMicrographs"]

# Number of files that are tried for the first image.
_TRIED = 20


class _Display(NamedTuple):
    """The arguments of `NewMicrographs.set_display`."""

    pixel_size_angstrom: float | None = None
    diameter_angstrom: float = 0.0
    low_pass_angstrom: float | None = None
    high_pass_angstrom: float | None = None
    denoised: bool = False


class NewMicrographs(QObject):
    """Read micrographs of a new session for the display, in the background.

    Parameters
    ----------
    files
        The micrographs.
    jobs
        Runs the reading.

    Attributes
    ----------
    files
        As above.
    shown
        Index of the micrograph that is displayed, or being read.
    drawn
        The micrograph that was displayed last; None before the first one.
    errors
        Error by the index of each micrograph that could not be read.

    Signals
    -------
    displayed(displayed)
        The image of a micrograph can be displayed.
    shown_changed()
        Another micrograph is to be shown.
    failed(error)
        A micrograph cannot be read.
    """

    displayed = Signal(object)
    shown_changed = Signal()
    failed = Signal(object)

    def __init__(self, files: Sequence[Path], jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.files = tuple(files)
        self.shown = 0
        self.drawn: Path | None = None
        self.errors: dict[int, str] = {}
        self._jobs = jobs
        self._display = _Display()
        self.displayed.connect(self._note_drawn)

    def begin(self) -> None:
        """Display the first micrograph that can be read, and report those before it."""

        def work(
            progress: Progress,
        ) -> tuple[int, DisplayedMicrograph | None, dict[int, Exception]]:
            errors: dict[int, Exception] = {}
            for index, file in enumerate(self.files[:_TRIED]):
                progress(index / _TRIED)
                try:
                    return index, read_displayed(0, Micrograph(file)), errors
                except ActivepickError as error:
                    errors[index] = error
            return 0, None, errors

        def done(result: tuple[int, DisplayedMicrograph | None, dict[int, Exception]]) -> None:
            self.shown, displayed, errors = result
            for index, error in errors.items():
                self.errors[index] = str(error)
                self.failed.emit(error)
            self.shown_changed.emit()
            if displayed is not None:
                self.displayed.emit(displayed)

        self._jobs.run("image", work, done, text="Reading")

    def show(self, index: int) -> None:
        """Read and display a micrograph."""
        if 0 <= index < len(self.files):
            self.shown = index
            self.shown_changed.emit()
            self._read()

    def set_display(
        self,
        pixel_size_angstrom: float | None,
        diameter_angstrom: float,
        low_pass_angstrom: float | None,
        high_pass_angstrom: float | None,
        *,
        denoised: bool = False,
    ) -> None:
        """Set the values that determine the image, and display the micrograph again.

        Parameters
        ----------
        pixel_size_angstrom
            Å per pixel; None to read it from the files.
        diameter_angstrom
            Particle diameter; 0 if it is not known yet.
        low_pass_angstrom, high_pass_angstrom
            Filters; None for values that suit the diameter.
        denoised
            Whether to display the image as denoised by a network, as soon as that has finished.
        """
        new = _Display(
            pixel_size_angstrom, diameter_angstrom, low_pass_angstrom, high_pass_angstrom, denoised
        )
        if new != self._display:
            self._display = new
            self._read()

    def _read(self) -> None:
        index, display = self.shown, self._display
        filters = display_filters(
            display.diameter_angstrom, display.low_pass_angstrom, display.high_pass_angstrom
        )

        def work(progress: Progress) -> DisplayedMicrograph:
            micrograph = Micrograph(self.files[index], display.pixel_size_angstrom)
            # Filters are in Å: without a pixel size there are none.
            used = filters if micrograph.has_pixel_size else (None, None)
            return read_displayed(0, micrograph, *used)

        def done(displayed: DisplayedMicrograph) -> None:
            self.displayed.emit(displayed)
            # The image is shown until the network has finished.
            if display.denoised and (index, display) == (self.shown, self._display):
                self._denoise(self.files[index], display.pixel_size_angstrom)

        def failed(error: Exception) -> None:
            self.errors[index] = str(error)
            self.failed.emit(error)
            self.shown_changed.emit()

        self._jobs.cancel("denoise")
        self._jobs.run("image", work, done, text="Reading", failed=failed)

    def _note_drawn(self, displayed: DisplayedMicrograph) -> None:
        self.drawn = displayed.path

    def _denoise(self, file: Path, pixel_size_angstrom: float | None) -> None:
        self._jobs.run(
            "denoise",
            lambda progress: denoised_micrograph(
                0, Micrograph(file, pixel_size_angstrom), progress
            ),
            self.displayed.emit,
            text="Denoising",
            failed=self.failed.emit,
        )
