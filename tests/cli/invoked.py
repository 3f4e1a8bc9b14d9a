"""Commands run in the process of the tests, which saves loading all modules again."""

import warnings

from typer.testing import CliRunner

from activepick.cli.program import app
from activepick.errors import ActivepickError, on_command_line


def invoke(*arguments, fails: str | None = None):
    """Run a command; gives what it said, and checks that it did or did not fail."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        done = CliRunner().invoke(app, [*map(str, arguments)])
    if fails is None:
        assert done.exit_code == 0, done.exception
    else:
        assert isinstance(done.exception, ActivepickError | SystemExit)
        assert fails in f"{on_command_line(done.exception)} {done.stderr}"
    return done
