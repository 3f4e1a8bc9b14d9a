"""Section: hand the picks over."""

from pathlib import Path

from magicgui.widgets import ComboBox, Container
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QMessageBox

from activepick._napari.desk import Desk
from activepick._napari.preferences import Preferences
from activepick._napari.sections.section import Section, button, hint
from activepick.formats import FORMATS

__all__ = ["ExportSection"]

HERE, ALL = "this micrograph", "all micrographs"


class ExportSection(Section):
    """Write the picks, in pixels of the micrographs.

    Parameters
    ----------
    desk
        The desk.
    preferences
        Where the choices are remembered.
    """

    def __init__(self, desk: Desk, preferences: Preferences) -> None:
        super().__init__("7  Export")
        self._desk, self._preferences = desk, preferences
        formats = {f"{entry.title} (*{entry.extensions[0]})": n for n, entry in FORMATS.items()}
        self._formats = formats
        names = list(formats)
        chosen = preferences.get("format", names[0])
        self.format = ComboBox(
            label="Format", choices=names, value=chosen if chosen in names else names[0]
        )
        self.which = ComboBox(label="Picks of", choices=[ALL, HERE], value=ALL)
        form = Container(widgets=[self.format, self.which], labels=True)
        form.margins = (0, 0, 0, 0)
        for box in (self.format, self.which):
            box.native.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._says = hint()
        self.add(
            form.native,
            button("Export picks …", self.ask, "Coordinates are pixels of the micrographs"),
            button("Export labels …", self.ask_labels, "What was clicked, for `activepick train`"),
            self._says,
        )
        self.format.changed.connect(lambda value: preferences.set("format", value))
        desk.opened.connect(lambda: self.setEnabled(desk.session is not None))
        desk.picking.exported.connect(self._exported)
        self.setEnabled(False)

    def ask(self) -> None:
        """Ask where to, and export the picks."""
        session = self._desk.session
        if session is None:
            return
        missing = self._desk.picking.unpicked()
        if self.which.value == ALL and missing:
            answer = QMessageBox.question(
                self,
                "Export",
                f"{missing:,} micrographs are not picked yet. Pick them first?\n"
                "No: export what there is.",
                QMessageBox.StandardButton.Yes
                | QMessageBox.StandardButton.No
                | QMessageBox.StandardButton.Cancel,
            )
            if answer == QMessageBox.StandardButton.Cancel:
                return
            if answer == QMessageBox.StandardButton.Yes:
                self._desk.picking.predict(self.ask)
                return
        path = self._path("Export picks", "picks")
        if path is not None:
            self.export(path)

    def export(self, path: Path) -> None:
        """Export the picks; whoever calls has asked before overwriting."""
        self._desk.picking.export(
            path, self._formats[self.format.value], only_shown=self.which.value == HERE
        )

    def ask_labels(self) -> None:
        """Ask where to, and export the labels."""
        path = self._path("Export labels", "labels")
        if path is not None:
            self._desk.picking.export_labels(path, self._formats[self.format.value])

    def _path(self, title: str, stem: str) -> Path | None:
        entry = FORMATS[self._formats[self.format.value]]
        suffix = entry.extensions[0]
        session = self._desk.session
        folder = Path(self._preferences.get("export folder", str(Path.home())))
        if session is not None and not folder.is_dir():
            folder = session.folder.parent
        # The dialog asks before a file is overwritten.
        path, _ = QFileDialog.getSaveFileName(
            self, title, str(folder / f"{stem}{suffix}"), f"{entry.title} (*{suffix});;All (*)"
        )
        if not path:
            return None
        self._preferences.set("export folder", str(Path(path).parent))
        chosen = Path(path)
        return chosen if chosen.suffix else chosen.with_suffix(suffix)

    def _exported(self, path: Path, count: int, warnings: list[str]) -> None:
        self._says.setText("\n".join([f"{count:,} positions are in {path}", *warnings]))
        self._desk.told.emit("info", f"{count:,} positions are in {path}")
