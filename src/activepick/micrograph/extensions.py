"""Extensions of file names that can, and that cannot, be read as micrographs."""

from pathlib import Path

__all__ = ["CONVERTIBLE", "EXTENSIONS", "MOVIES", "extension", "has_micrograph_extension"]

# File type by extension.
EXTENSIONS = {
    ".mrc": "MRC",
    ".mrcs": "MRC",
    ".mrc.gz": "gzip",
    ".mrcs.gz": "gzip",
    ".mrc.bz2": "bzip2",
    ".mrcs.bz2": "bzip2",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
}
MOVIES = (".eer", ".tbz")
CONVERTIBLE = (
    ".dm3",
    ".dm4",
    ".ser",
    ".emi",
    ".emd",
    ".hdf",
    ".h5",
    ".spi",
    ".img",
    ".raw",
    ".map",
)
_COMPRESSED = (".gz", ".bz2")


def extension(path: Path) -> str:
    """Return the extension of a name in lower case; both parts of it for compressed files."""
    suffix = path.suffix.lower()
    return Path(path.stem).suffix.lower() + suffix if suffix in _COMPRESSED else suffix


def has_micrograph_extension(path: Path) -> bool:
    """Return whether a name has the extension of a micrograph that can be read."""
    return extension(path) in EXTENSIONS
