"""Messages that stay until they are dismissed."""

import re

from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QResizeEvent, QTextOption, QWheelEvent
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

__all__ = ["MessageList", "path_last"]

# Number of lines of each message that is shown, the newest first; others are scrolled to. Older
# messages are counted.
_LINES = (6, 3)
_SHOWN = len(_LINES)
# The folders of an absolute path, up to the name of the file. Names of folders may contain up to
# two spaces; text with more spaces is probably a sentence between two paths.
_FOLDER = r"[^\s/\\:]+(?: [^\s/\\:]+){0,2}[\\/]"
_FOLDERS = re.compile(rf"(?<![\w/\\.])(?:/|[A-Za-z]:[\\/])(?:{_FOLDER})+")


def path_last(text: str) -> str:
    """Return a sentence with the folders of its files moved to the end."""
    folders = list(dict.fromkeys(_FOLDERS.findall(text)))
    if not folders:
        return text
    return f"{_FOLDERS.sub('', text)} (in {', '.join(folders)})"


class MessageList(QFrame):
    """List messages, the newest first, each with a button that dismisses it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._messages: list[str] = []
        self._rows: list[QWidget] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(6, 3, 6, 3)
        self._layout.setSpacing(2)
        self._all = QPushButton()
        self._all.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._all.clicked.connect(self.clear)
        self._layout.addWidget(self._all)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setStyleSheet("MessageList {border: 2px solid #d55e00;}")
        self.hide()

    def messages(self) -> list[str]:
        """Return the messages that were not dismissed, the newest first."""
        return list(self._messages)

    def add(self, text: str) -> None:
        """Add a message, or move it to the top if it is already listed."""
        shown = path_last(text)
        self._messages = [shown, *(one for one in self._messages if one != shown)]
        self._show()

    def dismiss(self, text: str) -> None:
        """Remove a message."""
        self._messages = [one for one in self._messages if one != text]
        self._show()

    def clear(self) -> None:
        """Remove all messages."""
        self._messages = []
        self._show()

    def _show(self) -> None:
        for row in self._rows:
            self._layout.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._rows = [
            self._row(text, lines) for text, lines in zip(self._messages, _LINES, strict=False)
        ]
        for number, row in enumerate(self._rows):
            self._layout.insertWidget(number, row)
        more = len(self._messages) - _SHOWN
        self._all.setText(f"{more:,} more: dismiss all")
        self._all.setToolTip("\n".join(self._messages[_SHOWN : _SHOWN + 20]))
        self._all.setVisible(more > 0)
        self.setVisible(bool(self._messages))

    def _row(self, text: str, lines: int) -> QWidget:
        row = QWidget()
        row.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        close = QToolButton()
        close.setText("✕")
        close.setToolTip("Dismiss")
        close.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        close.clicked.connect(lambda: self.dismiss(text))
        layout.addWidget(_Message(text, lines), 1)
        layout.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        return row


class _Message(QPlainTextEdit):
    """Show a whole text that can be selected; names of files are broken where a line ends.

    Parameters
    ----------
    text
        The text.
    lines
        Number of lines that are shown; the others are scrolled to.
    """

    def __init__(self, text: str, lines: int) -> None:
        super().__init__(text)
        self._lines = lines
        self.setReadOnly(True)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setStyleSheet("background: transparent; padding: 0px;")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.document().setDocumentMargin(0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the height to the lines at this width."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Fit the height to another font."""
        super().changeEvent(event)
        self._fit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll a text that does not fit; leave the wheel to the surrounding area otherwise."""
        if self.verticalScrollBar().maximum():
            super().wheelEvent(event)
        else:
            event.ignore()

    def _fit(self) -> None:
        lines = min(round(self.document().size().height()), self._lines)  # its unit is a line
        self.setFixedHeight(max(lines, 1) * self.fontMetrics().lineSpacing() + 2)
