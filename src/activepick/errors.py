"""The one family of errors that a user may see.

Every message is a sentence for a microscopist: it names the file, says what is wrong and what to
do. The command line prints it without a traceback and exits with status 2; the widget shows it as
a notification. Anything else that is raised is a bug of this program.

What helps on the command line alone, such as an option, stands beside the sentence: in the window
and in Python it would name what is not there.
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
    """Base of all errors that say to the user what is wrong and what to do.

    Parameters
    ----------
    sentence
        What is wrong, and what to do.
    option
        The option or command of the command line that does it, such as "--pixel-size".
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
    """A head that cannot be read, or does not fit the features it is used on."""


class SettingsError(ActivepickError):
    """A setting that is missing or makes no sense."""


class SessionError(ActivepickError):
    """A session that cannot be opened, read or written, or an action that does not fit it.

    Parameters
    ----------
    sentence
        What is wrong, and what to do.
    remedy
        The argument of `activepick.session.Session.open` that opens it all the same, "force" or
        "repair", if there is one.
    option
        As of `ActivepickError`.
    """

    def __init__(self, sentence: str = "", remedy: str = "", *, option: str = "") -> None:
        super().__init__(sentence, option=option)
        self.remedy = remedy


@dataclass(frozen=True)
class Notice:
    """What a user should know although nothing is wrong.

    Attributes
    ----------
    sentence, option
        As of `ActivepickError`.
    """

    sentence: str
    option: str = ""

    def __str__(self) -> str:
        return self.sentence


def on_command_line(problem: BaseException | Notice) -> str:
    """Return the text of an error, warning or notice with the option that helps, if there is one.

    Parameters
    ----------
    problem
        With an attribute `option`, or any other error or warning.
    """
    sentence, option = str(problem), getattr(problem, "option", "")
    if not option:
        return sentence
    end = "." if sentence.endswith(".") else ""
    return f"{sentence.removesuffix('.')} ({option}){end}"
