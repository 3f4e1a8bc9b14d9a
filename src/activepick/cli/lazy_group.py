"""A group of commands whose modules are imported when a command is used."""

import importlib
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup
from typer.main import get_command

from activepick.cli.interruption import exit_at_once
from activepick.imports import importing

__all__ = ["LazyGroup"]


class LazyGroup(TyperGroup):
    """The commands of a program, each in a module of `activepick.cli` with the name of the command.

    The module contains a function, or an application of typer, with this name.

    Attributes
    ----------
    summaries
        The line of each command in the help of the program, by its name.
    """

    summaries: ClassVar[Mapping[str, str]] = {}

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Commands(self.summaries)

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands."""
        return list(self.commands)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.summaries.items()))


class _Commands(MutableMapping[str, Any]):
    """Commands by name, each of which is imported when it is looked up."""

    def __init__(self, summaries: Mapping[str, str]) -> None:
        self._summaries = summaries
        self._known: dict[str, Any] = dict.fromkeys(summaries)

    def __getitem__(self, name: str) -> Any:
        found = self._known[name]
        if found is None:
            found = self._known[name] = _load(name, self._summaries[name])
        return found

    def __setitem__(self, name: str, command: Any) -> None:
        self._known[name] = command

    def __delitem__(self, name: str) -> None:
        del self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def _load(name: str, summary: str) -> Any:
    # Ctrl-C during an import would otherwise print a traceback.
    with importing(), exit_at_once():
        part = getattr(importlib.import_module(f"activepick.cli.{name}"), name)
    program = typer.Typer(
        add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
    )
    program.callback()(lambda: None)  # makes it a group
    if isinstance(part, typer.Typer):
        program.add_typer(part, short_help=summary)
    else:
        program.command(short_help=summary)(part)
    group: Any = get_command(program)
    return group.commands[name]
