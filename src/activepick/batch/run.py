"""Pick the micrographs of a run that are new or changed, and write their picks."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from activepick.batch.outcome import Outcome
from activepick.batch.output import Output
from activepick.batch.record import Entry, RunRecord
from activepick.errors import ActivepickError
from activepick.formats.scores import to_probability
from activepick.micrograph.discovery import FoundMicrograph, MicrographSet

__all__ = ["BatchRun", "Summary"]

PickAll = Callable[[Sequence[FoundMicrograph]], Generator[Outcome, None, None]]
OnOutcome = Callable[[FoundMicrograph, Outcome], None]


@dataclass
class Summary:
    """Result of a run.

    Attributes
    ----------
    picks
        Number of picks by name of the micrograph.
    failed
        Reasons, by name of the micrographs that could not be picked.
    kept
        Number of micrographs that an earlier run had picked.
    expected_particles
        Expected number of particles among all picks.
    """

    picks: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    kept: int = 0
    expected_particles: float = 0.0

    @property
    def expected_precision(self) -> float | None:
        """Predicted share of particles among the picks; None without picks."""
        total = sum(self.picks.values())
        return self.expected_particles / total if total else None


class BatchRun:
    """A run that picks each micrograph once and writes the picks to an output.

    Parameters
    ----------
    output
        Destination of the picks.
    record
        The record of the run, after a call of `RunRecord.start`.
    pick
        Picks micrographs in any order; see `activepick.batch.local.pick_locally`.
    """

    def __init__(self, output: Output, record: RunRecord, pick: PickAll) -> None:
        self._output = output
        self._record = record
        self._pick = pick
        self._names: dict[str, FoundMicrograph] = {}

    def todo(self, micrographs: Sequence[FoundMicrograph]) -> list[FoundMicrograph]:
        """Return the micrographs that are new or changed, or whose picks do not exist.

        Raises
        ------
        TableError, SettingsError
            If the picks of two micrographs would be written to one file.
        """
        self._names.update({micrograph.name: micrograph for micrograph in micrographs})
        self._output.expect(list(self._names))
        return [micrograph for micrograph in micrographs if not self._is_done(micrograph)]

    def run(
        self, micrographs: MicrographSet, todo: Sequence[FoundMicrograph], on_outcome: OnOutcome
    ) -> Summary:
        """Pick micrographs, write their picks and add them to the record.

        After an interruption (KeyboardInterrupt, SystemExit) the output is complete for the
        micrographs that were picked before it.

        Parameters
        ----------
        micrographs
            All micrographs, and those that are missing.
        todo
            Micrographs to be picked.
        on_outcome
            Called with each of them and its outcome.

        Raises
        ------
        TableError, OSError
            If picks cannot be written. Those that were written before are kept, and a later run
            continues with the others.
        """
        self._record.failures.update(micrographs.missing)
        # If no micrograph at all is found, a disk may be missing, and earlier picks are kept.
        for name in micrographs.missing if micrographs.found else ():
            if name in self._record.entries:
                self._forget(name)
        for micrograph in todo:  # picks of an older file are not valid
            self._record.entries.pop(micrograph.name, None)
        try:
            with closing(self._pick(todo)) as outcomes:
                for outcome in outcomes:
                    micrograph = todo[outcome.index]
                    self._take(micrograph.name, outcome)
                    on_outcome(micrograph, outcome)
        except (KeyboardInterrupt, SystemExit):
            self._finish()
            raise
        self._finish()
        entries = list(self._entries())
        return Summary(
            {entry.name: entry.picks for entry in entries},
            dict(self._record.failures),
            len(self._names) - len(todo),
            sum(entry.expected_particles for entry in entries),
        )

    def clean_up(self) -> None:
        """Remove or report other files of an earlier run in the output."""
        self._output.clean_up(self._entries())

    def _is_done(self, micrograph: FoundMicrograph) -> bool:
        entry = self._record.entries.get(micrograph.name)
        if entry is None or not self._output.has(micrograph.name):
            return False
        try:
            return micrograph.micrograph().content_key() == entry.key
        except ActivepickError:
            return False  # reported when it is picked

    def _take(self, name: str, outcome: Outcome) -> None:
        if outcome.picks is None:
            self._record.failures[name] = outcome.failure or "unknown"
            self._forget(name)
            return
        self._output.write(name, outcome.picks, outcome.pixel_size_angstrom)
        entry = Entry(
            name,
            outcome.key,
            len(outcome.picks),
            outcome.pixel_size_angstrom,
            float(to_probability(outcome.picks[:, 2]).sum()),
        )
        self._record.add(entry)

    def _forget(self, name: str) -> None:
        """Remove the picks of a listed micrograph whose file is damaged or missing."""
        self._record.entries.pop(name, None)
        self._output.discard(name)

    def _finish(self) -> None:
        self._output.finish(self._entries())
        self._record.write_failures()

    def _entries(self) -> list[Entry]:
        """Return the entries of the micrographs, in the order in which these were given."""
        entries = self._record.entries
        return [entries[name] for name in self._names if name in entries]
