"""A warning for many micrographs is printed for the first one, with the number of the others."""

import threading
import warnings
from pathlib import Path

import pytest

from activepick.cli.warning_lines import WarningLines
from activepick.formats import TableWarning
from activepick.micrograph.guard import MicrographWarning


@pytest.fixture
def lines():
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        found = WarningLines()
        found.start()
        yield found


def test_a_warning_about_many_micrographs_is_one_line_with_a_count(lines, capsys):
    def warn(kind: str, name: str) -> None:
        warnings.warn(MicrographWarning(kind, file=Path(name)), stacklevel=1)

    threads = [threading.Thread(target=warn, args=("odd bytes", f"m{k}.mrc")) for k in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    warn("something else", "n.mrc")
    lines.finish()
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3
    assert said[0].endswith(".mrc: odd bytes")
    assert said[1:] == [
        "warning: n.mrc: something else",
        "warning: the same applies to 4 other micrographs: odd bytes",
    ]


def test_other_warnings_are_printed_with_their_option(lines, capsys):
    warnings.warn(TableWarning("2 outside", file="a.star", option="--scale 2"), stacklevel=1)
    warnings.warn("plain", stacklevel=1)
    warnings.warn("of no interest", DeprecationWarning, stacklevel=1)
    lines.finish()
    assert capsys.readouterr().err.splitlines() == [
        "warning: a.star: 2 outside (--scale 2)",
        "warning: plain",
    ]
