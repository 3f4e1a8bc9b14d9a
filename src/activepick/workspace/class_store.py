"""Store the references of the classes of picks with a session."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from zipfile import ZIP_STORED

import numpy as np
from numpy.typing import NDArray

from activepick.atomic import replacing
from activepick.classes.directions import DIMENSIONS
from activepick.classes.result import ClassAverages
from activepick.files import open_to_read

__all__ = ["StoredClasses", "class_id", "load_classes", "run_of", "save_classes"]

_ARRAYS = ("averages", "references", "noise", "descriptors")


@dataclass(frozen=True, eq=False)
class StoredClasses:
    """References of classes, from which a classification is continued.

    Attributes
    ----------
    run
        Name of the classes, which stays the same while they are refined.
    settings
        What determines the crops and their descriptors, as text.
    averages, references
        As in `activepick.classes.result.ClassAverages`, (k, side, side).
    noise
        As there, (shells,).
    descriptors
        As there, (k, d).
    """

    run: str
    settings: str
    averages: NDArray[np.float32]
    references: NDArray[np.float32]
    noise: NDArray[np.float32]
    descriptors: NDArray[np.float32]

    @cached_property
    def digest(self) -> bytes:
        """Hash of the references, by which picks are sorted."""
        return hashlib.blake2b(self.references.tobytes(), digest_size=8).digest()

    def class_id(self, number: int) -> str:
        """Return the `class_id` of a class: of its labels, and of its left-out members."""
        return class_id(self.run, number)

    def start(self) -> ClassAverages:
        """Return the classes without members."""
        return ClassAverages.without_members(
            self.averages, self.references, self.noise, self.descriptors
        )


def class_id(run: str, number: int) -> str:
    """Return the `class_id` of a class in a session.

    Parameters
    ----------
    run
        Name of the classes.
    number
        Number of the class, from 0.
    """
    return f"{run}:{number}"


def run_of(name: str) -> str:
    """Return the name of the classes that a `class_id` belongs to."""
    return name.rpartition(":")[0]


def save_classes(path: Path, one: StoredClasses, session: Path) -> None:
    """Write classes to a file in the folder of a session.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    with replacing(path, within=session) as temporary:
        np.savez(
            temporary,
            run=np.array(one.run),
            settings=np.array(one.settings),
            **{name: getattr(one, name) for name in _ARRAYS},
        )


def load_classes(path: Path) -> StoredClasses | None:
    """Read a file of classes; return None if it does not exist or is damaged."""
    try:
        # The file is not opened by numpy, which would block on a named pipe.
        with open_to_read(path) as opened, np.load(opened, allow_pickle=False) as file:
            # Compressed files, which may be huge, are not written and not read.
            if any(member.compress_type != ZIP_STORED for member in file.zip.infolist()):
                return None
            arrays = averages, references, noise, descriptors = tuple(
                file[name] for name in _ARRAYS
            )
            run, settings = file["run"], file["settings"]
            if (
                averages.ndim != 3
                or not averages.size
                or averages.shape[1] != averages.shape[2]
                or references.shape != averages.shape
                or noise.ndim != 1
                or descriptors.shape != (len(averages), DIMENSIONS)
                or any(part.dtype != np.float32 for part in arrays)
                or not all(np.isfinite(part).all() for part in arrays)
                or not (noise > 0).all()
                or {run.dtype.kind, settings.dtype.kind} != {"U"}
            ):
                return None
            return StoredClasses(str(run), str(settings), *arrays)
    except Exception:  # damaged archives raise exceptions of many kinds
        return None
