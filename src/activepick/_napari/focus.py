"""How the controls of the widget behave: the wheel scrolls, and letters are for the micrograph."""

from collections.abc import Callable

from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QScrollBar,
    QWidget,
)

__all__ = ["Manners"]

_LEAVE = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape)


class Manners(QObject):
    """Teaches manners to all controls in a widget.

    The wheel over a control scrolls what is around it. Letters typed in a number or a choice go to
    the micrograph, whose keys they are. Enter, Escape, and a choice that was made give the keyboard
    back to it.

    Parameters
    ----------
    widget
        With the controls.
    give_back
        Gives the keyboard to the micrograph.
    """

    def __init__(self, widget: QWidget, give_back: Callable[[], None]) -> None:
        super().__init__(widget)
        self._give_back = give_back
        for kind in (QAbstractSpinBox, QComboBox, QAbstractSlider, QLineEdit):
            for control in widget.findChildren(kind):
                if not isinstance(control, QScrollBar):
                    control.installEventFilter(self)
        for choice in widget.findChildren(QComboBox):
            choice.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            choice.activated.connect(self._leave)

    def eventFilter(self, control: QObject, event: QEvent) -> bool:
        """See the class."""
        kind = event.type()
        numbers = isinstance(control, QAbstractSpinBox | QComboBox | QAbstractSlider)
        if kind == QEvent.Type.Wheel and numbers:
            event.ignore()
            return True
        if kind == QEvent.Type.KeyPress:
            if numbers and event.text().isalpha():
                event.ignore()
                return True
            if event.key() in _LEAVE:
                self._leave()
        elif kind == QEvent.Type.MouseButtonRelease and isinstance(
            control, QAbstractSpinBox | QAbstractSlider
        ):
            self._leave()
        return False

    def _leave(self, *_: object) -> None:
        # First the control gets to know what was typed.
        QTimer.singleShot(0, self._give_back)
