"""Section: progress of the training, and quality of the picks."""

from collections.abc import Callable
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
    """Show the progress over rounds, and a sentence with an unbiased estimate of the precision.

    Parameters
    ----------
    show_questions
        Scrolls to the questions, which are in another section.
    """

    def __init__(self, show_questions: Callable[[], object]) -> None:
        super().__init__("5  Quality")
        self._show_questions = show_questions
        self._plot = LearningPlot()
        self._truth = WrappedLabel()
        self.add(
            self._plot,
            self._truth,
            button(
                "Review doubtful labels",
                self.with_session(self._review),
                "Review the 10 % of the labels that the other labels contradict most: keep, "
                "change "
                "or remove them",
            ),
            row(
                button(
                    f"Check {_AUDIT} picks",
                    self.with_session(self._check_picks),
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

    def _review(self, session: OpenSession) -> None:
        session.labelling.start_review()
        self._show_questions()

    def _check_picks(self, session: OpenSession) -> None:
        session.audit(_AUDIT)
        self._show_questions()

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
