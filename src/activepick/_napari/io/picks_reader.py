"""napari reader of tables of picks."""

from pathlib import Path

from napari.viewer import current_viewer

from activepick._napari.io.layer_data import LayerData
from activepick._napari.io.open_micrographs import OpenMicrograph, open_micrographs
from activepick._napari.io.picks_layers import picks_layers
from activepick._napari.io.reading import Paths, Reader, files_of, notify_errors
from activepick.files import open_to_read
from activepick.formats import FORMATS, read_table

__all__ = ["get_reader", "read_picks"]

# Extensions of many kinds of tables: the content is checked as well.
_COMMON = {".csv", ".tsv", ".txt", ".tab", ".json"}
_HEAD_BYTES = 65536


def get_reader(path: Paths) -> Reader | None:
    """Return the reader of some files.

    Returns
    -------
    callable or None
        `read_picks`; None if one of the files is not a table of picks, so that another reader is
        tried, such as napari's own for CSV. Damaged STAR files are accepted, since the error of
        `read_picks` says what is wrong with them.
    """
    return read_picks if all(map(_is_ours, files_of(path))) else None


@notify_errors
def read_picks(path: Paths) -> list[LayerData]:
    """Read tables as points layers on the micrographs that are open.

    Returns
    -------
    list of (positions, layer attributes, "points")
        See `activepick._napari.io.picks_layers.picks_layers`.

    Raises
    ------
    TableError
        If a table cannot be read, or none of its micrographs is open. In a window the error is
        shown as a notification instead.
    """
    micrographs = _open_now()
    return [
        layer
        for file in files_of(path)
        for layer in picks_layers(read_table(file), file, micrographs)
    ]


def _is_ours(file: Path) -> bool:
    ending = file.suffix.lower()
    if ending not in _COMMON:
        return True
    try:
        with open_to_read(file) as opened:
            head = opened.read(_HEAD_BYTES)
    except OSError:
        return False
    return any(known.sniff(head) for known in FORMATS.values() if ending in known.extensions)


def _open_now() -> list[OpenMicrograph]:
    viewer = current_viewer()
    return [] if viewer is None else open_micrographs(viewer.layers)
