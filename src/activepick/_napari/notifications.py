"""Notifications of napari: record messages, and write all notifications to the log."""

import logging
import sys
from collections.abc import Callable
from typing import Any, cast

from napari.utils.notifications import (
    ErrorNotification,
    Notification,
    NotificationSeverity,
    WarningNotification,
    notification_manager,
)

import activepick
from activepick.errors import ActivepickError

__all__ = ["OwnMessage", "log_notifications", "record_message"]

_LEVELS = {
    NotificationSeverity.ERROR: logging.ERROR,
    NotificationSeverity.WARNING: logging.WARNING,
    NotificationSeverity.INFO: logging.INFO,
}
# napari's warning about layers whose units cannot be compared; their positions are correct.
_UNITS = "Inconsistent units across layers"
_log = logging.getLogger(__name__)


class OwnMessage(Notification):  # type: ignore[misc]  # napari's class is not typed
    """A message of the widget, which the widget shows itself."""


def record_message(severity: str, text: str) -> None:
    """Write a message to napari's list of notifications and to the log, without napari's popup.

    Parameters
    ----------
    severity
        "info", "warning" or "error".
    text
        The message.
    """
    notification_manager.dispatch(OwnMessage(text, severity))


def log_notifications(*, own_window: bool = False) -> None:
    """Write all notifications to the log from now on, unexpected errors with their traceback.

    While a window is open, napari converts uncaught errors of all threads and warnings of all
    libraries to notifications. Warnings of libraries are written for programmers: those that are
    caused by this package are only logged.

    Parameters
    ----------
    own_window
        Only log all warnings of libraries, since no other plugin is expected in this window.
    """
    _LOG.own_window = _LOG.own_window or own_window
    _LOG.connect()


class _NotificationLog:
    """Write notifications to the log, and let napari show those that are for the user."""

    own_window = False

    def __init__(self) -> None:
        self._shows: list[Callable[[Notification], object]] = []

    def connect(self) -> None:
        """Receive all notifications, and pass them on to napari's callbacks.

        napari calls its own callbacks, which show popups, before those of plugins, whatever their
        position. These callbacks are connected when the first window is created.
        """
        ready = notification_manager.notification_ready
        for callback in ready.callbacks:
            show = _function(callback)
            if show is not None and _is_in_package(str(show.__module__), "napari"):
                ready.disconnect(show)
                self._shows.append(show)
        ready.disconnect(self.write)
        ready.connect(self.write, position="first")

    def write(self, notification: Notification) -> None:
        """Write a notification to the log, and let napari show it if it is for the user."""
        error = notification.exception if isinstance(notification, ErrorNotification) else None
        _log.log(
            _LEVELS.get(notification.severity, logging.DEBUG),
            "%s",
            notification.message,
            exc_info=None if isinstance(error, ActivepickError) else error,
        )
        if isinstance(notification, OwnMessage) or self._is_for_programmers(notification):
            notification.blocked = True
        else:
            for show in self._shows:
                show(notification)

    def _is_for_programmers(self, notification: Notification) -> bool:
        if isinstance(notification, WarningNotification):
            is_own = _is_in_package(type(notification.warning).__module__)
            return not is_own and (self.own_window or _is_caused_here())
        return str(notification.message).startswith(_UNITS)


_LOG = _NotificationLog()


def _is_caused_here() -> bool:
    """Return whether code of this package, other than this module, is being executed."""
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        name = str(frame.f_globals.get("__name__", ""))
        if name != __name__ and _is_in_package(name):
            return True
    return False


def _is_in_package(module: str, package: str = activepick.__name__) -> bool:
    return module == package or module.startswith(f"{package}.")


def _function(callback: Any) -> Callable[[Notification], object] | None:
    """Return the function of a callback; napari stores methods as a weak reference and a name."""
    if not isinstance(callback, tuple):
        return cast(Callable[[Notification], object], callback)
    owner = callback[0]()
    return None if owner is None else getattr(owner, callback[1], None)
