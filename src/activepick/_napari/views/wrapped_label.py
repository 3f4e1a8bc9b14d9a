"""A label whose text wraps, with long words elided in the middle."""

import re

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QLabel, QWidget

from activepick._napari.views.shades import LABEL_PADDING

__all__ = ["WrappedLabel"]

_LEAST_WIDTH = 40


class WrappedLabel(QLabel):
    """Show a text of several lines that never exceeds the available width.

    Names of files contain no spaces at which a line could be broken: a word that is wider than the
    label is elided in the middle, and the tool tip shows the whole text.
    """

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = ""
        self.setWordWrap(True)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setText(text)

    def setText(self, text: str) -> None:
        """Set the text, plain or with tags."""
        if text != self._text:
            self._text = text
            self._fit()

    def clear(self) -> None:
        """Show no text."""
        self.setText("")

    def whole_text(self) -> str:
        """Return the text without elided words."""
        return self._text

    def sizeHint(self) -> QSize:
        """Return the size of the text; no text takes no height."""
        return super().sizeHint() if self._text else QSize(0, 0)

    def heightForWidth(self, width: int) -> int:
        """Return the height of the lines at a width; no text takes no height."""
        return super().heightForWidth(width) if self._text else 0

    def minimumSizeHint(self) -> QSize:
        """Return a small width, so that no word widens the surrounding widget."""
        hint = super().minimumSizeHint() if self._text else QSize(0, 0)
        return QSize(min(hint.width(), _LEAST_WIDTH), hint.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Elide words that no longer fit."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        metrics, width = self.fontMetrics(), max(self.width() - LABEL_PADDING, _LEAST_WIDTH)

        def fitted(match: re.Match[str]) -> str:
            word = match.group()
            if metrics.horizontalAdvance(word) <= width:
                return word
            return metrics.elidedText(word, Qt.TextElideMode.ElideMiddle, width)

        # Tags are not words.
        shown = re.sub(r"[^\s<>]+(?![^<]*>)", fitted, self._text)
        if shown != self.text():
            super().setText(shown)
            self.setToolTip("" if shown == self._text else self._text)
