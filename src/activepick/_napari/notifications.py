"""Notifications of napari: show messages, and write all notifications to the log."""

import logging
import sys

from napari.utils import notifications
from napari.utils.notifications import (
    ErrorNotification,
    Notification,
    NotificationSeverity,
    WarningNotification,
    notification_manager,
)

import activepick
from activepick._napari.views.message_list import path_last
from activepick._napari.views.short_names import elided_words
from activepick.errors import ActivepickError

__all__ = ["log_notifications", "show_notification"]

_LEVELS = {
    NotificationSeverity.ERROR: logging.ERROR,
    NotificationSeverity.WARNING: logging.WARNING,
    NotificationSeverity.INFO: logging.INFO,
}
# napari's warning about layers whose units cannot be compared; their positions are correct.
_UNITS = "Inconsistent units across layers"
# Longest word in a message without a problem.
_MOST_CHARACTERS = 18
_log = logging.getLogger(__name__)


def show_notification(severity: str, text: str) -> None:
    """Show a message as a notification; the severity is "info", "warning" or "error".

    Since there is little space, folders are moved to the end of the text. napari shows one line at
    first: long names in messages without a problem are shortened, so that they stay in this line.
    """
    if severity == "info":
        text = elided_words(text, _MOST_CHARACTERS)
    show = {
        "info": notifications.show_info,
        "warning": notifications.show_warning,
        "error": notifications.show_error,
    }[severity]
    show(path_last(text))


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
    """Write notifications to the log, and suppress those that are for programmers."""

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
        if self._is_for_programmers(notification):
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
