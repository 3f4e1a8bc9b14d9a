"""Section: micrographs."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

from qtpy.QtCore import Qt
from qtpy.QtGui import QAction, QPixmap
from qtpy.QtWidgets import QDialog, QFileDialog, QLabel, QMenu, QPushButton, QVBoxLayout

from activepick._napari.controller import Controller
from activepick._napari.folder_watcher import FolderWatcher
from activepick._napari.io.import_labels import FlipCheck, check_flips, import_labels
from activepick._napari.open_session import OpenSession
from activepick._napari.row_updates import RowUpdates
from activepick._napari.sections.section import Section, button, row
from activepick._napari.session_listener import SessionListener
from activepick._napari.views.micrograph_rows import Row
from activepick._napari.views.micrograph_table import MicrographTable
from activepick._napari.views.placement_dialog import ask_placement
from activepick._napari.views.wrapped_label import WrappedLabel

__all__ = ["DataSection"]

_FILES = "Micrographs (*.mrc *.mrcs *.mrc.gz *.mrc.bz2 *.tif *.tiff *.png *.jpg *.jpeg);;All (*)"


class DataSection(Section, SessionListener):
    """Open micrographs, show the status of each, and move between them.

    Parameters
    ----------
    controller
        Opens files and sessions.
    watcher
        Adds new micrographs while they are written.
    open_layers
        Opens the images that are open in napari.
    """

    def __init__(
        self, controller: Controller, watcher: FolderWatcher, open_layers: Callable[[], object]
    ) -> None:
        super().__init__("1  Micrographs")
        self._watcher = watcher
        self._controller = controller
        self._last_folder = str(Path.home())
        opener = QPushButton("Open …")
        opener.setToolTip("Open micrographs, or continue a session")
        opener.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        menu = QMenu(opener)
        menu.addAction("Folder of micrographs …", self._ask_folder)
        menu.addAction("Micrographs …", self._ask_files)
        menu.addAction("List of micrographs (STAR) …", self._ask_star)
        menu.addAction("Images that are open in napari", open_layers)
        menu.addSeparator()
        menu.addAction("Session (.activepick) …", self._ask_session)
        self._session_actions: list[QAction] = [
            cast(QAction, menu.addAction(text, self.with_session(act)))
            for text, act in (
                ("Import labels or picks …", self._import_labels),
                ("Check picks for flipped axes …", self._check_flips),
                ("Relocate file of the shown micrograph …", self._relink),
                (
                    "Accept the changed file of the shown micrograph",
                    lambda session: session.relink(None),
                ),
                ("Save a copy of the session …", self._save_copy),
            )
        ]
        self._watch = cast(QAction, menu.addAction("Watch for new micrographs"))
        self._watch.setCheckable(True)
        self._watch.setToolTip("Add and pick new micrographs when they are written to the folder")
        self._watch.triggered.connect(self._set_watching)
        watcher.changed.connect(self._show_watching)
        self._session_actions.append(self._watch)
        opener.setMenu(menu)
        self._location = WrappedLabel()
        self._table = MicrographTable()
        self._updates = RowUpdates(self._table, self)
        self._table.opened.connect(self._show_micrograph)
        controller.new_session_paged.connect(self._show_new)
        self._table.rejected.connect(
            lambda number, rejected: self.call(
                lambda session: session.set_rejected(number, rejected)
            )
        )
        self._neighbours = (
            button(
                "◀ Previous",
                lambda: controller.show_neighbour(-1),
                "Previous micrograph (Q)",
            ),
            button(
                "Next ▶",
                lambda: controller.show_neighbour(1),
                "Next micrograph (E)",
            ),
            button(
                "Most informative",
                self.with_session(OpenSession.show_recommended),
                "Show the micrograph where the model is least certain, or one whose defocus or "
                "scores "
                "differ from all that were seen so far (O)",
            ),
        )
        self.add(row(opener, *self._neighbours), self._location, self._table)
        self.clear()

    def show_rows(self, count: int) -> None:
        """Show a number of rows of the table at a time."""
        self._table.show_rows(count)

    def show_session(self, session: OpenSession) -> None:
        """Show the micrographs of a session."""
        self._enable(True)
        self._show_watching()
        self._location.hide()
        self.update_after(session, self._show_all, session.dataset.counts_changed)
        self.update_after(
            session,
            self._show_changed,
            session.micrographs_changed,
            session.labelling.labels_changed,
            session.picks.changed,
        )
        session.shown_changed.connect(self.with_session(self._mark_shown))
        self._show_all(session)

    def clear(self) -> None:
        """Show the number of micrographs of a new session, or how to open micrographs."""
        self._enable(False)
        self._updates.clear()
        new_session = self._controller.new_session
        if new_session is None:
            text = "Open a folder of motion-corrected micrographs, or drop it here."
        else:
            count = len(new_session.files)
            text = f"{new_session.files[0].parent.name}: {count:,} micrograph{'s' * (count != 1)}"
            self._show_new()
        self.set_summary("")
        self._location.setText(text)
        self._location.show()

    def _set_watching(self, on: bool) -> None:
        def start(session: OpenSession) -> None:
            entries = session.state.micrographs.values()
            folder = next((Path(entry.absolute).parent for entry in entries), None)
            if folder is not None:
                self._watcher.start(folder)

        if on:
            self.call(start)
        else:
            self._watcher.stop()

    def _show_watching(self) -> None:
        self._watch.setChecked(self._watcher.folder is not None)
        self.call(self._show_name)

    def _show_name(self, session: OpenSession) -> None:
        facts = [session.session.folder.stem]
        if session.session.read_only:
            facts.append("read-only")
        if self._watcher.folder is not None:
            facts.append("watching for new ones")
        self.set_summary(", ".join(facts))

    def _enable(self, enabled: bool) -> None:
        for action in self._session_actions:
            action.setEnabled(enabled)
        listed = enabled or self._controller.new_session is not None
        previous, following, informative = self._neighbours
        for part in (self._table, previous, following):
            part.setVisible(listed)
        informative.setVisible(enabled)

    def _show_micrograph(self, number: int) -> None:
        new = self._controller.new_micrographs
        if new is not None:
            new.show(number - 1)
        else:
            self.call(lambda session: session.show(number))

    def _show_new(self) -> None:
        """Show the micrographs of the new session."""
        new = self._controller.new_micrographs
        if new is not None:
            self._table.set_rows(
                [
                    Row(index + 1, file.name, "unseen", note=new.errors.get(index, ""))
                    for index, file in enumerate(new.files)
                ]
            )
            self._table.set_current(new.shown + 1)

    def _show_all(self, session: OpenSession) -> None:
        self._updates.update(session)
        self._mark_shown(session)

    def _show_changed(self, session: OpenSession) -> None:
        """Update the rows that changed, since other micrographs are picked as well."""
        counts = {} if session.picks.previewed else session.counts()
        errors, rows = session.dataset.errors, self._table.rows
        changed = [
            number
            for number, entry in session.state.micrographs.items()
            if (known := rows.get(number)) is None
            or number == session.shown
            or known.state != entry.status
            or known.note != errors.get(number, "")
            or known.picks != counts.get(number, known.picks)
        ]
        self._updates.update(session, changed)
        self._mark_shown(session)

    def _mark_shown(self, session: OpenSession) -> None:
        self._table.set_current(session.shown or None)

    def _ask_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Folder of micrographs", self._last_folder)
        self._open([path])

    def _ask_session(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Session", self._last_folder)
        self._open([path])

    def _ask_files(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self, "Micrographs", self._last_folder, _FILES)
        self._open(paths)

    def _ask_star(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, "List of micrographs", self._last_folder, "STAR files (*.star);;All (*)"
        )
        self._open([path])

    def _open(self, chosen: list[str]) -> None:
        paths = [Path(path) for path in chosen if path]
        if paths:
            self._last_folder = str(paths[0].parent)
            self._controller.open_paths(paths)

    def _relink(self, session: OpenSession) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Micrograph", self._last_folder, _FILES)
        if path:
            session.relink(Path(path))

    def _import_labels(self, session: OpenSession) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Labels or picks", self._last_folder)
        placement = ask_placement(self, Path(path).name) if path else None
        if placement is not None:
            session.jobs.run(
                "import",
                lambda progress: import_labels(session.session, Path(path), placement),
                lambda report: session.notify("info", report),
                text="Importing labels",
            )

    def _check_flips(self, session: OpenSession) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Picks", self._last_folder)
        if path and session.shown:
            micrograph = session.session.micrographs.open(session.shown)
            radius = session.images.radius_px
            session.jobs.run(
                "flips",
                lambda progress: check_flips(Path(path), micrograph, radius),
                self._show_flips,
                text="Comparing flipped positions",
            )

    def _show_flips(self, check: FlipCheck) -> None:
        dialog = QDialog(self)
        dialog.setWindowTitle("Flipped axes")
        picture = QPixmap()
        picture.loadFromData(check.picture)
        label = QLabel()
        label.setPixmap(picture.scaledToHeight(700, Qt.TransformationMode.SmoothTransformation))
        layout = QVBoxLayout(dialog)
        layout.addWidget(WrappedLabel(f"<b>{check.verdict}</b>"))
        layout.addWidget(label)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()

    def _save_copy(self, session: OpenSession) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Copy of the session", self._last_folder)
        if path:
            session.jobs.run(
                "copy",
                lambda progress: session.session.save_copy(path),
                lambda folder: session.notify("info", f"Copied to {folder}"),
                text="Copying the session",
            )
