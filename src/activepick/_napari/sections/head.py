"""Section: the head, and all micrographs picked with it."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QLineEdit

from activepick._napari.dataset_picks import Prediction
from activepick._napari.open_session import OpenSession
from activepick._napari.sections.section import Section, button, row
from activepick._napari.session_listener import SessionListener
from activepick._napari.views.files_in_folder import may_replace
from activepick._napari.views.wrapped_label import WrappedLabel
from activepick.wording import counted

__all__ = ["HeadSection"]

_HEADS = "Models (*.safetensors);;All (*)"
_SHOWN_ERRORS = 5
_PAUSE, _RESUME = "Pause", "Resume"


class HeadSection(Section, SessionListener):
    """Name, save, load and reset the head; pick all micrographs.

    Parameters
    ----------
    show_dataset
        Opens the view of all micrographs.
    """

    def __init__(self, show_dataset: Callable[[], object]) -> None:
        super().__init__("6  Model and all micrographs")
        self._about = WrappedLabel()
        self._name = QLineEdit()
        self._name.setPlaceholderText("name of the model")
        self._name.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._errors = WrappedLabel()
        self._errors.hide()
        predict = button(
            "Pick all micrographs",
            self.with_session(lambda session: session.dataset.predict()),
            "With the current model; micrographs that it has already picked are skipped",
        )
        predict.setStyleSheet("font-weight: bold; padding: 5px;")
        self._pause = button(
            _PAUSE,
            self.with_session(
                lambda session: session.dataset.set_paused(not session.dataset.paused)
            ),
            "Pause picking, for instance to label or to view micrographs, and continue later",
        )
        self.add(
            self._about,
            row(
                self._name,
                button(
                    "Save …",
                    self.with_session(self._ask_save),
                    "Save the model to use it for other datasets",
                ),
                button("Load …", self.with_session(self._ask_load), "Start from a saved model"),
                button(
                    "Reset",
                    self.with_session(lambda session: session.picks.reset_head()),
                    "Start from the pretrained network again. It is still trained with the labels; "
                    "remove them to use the network alone.",
                ),
                stretch=0,
            ),
            row(predict, self._pause, stretch=0),
            button(
                "Dataset …",
                show_dataset,
                "Show all micrographs: scores and contrast, a table, and plots over time",
            ),
            self._errors,
        )
        self.clear()

    def show_session(self, session: OpenSession) -> None:
        """Show the head of a session."""
        self.clear()
        self.setEnabled(True)
        session.picks.head_changed.connect(self.with_session(self._describe))
        session.dataset.predicting_changed.connect(self.with_session(self._show_pause))
        session.dataset.predicted.connect(
            lambda prediction: self._show_prediction(session, prediction)
        )
        self._describe(session)

    def clear(self) -> None:
        """Show no head."""
        self.setEnabled(False)
        self._about.clear()
        self._pause.hide()
        self._errors.hide()

    def save_to(self, path: Path) -> None:
        """Save the head of the open session."""
        name = self._name.text().strip() or path.stem
        self.call(lambda session: _save(session, path, name))

    def _ask_save(self, session: OpenSession) -> None:
        if not session.workspace.ready:
            return
        name = self._name.text().strip() or f"model {date.today().isoformat()}"
        path, _ = QFileDialog.getSaveFileName(
            self, "Save the model", str(Path.home() / f"{name}.safetensors"), _HEADS
        )
        if path and not path.endswith(".safetensors"):
            path += ".safetensors"
            # The dialog did not ask about the file of this name.
            if Path(path).exists() and not may_replace(self, "Save", Path(path)):
                return
        if path:
            self.save_to(Path(path))

    def _ask_load(self, session: OpenSession) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Load a model", str(Path.home()), _HEADS)
        if path:
            session.picks.use_head(Path(path))

    def _describe(self, session: OpenSession) -> None:
        self._about.setText(_description(session) if session.workspace.ready else "")

    def _show_pause(self, session: OpenSession) -> None:
        self._pause.setVisible(session.dataset.predicting)
        self._pause.setText(_RESUME if session.dataset.paused else _PAUSE)

    def _show_prediction(self, session: OpenSession, prediction: Prediction) -> None:
        errors = list(prediction.errors.values())
        self._errors.setVisible(bool(errors))
        more = f"\n… and {len(errors) - _SHOWN_ERRORS} more" * (len(errors) > _SHOWN_ERRORS)
        self._errors.setText(
            f"{counted(len(errors), 'micrograph')} could not be picked; see the table.\n"
            + "\n".join(errors[:_SHOWN_ERRORS])
            + more
        )
        session.notify(
            "info",
            counted(prediction.count, "micrograph was picked.", "micrographs were picked.", ","),
        )


def _save(session: OpenSession, path: Path, name: str) -> None:
    session.jobs.run(
        "save",
        lambda progress: session.workspace.trainer.save_head(path, name=name),
        lambda written: session.notify("info", f"The model was saved to {written}"),
    )


def _description(session: OpenSession) -> str:
    """Return a text with the origin of the head, and the number of its labels."""
    head = session.workspace.trainer.head
    base = session.workspace.trainer.base_name or "Topaz's pretrained network"
    trained = (
        f"trained on {counted(head.particles, 'particle')}, {counted(head.others, 'non-particle')}"
        if head.particles + head.others
        else "no labels yet"
    )
    return f"{base}; {trained}."
