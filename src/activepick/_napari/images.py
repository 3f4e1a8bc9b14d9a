"""The pictures of micrographs as they are shown: filtered, or raw."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from activepick.micrograph import Micrograph
from activepick.micrograph.display import DisplayImage, display_image
from activepick.session.micrographs import open_micrograph

if TYPE_CHECKING:
    from activepick._napari.controller import Desk

__all__ = ["Images", "Picture"]

# Pictures that are kept, each of at most 16 MB.
_KEEP = 24

# Number, low-pass, high-pass, pixel size, raw.
_Key = tuple[int, float | None, float | None, float | None, bool]


@dataclass(frozen=True, eq=False)
class Picture:
    """A micrograph as it is shown.

    Attributes
    ----------
    number
        The micrograph's number in the session; 0 where it is in none.
    path
        The file.
    image
        What is shown of it.
    shape
        Height and width of the micrograph in its own pixels.
    pixel_size_angstrom
        None where nobody knows it.
    """

    number: int
    path: Path
    image: DisplayImage
    shape: tuple[int, int]
    pixel_size_angstrom: float | None

    @property
    def pixel_size(self) -> float:
        """Å per pixel, or 1."""
        return self.pixel_size_angstrom or 1.0


class Images(QObject):
    """Makes the pictures of micrographs in the background.

    Attributes
    ----------
    raw
        Whether the pictures are shown as the files have them.
    picture
        The one that is shown.

    Signals
    -------
    ready(picture)
        There is another picture to show.
    failed(number, sentence)
        The shown micrograph cannot be read.
    came(number)
        The filtered picture of another micrograph is at hand.
    raw_changed()
    """

    ready = Signal(object)
    failed = Signal(int, str)
    came = Signal(int)
    raw_changed = Signal()

    def __init__(self, desk: "Desk") -> None:
        super().__init__(desk)
        self._desk = desk
        self._kept: OrderedDict[_Key, DisplayImage] = OrderedDict()
        self.raw = False
        self.picture: Picture | None = None
        desk.settings_changed.connect(self._refresh)
        desk.opened.connect(self._kept.clear)

    def show_file(self, path: Path) -> None:
        """Show a micrograph that belongs to no session yet, unfiltered."""
        self._desk.jobs.run(
            "image",
            lambda step: _picture(0, Micrograph(path), None, None),
            self._show,
            text="Reading",
        )

    def show(self, number: int) -> None:
        """Show a micrograph of the session."""
        self._make(
            number,
            self.raw,
            "image",
            self._show,
            "Reading",
            lambda error: self._tell_failure(number, error),
        )

    def toggle_raw(self) -> None:
        """Change between the filtered picture and the raw one."""
        self.raw = not self.raw
        self.raw_changed.emit()
        if self._desk.shown:
            self.show(self._desk.shown)

    def filtered(self, number: int) -> Picture | None:
        """Give the filtered picture of a micrograph if it is at hand."""
        return self._kept.get(self._key(number, False))

    def want(self, numbers: list[int]) -> None:
        """Make the filtered pictures of micrographs, one after the other; `came` tells of each."""
        missing = [number for number in numbers if self.filtered(number) is None]
        if missing:

            def next_one(picture: Picture) -> None:
                self.came.emit(missing[0])
                self.want(missing[1:])

            self._make(missing[0], False, "images", next_one, "", lambda error: None)

    def _make(
        self,
        number: int,
        raw: bool,
        lane: str,
        done: Callable[[Picture], None],
        text: str,
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        session = self._desk.session
        if session is None:
            return
        key = self._key(number, raw)
        if key in self._kept:
            self._kept.move_to_end(key)
            self._desk.jobs.cancel(lane)
            done(self._kept[key])
            return

        def keep(picture: Picture) -> None:
            self._kept[key] = picture
            while len(self._kept) > _KEEP:
                self._kept.popitem(last=False)
            done(picture)

        settings = session.state.settings
        _, low, high, _, _ = key
        self._desk.jobs.run(
            lane,
            lambda step: _picture(
                number, open_micrograph(session.micrographs.path(number), settings), low, high
            ),
            keep,
            text=text,
            failed=failed,
        )

    def _key(self, number: int, raw: bool) -> _Key:
        if self._desk.session is None:
            return number, None, None, None, raw
        settings = self._desk.session.state.settings
        if raw:
            return number, None, None, settings.pixel_size_angstrom, raw
        diameter = settings.diameter_angstrom
        low = settings.low_pass_angstrom
        high = settings.high_pass_angstrom
        return (
            number,
            diameter / 8 if low is None else low,
            diameter * 6 if high is None else high,
            settings.pixel_size_angstrom,
            raw,
        )

    def _show(self, picture: Picture) -> None:
        self.picture = picture
        self.ready.emit(picture)

    def _tell_failure(self, number: int, error: Exception) -> None:
        self.picture = None
        self.failed.emit(number, str(error))
        self._desk.report(error)

    def _refresh(self) -> None:
        """Show the picture again where the filters are others now."""
        number = self._desk.shown
        if number and self._key(number, self.raw) not in self._kept:
            self.show(number)


def _picture(number: int, micrograph: Micrograph, low: float | None, high: float | None) -> Picture:
    size = micrograph.pixel_size_angstrom if micrograph.has_pixel_size else None
    return Picture(
        number, micrograph.path, display_image(micrograph, low, high), micrograph.shape, size
    )
