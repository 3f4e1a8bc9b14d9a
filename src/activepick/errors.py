"""The one family of errors that a user may see.

Every message is a sentence for a microscopist: it names the file, says what is wrong and what to
do. The command line prints it without a traceback and exits with status 2; the widget shows it as
a notification. Anything else that is raised is a bug of this program.
"""


class ActivepickError(Exception):
    """Base of all errors that say to the user what is wrong and what to do."""


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
    """

    def __init__(self, sentence: str = "", remedy: str = "") -> None:
        super().__init__(sentence)
        self.remedy = remedy
