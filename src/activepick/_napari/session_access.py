"""The interface of an open session that its parts use."""

from collections.abc import Callable
from dataclasses import dataclass

from activepick._napari.jobs import Jobs
from activepick.session import Session
from activepick.workspace.workspace import Workspace

__all__ = ["SessionAccess"]


@dataclass(frozen=True, eq=False)
class SessionAccess:
    """An open session, as seen by its parts.

    Attributes
    ----------
    session
        The session.
    workspace
        Its features, heads and picks.
    jobs
        Runs the background jobs.
    edit
        Called with a function that changes the session; shows errors and returns whether there was
        none.
    """

    session: Session
    workspace: Workspace
    jobs: Jobs
    edit: Callable[[Callable[[Session], object]], bool]
