"""A line that says what looks wrong, with a button that puts it right."""

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton

if TYPE_CHECKING:
    from activepick._napari.controller import Desk
    from activepick._napari.picking import Doubt

__all__ = ["DoubtBar"]


class DoubtBar(QFrame):
    """Shows the first doubt until it is put right or waved away.

    Parameters
    ----------
    desk
        The desk.
    """

    def __init__(self, desk: "Desk") -> None:
        super().__init__()
        self._desk = desk
        self._doubt: Doubt | None = None
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._remedy, self._leave = QPushButton(), QPushButton("It is right")
        for made in (self._remedy, self._leave):
            made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._remedy.clicked.connect(self._put_right)
        self._leave.clicked.connect(self.hide)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.addWidget(self._text, 1)
        layout.addWidget(self._remedy)
        layout.addWidget(self._leave)
        self.setStyleSheet("DoubtBar {border: 2px solid #e69f00;}")
        self.hide()
        desk.picking.doubted.connect(self.show_doubts)
        desk.opened.connect(self.hide)

    def show_doubts(self, doubts: "list[Doubt]") -> None:
        """Show the first of some doubts; with none, what is shown stays."""
        if doubts:
            self._doubt = doubts[0]
            self._text.setText(self._doubt.sentence)
            self._remedy.setText(self._doubt.remedy)
            self.show()

    def _put_right(self) -> None:
        self.hide()
        if self._doubt is not None:
            self._desk.set_settings(**self._doubt.changes)
