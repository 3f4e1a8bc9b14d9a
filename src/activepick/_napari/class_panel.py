"""Dock that shows the picks as class averages, and accepts answers to whole classes."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import (
    QAction,
    QComboBox,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel

from activepick._napari import colours
from activepick._napari.open_session import OpenSession
from activepick._napari.session_listener import SessionListener
from activepick._napari.views.class_grid import ClassGrid, ClassTile
from activepick._napari.views.crop_grid import CropGrid
from activepick._napari.views.pick_list import PickList
from activepick._napari.views.shades import LABEL_PADDING
from activepick.session.model.state import Target, is_particle
from activepick.wording import counted
from activepick.workspace.classification import ClassifiedPicks, ClassSummary

__all__ = ["ClassPanel"]

# The controls and a row of averages.
_MINIMUM_HEIGHT = 160
# Shown characters of a choice, at least.
_SHORTEST_CHOICE = 8
# First widths of the averages and of the members, in proportion.
_WIDTHS = [5, 4]


def _by_size(one: ClassSummary) -> float:
    return -one.size


def _by_low_score(one: ClassSummary) -> float:
    return one.probability


def _by_high_score(one: ClassSummary) -> float:
    return -one.probability


def _by_contradiction(one: ClassSummary) -> float:
    return -one.contradicted / max(1, one.size)


_ORDERS: dict[str, Callable[[ClassSummary], float]] = {
    "Largest first": _by_size,
    "Lowest score first": _by_low_score,
    "Highest score first": _by_high_score,
    "Most contradicted first": _by_contradiction,
}
_PICKS, _CANDIDATES = "Picks", "Picks and candidates"
# Standard deviation of the low-pass filter of crops, as a share of their side.
_BLUR = 0.02
_LEAVE_OUT, _PUT_BACK = "Leave out of picks", "Put back"
_HINT = "Click on an average to see its members"


class ClassPanel(QWidget, SessionListener):
    """Show class averages and the members of the selected one, and label whole classes.

    It is updated while it is visible.

    Parameters
    ----------
    go_to
        Called with the session, the number of a micrograph and a position (x, y) in original
        pixels, to show this position.
    """

    def __init__(self, go_to: Callable[[OpenSession, int, tuple[float, float]], object]) -> None:
        super().__init__()
        self._go_to = go_to
        self._shown_members: tuple[ClassifiedPicks | None, int | None] = None, None
        self.update_button = self._button(
            "Update",
            lambda session: self._compute(session, again=False),
            "Refine the averages with the current picks; classes and answers are kept",
        )
        self._begin = self._button(
            "New classes",
            lambda session: self._compute(session, again=True),
            "Sort the picks into new classes; labels from answers are kept",
        )
        self.scope = _choice(
            (_PICKS, _CANDIDATES), "Sort only picks, or also less likely positions"
        )
        self.scope.currentTextChanged.connect(lambda text: self.call(self._set_scope))
        self.order = _choice(_ORDERS, "Order of the classes")
        self.order.currentTextChanged.connect(lambda text: self.call(self._show_classes))
        self._about = QElidingLabel(_HINT)
        self._about.setEllipsesWidth(LABEL_PADDING)
        self._particles = self._button(
            "Particles",
            partial(_answer, 1),
            "Label some members of the class as particles, with a reduced weight",
        )
        self._kind_menu = QMenu(self)
        self._others = self._button(
            "Not particles",
            partial(_answer, 0),
            "Label some members of the class as non-particles, with a reduced weight",
        )
        self._leave_out = self._button(
            _LEAVE_OUT,
            self._toggle_left_out,
            "Leave the members of the class out of the picks of all micrographs, or put them back; "
            "no labels are added",
        )
        # The panel does not become wider when the text changes.
        self._leave_out.setFixedWidth(self._leave_out.sizeHint().width())
        self._put_earlier_back = self._button(
            "Put back earlier classes",
            lambda session: session.classes.put_earlier_back(),
            "Put the members of earlier classes that were left out back into the picks",
        )
        self._remove = self._button(
            "Remove answer",
            partial(_answer, None),
            "Remove the labels from the answer to this class",
        )
        self.grid = ClassGrid()
        self.grid.chosen.connect(
            lambda number: self.call(lambda session: session.classes.select(number))
        )
        self._members = PickList(self)
        self.members = CropGrid(self._members)
        self.members.toggled.connect(lambda row, shift: self._open(row))
        self.members.opened.connect(self._open)
        controls = QHBoxLayout()
        controls.setSpacing(4)
        for control in (self.update_button, self._begin):
            controls.addWidget(control)
        for box in (self.scope, self.order):
            controls.addWidget(box, stretch=1)
        controls.addStretch()
        for control in (self._particles, self._others, self._remove, self._leave_out):
            controls.addWidget(control)
        both = QSplitter(Qt.Orientation.Horizontal)
        both.addWidget(self.grid)
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        about = QHBoxLayout()
        about.addWidget(self._about, stretch=1)
        about.addWidget(self._put_earlier_back)
        column.addLayout(about)
        column.addWidget(self.members, stretch=1)
        both.addWidget(right)
        both.setChildrenCollapsible(False)
        both.setSizes(_WIDTHS)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.setSpacing(4)
        layout.addLayout(controls)
        layout.addWidget(both, stretch=1)
        self.setMinimumHeight(_MINIMUM_HEIGHT)
        self.clear()

    def show_session(self, session: OpenSession) -> None:
        """Show the classes of another session."""
        self.clear()
        session.classes.set_candidates(self.scope.currentText() == _CANDIDATES)
        self.update_after(
            session, self._show_if_visible, session.classes.changed, session.settings_changed
        )
        self.update_after(
            session,
            self._show_selected,
            session.classes.selected_changed,
            session.classes.changed,
            session.settings_changed,
        )
        self.update_after(
            session, self._refine_if_visible, session.dataset.counts_changed, session.picks.changed
        )
        self.update_after(session, self._show_kinds, session.settings_changed)
        self._show_kinds(session)
        if self.isVisible():
            self._begin_with(session)

    def clear(self) -> None:
        """Show no classes, and nothing of the session."""
        self._put_earlier_back.hide()
        self._show_no_classes()

    def _show_no_classes(self) -> None:
        self.grid.set_tiles([], None)
        self._show_nothing_selected()

    def showEvent(self, event: QShowEvent) -> None:
        """Compute the first averages when the dock is opened."""
        super().showEvent(event)
        self.call(self._begin_with)

    def hideEvent(self, event: QHideEvent) -> None:
        """Remove the circles around the members from the image."""
        super().hideEvent(event)
        self.call(lambda session: session.classes.select(None))

    def _button(self, text: str, clicked: Callable[[OpenSession], object], tip: str) -> QPushButton:
        made = QPushButton(text)
        # A click does not take the keyboard focus from the image; the Tab key still reaches it.
        made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        made.setToolTip(tip)
        made.clicked.connect(self.with_session(clicked))
        return made

    def _compute(self, session: OpenSession, *, again: bool) -> None:
        session.classes.compute(session.shown, sum(session.counts().values()), again=again)

    def _set_scope(self, session: OpenSession) -> None:
        session.classes.set_candidates(self.scope.currentText() == _CANDIDATES)
        self._compute(session, again=False)

    def _begin_with(self, session: OpenSession) -> None:
        """Show the classes, and compute them if there are none yet."""
        self._show_classes(session)
        self._show_selected(session)
        if session.classes.picks is None and not session.classes.busy and session.counts():
            self._compute(session, again=False)

    def _refine_if_visible(self, session: OpenSession) -> None:
        if self.isVisible():
            if session.classes.picks is None:
                self._begin_with(session)
            else:
                total = sum(session.counts().values())
                session.classes.refine_if_grown(session.shown, total)

    def _show_if_visible(self, session: OpenSession) -> None:
        if self.isVisible():
            self._show_classes(session)

    def _show_classes(self, session: OpenSession) -> None:
        from activepick.classes.output import montage

        classes = session.classes
        self._put_earlier_back.setVisible(bool(classes.left_out_before))
        if classes.picks is None:
            self._show_no_classes()
            return
        pictures = montage(classes.picks.averages)
        shown = [
            one for one in classes.summaries if one.size or one.answer is not None or one.left_out
        ]
        shown.sort(key=_ORDERS[self.order.currentText()])
        kinds = colours.of_kinds(session.settings.kinds)
        self.grid.set_tiles(
            [
                ClassTile(
                    one.number,
                    pictures[one.number],
                    _caption(one),
                    _sentence(one, session.settings.kind_names),
                    None if one.answer is None else colours.of_target(one.answer, kinds),
                    one.left_out,
                )
                for one in shown
            ],
            classes.selected,
        )

    def _show_selected(self, session: OpenSession) -> None:
        classes = session.classes
        if classes.picks is None or classes.selected is None:
            self._show_nothing_selected()
            return
        one = classes.summaries[classes.selected]
        sentence = _sentence(one, session.settings.kind_names)
        self._about.setText(sentence)
        self._about.setToolTip(sentence)
        for control in (self._particles, self._others):
            control.setEnabled(one.size > 0)
        self._leave_out.setEnabled(one.size > 0 or one.left_out)
        self._leave_out.setText(_PUT_BACK if one.left_out else _LEAVE_OUT)
        self._remove.setEnabled(one.answer is not None)
        shown = classes.picks, classes.selected
        if shown != self._shown_members:
            self._shown_members = shown
            picks, rows = classes.picks, classes.members()
            self._members.set_items(
                np.arange(len(rows)), picks.score[rows], lambda wanted: _crops(picks, rows[wanted])
            )
            self.members.scrollToTop()

    def _show_nothing_selected(self) -> None:
        self._shown_members = None, None
        self._about.setText(_HINT)
        self._about.setToolTip("")
        for control in (self._particles, self._others, self._remove, self._leave_out):
            control.setEnabled(False)
        self._leave_out.setText(_LEAVE_OUT)
        none = np.empty(0)
        self._members.set_items(none, none, lambda rows: np.zeros((0, 1, 1), np.uint8))

    def _show_kinds(self, session: OpenSession) -> None:
        """Let the user choose the kind of the particles of a class if there are several."""
        self._kind_menu.clear()
        for number, name in session.settings.kind_names.items():
            action = QAction(name.replace("&", "&&"), self._kind_menu)
            action.triggered.connect(self.with_session(partial(_answer, number)))
            self._kind_menu.addAction(action)
        self._particles.setMenu(self._kind_menu if self._kind_menu.actions() else None)

    def _toggle_left_out(self, session: OpenSession) -> None:
        classes = session.classes
        if classes.selected is not None and classes.summaries[classes.selected].left_out:
            classes.put_back()
        else:
            classes.leave_out()

    def _open(self, place: int) -> None:
        """Show a member, given by its place in the list, on its micrograph."""

        def show(session: OpenSession) -> None:
            picks, rows = session.classes.picks, session.classes.members()
            if picks is not None:
                row = rows[self._members.row_at(place)]
                x, y = map(float, picks.xy[row])
                self._go_to(session, int(picks.micrograph[row]), (x, y))

        self.call(show)


def _answer(target: Target, session: OpenSession) -> None:
    session.classes.answer(target)


def _choice(texts: Iterable[str], tip: str) -> QComboBox:
    box = QComboBox()
    box.addItems(list(texts))
    # In a narrow window the texts are elided, since the panel must not make the window wider.
    box.setMaximumWidth(box.sizeHint().width())
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(_SHORTEST_CHOICE)
    box.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    box.setToolTip(tip)
    return box


def _crops(picks: ClassifiedPicks, rows: NDArray[np.intp]) -> NDArray[np.uint8]:
    """Return crops (k, side, side) with a low-pass filter, as the image is displayed."""
    from scipy.ndimage import gaussian_filter

    from activepick.classes.output import montage

    sigma_px = picks.crops.shape[-1] * _BLUR
    return montage(gaussian_filter(picks.crops[rows], (0, sigma_px, sigma_px)))


def _caption(one: ClassSummary) -> str:
    mark = "" if one.answer is None else "✓ " if is_particle(one.answer) else "✗ "
    score = f"{one.probability:.2f}" if one.size else "–"
    if one.left_out:
        score = "left out"
    against = f" ✗{one.contradicted / one.size:.0%}" if one.contradicted else ""
    return f"{mark}{one.number + 1}: {one.size}\n{score}{against}"


def _sentence(one: ClassSummary, kinds: Mapping[int, str]) -> str:
    parts = [f"Class {one.number + 1}: {counted(one.size, 'pick', spec=',')}"]
    if one.size:
        parts.append(f"mean probability {one.probability:.2f}")
    if one.contradicted:
        share = one.contradicted / one.size
        parts.append(f"labels contradict {one.contradicted} ({share:.0%})")
    elif one.labelled:
        parts.append(f"{one.labelled} labelled")
    if one.answer is not None:
        particles = kinds.get(one.answer, "particles")
        parts.append(f"answered: {particles if is_particle(one.answer) else 'not particles'}")
    if one.left_out:
        parts.append("left out of the picks")
    return "; ".join(parts)
