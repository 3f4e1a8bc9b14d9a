"""Section: micrographs."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

from qtpy.QtCore import Qt
from qtpy.QtGui import QAction, QPixmap
from qtpy.QtWidgets import QDialog, QFileDialog, QLabel, QMenu, QPushButton, QVBoxLayout

from activepick._napari.controller import Controller
from activepick._napari.io.import_labels import FlipCheck, check_flips, import_labels
from activepick._napari.open_session import OpenSession
from activepick._napari.sections.section import Section, button, row, wrapped_label
from activepick._napari.session_listener import SessionListener
from activepick._napari.views.micrograph_rows import Row
from activepick._napari.views.micrograph_table import MicrographTable
from activepick._napari.views.placement_dialog import ask_placement

__all__ = ["DataSection"]

_FILES = "Micrographs (*.mrc *.mrcs *.mrc.gz *.mrc.bz2 *.tif *.tiff *.png *.jpg *.jpeg);;All (*)"


class DataSection(Section, SessionListener):
    """Open micrographs, show how far each is, and go from one to the next.

    Parameters
    ----------
    controller
        Opens files and sessions.
    open_layers
        Opens the images that are open in napari.
    """

    def __init__(self, controller: Controller, open_layers: Callable[[], object]) -> None:
        super().__init__("1  Micrographs")
        self._controller = controller
        self._last_folder = str(Path.home())
        opener = QPushButton("Open …")
        opener.setToolTip("Open micrographs, or go on with a session")
        opener.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        opener.setMinimumWidth(90)
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
                ("Labels or picks of another program …", self._import_labels),
                ("Check how picks lie: flips …", self._check_flips),
                ("The shown micrograph lies elsewhere …", self._relink),
                (
                    "The shown micrograph is right as it is now",
                    lambda session: session.relink(None),
                ),
                ("Save a copy of the session …", self._save_copy),
            )
        ]
        opener.setMenu(menu)
        self._location = wrapped_label()
        self._table = MicrographTable()
        self._table.setFixedHeight(150)
        self._table.opened.connect(lambda number: self.call(lambda session: session.show(number)))
        self._table.rejected.connect(
            lambda number, rejected: self.call(
                lambda session: session.set_rejected(number, rejected)
            )
        )
        self._neighbours = row(
            button(
                "◀ Before",
                self.with_session(lambda session: session.show_neighbour(-1)),
                "Micrograph before (Q)",
            ),
            button(
                "Next ▶",
                self.with_session(lambda session: session.show_neighbour(1)),
                "Next micrograph (E)",
            ),
            button(
                "Worth seeing",
                self.with_session(OpenSession.show_recommended),
                "The micrograph where the model is least sure, or that is unlike all seen so far: "
                "another defocus, other scores (O)",
            ),
        )
        self.add(row(opener, self._location, stretch=1), self._table, self._neighbours)
        self.clear()

    def show_session(self, session: OpenSession) -> None:
        """Show the micrographs of a session."""
        self._enable(True)
        only = " (only to look at)" if session.session.read_only else ""
        self._location.setText(f"<b>{session.session.folder.stem}</b>{only}")
        self._location.setToolTip(f"The session lies in {session.session.folder}")
        self.update_after(
            session, self._show_all, session.micrographs_changed, session.dataset.counts_changed
        )
        self.update_after(
            session, self._show_row, session.labelling.labels_changed, session.picks.changed
        )
        session.shown_changed.connect(self.with_session(self._mark_shown))
        self._show_all(session)

    def clear(self) -> None:
        """Show how many micrographs wait for a session, or how to open some."""
        self._enable(False)
        new_session = self._controller.new_session
        if new_session is None:
            text = "Open a folder of motion-corrected micrographs, or drop it here."
        else:
            count = len(new_session.files)
            text = f"{new_session.files[0].parent.name}: {count:,} micrograph{'s' * (count != 1)}"
        self._location.setText(text)
        self._location.setToolTip("")

    def _enable(self, enabled: bool) -> None:
        for action in self._session_actions:
            action.setEnabled(enabled)
        self._table.setVisible(enabled)
        self._neighbours.setVisible(enabled)

    def _show_all(self, session: OpenSession) -> None:
        self._table.set_rows(_rows(session, list(session.state.micrographs)))
        self._mark_shown(session)

    def _show_row(self, session: OpenSession) -> None:
        for shown in _rows(session, [session.shown] if session.shown else []):
            self._table.update_row(shown)

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
                text="Comparing the flips",
            )

    def _show_flips(self, check: FlipCheck) -> None:
        dialog = QDialog(self)
        dialog.setWindowTitle("How the picks lie")
        picture = QPixmap()
        picture.loadFromData(check.picture)
        label = QLabel()
        label.setPixmap(picture.scaledToHeight(700, Qt.TransformationMode.SmoothTransformation))
        layout = QVBoxLayout(dialog)
        layout.addWidget(wrapped_label(f"<b>{check.verdict}</b>"))
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


def _rows(session: OpenSession, numbers: list[int]) -> list[Row]:
    state, errors = session.state, session.dataset.errors
    counts, uncertainties = session.counts(), session.dataset.uncertainties()
    return [
        Row(
            number=number,
            name=state.names[number],
            state=state.micrographs[number].status,
            labels=len(state.labels_of(number)),
            picks=counts.get(number),
            uncertainty=uncertainties.get(number),
            note=errors.get(number, ""),
        )
        for number in numbers
    ]
