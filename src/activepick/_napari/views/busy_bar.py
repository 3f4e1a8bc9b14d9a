"""A progress bar for background jobs, with the remaining time and a stop button."""

import time
from collections.abc import Callable

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel

from activepick._napari.views.shades import LABEL_PADDING

__all__ = ["BusyBar"]

# Duration of the work, in seconds, after which the remaining time is estimated.
SECONDS_BEFORE_ESTIMATE = 2.0


class BusyBar(QWidget):
    """Show a text, a progress bar and a stop button; the height does not change when idle.

    Signals
    -------
    cancelled()
        The stop button was pressed.
    """

    cancelled = Signal()

    def __init__(
        self, parent: QWidget | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(parent)
        self._clock = clock
        self._began = (0.0, 0.0)
        self._fraction: float | None = None
        self._paused = False

        self._text = QElidingLabel()
        self._text.setElideMode(Qt.TextElideMode.ElideMiddle)
        self._text.setEllipsesWidth(LABEL_PADDING)
        self._text.setMinimumHeight(self._text.fontMetrics().height())
        self._left = QLabel()
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(8)
        self._cancel = QPushButton("Stop")
        self._cancel.setToolTip("Stop this job; finished parts are kept")
        self._cancel.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        for widget in (self._bar, self._cancel):
            policy = widget.sizePolicy()
            policy.setRetainSizeWhenHidden(True)
            widget.setSizePolicy(policy)

        line = QHBoxLayout()
        line.addWidget(self._text, stretch=1)
        line.addWidget(self._left)
        column = QVBoxLayout()
        column.setSpacing(2)
        column.addLayout(line)
        column.addWidget(self._bar)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(column, stretch=1)
        layout.addWidget(self._cancel)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._cancel.clicked.connect(self.cancelled)
        self.set_idle()

    def set_busy(self, text: str, fraction: float | None = None) -> None:
        """Show that work is in progress.

        Parameters
        ----------
        text
            Description of the work, in a few words.
        fraction
            Fraction done, 0 to 1; None if it is unknown.
        """
        now = self._clock()
        if fraction is not None and (self._fraction is None or fraction < self._fraction):
            self._began = (now, fraction)
        self._fraction = fraction
        self._text.setText(text)
        self._text.setToolTip(text)
        self._bar.setRange(0, 0 if fraction is None else 1000)
        self._bar.setValue(round(1000 * (fraction or 0)))
        self._left.setText(self._remaining(now))
        self._bar.show()
        self._cancel.show()

    def set_paused(self, paused: bool) -> None:
        """Set whether the work is paused: the remaining time is not known then.

        Later, it is estimated from the time after the pause.
        """
        if paused != self._paused:
            self._paused = paused
            self._began = (self._clock(), self._fraction or 0.0)
            self._left.clear()

    def set_text(self, text: str) -> None:
        """Show another description of the work in progress."""
        self._text.setText(text)
        self._text.setToolTip(text)

    def set_idle(self, text: str = "") -> None:
        """Show that no work is in progress, with an optional text."""
        self._fraction = None
        self._text.setText(text)
        self._text.setToolTip(text)
        self._left.clear()
        self._bar.setRange(0, 1)
        self._bar.hide()
        self._cancel.hide()

    def _remaining(self, now: float) -> str:
        began, first = self._began
        if self._paused or self._fraction is None or now - began < SECONDS_BEFORE_ESTIMATE:
            return ""
        done = self._fraction - first
        return _duration((now - began) / done * (1 - self._fraction)) if done > 0 else ""


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{max(1, round(seconds))} s left"
    if seconds < 3600:
        return f"{round(seconds / 60)} min left"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min left"
