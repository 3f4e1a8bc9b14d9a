"""A list of keys and their actions."""

from collections.abc import Sequence

from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from activepick._napari.views.shades import changes_shades, shades_of
from activepick._napari.views.wrapped_label import WrappedLabel

__all__ = ["KeyList"]

Align = Qt.AlignmentFlag


class KeyList(QWidget):
    """Show keys and their actions in two columns."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._caps: list[QLabel] = []
        self._layout = QGridLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setHorizontalSpacing(6)
        self._layout.setVerticalSpacing(3)
        for column in (1, 3):
            self._layout.setColumnStretch(column, 1)

    def set_rows(self, rows: Sequence[tuple[str, str]]) -> None:
        """Show rows of (key, description); "/" separates alternative keys."""
        while self._layout.count():
            old = self._layout.takeAt(0).widget()
            old.hide()
            old.deleteLater()
        self._caps.clear()
        self._layout.setRowStretch(self._layout.rowCount() - 1, 0)
        half = (len(rows) + 1) // 2
        self._layout.setRowStretch(half, 1)
        for number, (key, does) in enumerate(rows):
            side, row = divmod(number, half)
            self._layout.addWidget(self._caps_of(key), row, 2 * side, Align.AlignTop)
            self._layout.addWidget(WrappedLabel(does), row, 2 * side + 1, Align.AlignTop)
        self._paint_caps()

    def changeEvent(self, event: QEvent) -> None:
        """Update the colours when the theme changes."""
        super().changeEvent(event)
        if changes_shades(event):
            self._paint_caps()

    def _caps_of(self, keys: str) -> QWidget:
        stack = QWidget()
        layout = QVBoxLayout(stack)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        for key in keys.split("/"):
            cap = QLabel(key.strip())
            cap.setAlignment(Align.AlignCenter)
            self._caps.append(cap)
            layout.addWidget(cap, alignment=Align.AlignLeft)
        return stack

    def _paint_caps(self) -> None:
        shades = shades_of(self)
        style = (
            f"QLabel {{ background-color: {shades.faint.name()}; color: {shades.text.name()};"
            f" border: 1px solid {shades.line.name()}; border-radius: 3px; padding: 0px 4px;"
            " font-size: 8pt; min-width: 10px; }"
        )
        for cap in self._caps:
            if cap.styleSheet() != style:
                cap.setStyleSheet(style)
                # The texts beside it wrap instead of compressing it.
                cap.ensurePolished()
                cap.setMinimumWidth(cap.sizeHint().width())
