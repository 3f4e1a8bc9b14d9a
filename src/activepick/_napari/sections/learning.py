"""Section: progress of the training, and quality of the picks."""

from pathlib import Path

from qtpy.QtWidgets import QFileDialog

from activepick._napari.open_session import OpenSession
from activepick._napari.sections.section import Section, button, row
from activepick._napari.session_listener import SessionListener
from activepick._napari.views.learning_plot import LearningPlot
from activepick._napari.views.wrapped_label import WrappedLabel

__all__ = ["LearningSection"]

# Number of picks to check, which gives the precision to about ten percentage points.
_AUDIT = 20


class LearningSection(Section, SessionListener):
    """Show the progress over rounds, and a sentence with an unbiased estimate of the precision."""

    def __init__(self) -> None:
        super().__init__("5  Quality")
        self._plot = LearningPlot()
        self._truth = WrappedLabel()
        self.add(
            self._plot,
            self._truth,
            button(
                "Review doubtful labels",
                self.with_session(lambda session: session.labelling.start_review()),
                "Review the 10 % of the labels that the other labels contradict most: keep, "
                "change "
                "or remove them",
            ),
            row(
                button(
                    f"Check {_AUDIT} picks",
                    self.with_session(lambda session: session.audit(_AUDIT)),
                    "Answer questions about randomly drawn picks, for an unbiased estimate of the "
                    "precision. These answers are not used for training.",
                ),
                button(
                    "Load true particles …",
                    self.with_session(self._ask_truth),
                    "Load a file of known particles, to see the average precision after each round",
                ),
            ),
        )
        self.clear()

    def show_session(self, session: OpenSession) -> None:
        """Show the progress of a session."""
        self.setEnabled(True)
        self._truth.clear()
        self.update_after(
            session,
            self._show_progress,
            session.picks.head_changed,
            session.labelling.labels_changed,
            session.labelling.rounds_changed,
        )
        self._show_progress(session)

    def clear(self) -> None:
        """Show no progress."""
        self.setEnabled(False)
        self._truth.clear()
        self._plot.set_rounds([], [], [])
        self._plot.set_sentence("")

    def _show_progress(self, session: OpenSession) -> None:
        rounds = session.state.rounds
        self._plot.set_rounds(
            [one.labels for one in rounds],
            [one.changed for one in rounds],
            [one.ap for one in rounds],
        )
        self._plot.set_sentence(session.workspace.audit.advice() if session.workspace.ready else "")

    def _ask_truth(self, session: OpenSession) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "True particles", str(Path.home()))
        if path:
            session.jobs.run(
                "truth",
                lambda progress: session.workspace.audit.set_truth(Path(path)),
                lambda result: self._show_truth(session),
                text="Reading",
            )

    def _show_truth(self, session: OpenSession) -> None:
        for notice in session.workspace.notices:
            session.notify("warning", notice)
        session.workspace.notices.clear()
        precision = session.workspace.audit.average_precision()
        known = "not known yet" if precision is None else f"{precision:.3f} on picked micrographs"
        self._truth.setText(f"True particles are loaded. Average precision {known}.")
        self._show_progress(session)
