"""Message box for a folder that holds files of picks already."""

from pathlib import Path

from qtpy.QtWidgets import QCheckBox, QMessageBox, QWidget

__all__ = ["ask_about_files"]


def ask_about_files(parent: QWidget, folder: Path, example: str) -> bool | None:
    """Ask whether files in a folder may be replaced, and whether an earlier export is removed.

    Parameters
    ----------
    parent
        Parent of the message box.
    folder
        The folder.
    example
        Name of one of its files.

    Returns
    -------
    bool or None
        Whether files are removed that an earlier export wrote and the new one does not; None if
        nothing is to be written.
    """
    buttons = QMessageBox.StandardButton
    box = QMessageBox(
        QMessageBox.Icon.Question,
        "Export",
        f"{folder} holds files such as {example}. Replace those of the same names?",
        buttons.Yes | buttons.No,
        parent,
    )
    remove = QCheckBox("Remove files of an earlier export that are not written now")
    remove.setToolTip("Files of other programs, and files that were changed since, always stay")
    box.setCheckBox(remove)
    box.setDefaultButton(buttons.No)
    return remove.isChecked() if box.exec() == buttons.Yes else None
