"""The loop of learning across all micrographs of a session: one head for all labels."""

from pathlib import Path
from typing import Self

from activepick.errors import HeadError
from activepick.learning.head_file import save_head
from activepick.session.loop_questions import AskingLoop, Update
from activepick.session.tools import head_file

__all__ = ["LearningLoop", "Update"]


class LearningLoop(AskingLoop):
    """Features, questions, head and picks of a session.

    All methods may be called from any thread and may take long where they say so. What they do to
    the session goes through its verbs, and is in its history.

    Parameters
    ----------
    session
        The session.
    make_engine
        Gives what computes features from the session's settings.
    learning
        How labels become a head.
    keep
        How many micrographs have their features in memory.

    Attributes
    ----------
    session
        The session.
    """

    def save_head(self, path: Path | None = None) -> Path:
        """Write the head to a file; by default where the session finds it on reopening."""
        path = path or head_file(self.session)
        try:
            save_head(self.head, path)
        except OSError as error:
            raise HeadError(
                f"{path} cannot be written ({error.strerror}): choose another folder."
            ) from error
        return path

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
