"""Collapsible sections of the widget, and helpers for their contents."""

from collections.abc import Callable

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QIcon, QResizeEvent
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible

from activepick._napari.preferences import Preferences

__all__ = ["Section", "button", "row", "toggle_button"]

# Style of the line with the title: grey in napari's dark and light themes.
_TITLE_STYLE = (
    "QPushButton, QPushButton:checked {text-align: left; font-weight: bold; padding: 4px;"
    " border: none; background-color: rgba(128, 128, 128, 70);}"
    "QPushButton:hover {background-color: rgba(128, 128, 128, 120);}"
)
_TITLE_PADDING = 16
# The largest height in Qt.
_UNLIMITED = 2**24 - 1


class Section(QFrame):
    """A part of the widget that can be collapsed by a click on its title.

    Parameters
    ----------
    title
        The title.

    Attributes
    ----------
    title
        The title.
    body
        Layout of the contents.

    Signals
    -------
    toggled(open)
        The user opened or collapsed the section.
    reveal_requested(widget)
        A widget of the section, or a section that the user opened, is to be scrolled into view.
    """

    toggled = Signal(bool)
    reveal_requested = Signal(QWidget)

    def __init__(self, title: str) -> None:
        super().__init__()
        self.title = title
        content = QWidget()
        self.body = QVBoxLayout(content)
        self.body.setContentsMargins(4, 2, 4, 4)
        self.body.setSpacing(4)
        self._summary = ""
        # The arrows of QCollapsible do not follow the theme.
        self._collapsible = QCollapsible(title, expandedIcon=QIcon(), collapsedIcon=QIcon())
        self._collapsible.setDuration(0)
        self._collapsible.setContent(content)
        # The event filter would fix the height of the contents when they are expanded.
        content.removeEventFilter(self._collapsible)
        self._collapsible.layout().setContentsMargins(0, 0, 0, 0)
        self._collapsible.layout().setSpacing(0)
        head = self._collapsible.toggleButton()
        # A long summary is elided rather than widening the section.
        head.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        head.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        head.setStyleSheet(_TITLE_STYLE)
        self._collapsible.toggled.connect(self._on_toggled)
        self._collapsible.toggled.connect(self.toggled)
        self._collapsible.toggled.connect(self._reveal_if_open)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._collapsible)
        # If there is little space, the sections scroll instead of being compressed.
        for part in (self, self._collapsible, self._collapsible.content(), content):
            part.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self._show_title()

    def set_open(self, opened: bool) -> None:
        """Open or collapse the section."""
        if opened:
            self._collapsible.expand(animate=False)
        else:
            self._collapsible.collapse(animate=False)

    def come_into_view(self) -> None:
        """Open the section, and ask for it to be scrolled into view."""
        self.set_open(True)
        self.reveal_requested.emit(self)

    def is_open(self) -> bool:
        """Return whether the contents are visible."""
        return bool(self._collapsible.isExpanded())

    def remember_open(self, preferences: Preferences, name: str, default: bool) -> None:
        """Open or collapse the section as last time, and store changes by the user.

        Parameters
        ----------
        preferences
            Stores whether the section is open.
        name
            Name of the stored value.
        default
            Whether the section is open if no value is stored.
        """
        self.set_open(preferences.get(name, default))
        self.toggled.connect(lambda opened: preferences.set(name, opened))

    @property
    def summary(self) -> str:
        """Summary of the contents, as a whole, beside the title."""
        return self._summary

    def set_summary(self, summary: str) -> None:
        """Show a summary of the contents beside the title."""
        self._summary = summary
        self._show_title()

    def add(self, *widgets: QWidget) -> None:
        """Add widgets below each other."""
        for widget in widgets:
            self.body.addWidget(widget)

    def _on_toggled(self, opened: bool) -> None:
        self._collapsible.content().setMaximumHeight(_UNLIMITED if opened else 0)
        self._show_title()

    def _reveal_if_open(self, opened: bool) -> None:
        if opened:
            self.reveal_requested.emit(self)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Elide a summary that no longer fits."""
        super().resizeEvent(event)
        self._show_title()

    def _show_title(self) -> None:
        arrow = "▾" if self.is_open() else "▸"
        head, title = self._collapsible.toggleButton(), f"{arrow} {self.title}   "
        metrics = head.fontMetrics()
        room = max(self.width() - metrics.horizontalAdvance(title) - _TITLE_PADDING, 0)
        summary = metrics.elidedText(self._summary, Qt.TextElideMode.ElideMiddle, room)
        head.setText((title + summary).rstrip())
        head.setToolTip(self._summary)


def button(text: str, clicked: Callable[[], object], tip: str = "") -> QPushButton:
    """Return a button that does not take the keyboard focus."""
    made = QPushButton(text)
    made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    made.setToolTip(tip)
    made.clicked.connect(lambda: clicked())
    return made


def toggle_button(text: str, toggled: Callable[[bool], object], tip: str = "") -> QPushButton:
    """Return a button that stays down and does not take the keyboard focus."""
    made = QPushButton(text)
    made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    made.setToolTip(tip)
    made.setCheckable(True)
    made.toggled.connect(toggled)
    return made


def row(*widgets: QWidget, stretch: int | None = None) -> QWidget:
    """Return a row of widgets; the one with index `stretch` takes the free space.

    By default all are equally wide; with -1 each is as wide as it needs, and the free space is
    shared.
    """
    made = QWidget()
    layout = QHBoxLayout(made)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(4)
    for index, widget in enumerate(widgets):
        layout.addWidget(widget, 1 if stretch is None or index == stretch else 0)
    return made
