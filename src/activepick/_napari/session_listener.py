"""Base class of parts of the window that show or change the open session."""

from collections.abc import Callable
from typing import Protocol

from qtpy.QtCore import QObject
from superqt.utils import qdebounced

from activepick._napari.open_session import OpenSession

__all__ = ["SessionListener"]


class _Signal(Protocol):
    def connect(self, slot: Callable[..., object]) -> object: ...


class SessionListener:
    """Show or change the open session, if there is one.

    Subclasses implement `show_session` and `clear`. Their methods receive the session as an
    argument, so that they need not handle the case without a session.
    """

    _session: OpenSession | None = None

    def set_session(self, session: OpenSession | None) -> None:
        """Set the session; must be called once when a session is opened or closed."""
        self._session = session
        if session is None:
            self.clear()
        else:
            self.show_session(session)

    def show_session(self, session: OpenSession) -> None:
        """Show a session that was opened, and connect to its signals."""

    def clear(self) -> None:
        """Show that no session is open."""

    def call(self, act: Callable[[OpenSession], object]) -> None:
        """Call a function with the open session; do nothing if there is none."""
        if self._session is not None:
            act(self._session)

    def with_session(self, act: Callable[[OpenSession], object]) -> Callable[[], None]:
        """Return a function that calls another one with the open session, as by `call`."""
        return lambda: self.call(act)

    def update_after(
        self, session: OpenSession, show: Callable[[OpenSession], object], *signals: _Signal
    ) -> None:
        """Call a function once after all signals of an event have been emitted.

        A single click may change labels, questions and picks, but views are updated once.

        Parameters
        ----------
        session
            The session, while it is open.
        show
            Called with the session.
        signals
            Signals of the session and of its parts.
        """

        def run() -> None:
            if self._session is session:
                show(session)

        # It is deleted with the widget or when the session is closed, whichever is first.
        owner = self if isinstance(self, QObject) else session
        debounced = qdebounced(run, timeout=0, parent=owner)
        session.destroyed.connect(debounced.deleteLater)
        for signal in signals:
            signal.connect(debounced)
