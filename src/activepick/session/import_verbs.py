"""What can be taken into a session from the files of other programs, in one call each."""

import os
from abc import ABC
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from activepick.errors import SessionError, TableError
from activepick.session.labels import LabelVerbs
from activepick.session.micrographs import MicrographVerbs
from activepick.session.model import actions as a
from activepick.session.model.state import Label

if TYPE_CHECKING:
    import pandas as pd

    from activepick.session.label_import import ImportReport
    from activepick.session.star_micrographs import MicrographList

__all__ = ["ImportVerbs"]

# Labels this close, in particle radii, are about the same place.
_SAME_PLACE = 0.5


class ImportVerbs(MicrographVerbs, LabelVerbs, ABC):
    """Imports. They read files before they do anything, so that nobody who clicks waits."""

    def import_labels(
        self,
        table: "pd.DataFrame",
        names: Mapping[str, int] | None = None,
        conflicts: Literal["keep", "replace"] = "keep",
    ) -> "ImportReport":
        """Take labels from a table; nothing is merged without being told.

        A row within half a particle radius of a label, or of another row, is about the same place.
        When both say the same it is a duplicate and left out. When they say the opposite it is a
        conflict and not taken.

        Parameters
        ----------
        table
            Columns ``micrograph, x, y`` (original pixels) and optionally ``label``; without it all
            are particles.
        names
            Micrographs for names in the table that no file has; the others are found.
        conflicts
            "keep" keeps the labels of the session; "replace" removes those that say the opposite
            of a row, in the same action. Rows against each other are never taken.

        Raises
        ------
        TableError
            When a column is missing, or a position lies outside of its micrograph.
        ActivepickError
            When a micrograph of the table is missing or has no pixel size: without the particle's
            radius nobody knows what the same place is.
        """
        from activepick.session.label_import import ImportReport, named_groups, sort_out

        state = self.state
        groups, unmatched, open_rows = named_groups(table, state.names, names or {})
        reach = {number: self._reach_px(number, rows) for number, rows in groups.items()}
        with self._acting:
            taken, against, gone, duplicates = [], [], set[int](), 0
            for number, rows in groups.items():
                marks = [m for m in self.state.marks_of(number) if m.target is not None]
                new, clashes, old, known = sort_out(
                    rows, marks, reach[number], conflicts == "replace"
                )
                taken += new
                against += clashes
                gone |= old
                duplicates += known
            labels = tuple(
                Label(id=i, micrograph=m, x=x, y=y, target=1 if answer else 0, source="import")
                for i, (m, x, y, answer) in enumerate(taken, self.state.next_id)
            )
            if gone:
                self.do(a.ReplaceLabels(ids=tuple(sorted(gone)), labels=labels))
            elif labels:
                self.do(a.AddLabels(labels=labels))
        added = [label.id for label in labels]
        return ImportReport(added, duplicates, against, sorted(gone), unmatched, open_rows)

    def add_micrographs_from_star(
        self, path: str | os.PathLike[str], *, skip_missing: bool = False
    ) -> "MicrographList":
        """Take the micrographs of RELION's ``micrographs.star`` or ``micrographs_ctf.star``.

        Parameters
        ----------
        path
            The file.
        skip_missing
            Take those that are there even if others are not.

        Returns
        -------
        MicrographList
            With the numbers of the micrographs, their defocus, and the pixel size, which is for
            the caller to use.

        Raises
        ------
        TableError
            When the file is no list of micrographs.
        SessionError
            When files are missing; the first of them are named, and none is added.
        """
        from activepick.session.star_micrographs import read_micrograph_list

        found = read_micrograph_list(path)
        if found.missing and not (skip_missing and found.files):
            some = ", ".join(found.missing[:5])
            raise SessionError(
                f"{path}: {len(found.missing)} of its micrographs are neither in its folder nor "
                f"below one above it ({some}{', ...' if len(found.missing) > 5 else ''}). Keep the "
                "folders of the RELION project together, or leave them out."
            )
        return replace(found, numbers=self.add_micrographs(found.files, found.defocus_angstrom))

    def _reach_px(self, number: int, rows: "Iterable[tuple[int, float, float, int]]") -> float:
        """Give the distance of the same place; make sure that rows lie on the micrograph."""
        from activepick.workspace.engine import micrograph_of

        settings = self.state.settings
        micrograph = micrograph_of(self.find_micrograph(number), settings)
        height, width = micrograph.shape
        outside = sum(not (x < width - 0.5 and y < height - 0.5) for _, x, y, _ in rows)
        if outside:
            raise TableError(
                f"{outside} labels lie outside of {micrograph.path}, which has {width} x {height} "
                "pixels. Positions have to be in pixels of these files: activepick convert "
                "--scale brings them there."
            )
        return _SAME_PLACE * micrograph.radius_px(settings.diameter_angstrom)
