"""Notifications of napari: show messages, and write all notifications to the log."""

import logging

from napari.utils import notifications
from napari.utils.notifications import (
    ErrorNotification,
    Notification,
    NotificationSeverity,
    notification_manager,
)

from activepick.errors import ActivepickError

__all__ = ["log_notifications", "show_notification"]

_LEVELS = {
    NotificationSeverity.ERROR: logging.ERROR,
    NotificationSeverity.WARNING: logging.WARNING,
    NotificationSeverity.INFO: logging.INFO,
}
_log = logging.getLogger(__name__)


def show_notification(severity: str, text: str) -> None:
    """Show a message as a notification; the severity is "info", "warning" or "error"."""
    show = {
        "info": notifications.show_info,
        "warning": notifications.show_warning,
        "error": notifications.show_error,
    }[severity]
    show(text)


def log_notifications() -> None:
    """Write all notifications to the log from now on, unexpected errors with their traceback.

    While a window is open, napari turns uncaught errors of any thread into notifications.
    """
    notification_manager.notification_ready.connect(_write)


def _write(notification: Notification) -> None:
    error = notification.exception if isinstance(notification, ErrorNotification) else None
    _log.log(
        _LEVELS.get(notification.severity, logging.DEBUG),
        "%s",
        notification.message,
        exc_info=None if isinstance(error, ActivepickError) else error,
    )
