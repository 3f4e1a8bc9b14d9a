"""The loop of learning across all micrographs of a session: one head for all labels."""

from typing import Self

from activepick.workspace.loop_questions import Update
from activepick.workspace.loop_rounds import JudgingLoop

__all__ = ["LearningLoop", "Update"]


class LearningLoop(JudgingLoop):
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
    notices
        Sentences that have to be told; whoever tells them takes them out.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
