"""A spin box that gives up the keyboard focus when the value was entered."""

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeyEvent, QMouseEvent, QWheelEvent
from qtpy.QtWidgets import QDoubleSpinBox, QWidget

__all__ = ["NumberBox"]


class NumberBox(QDoubleSpinBox):
    """Edit a number; the signal comes when it is complete, and Enter or Escape leave the box."""

    def __init__(
        self, low: float, high: float, step: float, decimals: int, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setRange(low, high)
        self.setSingleStep(step)
        self.setDecimals(decimals)
        self.setKeyboardTracking(False)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setMaximumWidth(100)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def show_value(self, value: float) -> None:
        """Show a number without emitting a signal."""
        self.blockSignals(True)
        self.setValue(value)
        self.blockSignals(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Give up the focus on Enter or Escape; letters are shortcuts of the viewer."""
        if event.text().isalpha():
            event.ignore()
            return
        super().keyPressEvent(event)
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape):
            self.clearFocus()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Give up the focus after a click on plus or minus."""
        super().mouseReleaseEvent(event)
        self.clearFocus()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the surrounding scroll area."""
        event.ignore()
