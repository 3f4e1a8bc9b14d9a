"""Event filter that reserves the keyboard for the viewer and the wheel for the scroll area."""

from collections.abc import Callable

from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QScrollBar,
    QWidget,
)

__all__ = ["FocusPolicy"]

_LEAVE = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape)


class FocusPolicy(QObject):
    """Filter the events of all controls in a widget.

    The wheel over a control scrolls the surrounding area. Letters that are typed in a spin box or a
    combo box are passed to the viewer, which uses them as shortcuts. Enter, Escape and a choice in
    a combo box return the keyboard focus to the viewer.

    Parameters
    ----------
    widget
        Widget that contains the controls.
    focus_viewer
        Gives the keyboard focus to the viewer.
    """

    def __init__(self, widget: QWidget, focus_viewer: Callable[[], None]) -> None:
        super().__init__(widget)
        self._focus_viewer = focus_viewer
        for kind in (QAbstractSpinBox, QComboBox, QAbstractSlider, QLineEdit):
            for control in widget.findChildren(kind):
                if not isinstance(control, QScrollBar):
                    control.installEventFilter(self)
        for choice in widget.findChildren(QComboBox):
            choice.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            choice.activated.connect(self._leave)

    def eventFilter(self, control: QObject, event: QEvent) -> bool:
        """Return True for events that the control must not receive."""
        is_number = isinstance(control, QAbstractSpinBox | QComboBox | QAbstractSlider)
        if event.type() == QEvent.Type.Wheel and is_number:
            event.ignore()
            return True
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if is_number and event.text().isalpha():
                event.ignore()
                return True
            if event.key() in _LEAVE:
                self._leave()
        elif event.type() == QEvent.Type.MouseButtonRelease and isinstance(
            control, QAbstractSpinBox | QAbstractSlider
        ):
            self._leave()
        return False

    def _leave(self, *_: object) -> None:
        # The control processes the event first.
        QTimer.singleShot(0, self._focus_viewer)
