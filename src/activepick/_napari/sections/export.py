"""Section: export of picks and labels."""

from dataclasses import replace
from pathlib import Path

from magicgui.widgets import ComboBox, Container
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QMessageBox

from activepick._napari.io.export import ExportTarget
from activepick._napari.open_session import OpenSession
from activepick._napari.preferences import Preferences
from activepick._napari.sections.section import Section, button, row
from activepick._napari.session_listener import SessionListener
from activepick._napari.views.files_in_folder import ask_about_files, may_replace
from activepick._napari.views.wrapped_label import WrappedLabel
from activepick.formats import FORMATS, Format
from activepick.wording import counted, elided

__all__ = ["ExportSection"]

HERE, ALL = "this micrograph", "all micrographs"
ALL_KINDS = "all kinds of particles"
FILE, FOLDER = "one file", "a file for each micrograph"
# Lists of micrographs from which a format takes names, by the name of the format.
_LISTS = {
    "star": "RELION's micrographs.star, for the exact names",
    "cs": "cryoSPARC's exposures (.cs)",
}


class ExportSection(Section, SessionListener):
    """Write picks or labels in pixels of the micrographs.

    Parameters
    ----------
    preferences
        Remembers the choices.
    """

    def __init__(self, preferences: Preferences) -> None:
        super().__init__("7  Export")
        self._preferences = preferences
        self._formats = {
            f"{one.title} (*{one.extensions[0]})": name for name, one in FORMATS.items()
        }
        self._list: Path | None = None
        titles = list(self._formats)
        chosen = preferences.get("format", titles[0])
        self.format = ComboBox(
            label="Format", choices=titles, value=chosen if chosen in titles else titles[0]
        )
        self.which = ComboBox(label="Micrographs", choices=[ALL, HERE], value=ALL)
        self.into = ComboBox(label="Output", choices=[FILE, FOLDER], value=FILE)
        self.kind = ComboBox(label="Kind", choices=[ALL_KINDS], value=ALL_KINDS)
        form = Container(widgets=[self.format, self.which, self.kind, self.into], labels=True)
        form.margins = (0, 0, 0, 0)
        for box in (self.format, self.which, self.kind, self.into):
            box.native.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
            box.changed.connect(self._update_choices)
        self.format.changed.connect(lambda value: preferences.set("format", value))
        self._list_button = button(
            "",
            self.with_session(self._ask_list),
            "The names of the micrographs have to match this list exactly",
        )
        self._result = WrappedLabel()
        self.add(
            form.native,
            self._list_button,
            row(
                button(
                    "Export picks …",
                    self.with_session(self._ask_export),
                    "Coordinates are in pixels of the micrographs",
                ),
                button(
                    "Export labels …",
                    self.with_session(self._ask_export_labels),
                    "As CSV, since the other formats cannot contain non-particles",
                ),
            ),
            self._result,
        )
        self._update_choices()
        self.clear()

    def show_session(self, session: OpenSession) -> None:
        """Export from a session."""
        self.clear()
        self.setEnabled(True)
        session.dataset.exported.connect(
            lambda path, count, notes: self._show_result(session, path, count, notes)
        )
        self.update_after(session, self._show_kinds, session.settings_changed)
        self._show_kinds(session)

    def clear(self) -> None:
        """Disable the export."""
        self.setEnabled(False)
        self._result.clear()

    def set_list(self, path: Path | None) -> None:
        """Set the other program's list of micrographs, from which names are taken."""
        self._list = path
        self._update_choices()

    def export(self, path: Path, *, overwrite: bool = False) -> None:
        """Export the picks, without a question before files are replaced.

        Parameters
        ----------
        path
            File or folder to write.
        overwrite
            Whether files of an earlier export are removed from the folder if this one does not
            write them.
        """
        self.call(
            lambda session: session.dataset.export(
                replace(self._target(session, path), overwrite=overwrite),
                micrograph=self._micrograph(session),
                kind=session.settings.kind_numbers.get(self.kind.value),
            )
        )

    def _show_kinds(self, session: OpenSession) -> None:
        """Offer the kinds of particles of the session, if there are several."""
        names = list(session.settings.kind_numbers)
        if list(self.kind.choices) != [ALL_KINDS, *names]:
            self.kind.choices = [ALL_KINDS, *names]
        self.kind.visible = bool(names)

    @property
    def _format(self) -> Format:
        return FORMATS[self._formats[self.format.value]]

    def _micrograph(self, session: OpenSession) -> int | None:
        """Return the number of the micrograph to export; None for all."""
        return session.shown if self.which.value == HERE else None

    def _target(self, session: OpenSession, path: Path) -> ExportTarget:
        displayed = session.images.displayed
        return ExportTarget(
            path=path,
            format=self._format.name,
            folder=self.into.value == FOLDER,
            box_px=2 * session.images.radius_px,
            pixel_size_angstrom=None if displayed is None else displayed.pixel_size_angstrom,
            micrograph_list=self._list if self._format.name in _LISTS else None,
        )

    def _ask_export(self, session: OpenSession) -> None:
        missing = session.dataset.unpicked()
        if self.which.value == ALL and missing:
            buttons = QMessageBox.StandardButton
            answer = QMessageBox.question(
                self,
                "Export",
                counted(missing, "micrograph has", "micrographs have", ",")
                + " not been picked with the current model, only with an earlier one or not at "
                "all. Pick them first?\nNo: export the existing picks.",
                buttons.Yes | buttons.No | buttons.Cancel,
            )
            if answer == buttons.Cancel:
                return
            if answer == buttons.Yes:
                session.dataset.predict(lambda: self._ask_path(session))
                return
        self._ask_path(session)

    def _ask_path(self, session: OpenSession) -> None:
        suffix, folder = self._format.extensions[0], self._folder(session)
        if self.into.value == FOLDER:
            chosen = QFileDialog.getExistingDirectory(self, "Export picks", folder)
            if chosen:
                self._fill(Path(chosen))
        else:
            # The dialog asks before a file is replaced.
            proposed = str(Path(folder) / f"picks{suffix}")
            kinds = f"{self._format.title} (*{suffix});;All (*)"
            chosen, _ = QFileDialog.getSaveFileName(self, "Export picks", proposed, kinds)
            path = self._with_extension(chosen, self._format) if chosen else None
            if path is not None:
                self._preferences.set("export folder", str(path.parent))
                self.export(path)

    def _fill(self, folder: Path) -> None:
        """Export to a folder; ask what to do with existing files."""
        existing = next(folder.rglob(f"*{self._format.ending}"), None)
        overwrite = None if existing is None else ask_about_files(self, folder, existing.name)
        if existing is None or overwrite is not None:
            self._preferences.set("export folder", str(folder.parent))
            self.export(folder, overwrite=bool(overwrite))

    def _ask_export_labels(self, session: OpenSession) -> None:
        proposed = str(Path(self._folder(session)) / "labels.csv")
        chosen, _ = QFileDialog.getSaveFileName(self, "Export labels", proposed, "CSV (*.csv)")
        path = self._with_extension(chosen, FORMATS["csv"]) if chosen else None
        if path is not None:
            target = replace(
                self._target(session, path), format="csv", folder=False, micrograph_list=None
            )
            session.dataset.export_labels(target, micrograph=self._micrograph(session))

    def _update_choices(self) -> None:
        """Offer the choices that the format supports."""
        single = self._format.one_micrograph and self.which.value == ALL
        if single:
            self.into.value = FOLDER
        elif not self.into.enabled:  # the user had no choice
            self.into.value = FILE
        self.into.enabled = not single
        name = self._format.name
        self._list_button.setVisible(name in _LISTS)
        if name in _LISTS:
            chosen = "choose …" if self._list is None else elided(self._list.name, 14)
            self._list_button.setText(f"{_LISTS[name].split(',')[0]}: {chosen}")
            self._list_button.setToolTip(_LISTS[name])

    def _ask_list(self, session: OpenSession) -> None:
        title, folder = _LISTS[self._format.name], self._folder(session)
        path, _ = QFileDialog.getOpenFileName(self, title, folder, "Lists (*.star *.cs)")
        self.set_list(Path(path) if path else None)

    def _folder(self, session: OpenSession) -> str:
        folder = Path(self._preferences.get("export folder", ""))
        if not folder.is_absolute():
            folder = session.session.folder.parent
        return str(folder if folder.is_dir() else Path.home())

    def _with_extension(self, typed: str, format: Format) -> Path | None:
        """Return the path with the extension of the format; None if it must not be overwritten."""
        if typed.lower().endswith(format.extensions):
            return Path(typed)
        # The dialog did not ask about a file with this name.
        path = Path(typed + format.extensions[0])
        return path if not path.exists() or may_replace(self, "Export", path) else None

    def _show_result(self, session: OpenSession, path: Path, count: int, notes: list[str]) -> None:
        text = f"{counted(count, 'position', spec=',')} written to {path}"
        self._result.setText("\n".join([text, *notes]))
        session.notify("info", text)
