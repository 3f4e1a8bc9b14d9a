"""A run: pick what is new or changed, write it, remember it, and go on after failures."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from activepick.batch.entry import Entry
from activepick.batch.outcome import Outcome
from activepick.batch.output import Output
from activepick.batch.record import RunRecord
from activepick.batch.source import Source, Sources
from activepick.errors import ActivepickError

__all__ = ["BatchRun", "Summary"]

PickAll = Callable[[Sequence[Source]], Iterator[Outcome]]
Tell = Callable[[Source, Outcome], None]


@dataclass
class Summary:
    """What is done: picks by micrograph, reasons of failures, and what needed not be done again."""

    picks: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    kept: int = 0


class BatchRun:
    """Brings micrographs to an output, each once, whoever picks them.

    Parameters
    ----------
    output
        Where picks go.
    record
        What is done; its `start` was called.
    pick
        Picks micrographs in any order; see `pick_locally`.
    """

    def __init__(self, output: Output, record: RunRecord, pick: PickAll) -> None:
        self._output = output
        self._record = record
        self._pick = pick
        self._names: dict[str, Source] = {}

    def todo(self, sources: Sequence[Source]) -> list[Source]:
        """Give those that are new, changed, or lack their picks.

        Raises
        ------
        TableError, SettingsError
            When two micrographs would get one file.
        """
        self._names.update({source.name: source for source in sources})
        self._output.expect(list(self._names))
        return [source for source in sources if not self._is_done(source)]

    def run(self, sources: Sources, todo: Sequence[Source], tell: Tell) -> Summary:
        """Pick, write and remember.

        An interruption (KeyboardInterrupt, SystemExit) leaves an output with all that was picked.

        Parameters
        ----------
        sources
            All micrographs, and what is missing.
        todo
            Those that are to be picked.
        tell
            Called after each of them.

        Raises
        ------
        TableError, OSError
            When picks cannot be written: what is written already stays, and a later run goes on.
        """
        self._record.failures.update(sources.missing)
        for source in todo:  # what was picked from another version of a file is no result of it
            self._record.entries.pop(source.name, None)
        try:
            for outcome in self._pick(todo):
                source = todo[outcome.index]
                self._take(source, outcome)
                tell(source, outcome)
        except (KeyboardInterrupt, SystemExit):
            self._finish()
            raise
        self._finish()
        done = [name for name in self._names if name in self._record.entries]
        return Summary(
            {name: self._record.entries[name].picks for name in done},
            dict(self._record.failures),
            len(self._names) - len(todo),
        )

    def _is_done(self, source: Source) -> bool:
        entry = self._record.entries.get(source.name)
        if entry is None or not self._output.has(source.name):
            return False
        try:
            return source.micrograph().content_key() == entry.key
        except ActivepickError:
            return False  # picking says what is wrong with it

    def _take(self, source: Source, outcome: Outcome) -> None:
        name = source.name
        if outcome.picks is None:
            self._record.failures[name] = outcome.failure or "unknown"
            self._record.entries.pop(name, None)
            return
        self._output.write(name, outcome.picks, outcome.pixel_size_angstrom)
        entry = Entry(name, outcome.key, len(outcome.picks), outcome.pixel_size_angstrom)
        self._record.add(entry)

    def _finish(self) -> None:
        entries = self._record.entries
        self._output.finish([entries[name] for name in self._names if name in entries])
        self._record.report()
