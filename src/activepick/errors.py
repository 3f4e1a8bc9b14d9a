"""Errors that are shown to users.

Every message is a sentence for a microscopist: it names the file and says what is wrong and what
to do. The command line prints it without a traceback and exits with status 2; the widget shows it
as a notification. Any other exception is a bug of this program.

An option of the command line that helps is stored beside the sentence and not in it, since it
does not exist in the window and in the Python interface.
"""

from dataclasses import dataclass

__all__ = [
    "ActivepickError",
    "BackboneError",
    "HeadError",
    "MicrographError",
    "Notice",
    "SessionError",
    "SettingsError",
    "TableError",
    "on_command_line",
]


class ActivepickError(Exception):
    """Base class of all errors that tell the user what is wrong and what to do.

    Parameters
    ----------
    sentence
        What is wrong, and what to do.
    option
        The option or command of the command line that solves the problem, such as
        "--pixel-size".
    """

    def __init__(self, sentence: str = "", *, option: str = "") -> None:
        super().__init__(sentence)
        self.option = option


class MicrographError(ActivepickError):
    """A micrograph that cannot be read or used."""


class TableError(ActivepickError):
    """A table of picks, labels or micrographs that cannot be read, matched or written."""


class BackboneError(ActivepickError):
    """A feature extractor that cannot be loaded or run."""


class HeadError(ActivepickError):
    """A head that cannot be read, or does not match the features it is applied to."""


class SettingsError(ActivepickError):
    """A setting that is missing or invalid."""


class SessionError(ActivepickError):
    """A session that cannot be opened, read or written, or an action that cannot be applied to it.

    Parameters
    ----------
    sentence
        What is wrong, and what to do.
    remedy
        The argument of `activepick.session.Session.open` with which it can still be opened,
        "force" or "repair", if there is one.
    option
        See `ActivepickError`.
    """

    def __init__(self, sentence: str = "", remedy: str = "", *, option: str = "") -> None:
        super().__init__(sentence, option=option)
        self.remedy = remedy


@dataclass(frozen=True)
class Notice:
    """Information for the user that is not an error or a warning.

    Attributes
    ----------
    sentence, option
        See `ActivepickError`.
    """

    sentence: str
    option: str = ""

    def __str__(self) -> str:
        return self.sentence


def on_command_line(problem: BaseException | Notice) -> str:
    """Return the text of an error, warning or notice, with the option that solves it if any.

    Parameters
    ----------
    problem
        Any error or warning; its attribute `option` is added if it has one.
    """
    sentence, option = str(problem), getattr(problem, "option", "")
    if not option:
        return sentence
    end = "." if sentence.endswith(".") else ""
    return f"{sentence.removesuffix('.')} ({option}){end}"
