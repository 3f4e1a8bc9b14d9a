"""A spin box that releases the keyboard focus after a value was entered."""

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeyEvent, QMouseEvent, QWheelEvent
from qtpy.QtWidgets import QDoubleSpinBox, QWidget

__all__ = ["NumberBox"]


class NumberBox(QDoubleSpinBox):
    """Edit a number; the signal is emitted when it is complete, and Enter or Escape leave the box.

    Parameters
    ----------
    low, high
        Limits.
    step
        Change by a click on plus or minus.
    decimals, most_decimals
        Number of decimals that are always shown, and that can be typed and are shown if needed.
    """

    def __init__(
        self,
        low: float,
        high: float,
        step: float,
        decimals: int,
        most_decimals: int | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._least_decimals = decimals
        self.setRange(low, high)
        self.setSingleStep(step)
        self.setDecimals(decimals if most_decimals is None else most_decimals)
        self.setKeyboardTracking(False)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setMaximumWidth(100)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def show_value(self, value: float) -> None:
        """Show a number without emitting a signal."""
        self.blockSignals(True)
        self.setValue(value)
        self.blockSignals(False)

    def textFromValue(self, value: float) -> str:
        """Return a number without needless zeros at its end."""
        whole, dot, decimals = super().textFromValue(value).partition(self.locale().decimalPoint())
        return whole + dot + decimals.rstrip("0").ljust(self._least_decimals, "0")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Release the focus on Enter or Escape; letters are shortcuts of the viewer."""
        if event.text().isalpha():
            event.ignore()
            return
        super().keyPressEvent(event)
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape):
            self.clearFocus()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Release the focus after a click on plus or minus."""
        super().mouseReleaseEvent(event)
        self.clearFocus()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Pass the wheel to the surrounding scroll area."""
        event.ignore()
