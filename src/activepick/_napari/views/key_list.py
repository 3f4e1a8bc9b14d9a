"""Keys and what they do, for reading."""

from collections.abc import Sequence

from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QWidget

from activepick._napari.views.shades import changes_shades, shades_of

__all__ = ["KeyList"]


class KeyList(QWidget):
    """Keys in two columns, the first half on the left."""

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
        """Show rows of (key as it is written, what it does)."""
        while self._layout.count():
            self._layout.takeAt(0).widget().deleteLater()
        self._caps.clear()
        half = (len(rows) + 1) // 2
        for number, (key, does) in enumerate(rows):
            side, row = divmod(number, half)
            cap, text = QLabel(key), QLabel(does)
            cap.setAlignment(Qt.AlignmentFlag.AlignCenter)
            text.setWordWrap(True)
            self._caps.append(cap)
            self._layout.addWidget(cap, row, 2 * side, Qt.AlignmentFlag.AlignVCenter)
            self._layout.addWidget(text, row, 2 * side + 1)
        self._paint_caps()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        super().changeEvent(event)
        if changes_shades(event):
            self._paint_caps()

    def _paint_caps(self) -> None:
        shades = shades_of(self)
        style = (
            f"QLabel {{ background-color: {shades.faint.name()}; color: {shades.text.name()};"
            f" border: 1px solid {shades.line.name()}; border-radius: 3px; padding: 0px 4px; }}"
        )
        for cap in self._caps:
            if cap.styleSheet() != style:
                cap.setStyleSheet(style)
