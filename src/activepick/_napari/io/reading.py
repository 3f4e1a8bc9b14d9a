"""Functions shared by the napari readers: file names and error notifications."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_error
from napari.viewer import current_viewer

from activepick._napari.io.layer_data import LayerData
from activepick.errors import ActivepickError

__all__ = ["Paths", "Reader", "files_of", "notify_errors"]

Paths = str | list[str]
Reader = Callable[[Paths], list[LayerData]]

# The result that npe2 expects of a successful reader without a layer to add.
_NO_LAYER: list[Any] = [(None,)]


def files_of(path: Paths) -> list[Path]:
    """Return the files of the argument of a reader: one, or those of a stack."""
    return [Path(path)] if isinstance(path, str) else [Path(one) for one in path]


def notify_errors(read: Reader) -> Reader:
    """Return a reader that shows its errors as notifications.

    napari would show the message at the end of a text about plugins, and would offer another plugin
    for CSV files. Without a window, errors are raised.
    """

    @wraps(read)
    def notifying(path: Paths) -> list[LayerData]:
        try:
            return read(path)
        except ActivepickError as error:
            if current_viewer() is None:
                raise
            show_error(str(error))
            return _NO_LAYER

    return notifying
