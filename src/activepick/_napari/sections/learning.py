"""Section: whether more labels still help, and how good the picks are."""

from pathlib import Path

from qtpy.QtWidgets import QFileDialog

from activepick._napari.controller import Desk
from activepick._napari.sections.section import Section, button, hint, row
from activepick._napari.soon import soon
from activepick._napari.views.learning_plot import LearningPlot

__all__ = ["LearningSection"]

# Answers that tell the precision to about ten points.
_AUDIT = 20


class LearningSection(Section):
    """A plot over rounds, and a plain sentence with an honest estimate of precision.

    Parameters
    ----------
    desk
        The desk.
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__("5  How good is it?")
        self._desk = desk
        self._plot = LearningPlot()
        self._truth_says = hint()
        self.add(
            self._plot,
            self._truth_says,
            row(
                button(
                    f"Check {_AUDIT} picks",
                    lambda: desk.labelling.audit(_AUDIT),
                    "Answer for picks drawn by lot: the only honest way to know how many are "
                    "right. These answers train nothing.",
                ),
                button(
                    "True particles …",
                    self._truth,
                    "Load a file of known particles, to see the average precision after each round",
                ),
            ),
        )
        refresh = soon(self._refresh, self)
        for signal in (
            desk.opened,
            desk.picking.learnt,
            desk.labelling.labels_changed,
            desk.labelling.rounds_changed,
        ):
            signal.connect(refresh)
        self._refresh()

    def _refresh(self) -> None:
        session, loop = self._desk.session, self._desk.loop
        self.setEnabled(session is not None)
        rounds = () if session is None else session.state.rounds
        self._plot.set_rounds(
            [r.labels for r in rounds], [r.changed for r in rounds], [r.ap for r in rounds]
        )
        ready = loop is not None and loop.ready
        self._plot.set_sentence(loop.audit.advice() if ready else "")

    def _truth(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "True particles", str(Path.home()))
        loop = self._desk.loop
        if path and loop is not None:
            self._desk.jobs.run(
                "truth",
                lambda step: loop.audit.set_truth(Path(path)),
                self._tell_truth,
                text="Reading",
            )

    def _tell_truth(self, result: object = None) -> None:
        loop = self._desk.loop
        if loop is not None:
            for notice in loop.notices:
                self._desk.told.emit("warning", notice)
            loop.notices.clear()
            now = loop.audit.average_precision()
            known = "not known yet" if now is None else f"{now:.3f} on what is picked"
            self._truth_says.setText(f"True particles are loaded. Average precision {known}.")
            self._refresh()
