"""What all sections of the widget have in common."""

from collections.abc import Callable

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QIcon
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible

__all__ = ["Section", "button", "hint", "row"]

# Of the line with the title: grey in napari's dark and light themes.
_HEAD = (
    "QPushButton, QPushButton:checked {text-align: left; font-weight: bold; padding: 4px;"
    " border: none; background-color: rgba(128, 128, 128, 70);}"
    "QPushButton:hover {background-color: rgba(128, 128, 128, 120);}"
)
# The largest height that Qt knows.
_NO_LIMIT = 2**24 - 1


class Section(QFrame):
    """A part of the widget with a title on which it folds.

    Parameters
    ----------
    title
        What the person reads.

    Attributes
    ----------
    body
        The layout that gets the contents.

    Signals
    -------
    folded(open)
        The person opened or closed it.
    """

    folded = Signal(bool)

    def __init__(self, title: str) -> None:
        super().__init__()
        self.title = title
        content = QWidget()
        self.body = QVBoxLayout(content)
        self.body.setContentsMargins(4, 2, 4, 6)
        self.body.setSpacing(5)
        self._summary = ""
        # Its own arrows are pictures in the colours of no theme.
        self._fold = QCollapsible(title, expandedIcon=QIcon(), collapsedIcon=QIcon())
        self._fold.setDuration(0)
        self._fold.setContent(content)
        # It would hold the contents to the height that they had when they were unfolded.
        content.removeEventFilter(self._fold)
        self._fold.layout().setContentsMargins(0, 0, 0, 0)
        self._fold.layout().setSpacing(0)
        head = self._fold.toggleButton()
        head.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        head.setStyleSheet(_HEAD)
        self._fold.toggled.connect(self._unfold)
        self._fold.toggled.connect(self.folded)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._fold)
        # Where there is little room the sections scroll, and nothing in them is squeezed.
        for part in (self, self._fold, self._fold.content(), content):
            part.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self._show_title()

    def set_open(self, opened: bool) -> None:
        """Open or close it."""
        self._fold.expand(animate=False) if opened else self._fold.collapse(animate=False)

    def say(self, summary: str) -> None:
        """Show what matters of its contents beside the title."""
        self._summary = summary
        self._show_title()

    def is_open(self) -> bool:
        """Tell whether its contents are seen."""
        return bool(self._fold.isExpanded())

    def _unfold(self, opened: bool) -> None:
        self._fold.content().setMaximumHeight(_NO_LIMIT if opened else 0)
        self._show_title()

    def _show_title(self) -> None:
        arrow = "▾" if self.is_open() else "▸"
        self._fold.setText(f"{arrow} {self.title}   {self._summary}".rstrip())

    def add(self, *widgets: QWidget) -> None:
        """Add widgets below each other."""
        for widget in widgets:
            self.body.addWidget(widget)


def button(
    text: str, act: Callable[[], object], tip: str = "", *, checks: bool = False
) -> QPushButton:
    """Make a button that leaves the keyboard to the micrograph."""
    made = QPushButton(text)
    made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    made.setToolTip(tip)
    made.setCheckable(checks)
    if checks:
        made.toggled.connect(act)
    else:
        made.clicked.connect(lambda: act())
    return made


def hint(text: str = "") -> QLabel:
    """Make a line of text that wraps."""
    made = QLabel(text)
    made.setWordWrap(True)
    made.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return made


def row(*widgets: QWidget, stretch: int | None = None) -> QWidget:
    """Put widgets beside each other; the one with the number `stretch` takes the free room."""
    made = QWidget()
    layout = QHBoxLayout(made)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(4)
    for k, widget in enumerate(widgets):
        layout.addWidget(widget, 1 if stretch is None or k == stretch else 0)
    return made
