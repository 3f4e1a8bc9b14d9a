"""Commands run in the process of the tests, which saves loading all modules again."""

import atexit
import contextlib
import gc
import io
import signal
import sys
import warnings
from types import SimpleNamespace
from unittest.mock import patch

from typer.testing import CliRunner

from activepick.cli.program import app, main
from activepick.errors import ActivepickError, on_command_line


def run(*arguments, status: int = 0) -> SimpleNamespace:
    """Run the whole program, with its warnings and its exit status; return its output."""
    out, said, code = io.StringIO(), io.StringIO(), 0
    before = signal.getsignal(signal.SIGINT)
    try:
        with (
            patch.object(sys, "argv", ["activepick", *map(str, arguments)]),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(said),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("default")
            main()
    except SystemExit as end:
        code = end.code or 0
    finally:
        signal.signal(signal.SIGINT, before)
        atexit.unregister(gc.freeze)
    done = SimpleNamespace(stdout=out.getvalue(), stderr=said.getvalue())
    assert code == status, done.stderr
    return done


def invoke(*arguments, fails: str | None = None):
    """Run a command and check whether it failed; return its output."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        done = CliRunner().invoke(app, [*map(str, arguments)])
    if fails is None:
        assert done.exit_code == 0, done.exception
    else:
        assert isinstance(done.exception, ActivepickError | SystemExit)
        assert fails in f"{on_command_line(done.exception)} {done.stderr}"
    return done
