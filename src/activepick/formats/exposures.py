"""The exposures of a cryoSPARC project: UID, group, size and defocus of each micrograph."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from activepick.errors import TableError
from activepick.formats.cs_file import FieldType, load_fields
from activepick.formats.cs_group import dataset_with
from activepick.formats.names import NameMatch, match_names
from activepick.formats.optics import with_exposure_groups
from activepick.wording import counted

__all__ = ["Exposures", "read_exposures"]

# The micrographs, or those without dose weighting if a job has no others.
_BLOBS = ("micrograph_blob", "micrograph_blob_non_dw")
_DEFOCUS = ("ctf/df1_A", "ctf/df2_A")
_KNOWN = {
    "uid": FieldType(),
    **dict.fromkeys(_DEFOCUS, FieldType()),
    **{f"{blob}/path": FieldType(is_text=True) for blob in _BLOBS},
    **{f"{blob}/shape": FieldType(length=2) for blob in _BLOBS},
    **{f"{blob}/psize_A": FieldType() for blob in _BLOBS},
}
# Fields of picks that are derived from their micrograph.
_OF_GROUPS = ("location/exp_group_id", "location/micrograph_psize_A")
_GROUPS = ("mscope_params/exp_group_id", "ctf/exp_group_id", "location/exp_group_id")


@dataclass(frozen=True)
class Exposures:
    """Micrographs of a project; each attribute has one entry for each.

    Attributes
    ----------
    path
        The file from which they were read.
    names
        Paths of the micrographs within the project, with cryoSPARC's prefix.
    uids, groups
        UID and number of the exposure group.
    shapes
        Height and width in pixels, (n, 2).
    pixel_sizes_angstrom
        Å per pixel; 0 where it is not known.
    defocus_angstrom
        Mean defocus of both axes in Å; NaN where it is not known.
    """

    path: Path
    names: tuple[str, ...]
    uids: npt.NDArray[np.uint64]
    groups: npt.NDArray[np.int64]
    shapes: npt.NDArray[np.int64]
    pixel_sizes_angstrom: npt.NDArray[np.float64]
    defocus_angstrom: npt.NDArray[np.float64]

    def match(self, micrographs: "pd.Series[str]") -> NameMatch:
        """Return the name within the project of each micrograph."""
        return match_names([str(name) for name in micrographs.unique()], self.names)

    def shapes_by_name(self, micrographs: "pd.Series[str]") -> dict[str, tuple[int, int]]:
        """Return height and width by name of the micrograph, of those that are found."""
        rows = {name: row for row, name in enumerate(self.names)}
        shapes = self.shapes.tolist()
        return {
            name: (shapes[rows[found]][0], shapes[rows[found]][1])
            for name, found in self.match(micrographs).items()
        }

    def with_optics(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return picks with the exposure groups and pixel sizes as RELION's optics groups.

        Values in the table take precedence. The table is returned unchanged if it has optics groups
        or a micrograph that is not among the exposures.

        Parameters
        ----------
        table
            With the column ``micrograph``.
        """
        names = table["micrograph"]
        if table.attrs.get("optics") or set(names) - set(self.match(names)):
            return table
        table = table.drop(columns="rlnOpticsGroup", errors="ignore")  # numbers without groups
        found = self.locations(names, self.path)
        told = {name: found[name] for name in _OF_GROUPS if name not in table}
        return with_exposure_groups(table.assign(**told)).drop(columns=list(told))

    def locations(self, micrographs: "pd.Series[str]", target: Path) -> dict[str, npt.NDArray[Any]]:
        """Return the fields that describe the micrograph of each pick.

        Parameters
        ----------
        micrographs
            Name of each pick's micrograph, (n,).
        target
            The file that is written, for messages.

        Raises
        ------
        TableError
            If a name is not among the exposures, or matches several.
        """
        matched = self.match(micrographs)
        lost = [*matched.unmatched, *matched.ambiguous]
        if lost:
            raise TableError(
                f"{target}: {counted(len(lost), 'name is', 'names are')} not among the exposures "
                f"in {self.path}, or ambiguous: {', '.join(lost[:5])}"
            )
        number = {name: row for row, name in enumerate(self.names)}
        codes, unique = pd.factorize(micrographs)
        rows = np.array([number[matched[str(name)]] for name in unique], dtype=np.int64)[codes]
        return {
            "location/micrograph_path": np.array(self.names, dtype=object)[rows],
            "location/micrograph_uid": self.uids[rows],
            "location/exp_group_id": self.groups[rows],
            "location/micrograph_shape": self.shapes[rows],
            "location/micrograph_psize_A": self.pixel_sizes_angstrom[rows],
        }


def read_exposures(path: Path) -> Exposures:
    """Read the ``.cs`` of exposures or micrographs, such as ``J2/exposures_accepted.cs``.

    Of a group file (``.csg``) the dataset with the micrographs is read.

    Raises
    ------
    TableError
        If it is not a cryoSPARC dataset of exposures.
    """
    path = dataset_with(path, *_BLOBS)
    fields = load_fields(path, {**_KNOWN, **dict.fromkeys(_GROUPS, FieldType())})
    blob = next((name for name in _BLOBS if f"{name}/path" in fields), _BLOBS[0])
    missing = [name for name in ("uid", f"{blob}/path", f"{blob}/shape") if name not in fields]
    if missing:
        raise TableError(
            f"{path}: no field {', '.join(missing)}, so these are not micrographs; give the .cs "
            "file of a job whose output is exposures or micrographs"
        )
    shapes = fields[f"{blob}/shape"]
    count = len(fields["uid"])
    groups = next((fields[name] for name in _GROUPS if name in fields), np.zeros(count))
    return Exposures(
        path,
        tuple(fields[f"{blob}/path"].tolist()),
        _whole(fields["uid"], path).astype(np.uint64),
        _whole(groups, path).astype(np.int64),
        _whole(shapes, path).astype(np.int64),
        fields.get(f"{blob}/psize_A", np.zeros(count)).astype(np.float64),
        _defocus(fields, count),
    )


def _whole(values: npt.NDArray[Any], path: Path) -> npt.NDArray[Any]:
    if values.dtype.kind == "f" and not (np.isfinite(values).all() and (abs(values) < 2**53).all()):
        raise TableError(f"{path}: the uid or the size of a micrograph is not an integer")
    return values


def _defocus(fields: dict[str, npt.NDArray[Any]], count: int) -> npt.NDArray[np.float64]:
    axes = [fields[name].astype(np.float64) for name in _DEFOCUS if name in fields]
    return np.asarray(np.mean(axes, axis=0)) if axes else np.full(count, np.nan)
