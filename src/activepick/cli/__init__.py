"""The command line: a thin face on the library.

Each command is a module of its own. What needs PyTorch is imported inside the commands, so that
help and errors about arguments come at once.
"""

from typing import Any

from activepick.cli.interruption import end_at_once

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line; see `activepick.cli.program`."""
    with end_at_once():  # a traceback from the middle of an import helps nobody
        from activepick.cli import program
    program.main()


def __getattr__(name: str) -> Any:
    if name == "app":
        from activepick.cli.program import app

        return app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__  # for typer, which looks for the app here to write the documentation
