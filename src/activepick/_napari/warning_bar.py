"""A bar that warns of settings that are probably wrong."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QPushButton, QVBoxLayout

from activepick._napari.open_session import OpenSession
from activepick._napari.sections.section import row
from activepick._napari.session_listener import SessionListener
from activepick._napari.views.wrapped_label import WrappedLabel
from activepick.workspace.workspace import SettingsWarning

__all__ = ["WarningBar"]


class WarningBar(QFrame, SessionListener):
    """Show the first warning about the settings until it is corrected or dismissed."""

    def __init__(self) -> None:
        super().__init__()
        self._changes: dict[str, object] = {}
        self._text = WrappedLabel()
        self._correct, self._dismiss = QPushButton(), QPushButton("Keep the value")
        for button in (self._correct, self._dismiss):
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._correct.clicked.connect(self._change_settings)
        self._dismiss.clicked.connect(self.hide)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.addWidget(self._text)
        layout.addWidget(row(self._correct, self._dismiss))
        self.setStyleSheet("WarningBar {border: 2px solid #e69f00;}")
        self.hide()

    def show_session(self, session: OpenSession) -> None:
        """Show warnings about the settings of a session."""
        self.hide()
        session.picks.warned.connect(self._show_warnings)

    def clear(self) -> None:
        """Show no warning."""
        self.hide()

    def _show_warnings(self, warnings: list[SettingsWarning]) -> None:
        if warnings:
            first = warnings[0]
            self._changes = first.changes
            self._text.setText(first.message)
            self._correct.setText(_remedy(first))
            self.show()

    def _change_settings(self) -> None:
        self.hide()
        self.call(lambda session: session.set_settings(**self._changes))


def _remedy(warning: SettingsWarning) -> str:
    """Return the text of the button that makes the changes of a warning."""
    if "inverted" in warning.changes:
        return "They are bright" if warning.changes["inverted"] else "They are dark"
    return "Use the headers"
