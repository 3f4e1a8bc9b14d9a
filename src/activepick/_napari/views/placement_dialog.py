"""Dialog for the conversion of positions of another program."""

from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QWidget,
)

from activepick._napari.io.import_labels import Placement
from activepick.formats.coordinates import FLIPS
from activepick.formats.preview import FLIP_NAMES

__all__ = ["PlacementDialog", "ask_placement"]


class PlacementDialog(QDialog):
    """Choose how positions are changed before they are imported.

    Parameters
    ----------
    parent
        Parent of the dialog.
    name
        Name of the file.
    """

    def __init__(self, parent: QWidget | None, name: str) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Import {name}")
        self.swap = QCheckBox("x and y are exchanged")
        self.scale = QDoubleSpinBox()
        self.scale.setDecimals(4)
        self.scale.setRange(0.0001, 10_000)
        self.scale.setValue(1)
        self.scale.setToolTip("4 for picks on micrographs binned by 4")
        self.flip = QComboBox()
        for flip in FLIPS:
            self.flip.addItem(FLIP_NAMES[flip], flip)
        self.flip.setToolTip("“Check picks for flipped axes …” shows which one fits")
        choices = QDialogButtonBox.StandardButton
        buttons = QDialogButtonBox(choices.Ok | choices.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        form = QFormLayout(self)
        form.addRow(self.swap)
        form.addRow("Multiply positions by", self.scale)
        form.addRow("Image of the other program", self.flip)
        form.addRow(buttons)

    @property
    def placement(self) -> Placement:
        """The chosen conversion."""
        return Placement(self.swap.isChecked(), self.scale.value(), self.flip.currentData())


def ask_placement(parent: QWidget, name: str) -> Placement | None:
    """Ask how the positions of a file are changed before they are imported.

    Parameters
    ----------
    parent
        Parent of the dialog.
    name
        Name of the file.

    Returns
    -------
    Placement or None
        None if the import was cancelled.
    """
    dialog = PlacementDialog(parent, name)
    try:
        return dialog.placement if dialog.exec() == QDialog.DialogCode.Accepted else None
    finally:
        dialog.deleteLater()
