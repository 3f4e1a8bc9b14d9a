"""A group of commands whose modules are imported when a command is used."""

import importlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup
from typer.main import get_command

from activepick.cli.interruption import exit_at_once

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
        # Only the keys are used, to suggest a name that is similar to an unknown one.
        names: dict[str, Any] = dict.fromkeys(self.summaries)
        self.commands = names

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands."""
        return list(self.summaries)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import a command; None if there is none with this name."""
        summary = self.summaries.get(cmd_name)
        return None if summary is None else _load(cmd_name, summary)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.summaries.items()))


@lru_cache
def _load(name: str, summary: str) -> Any:
    # Ctrl-C during an import would otherwise print a traceback.
    with exit_at_once():
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
