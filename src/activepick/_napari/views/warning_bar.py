"""A bar with a warning and a button that corrects its cause."""

from collections.abc import Callable

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton

__all__ = ["WarningBar"]


class WarningBar(QFrame):
    """Show a warning until its cause is corrected or the warning is dismissed."""

    def __init__(self) -> None:
        super().__init__()
        self._correct: Callable[[], object] = lambda: None
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._remedy, self._dismiss = QPushButton(), QPushButton("It is right")
        for made in (self._remedy, self._dismiss):
            made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._remedy.clicked.connect(self._on_clicked)
        self._dismiss.clicked.connect(self.hide)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.addWidget(self._text, 1)
        layout.addWidget(self._remedy)
        layout.addWidget(self._dismiss)
        self.setStyleSheet("WarningBar {border: 2px solid #e69f00;}")
        self.hide()

    def show_warning(self, text: str, remedy: str, correct: Callable[[], object]) -> None:
        """Show a warning.

        Parameters
        ----------
        text
            The warning.
        remedy
            Text of the button that corrects the cause.
        correct
            Called when that button is pressed.
        """
        self._correct = correct
        self._text.setText(text)
        self._remedy.setText(remedy)
        self.show()

    def _on_clicked(self) -> None:
        self.hide()
        self._correct()
