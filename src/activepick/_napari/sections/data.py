"""Section: which micrographs."""

from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import QDialog, QFileDialog, QLabel, QMenu, QPushButton, QVBoxLayout

from activepick._napari.controller import Desk
from activepick._napari.io.import_labels import FlipCheck, check_flips, take_labels
from activepick._napari.sections.section import Section, button, hint, row
from activepick._napari.soon import soon
from activepick._napari.views.micrograph_rows import Row
from activepick._napari.views.micrograph_table import MicrographTable

__all__ = ["DataSection"]

Open = Callable[[list[Path]], None]
_FILES = "Micrographs (*.mrc *.mrcs *.mrc.gz *.mrc.bz2 *.tif *.tiff *.png *.jpg *.jpeg);;All (*)"


class DataSection(Section):
    """Open micrographs, see how far each is, and go from one to the next.

    Parameters
    ----------
    desk
        The desk.
    open_paths
        Opens what was chosen.
    open_layers
        Takes the images that are open in napari.
    """

    def __init__(self, desk: Desk, open_paths: Open, open_layers: Callable[[], None]) -> None:
        super().__init__("1  Micrographs")
        self._desk, self._open = desk, open_paths
        self._last_folder = str(Path.home())
        opener = QPushButton("Open …")
        opener.setToolTip("Open micrographs, or go on with a session")
        opener.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        opener.setMinimumWidth(90)
        menu = QMenu(opener)
        menu.addAction("Folder of micrographs …", self._folder)
        menu.addAction("Micrographs …", self._files)
        menu.addAction("List of micrographs (STAR) …", self._star)
        menu.addAction("Images that are open in napari", open_layers)
        menu.addSeparator()
        menu.addAction("Session (.activepick) …", self._session)
        self._labels = menu.addAction("Labels or picks of another program …", self._take_labels)
        self._flips = menu.addAction("Check how picks lie: flips …", self._check_flips)
        self._relink = menu.addAction("The shown micrograph lies elsewhere …", self._find)
        self._accept = menu.addAction("The shown micrograph is right as it is now", self._as_is)
        self._copy = menu.addAction("Save a copy of the session …", self._save_copy)
        opener.setMenu(menu)
        self._where = hint()
        self._table = MicrographTable()
        self._table.setFixedHeight(150)
        self._table.opened.connect(desk.show)
        self._table.rejected.connect(self._reject)
        self._moves = row(
            button("◀ Before", lambda: desk.show_beside(-1), "Micrograph before (Q)"),
            button("Next ▶", lambda: desk.show_beside(1), "Next micrograph (E)"),
            button(
                "Worth seeing",
                desk.show_offered,
                "The micrograph where the model is least sure, or that is unlike all seen so far: "
                "another defocus, other scores (O)",
            ),
        )
        self.add(row(opener, self._where, stretch=1), self._table, self._moves)
        refresh = soon(self._refresh, self)
        desk.opened.connect(refresh)
        desk.micrographs_changed.connect(refresh)
        desk.picking.counts_changed.connect(refresh)
        shown = soon(self._refresh_shown, self)
        desk.labelling.labels_changed.connect(shown)
        desk.picking.picks_changed.connect(shown)
        desk.shown_changed.connect(self._mark)
        self._refresh()

    def _refresh(self) -> None:
        session, draft = self._desk.session, self._desk.draft
        for action in (self._copy, self._labels, self._flips, self._relink, self._accept):
            action.setEnabled(session is not None)
        self._moves.setEnabled(session is not None)
        self._table.setVisible(session is not None)
        self._moves.setVisible(session is not None)
        if session is None:
            text = "Open a folder of motion-corrected micrographs, or drop it here."
            if draft is not None:
                count = len(draft.files)
                text = f"{draft.files[0].parent.name}: {count:,} micrograph{'s' * (count != 1)}"
            self._where.setText(text)
            self._where.setToolTip("")
            return
        only = " (only to look at)" if session.read_only else ""
        self._where.setText(f"<b>{session.folder.stem}</b>{only}")
        self._where.setToolTip(f"The session lies in {session.folder}")
        self._table.set_rows(self._rows(list(session.state.micrographs)))
        self._mark()

    def _refresh_shown(self) -> None:
        if self._desk.session is not None and self._desk.shown:
            [row] = self._rows([self._desk.shown])
            self._table.update_row(row)

    def _rows(self, numbers: list[int]) -> list[Row]:
        assert self._desk.session is not None
        state, picking = self._desk.session.state, self._desk.picking
        counts, unsure = picking.counts(), picking.uncertainties()
        return [
            Row(
                number=number,
                name=state.names[number],
                state=state.micrographs[number].status,
                labels=len(state.labels_of(number)),
                picks=counts.get(number),
                uncertainty=unsure.get(number),
                note=picking.errors.get(number, ""),
            )
            for number in numbers
        ]

    def _mark(self) -> None:
        self._table.set_current(self._desk.shown or None)

    def _reject(self, number: int, rejected: bool) -> None:
        progress = "rejected" if rejected else "seen"
        self._desk.attempt(lambda session: session.micrographs.set_status(number, progress))

    def _folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Folder of micrographs", self._last_folder)
        self._take([path])

    def _session(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Session", self._last_folder)
        self._take([path])

    def _files(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self, "Micrographs", self._last_folder, _FILES)
        self._take(paths)

    def _star(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, "List of micrographs", self._last_folder, "STAR files (*.star);;All (*)"
        )
        self._take([path])

    def _take(self, paths: list[str]) -> None:
        chosen = [Path(path) for path in paths if path]
        if chosen:
            self._last_folder = str(chosen[0].parent)
            self._open(chosen)

    def _find(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Micrograph", self._last_folder, _FILES)
        if path:
            self._desk.relink(Path(path))

    def _as_is(self) -> None:
        self._desk.relink(None)

    def _take_labels(self) -> None:
        session = self._desk.session
        path, _ = QFileDialog.getOpenFileName(self, "Labels or picks", self._last_folder)
        if session is not None and path:
            self._desk.jobs.run(
                "import",
                lambda step: take_labels(session, Path(path)),
                lambda report: self._desk.told.emit("info", report),
                text="Taking labels in",
            )

    def _check_flips(self) -> None:
        session, number = self._desk.session, self._desk.shown
        path, _ = QFileDialog.getOpenFileName(self, "Picks", self._last_folder)
        if session is not None and number and path:
            micrograph = session.micrographs.open(number)
            radius = self._desk.radius_px
            self._desk.jobs.run(
                "flips",
                lambda step: check_flips(Path(path), micrograph, radius),
                self._show_flips,
                text="Comparing the flips",
            )

    def _show_flips(self, check: FlipCheck) -> None:
        dialog = QDialog(self)
        dialog.setWindowTitle("How the picks lie")
        picture = QPixmap()
        picture.loadFromData(check.picture)
        shown = QLabel()
        shown.setPixmap(picture.scaledToHeight(700, Qt.TransformationMode.SmoothTransformation))
        layout = QVBoxLayout(dialog)
        layout.addWidget(hint(f"<b>{check.verdict}</b>"))
        layout.addWidget(shown)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()

    def _save_copy(self) -> None:
        session = self._desk.session
        path, _ = QFileDialog.getSaveFileName(self, "Copy of the session", self._last_folder)
        if session is not None and path:
            self._desk.jobs.run(
                "copy",
                lambda step: session.save_copy(path),
                lambda folder: self._desk.told.emit("info", f"Copied to {folder}"),
                text="Copying the session",
            )
