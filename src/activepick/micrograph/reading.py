"""Open a micrograph by its extension, after checking that the content agrees."""

from collections.abc import Callable
from pathlib import Path

from activepick.errors import MicrographError
from activepick.files import open_to_read
from activepick.micrograph.extensions import CONVERTIBLE, EXTENSIONS, MOVIES, extension
from activepick.micrograph.guard import guarded
from activepick.micrograph.mrc import open_mrc
from activepick.micrograph.source import MicrographFile

__all__ = ["open_micrograph"]


def _open_tiff(path: Path) -> MicrographFile:
    from activepick.micrograph.tiff import open_tiff  # takes 0.05 s, and most files are MRC

    return open_tiff(path)


def _open_png(path: Path) -> MicrographFile:
    from activepick.micrograph.raster import open_png

    return open_png(path)


def _open_jpeg(path: Path) -> MicrographFile:
    from activepick.micrograph.raster import open_jpeg

    return open_jpeg(path)


READERS: dict[str, Callable[[Path], MicrographFile]] = {
    "MRC": open_mrc,
    "gzip": open_mrc,
    "bzip2": open_mrc,
    "TIFF": _open_tiff,
    "PNG": _open_png,
    "JPEG": _open_jpeg,
}
SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\x89HDF\r\n\x1a\n": "HDF5",
    b"PK\x03\x04": "zip",
}
MAP_ID = slice(208, 211)


def open_micrograph(path: Path) -> MicrographFile:
    """Read and check the header of a micrograph file.

    Parameters
    ----------
    path
        A file with one of the extensions in `EXTENSIONS`, in upper or lower case.

    Returns
    -------
    MicrographFile
        Shape, pixel size and a function that reads the pixels.

    Raises
    ------
    MicrographError
        If the file is missing, empty, damaged, of an unknown type, or not of the type of its
        extension.
    """
    expected = EXTENSIONS.get(extension(path))
    if expected is None:
        raise _unknown_extension(path)
    with guarded(path):
        if path.is_dir():
            raise MicrographError(f"{path} is a folder: give the micrographs in it.")
        with open_to_read(path) as file:
            start = file.read(256)
    if not start:
        raise MicrographError(f"{path} is empty (0 bytes): copy or create it again.")
    found = _kind(start)
    # A file without map ID may still be an old MRC file; its reader checks this.
    if found != expected and not (expected == "MRC" and found is None):
        if found is None:
            raise MicrographError(
                f"{path} is not a {expected} file, although its extension says so: it is "
                "damaged or "
                "of another type. Check where it comes from."
            )
        raise MicrographError(
            f"{path} is a {found} file by its content, but its extension says {expected}: "
            "give it the right extension."
        )
    return READERS[expected](path)


def _kind(start: bytes) -> str | None:
    # The map ID is checked first: the width of an MRC file could equal a short signature.
    if start[MAP_ID] == b"MAP":
        return "MRC"
    return next((kind for sign, kind in SIGNATURES.items() if start.startswith(sign)), None)


def _unknown_extension(path: Path) -> MicrographError:
    ending = extension(path)
    if not path.exists():
        return MicrographError(f"{path} does not exist: check the name and the folder.")
    if path.is_dir():
        return MicrographError(f"{path} is a folder: give the micrographs in it.")
    if ending in MOVIES:
        advice = "movies cannot be picked: run motion correction first and give its output."
    elif ending in CONVERTIBLE:
        advice = "convert it to MRC first."
    else:
        advice = f"micrographs end in {', '.join(EXTENSIONS)}."
    return MicrographError(f"{path} has the unknown extension '{ending}': {advice}")
