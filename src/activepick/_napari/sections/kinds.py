"""Part of the label section: the kinds of particles of a session."""

from collections.abc import Callable, Collection

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QButtonGroup,
    QColorDialog,
    QComboBox,
    QGridLayout,
    QLabel,
    QLineEdit,
    QRadioButton,
    QWidget,
)

from activepick._napari.open_session import OpenSession
from activepick._napari.sections.section import button
from activepick._napari.session_listener import SessionListener
from activepick._napari.views.number_box import NumberBox
from activepick._napari.views.score_axis import DECIMALS
from activepick.session import ParticleKind
from activepick.session.kinds import KEYS

__all__ = ["KindList"]

# Time limit for counting, which blocks the window, in seconds.
_COUNT_SECONDS = 0.03
# Shown instead of a threshold of 0, which means that the common threshold is used.
_COMMON = "common"
_HEADINGS = ("", "name", "key", "threshold", "picks", "clicks", "")
_NARROW_PX = 24
_THRESHOLD_PX = 72


class KindList(QWidget, SessionListener):
    """Set name, key, colour and threshold of the kinds of particles, and show numbers of picks.

    It is hidden if kinds are not distinguished.

    Parameters
    ----------
    set_clicked
        Function that is called with the number of the kind that clicks on the micrograph add.

    Attributes
    ----------
    rows
        One row for each possible kind; rows without a kind are hidden.

    Signals
    -------
    changed()
        Kinds were added, removed or changed.
    """

    changed = Signal()

    def __init__(self, set_clicked: Callable[[int], object]) -> None:
        super().__init__()
        self._set_clicked = set_clicked
        self._shown: tuple[ParticleKind, ...] = ()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(3)
        grid.setColumnStretch(1, 1)
        for column, heading in enumerate(_HEADINGS):
            grid.addWidget(QLabel(heading), 0, column)
        # Created once, because the window installs event filters on the controls.
        self.rows = [KindRow(self._change, self._remove) for _ in KEYS]
        self._clicks = QButtonGroup(self)
        for line, row in enumerate(self.rows, 1):
            self._clicks.addButton(row.clicked)
            row.clicked.clicked.connect(self._on_clicked)
            for column, widget in enumerate(row.widgets):
                grid.addWidget(widget, line, column)
        self.hide()

    def show_session(self, session: OpenSession) -> None:
        """Show the kinds of a session."""
        self.update_after(session, self._show, session.settings_changed)
        self.update_after(
            session, self._show_counts, session.picks.changed, session.dataset.counts_changed
        )
        self._fill(session.settings.kinds)
        self.rows[0].clicked.setChecked(True)
        self._on_clicked()
        self._show_counts(session)

    def clear(self) -> None:
        """Show nothing."""
        self._fill(())

    def add_kind(self) -> None:
        """Add a kind of particle, and set the focus to its name."""

        def act(session: OpenSession) -> None:
            known = {*session.settings.kind_numbers, "particle"}
            name = next(n for k in range(2, 99) if (n := f"particle {k}") not in known)
            if session.edit(lambda changed: changed.kinds.add(name)):
                self._show(session)
                field = self.rows[len(self._shown) - 1].name
                field.setFocus()
                field.selectAll()

        self.call(act)

    def _show(self, session: OpenSession) -> None:
        if session.settings.kinds != self._shown:
            self._fill(session.settings.kinds)
            self.changed.emit()
        self._show_counts(session)

    def _show_counts(self, session: OpenSession) -> None:
        if self._shown:
            counts = session.workspace.predictor.kind_counts(_COUNT_SECONDS)
            for kind, row in zip(self._shown, self.rows, strict=False):
                row.count.setText(f"{counts.get(kind.number, 0):,}")

    def _fill(self, kinds: tuple[ParticleKind, ...]) -> None:
        self._shown = kinds
        self.setVisible(bool(kinds))
        for index, row in enumerate(self.rows):
            if index < len(kinds):
                row.show_kind(kinds[index], {kind.key for kind in kinds})
            else:
                row.hide()
        if not any(row.clicked.isChecked() for row in self.rows[: len(kinds)]):
            self.rows[0].clicked.setChecked(True)
            self._on_clicked()

    def _on_clicked(self) -> None:
        chosen = (row.number for row in self.rows if row.clicked.isChecked())
        self._set_clicked(next(chosen, 1))

    def _change(self, number: int, facts: dict[str, object]) -> None:
        self._edit(lambda session: session.session.kinds.change(number, **facts))

    def _remove(self, number: int) -> None:
        self._edit(lambda session: session.session.kinds.remove(number))

    def _edit(self, act: Callable[[OpenSession], object]) -> None:
        def edit(session: OpenSession) -> None:
            # The kinds do not change if the session is read-only or the value is invalid.
            if not session.edit(lambda changed: act(session)):
                self._fill(session.settings.kinds)

        self.call(edit)


