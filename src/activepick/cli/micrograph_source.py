"""What `activepick convert --micrographs` names: exact names, and where they are known sizes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from activepick.errors import SettingsError
from activepick.formats import RelionMicrographs, read_exposures, read_relion_micrographs
from activepick.micrograph import Micrograph

__all__ = ["MicrographSource"]


class MicrographSource:
    """A folder of micrographs, RELION's list of them, or exposures of cryoSPARC.

    Parameters
    ----------
    path
        The folder, ``micrographs.star`` or ``micrographs_ctf.star``, or a ``.cs`` of exposures.

    Attributes
    ----------
    names
        The exact names.
    star
        The list of RELION, if it is one.
    shapes
        Height and width by name, where no image is needed to know them.

    Raises
    ------
    SettingsError, TableError
        When it is none of these.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.star: RelionMicrographs | None = None
        self.shapes: Mapping[str, tuple[int, int]] = {}
        self.names: Sequence[str]
        if path.suffix.lower() == ".star":
            self.star = read_relion_micrographs(path)
            self.names = self.star.names
        elif path.suffix.lower() == ".cs":
            exposures = read_exposures(path)
            self.names = exposures.names
            rows = zip(exposures.names, exposures.shapes.tolist(), strict=True)
            self.shapes = {name: (shape[0], shape[1]) for name, shape in rows}
        elif path.is_dir():
            from activepick.cli.inputs import find_micrographs

            self.names = [m.path.as_posix() for m in find_micrographs([path], None, False)]
        else:
            raise SettingsError(
                f"--micrographs {path}: give the folder of the micrographs, RELION's "
                "micrographs_ctf.star, or the .cs file of the exposures."
            )

    def image(self, name: str) -> Micrograph | None:
        """Give the micrograph, where its file is found."""
        folders = (Path(), self.path.parent, *self.path.absolute().parents)
        places = (folder / name for folder in folders)
        try:
            place = next((place for place in places if place.is_file()), None)
        except OSError:  # a name that no file could have
            place = None
        return None if place is None else Micrograph(place)

    def shape(self, name: str) -> tuple[int, int] | None:
        """Give height and width, where they are known or the file is found."""
        if name in self.shapes:
            return self.shapes[name]
        image = self.image(name)
        return None if image is None else image.shape
