"""Messages over a corner of the canvas, which disappear by themselves."""

from qtpy.QtCore import QEvent, QObject, Qt, QTimer, Signal
from qtpy.QtGui import QEnterEvent
from qtpy.QtWidgets import QFrame, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from activepick._napari.colours import EXCLUDED, NOT_PARTICLE, SKIPPED
from activepick._napari.views.shades import Shades, changes_shades, shades_of
from activepick._napari.views.wrapped_label import WrappedLabel

__all__ = ["Popups"]

_INFO = "info"
# Time in milliseconds, and colour of the frame.
_SHOWN_MS = {_INFO: 4_000, "warning": 10_000, "error": 10_000}
_COLOURS = {_INFO: SKIPPED, "warning": NOT_PARTICLE, "error": EXCLUDED}
# Largest width, which leaves room for the scale bar, and distance from the border of the canvas, in
# pixels.
_WIDTH, _MARGIN = 340, 8
# Of more messages, the oldest ones are removed.
_MOST = 4


class Popups(QWidget):
    """Show messages over the lower left corner of a canvas for a few seconds.

    A message of the severity "info" replaces the previous one. No message takes the keyboard focus,
    so that the user can go on typing a number. napari's own popups take it whenever one of them
    disappears, and of several popups only the last one disappears by itself.
    """

    def __init__(self) -> None:
        super().__init__()
        self._popups: list[_Popup] = []
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self.hide()

    def attach(self, canvas: QWidget) -> None:
        """Show messages over a canvas."""
        if self.parent() is not canvas:
            self.setParent(canvas)
            canvas.installEventFilter(self)
            self._place()

    def messages(self) -> list[str]:
        """Return the messages that are shown, the newest last."""
        return [popup.text for popup in self._popups]

    def show_message(self, severity: str, text: str) -> None:
        """Show a message; the severity is "info", "warning" or "error"."""
        for popup in list(self._popups):
            if popup.text == text or popup.severity == severity == _INFO:
                self._remove(popup)
        for popup in self._popups[: 1 - _MOST]:
            self._remove(popup)
        new = _Popup(severity, text)
        new.ended.connect(lambda: self._remove(new))
        self._popups.append(new)
        self._column.addWidget(new)
        new.paint(shades_of(self))
        self._place()

    def clear(self) -> None:
        """Remove all messages."""
        for popup in list(self._popups):
            self._remove(popup)

    def event(self, event: QEvent) -> bool:
        """Adapt the height when a text wraps."""
        if event.type() == QEvent.Type.LayoutRequest:
            self._place()
        return super().event(event)

    def changeEvent(self, event: QEvent) -> None:
        """Update the colours when the theme changes."""
        super().changeEvent(event)
        if changes_shades(event):
            for popup in self._popups:
                popup.paint(shades_of(self))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the size of the canvas."""
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False

    def _remove(self, popup: "_Popup") -> None:
        if popup in self._popups:
            self._popups.remove(popup)
            self._column.removeWidget(popup)
            popup.hide()
            popup.deleteLater()
            self._place()

    def _place(self) -> None:
        canvas = self.parent()
        if not isinstance(canvas, QWidget) or not self._popups:
            self.hide()
            return
        width = min(_WIDTH, canvas.width() - 2 * _MARGIN)
        height = self._column.sizeHint().height()
        self.setGeometry(_MARGIN, canvas.height() - height - _MARGIN, width, height)
        self.show()
        self.raise_()


class _Popup(QFrame):
    """One message. It stays while the mouse is over it.

    Signals
    -------
    ended()
        The time is over, or the message was dismissed.
    """

    ended = Signal()

    def __init__(self, severity: str, text: str) -> None:
        super().__init__()
        self.severity, self.text = severity, text
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SHOWN_MS[severity])
        self._timer.timeout.connect(self.ended)
        close = QToolButton()
        close.setText("✕")
        close.setToolTip("Dismiss")
        close.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        close.clicked.connect(self.ended)
        line = QHBoxLayout(self)
        line.setContentsMargins(6, 3, 3, 3)
        line.addWidget(WrappedLabel(text), 1)
        line.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        self._timer.start()

    def paint(self, shades: Shades) -> None:
        """Use the colours of the theme.

        They are not known before the message is part of the window: napari sets them by a style
        sheet, and Qt takes the colours of a style sheet's `palette(...)` from the application.
        """
        colour = _COLOURS[self.severity]
        self.setStyleSheet(
            f"_Popup {{background: {shades.background.name()}; border: 1px solid {colour}; "
            f"border-left: 4px solid {colour};}}"
        )

    def enterEvent(self, event: QEnterEvent) -> None:
        """Keep the message under the mouse."""
        self._timer.stop()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Let the message disappear later."""
        self._timer.start()
        super().leaveEvent(event)
