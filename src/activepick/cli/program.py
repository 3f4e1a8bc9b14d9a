"""The command `activepick`: its subcommands and its exit status."""

import atexit
import gc
import io
import signal
import sys
from typing import Annotated, ClassVar

import typer

import activepick
from activepick.cli.console import say
from activepick.cli.interruption import INTERRUPTED, TERMINATED, finish, leave, wait_for_readers
from activepick.cli.lazy_group import LazyGroup
from activepick.cli.warning_lines import WarningLines
from activepick.errors import ActivepickError, on_command_line
from activepick.files import unquoted

__all__ = ["app", "main"]


class _Commands(LazyGroup):
    summaries: ClassVar = {
        "demo": "Run the whole workflow on simulated micrographs.",
        "gui": "Open the window for labelling and picking.",
        "simulate": "Simulate micrographs with known particles.",
        "pick": "Pick particles in micrographs.",
        "train": "Train a head on labelled positions.",
        "prune": "Score picks of any program, and remove those that are not particles.",
        "classes": "Average picks by class; keep or leave out classes.",
        "evaluate": "Compare picks with known particles.",
        "benchmark": "Measure learning curves on known particles.",
        "convert": "Convert tables of picks between formats.",
        "heads": "Work with saved heads.",
        "session": "Show a session; import and export labels and picks.",
    }


app = typer.Typer(
    name="activepick",
    cls=_Commands,
    help="Pick the particles in cryo-EM micrographs after 10 to 100 clicks.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"activepick {activepick.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Handle the options of the program itself."""


def main() -> None:
    """Run the command line; exit status 0 after success, 2 after an error, 130 after Ctrl-C."""
    lines = WarningLines()
    lines.start()
    for stream in (sys.stdout, sys.stderr):
        # Some terminals, and most pipes on Windows, cannot encode Å or all file names.
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
    # Python's last garbage collection searches all objects and finds none to free. It takes tenths
    # of a second if PyTorch is loaded and `finish` returns.
    atexit.register(gc.freeze)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    status: int | None = None
    try:
        app(args=[unquoted(text) for text in sys.argv[1:]], standalone_mode=True)
    except ActivepickError as error:
        say(f"error: {on_command_line(error)}")
        leave(2)
    except SystemExit as end:
        if end.code == INTERRUPTED:  # typer has converted the KeyboardInterrupt
            say("interrupted: complete files are kept, and no incomplete file is left")
        if end.code in (INTERRUPTED, TERMINATED):
            leave(end.code)
        if isinstance(end.code, int):
            status = end.code
        raise
    except KeyboardInterrupt:
        say("interrupted")
        leave(INTERRUPTED)
    except OSError as error:
        # A full disk or a folder without write permission is not a bug.
        say(f"error: {error.filename or 'output'}: {error.strerror or error}")
        leave(2)
    except BaseException:  # a bug, whose traceback Python prints at exit
        wait_for_readers()
        raise
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing is left to interrupt
        lines.finish()
        if status is not None:
            finish(status)
