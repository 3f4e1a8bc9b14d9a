"""A scroll area for a column of widgets, which is never narrower than its contents."""

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QWidget

__all__ = ["ColumnArea"]


class ColumnArea(QScrollArea):
    """Scroll a column vertically; its minimum width follows the contents, so that nothing is cut.

    Parameters
    ----------
    column
        The contents.
    """

    def __init__(self, column: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidget(column)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def minimumSizeHint(self) -> QSize:
        """Return the width of the contents and of the scroll bar, and a small height."""
        hint, column = super().minimumSizeHint(), self.widget()
        if column is None:
            return hint
        bar = self.verticalScrollBar().sizeHint().width()
        return QSize(column.minimumSizeHint().width() + bar, hint.height())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Detect that the contents were laid out again."""
        if watched is self.widget() and event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)
