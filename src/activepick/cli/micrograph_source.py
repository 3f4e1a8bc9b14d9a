"""The micrographs of `--micrographs`: their exact names, sizes and files."""

from pathlib import Path

from activepick.cli.console import say
from activepick.errors import MicrographError, on_command_line
from activepick.formats import RelionMicrographs
from activepick.formats.exposures import Exposures
from activepick.micrograph import Micrograph
from activepick.micrograph.discovery import find_micrographs

__all__ = ["MicrographSource"]


class MicrographSource:
    """Micrographs of a folder or list, by name; notices of the search are printed.

    Parameters
    ----------
    path
        A folder, ``micrographs.star`` or ``micrographs_ctf.star`` of RELION, a ``.cs`` file of
        exposures, a text file of names, or one micrograph.
    recursive
        Whether subfolders are searched as well.

    Attributes
    ----------
    path
        The path.
    names
        The exact names, also of listed micrographs whose files do not exist.
    star
        RELION's list; None if it is anything else.
    exposures
        cryoSPARC's exposures; None if it is anything else.
    shapes
        Height and width in pixels by name, if the list has them.

    Raises
    ------
    MicrographError, TableError
        If there are no micrographs, or a list cannot be read.
    """

    def __init__(self, path: Path, *, recursive: bool = False) -> None:
        if not path.exists():
            raise MicrographError(f"{path} does not exist")
        self.path = path
        micrographs = find_micrographs([path], recursive=recursive)
        for notice in micrographs.notices:
            say(f"note: {on_command_line(notice)}")
        self._found = {found.name: found for found in micrographs.found}
        self.names = [*self._found, *micrographs.missing]
        self.star: RelionMicrographs | None = next(iter(micrographs.relion_lists), None)
        self.exposures: Exposures | None = next(iter(micrographs.exposures), None)
        self.shapes: dict[str, tuple[int, int]] = {}
        for exposures in micrographs.exposures:
            for name, (height, width) in zip(
                exposures.names, exposures.shapes.tolist(), strict=True
            ):
                self.shapes[name] = (height, width)

    def image(self, name: str) -> Micrograph | None:
        """Return a micrograph by name; None if its file does not exist."""
        found = self._found.get(name)
        return None if found is None else found.micrograph()

    def shape(self, name: str) -> tuple[int, int] | None:
        """Return height and width in pixels; None if neither the list nor a file has them."""
        if name in self.shapes:
            return self.shapes[name]
        image = self.image(name)
        return None if image is None else image.shape
