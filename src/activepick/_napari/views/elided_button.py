"""A button whose text is elided in the middle if there is little space."""

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QPushButton, QSizePolicy, QStyle, QStyleOptionButton, QWidget

__all__ = ["ElidedButton"]


class ElidedButton(QPushButton):
    """A button with a name and an end that is always shown, such as the key in parentheses.

    Parameters
    ----------
    name
        Beginning of the text, which may be elided; the whole text is the tool tip.
    end
        End of the text.
    """

    def __init__(self, name: str, end: str, parent: QWidget | None = None) -> None:
        super().__init__(name + end, parent)
        self._name, self._end = name, end
        self.setToolTip(name + end)
        # By default, buttons are not narrower than their size hint.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def minimumSizeHint(self) -> QSize:
        """Return the width of the end, and the usual height."""
        hint = super().minimumSizeHint()
        shortest = self.fontMetrics().horizontalAdvance("…" + self._end)
        return QSize(shortest + self._frame_width(hint.height()), hint.height())

    def sizeHint(self) -> QSize:
        """Return the width of the whole text, and the usual height."""
        hint = super().sizeHint()
        whole = self.fontMetrics().horizontalAdvance(self._name + self._end)
        return QSize(whole + self._frame_width(hint.height()), hint.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Elide the name that no longer fits."""
        super().resizeEvent(event)
        metrics = self.fontMetrics()
        room = self.width() - self._frame_width(self.height())
        room -= metrics.horizontalAdvance(self._end)
        name = metrics.elidedText(self._name, Qt.TextElideMode.ElideMiddle, max(room, 0))
        self.setText(name + self._end)

    def _frame_width(self, height: int) -> int:
        """Return the width of the frame and the padding."""
        option = QStyleOptionButton()
        self.initStyleOption(option)
        empty = QSize(0, height)
        kind = QStyle.ContentsType.CT_PushButton
        return self.style().sizeFromContents(kind, option, empty, self).width()
