"""The command line: a thin layer on the library.

Each command is a module, which is imported when the command is used. Modules that need PyTorch are
imported within the commands, so that help and errors in arguments appear at once.
"""

import gc
from typing import Any

from activepick.cli.interruption import exit_at_once
from activepick.imports import importing

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line; see `activepick.cli.program`."""
    # Other modules, such as those of napari, are imported while the command runs.
    gc.set_threshold(50_000, *gc.get_threshold()[1:])
    with importing(), exit_at_once():  # Ctrl-C during an import would otherwise print a traceback
        from activepick.cli import program
    program.main()


def __getattr__(name: str) -> Any:
    if name == "app":
        from activepick.cli.program import app

        return app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__  # typer looks for the app here to write the documentation
