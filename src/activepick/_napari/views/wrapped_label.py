"""A label whose text wraps, with long words elided in the middle."""

import re

from qtpy.QtCore import QEvent, QSize, Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QLabel, QSizePolicy, QWidget

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
        self._text, self._height = "", 0
        self.setWordWrap(True)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
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

    def hasHeightForWidth(self) -> bool:
        """Return False: the height is fixed whenever the text or the width changes.

        Nested layouts may give a label whose height depends on its width fewer lines than it has.
        """
        return False

    def sizeHint(self) -> QSize:
        """Return the size of the text; no text takes no height."""
        return QSize(super().sizeHint().width(), self._height)

    def minimumSizeHint(self) -> QSize:
        """Return a small width, so that no word widens the surrounding widget."""
        width = super().minimumSizeHint().width() if self._text else 0
        return QSize(min(width, _LEAST_WIDTH), self._height)

    def changeEvent(self, event: QEvent) -> None:
        """Fit the height to another font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit()

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
        height = self.heightForWidth(self.width()) if self._text else 0
        if height != self._height:
            self._height = height
            self.updateGeometry()
