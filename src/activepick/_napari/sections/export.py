"""Section: hand the picks over."""

from dataclasses import replace
from pathlib import Path

from magicgui.widgets import ComboBox, Container
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QMessageBox

from activepick._napari.controller import Desk
from activepick._napari.io.export import ExportTarget
from activepick._napari.preferences import Preferences
from activepick._napari.sections.section import Section, button, hint, row
from activepick.formats import FORMATS, Format

__all__ = ["ExportSection"]

HERE, ALL = "this micrograph", "all micrographs"
FILE, FOLDER = "one file", "a file for each micrograph"
# The other program's list of micrographs that a format takes names from.
_SOURCES = {
    "star": "RELION's micrographs.star, whose exact names are used",
    "cs": "cryoSPARC's exposures (.cs)",
}


class ExportSection(Section):
    """Write picks or labels, in pixels of the micrographs.

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
        self._formats = {f"{e.title} (*{e.extensions[0]})": n for n, e in FORMATS.items()}
        self._source: Path | None = None
        names = list(self._formats)
        chosen = preferences.get("format", names[0])
        self.format = ComboBox(
            label="Format", choices=names, value=chosen if chosen in names else names[0]
        )
        self.which = ComboBox(label="Of", choices=[ALL, HERE], value=ALL)
        self.into = ComboBox(label="Into", choices=[FILE, FOLDER], value=FILE)
        form = Container(widgets=[self.format, self.which, self.into], labels=True)
        form.margins = (0, 0, 0, 0)
        for box in (self.format, self.which, self.into):
            box.native.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
            box.changed.connect(self._fit)
        self._list = button("", self._ask_source, "The names of micrographs have to be the same")
        self._says = hint()
        self.add(
            form.native,
            self._list,
            row(
                button("Export picks …", self.ask, "Coordinates are pixels of the micrographs"),
                button(
                    "Export labels …",
                    self.ask_labels,
                    "What was clicked, as CSV: the other formats have no place for what is no "
                    "particle",
                ),
            ),
            self._says,
        )
        self.format.changed.connect(lambda value: preferences.set("format", value))
        desk.opened.connect(lambda: self.setEnabled(desk.session is not None))
        desk.picking.exported.connect(self._exported)
        self._fit()
        self.setEnabled(False)

    @property
    def _chosen(self) -> Format:
        return FORMATS[self._formats[self.format.value]]

    def ask(self) -> None:
        """Ask where to, and export the picks."""
        missing = self._desk.picking.unpicked()
        if self.which.value == ALL and missing:
            buttons = QMessageBox.StandardButton
            answer = QMessageBox.question(
                self,
                "Export",
                f"{missing:,} micrographs are not picked with the model as it is now: not at all, "
                "or by an earlier one. Pick them first?\nNo: export what there is.",
                buttons.Yes | buttons.No | buttons.Cancel,
            )
            if answer == buttons.Cancel:
                return
            if answer == buttons.Yes:
                self._desk.picking.predict(self._ask_path)
                return
        self._ask_path()

    def ask_labels(self) -> None:
        """Ask where to, and export the labels."""
        proposed = str(Path(self._folder()) / "labels.csv")
        path, _ = QFileDialog.getSaveFileName(self, "Export labels", proposed, "CSV (*.csv)")
        chosen = self._complete(path, ".csv") if path else None
        if chosen is not None:
            only = self.which.value == HERE
            delivery = replace(
                self._delivery(chosen), format="csv", folder=False, micrograph_list=None
            )
            self._desk.picking.export_labels(delivery, only_shown=only)

    def export(self, path: Path) -> None:
        """Export the picks; whoever calls has asked before overwriting."""
        only = self.which.value == HERE
        self._desk.picking.export(self._delivery(path), only_shown=only)

    def _ask_path(self) -> None:
        path = self._path("Export picks", "picks")
        if path is not None:
            self.export(path)

    def _delivery(self, path: Path) -> ExportTarget:
        picture = self._desk.images.picture
        return ExportTarget(
            path=path,
            format=self._chosen.name,
            folder=self.into.value == FOLDER,
            box_px=2 * self._desk.radius_px,
            pixel_size_angstrom=picture and picture.pixel_size_angstrom,
            micrograph_list=self._source if self._chosen.name in _SOURCES else None,
        )

    def _fit(self) -> None:
        """Offer what the format can hold."""
        single = self._chosen.one_micrograph and self.which.value == ALL
        if single:
            self.into.value = FOLDER
        elif not self.into.enabled:  # it was no choice of the person's
            self.into.value = FILE
        self.into.enabled = not single
        name = self._chosen.name
        self._list.setVisible(name in _SOURCES)
        if name in _SOURCES:
            shown = "choose …" if self._source is None else self._source.name
            self._list.setText(f"{_SOURCES[name].split(',')[0]}: {shown}")
            self._list.setToolTip(_SOURCES[name])

    def _ask_source(self) -> None:
        title = _SOURCES[self._chosen.name]
        path, _ = QFileDialog.getOpenFileName(self, title, self._folder(), "Lists (*.star *.cs)")
        self._source = Path(path) if path else None
        self._fit()

    def _folder(self) -> str:
        session = self._desk.session
        folder = Path(self._preferences.get("export folder", ""))
        if session is not None and not folder.is_absolute():
            folder = session.folder.parent
        return str(folder if folder.is_dir() else Path.home())

    def _path(self, title: str, stem: str) -> Path | None:
        suffix = self._chosen.extensions[0]
        if self.into.value == FOLDER:
            path = QFileDialog.getExistingDirectory(self, title, self._folder())
            if not path or not self._may_fill(Path(path)):
                return None
        else:
            # The dialog asks before a file is overwritten.
            proposed = str(Path(self._folder()) / f"{stem}{suffix}")
            kinds = f"{self._chosen.title} (*{suffix});;All (*)"
            path, _ = QFileDialog.getSaveFileName(self, title, proposed, kinds)
            if not path:
                return None
        self._preferences.set("export folder", str(Path(path).parent))
        return Path(path) if self.into.value == FOLDER else self._complete(path, suffix)

    def _complete(self, typed: str, suffix: str) -> Path | None:
        """Give the name its ending; the dialog did not ask about the file of that name."""
        endings = FORMATS["csv"].extensions if suffix == ".csv" else self._chosen.extensions
        if typed.lower().endswith(endings):
            return Path(typed)
        path = Path(typed + suffix)
        asks = path.exists()
        return None if asks and not self._may_replace(f"{path} exists. Replace it?") else path

    def _may_fill(self, folder: Path) -> bool:
        there = next(folder.rglob(f"*{self._chosen.ending}"), None)
        return there is None or self._may_replace(
            f"{folder} holds files such as {there.name}. Replace those of the same names?"
        )

    def _may_replace(self, question: str) -> bool:
        yes = QMessageBox.StandardButton.Yes
        answer = QMessageBox.question(self, "Export", question, yes | QMessageBox.StandardButton.No)
        return bool(answer == yes)

    def _exported(self, path: Path, count: int, notes: list[str]) -> None:
        self._says.setText("\n".join([f"{count:,} positions are in {path}", *notes]))
        self._desk.told.emit("info", f"{count:,} positions are in {path}")
