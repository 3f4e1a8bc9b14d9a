import gc

from activepick.cli.console import progress_bar, say
from activepick.imports import importing


def test_messages_are_written_as_they_are_without_a_terminal(capsys):
    with progress_bar(2) as bar:
        bar.step("a.mrc")
        bar.part(0.5)
        say("left out: [red]a:warning:.mrc is damaged")
        bar.done()
    told = capsys.readouterr()
    assert told.err == "left out: [red]a:warning:.mrc is damaged\n"
    assert told.out == ""


def test_garbage_is_collected_after_imports():
    assert gc.isenabled()
    with importing(), importing():
        assert not gc.isenabled()
    assert gc.isenabled()
