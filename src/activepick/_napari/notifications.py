"""Notifications of napari: record messages, and write all notifications to the log."""

import logging
import sys

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
    # Connected before napari's callbacks, which are connected when the first window is created.
    notification_manager.notification_ready.disconnect(_LOG.write)
    notification_manager.notification_ready.connect(_LOG.write, position="first")


class _NotificationLog:
    """Write notifications to the log, and suppress popups that napari should not show."""

    own_window = False

    def write(self, notification: Notification) -> None:
        """Write a notification; called before the callbacks of napari, which show it."""
        error = notification.exception if isinstance(notification, ErrorNotification) else None
        _log.log(
            _LEVELS.get(notification.severity, logging.DEBUG),
            "%s",
            notification.message,
            exc_info=None if isinstance(error, ActivepickError) else error,
        )
        if isinstance(notification, OwnMessage) or self._is_for_programmers(notification):
            notification.blocked = True

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


def _is_in_package(module: str) -> bool:
    return module == activepick.__name__ or module.startswith(f"{activepick.__name__}.")
