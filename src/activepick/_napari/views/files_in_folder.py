"""Message boxes about files that exist already."""

from pathlib import Path

from qtpy.QtWidgets import QCheckBox, QMessageBox, QWidget

from activepick._napari.views.short_names import wrappable

__all__ = ["ask_about_files", "may_replace"]


def ask_about_files(parent: QWidget, folder: Path, example: str) -> bool | None:
    """Ask whether files in a folder may be replaced, and an earlier export removed.

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
        Whether files of an earlier export that are not written again are to be removed; None if the
        export was cancelled.
    """
    buttons = QMessageBox.StandardButton
    box = QMessageBox(
        QMessageBox.Icon.Question,
        "Export",
        wrappable(f"{folder} contains files such as {example}. Replace files of the same name?"),
        buttons.Yes | buttons.No,
        parent,
    )
    remove = QCheckBox("Remove files of an earlier export that are not written again")
    remove.setToolTip("Files of other programs and files that were changed since are always kept")
    box.setCheckBox(remove)
    box.setDefaultButton(buttons.No)
    return remove.isChecked() if box.exec() == buttons.Yes else None


def may_replace(parent: QWidget, title: str, path: Path) -> bool:
    """Ask whether a file may be replaced, and return the answer.

    Parameters
    ----------
    parent, title
        Parent and title of the message box.
    path
        The file.
    """
    buttons = QMessageBox.StandardButton
    question = wrappable(f"{path} exists. Replace it?")
    answer = QMessageBox.question(parent, title, question, buttons.Yes | buttons.No)
    return bool(answer == buttons.Yes)
