"""Scroll a part of a scroll area into view, also while the area is being laid out."""

import contextlib

from qtpy.QtCore import QObject, QTimer
from qtpy.QtWidgets import QScrollArea, QWidget

__all__ = ["Revealer"]

# A section that was opened is laid out within this time, also on a slow computer.
_LAYOUT_MS = 1000


class Revealer(QObject):
    """Scroll to parts of a scroll area.

    The contents of a section that was just opened are laid out step by step, while the window is
    drawn. The area is scrolled again whenever the height of its contents changes, for a second.

    Parameters
    ----------
    scroll
        The scroll area.
    """

    def __init__(self, scroll: QScrollArea) -> None:
        super().__init__(scroll)
        self._scroll = scroll
        self._part: QWidget | None = None
        self._end = QTimer(self)
        self._end.setSingleShot(True)
        self._end.setInterval(_LAYOUT_MS)
        self._end.timeout.connect(self.forget)
        bar = scroll.verticalScrollBar()
        bar.rangeChanged.connect(self._show)
        bar.actionTriggered.connect(self.forget)  # the user scrolls elsewhere

    def reveal(self, part: QWidget) -> None:
        """Scroll to a part of the contents."""
        self._part = part
        self._end.start()
        QTimer.singleShot(0, self._show)

    def forget(self) -> None:
        """Leave the area where it is from now on."""
        self._part = None

    def _show(self) -> None:
        if self._part is not None:
            with contextlib.suppress(RuntimeError):  # Qt may have deleted it before
                self._scroll.ensureWidgetVisible(self._part)
