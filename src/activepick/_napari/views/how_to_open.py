"""Question: how a session is to be opened that cannot be opened as it is."""

from qtpy.QtWidgets import QMessageBox, QWidget

from activepick.errors import SessionError

__all__ = ["ask_how_to_open"]

# By the argument of `activepick.session.Session.open`.
_WAYS = {
    "read_only": "Only look at it",
    "force": "Open by force",
    "repair": "Repair",
}


def ask_how_to_open(parent: QWidget, error: SessionError) -> str:
    """Tell what is wrong, and give the chosen argument of `Session.open`; "" when none is wanted.

    Parameters
    ----------
    parent
        The window.
    error
        What opening ended in.
    """
    box = QMessageBox(QMessageBox.Icon.Warning, "activepick", str(error), parent=parent)
    # What is damaged cannot be looked at either.
    ways = ["repair"] if error.remedy == "repair" else ["read_only", error.remedy]
    for way in ways:
        if way:
            button = box.addButton(_WAYS[way], QMessageBox.ButtonRole.AcceptRole)
            button.setObjectName(way)
    box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
    box.exec_()
    clicked = box.clickedButton()
    return clicked.objectName() if clicked is not None and clicked.objectName() in _WAYS else ""
