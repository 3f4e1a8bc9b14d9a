"""Message box for a session that cannot be opened normally."""

from qtpy.QtWidgets import QMessageBox, QWidget

from activepick._napari.views.short_names import wrappable
from activepick.errors import SessionError

__all__ = ["ask_how_to_open"]

# Texts of the buttons, by the argument of `activepick.session.Session.open`.
_WAYS = {
    "read_only": "Open read-only",
    "force": "Open by force",
    "repair": "Repair",
}


def ask_how_to_open(parent: QWidget, error: SessionError) -> str:
    """Show why a session cannot be opened, and ask how to proceed.

    Parameters
    ----------
    parent
        Parent of the message box.
    error
        Error that opening the session raised.

    Returns
    -------
    str
        Name of the argument of `activepick.session.Session.open` to set; empty if cancelled.
    """
    box = QMessageBox(QMessageBox.Icon.Warning, "activepick", wrappable(str(error)), parent=parent)
    # A damaged session cannot be opened read-only either.
    ways = ["repair"] if error.remedy == "repair" else ["read_only", error.remedy]
    for way in ways:
        if way:
            button = box.addButton(_WAYS[way], QMessageBox.ButtonRole.AcceptRole)
            button.setObjectName(way)
    box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
    box.exec()
    clicked = box.clickedButton()
    return clicked.objectName() if clicked is not None and clicked.objectName() in _WAYS else ""
