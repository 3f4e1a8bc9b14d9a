"""Section: the head, and all micrographs picked with it."""

from datetime import date
from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QLineEdit, QMessageBox

from activepick._napari.controller import Desk
from activepick._napari.picking import Prediction
from activepick._napari.sections.section import Section, button, hint, row

__all__ = ["HeadSection"]

_HEADS = "Heads (*.safetensors);;All (*)"
_SHOWN_ERRORS = 5


class HeadSection(Section):
    """Name, save, load and reset the head; pick all micrographs.

    Parameters
    ----------
    desk
        The desk.
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__("6  Model and all micrographs")
        self._desk = desk
        self._about = hint()
        self._name = QLineEdit()
        self._name.setPlaceholderText("name of the model")
        self._name.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._errors = hint()
        self._errors.hide()
        self._all = button(
            "Pick all micrographs",
            desk.picking.predict,
            "With the model as it is now; those that are picked already are not picked again",
        )
        self._all.setStyleSheet("font-weight: bold; padding: 5px;")
        self.add(
            self._about,
            row(
                self._name,
                button("Save …", self.save, "Keep the model for other datasets"),
                button("Load …", self.load, "Go on from a model that was saved"),
                button(
                    "Reset",
                    desk.picking.reset_head,
                    "Start from the pretrained network again; the labels are learnt anew. Remove "
                    "the labels to have the network alone.",
                ),
                stretch=0,
            ),
            self._all,
            self._errors,
        )
        desk.opened.connect(self._refresh)
        desk.picking.learnt.connect(self._refresh)
        desk.picking.predicted.connect(self._predicted)
        self._refresh()

    def save(self) -> None:
        """Ask where to, and save the head."""
        loop = self._desk.loop
        if loop is None or not loop.ready:
            return
        name = self._name.text().strip() or f"model {date.today().isoformat()}"
        path, _ = QFileDialog.getSaveFileName(
            self, "Save the model", str(Path.home() / f"{name}.safetensors"), _HEADS
        )
        if path and not path.endswith(".safetensors"):
            path += ".safetensors"
            if Path(path).exists() and not self._may_replace(path):
                return
        if path:
            self.save_to(Path(path))

    def save_to(self, path: Path) -> None:
        """Save the head."""
        loop = self._desk.loop
        if loop is not None:
            name = self._name.text().strip() or path.stem
            self._desk.jobs.run(
                "save",
                lambda step: loop.trainer.save_head(path, name=name),
                lambda written: self._desk.told.emit("info", f"The model is in {written}"),
            )

    def _may_replace(self, path: str) -> bool:
        # The dialog did not ask about the file of this name.
        yes = QMessageBox.StandardButton.Yes
        question = f"{path} exists. Replace it?"
        answer = QMessageBox.question(self, "Save", question, yes | QMessageBox.StandardButton.No)
        return bool(answer == yes)

    def load(self) -> None:
        """Ask for a head, and go on from it."""
        path, _ = QFileDialog.getOpenFileName(self, "Load a model", str(Path.home()), _HEADS)
        if path:
            self._desk.picking.use_head(Path(path))

    def _refresh(self) -> None:
        session, loop = self._desk.session, self._desk.loop
        self.setEnabled(session is not None)
        if session is None or loop is None or not loop.ready:
            self._about.setText("")
            return
        head = loop.trainer.head
        base = loop.trainer.base_name or "Topaz's pretrained network"
        radii = " and ".join(f"{radius:g}" for radius in head.spec.working_radii)
        learnt = (
            f"learnt from {head.particles} particles and {head.others} other places"
            if head.particles + head.others
            else "no label yet"
        )
        self._about.setText(f"{base}; {learnt}. Particle radius {radii} working pixels.")

    def _predicted(self, prediction: Prediction) -> None:
        errors = list(prediction.errors.values())
        self._errors.setVisible(bool(errors))
        more = f"\n… and {len(errors) - _SHOWN_ERRORS} more" * (len(errors) > _SHOWN_ERRORS)
        self._errors.setText(
            f"{len(errors)} micrographs could not be picked; the table names them.\n"
            + "\n".join(errors[:_SHOWN_ERRORS])
            + more
        )
        self._desk.told.emit("info", f"{prediction.done:,} micrographs are picked.")