class KindRow:
    """The controls of one kind of particles.

    Parameters
    ----------
    change
        Function that is called with the number of the kind and new values by name.
    remove
        Function that is called with the number of the kind.

    Attributes
    ----------
    number
        Number of the kind.
    name, key, threshold, count, clicked
        Its controls.
    widgets
        All of them from left to right.
    """

    def __init__(
        self,
        change: Callable[[int, dict[str, object]], object],
        remove: Callable[[int], object],
    ) -> None:
        self.number = 1
        self._change = change
        self._kind: ParticleKind | None = None
        self._colour = button("", self._ask_colour, "Colour of its circles")
        self._colour.setFixedWidth(_NARROW_PX)
        self.name = QLineEdit()
        self.name.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.name.editingFinished.connect(self._on_name)
        self.key = QComboBox()
        self.key.setToolTip("Key that answers a question with this kind")
        self.key.textActivated.connect(lambda key: self._on_changed(key=key))
        self.threshold = NumberBox(0, 1, step=0.05, decimals=2, most_decimals=DECIMALS)
        self.threshold.setSpecialValueText(_COMMON)
        # Without its buttons, so that the names have enough space; the arrow keys still step.
        self.threshold.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
        self.threshold.setFixedWidth(_THRESHOLD_PX)
        self.threshold.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.threshold.setToolTip(
            f"Lowest probability of a pick of this kind; {_COMMON}: the threshold of all picks"
        )
        self.threshold.valueChanged.connect(
            lambda value: self._on_changed(threshold=round(value, DECIMALS) or None)
        )
        self.count = QLabel()
        self.count.setToolTip("Picks of this kind on all micrographs")
        self.clicked = QRadioButton()
        self.clicked.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.clicked.setToolTip("Clicks on the micrograph add particles of this kind")
        self._remove = button(
            "✕", lambda: remove(self.number), "Remove this kind; possible only if it has no labels"
        )
        self._remove.setFixedWidth(_NARROW_PX)
        self.widgets: list[QWidget] = [
            self._colour,
            self.name,
            self.key,
            self.threshold,
            self.count,
            self.clicked,
            self._remove,
        ]

    def show_kind(self, kind: ParticleKind, taken: Collection[str]) -> None:
        """Show a kind without emitting signals.

        Parameters
        ----------
        kind
            The kind.
        taken
            Keys of all kinds.
        """
        self._kind, self.number = kind, kind.number
        with QSignalBlocker(self.name), QSignalBlocker(self.key), QSignalBlocker(self.threshold):
            if self.name.text() != kind.name:
                self.name.setText(kind.name)
            if not self.name.hasFocus():
                self.name.setCursorPosition(0)  # the beginning of a long name is shown
            self.name.setToolTip(f"{kind.name}: the name in tables and in the model")
            self.key.clear()
            self.key.addItems([key for key in KEYS if key == kind.key or key not in taken])
            self.key.setCurrentText(kind.key)
            self.threshold.setValue(kind.threshold or 0.0)
        self._colour.setStyleSheet(f"background-color: {kind.colour};")
        for widget in self.widgets:
            widget.show()
        self._remove.setVisible(kind.number != 1)

    def hide(self) -> None:
        """Show no kind."""
        self._kind = None
        for widget in self.widgets:
            widget.hide()

    def _on_name(self) -> None:
        name = self.name.text().strip()
        if self._kind is not None and name != self._kind.name:
            self._on_changed(name=name)

    def _ask_colour(self) -> None:
        if self._kind is not None:
            title = f"Colour of {self._kind.name}"
            chosen = QColorDialog.getColor(QColor(self._kind.colour), self._colour, title)
            if chosen.isValid():
                self._on_changed(colour=chosen.name())

    def _on_changed(self, **facts: object) -> None:
        if self._kind is not None:
            self._change(self.number, facts)
