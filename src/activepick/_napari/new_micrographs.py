"""The micrographs of a new session, which can be viewed before the session is created."""

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtCore import QObject, Signal

from activepick._napari.display_images import DisplayedMicrograph, display_filters, read_displayed
from activepick._napari.jobs import Jobs
from activepick.errors import ActivepickError
from activepick.micrograph import Micrograph
from activepick.progress import Progress

__all__ = ["NewMicrographs"]

# Number of files that are tried for the first image.
_TRIED = 20


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
        self.errors: dict[int, str] = {}
        self._jobs = jobs
        self._pixel_size_angstrom: float | None = None
        self._diameter_angstrom = 0.0
        self._low_pass_angstrom: float | None = None
        self._high_pass_angstrom: float | None = None

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
    ) -> None:
        """Set the values that determine the display filters, and display the micrograph again.

        Parameters
        ----------
        pixel_size_angstrom
            Å per pixel; None to read it from the files.
        diameter_angstrom
            Particle diameter; 0 if it is not known yet.
        low_pass_angstrom, high_pass_angstrom
            Filters; None for values that suit the diameter.
        """
        new = (pixel_size_angstrom, diameter_angstrom, low_pass_angstrom, high_pass_angstrom)
        old = (
            self._pixel_size_angstrom,
            self._diameter_angstrom,
            self._low_pass_angstrom,
            self._high_pass_angstrom,
        )
        if new != old:
            (
                self._pixel_size_angstrom,
                self._diameter_angstrom,
                self._low_pass_angstrom,
                self._high_pass_angstrom,
            ) = new
            self._read()

    def _read(self) -> None:
        index, size, diameter = self.shown, self._pixel_size_angstrom, self._diameter_angstrom
        filters = display_filters(diameter, self._low_pass_angstrom, self._high_pass_angstrom)

        def work(progress: Progress) -> DisplayedMicrograph:
            micrograph = Micrograph(self.files[index], size)
            # Filters are in Å: without a pixel size there are none.
            used = filters if micrograph.has_pixel_size else (None, None)
            return read_displayed(0, micrograph, *used)

        def failed(error: Exception) -> None:
            self.errors[index] = str(error)
            self.failed.emit(error)
            self.shown_changed.emit()

        self._jobs.run("image", work, self.displayed.emit, text="Reading", failed=failed)
