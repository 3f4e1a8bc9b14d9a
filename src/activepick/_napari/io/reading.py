"""What our readers share: which files they were given, and how they tell errors."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path

from napari.utils.notifications import show_error
from napari.viewer import current_viewer

from activepick._napari.io.layer_data import LayerData
from activepick.errors import ActivepickError

__all__ = ["Paths", "Read", "files_of", "plainly"]

Paths = str | list[str]
Read = Callable[[Paths], list[LayerData]]

# How npe2 spells "it was read, and there is no layer to add".
_NO_LAYER = [(None,)]


def files_of(path: Paths) -> list[Path]:
    """Give the files that a reader was asked for: one, or those of a stack."""
    return [Path(path)] if isinstance(path, str) else [Path(one) for one in path]


def plainly(read: Read) -> Read:
    """Make a reader tell its errors in the window itself.

    Left to napari, the sentence that says what to do stands at the end of a paragraph about
    plugins, and for CSV a dialog offers to try another plugin first. Without a window the error is
    raised.
    """

    @wraps(read)
    def told(path: Paths) -> list[LayerData]:
        try:
            return read(path)
        except ActivepickError as error:
            if current_viewer() is None:
                raise
            show_error(str(error))
            return _NO_LAYER

    return told
