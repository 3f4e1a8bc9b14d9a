"""The dock widget: the sections in one column, and everything that connects them to the viewer."""

import contextlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import platformdirs
from napari.layers import Image, Shapes
from napari.utils import notifications
from qtpy.QtCore import QEvent, QSize, Qt, QTimer, QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

import napari
from activepick._napari.areas import AreaTools
from activepick._napari.controller import Desk
from activepick._napari.focus import Manners
from activepick._napari.gallery import Gallery
from activepick._napari.images import Picture
from activepick._napari.layers import LABELS, PICKS, QUESTIONS, Layers
from activepick._napari.mouse_bindings import Hands, Place
from activepick._napari.preferences import Preferences
from activepick._napari.sections.data import DataSection
from activepick._napari.sections.export import ExportSection
from activepick._napari.sections.head import HeadSection
from activepick._napari.sections.label import LabelSection
from activepick._napari.sections.learning import LearningSection
from activepick._napari.sections.particle import ParticleSection
from activepick._napari.sections.picks import PicksSection
from activepick._napari.sections.section import button, row
from activepick._napari.soon import soon
from activepick._napari.views.busy_bar import BusyBar
from activepick._napari.views.how_to_open import ask_how_to_open
from activepick._napari.views.warning_bar import DoubtBar
from activepick._napari.window import log_notifications
from activepick.errors import ActivepickError, SessionError
from activepick.log import log_file, start_log
from activepick.session.draft import Draft, draft_of, session_at
from activepick.session.star_micrographs import read_micrograph_list

if TYPE_CHECKING:
    pass

__all__ = ["ActivePickWidget"]

_WIDTH = 400
_log = logging.getLogger(__name__)


class ActivePickWidget(QWidget):
    """Pick particles: micrographs, particle, labels, picks, learning, model, export.

    Parameters
    ----------
    viewer
        The viewer that it is docked in.
    preferences
        What it remembers; by default the person's own.
    """

    def __init__(
        self, viewer: "napari.viewer.Viewer", preferences: Preferences | None = None
    ) -> None:
        super().__init__()
        self._docked = False
        start_log()
        log_notifications()
        self.setObjectName("activepick")
        self._viewer = viewer
        self.preferences = preferences or Preferences()
        self.desk = desk = Desk()
        self.layers = Layers(viewer, desk.picking.want_map)
        self.hands = Hands(viewer, self.layers, desk)
        self.areas = AreaTools(viewer, self.layers, self.hands, desk)
        self.gallery = Gallery(desk, self._go_to)
        self._gallery_dock: QWidget | None = None
        self.data = DataSection(desk, self.open_paths, self.open_layers)
        self.particle = ParticleSection(desk, self.hands, self._show_circle, self.preferences)
        self.label = LabelSection(desk, self.hands, self.preferences)
        self.picks = PicksSection(desk, self.areas, self.show_gallery, self.hands.toggle_picks)
        self.learning = LearningSection(desk)
        self.head = HeadSection(desk)
        self.export = ExportSection(desk, self.preferences)
        self.sections = (
            self.data,
            self.particle,
            self.label,
            self.picks,
            self.learning,
            self.head,
            self.export,
        )
        self._doubts = DoubtBar(desk)
        self._busy = BusyBar()
        self._busy.cancelled.connect(self._cancel)
        self._lanes: dict[str, str] = {}
        self._saved = QLabel()
        self._lay_out()
        self._connect()
        Manners(self, self._focus_canvas)
        self.setAcceptDrops(True)
        # A plugin's widget gets no close event: what is under it may be gone before Python knows.
        self.destroyed.connect(_closer(desk, self.hands))
        desk.picking.learnt.connect(self._warm_up)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._hide_circle)

    def sizeHint(self) -> QSize:
        """As wide as the forms need, as high as there is room."""
        return QSize(_WIDTH, 700)

    def open_path(self, path: str | Path) -> None:
        """Open a folder of micrographs, a session, a list of micrographs, or one micrograph."""
        self.open_paths([Path(path)])

    def open_paths(self, paths: Sequence[Path]) -> None:
        """Open what a person named; an error is told."""
        try:
            self._open([Path(path) for path in paths])
        except ActivepickError as error:
            self.desk.report(error)
        except OSError as error:
            self.desk.report(SessionError(f"{error.filename}: {error.strerror}."))

    def open_layers(self) -> None:
        """Make a session of the images that are open in napari."""
        ours = {self.layers.get(name) for name in ("micrograph", "score map")}
        images = [
            layer
            for layer in self._viewer.layers
            if isinstance(layer, Image) and layer not in ours and layer.data.ndim == 2
        ]
        if not images:
            self.desk.told.emit("warning", "No image is open in napari that could be picked.")
            return
        from activepick._napari.io.layer_files import files_of_layers

        folder = _documents() / "activepick" / "images"
        self.desk.jobs.run(
            "open",
            lambda step: files_of_layers(images, folder),
            self._open_copies(images),
            text="Taking over the images",
        )

    def show_gallery(self) -> None:
        """Show the picks as crops, below the micrograph."""
        if self._gallery_dock is None:
            self._gallery_dock = self._viewer.window.add_dock_widget(
                self.gallery, name="picks", area="bottom"
            )
            self._gallery_dock.destroyed.connect(self._forget_gallery)
        self._gallery_dock.show()
        self._gallery_dock.raise_()
        self.gallery.refresh()

    def event(self, event: QEvent) -> bool:
        """Notice that the dock was closed: napari then takes its widget out of it."""
        if event.type() == QEvent.Type.ParentChange:
            if self.parent() is not None:
                self._docked = True
            elif self._docked:
                self._docked = False
                QTimer.singleShot(0, self._leave_if_closed)
        return super().event(event)

    def _leave_if_closed(self) -> None:
        if self.parent() is None and not self.isVisible():
            self.hands.release()
            self.desk.close_session()
            self.layers.clear()

    def _focus_canvas(self) -> None:
        self._viewer.window._qt_viewer.canvas.native.setFocus()

    def close_desk(self) -> None:
        """Leave the session and end all work."""
        self.desk.close()

    def dragEnterEvent(self, event) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event) -> None:
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            self.open_paths(paths)

    def _open(self, paths: list[Path]) -> None:
        session = session_at(paths[0]) if len(paths) == 1 else None
        if session is not None:
            self._open_session(session)
            if paths[0] != session and paths[0].is_dir():
                self._add_new(draft_of([paths[0]], paths[0]).files)
            return
        if len(paths) == 1 and paths[0].suffix.lower() == ".star":
            found = read_micrograph_list(paths[0])
            if not found.files:
                raise SessionError(
                    f"{paths[0]}: none of its micrographs is there, such as "
                    f"{(*found.missing, 'none')[0]}. Keep the folders of the project together."
                )
            plan = draft_of(found.files, _documents() / "activepick")
            draft = Draft(
                plan.folder, plan.files, found.pixel_size_angstrom, found.defocus_angstrom
            )
        else:
            draft = draft_of(paths, _documents() / "activepick")
        # Whoever opens the same micrographs in another way means the same session.
        before = session_at(draft.files[0].parent)
        if before is not None:
            self._open_session(before)
            self._add_new(draft.files)
        else:
            self.desk.open_draft(draft)

    def _open_session(self, folder: Path) -> None:
        if self.desk.session is not None and self.desk.session.folder == folder:
            return  # it is on the desk
        try:
            self.desk.open_session(folder)
        except SessionError as error:
            how = ask_how_to_open(self, error)
            if how:
                self.desk.open_session(folder, **{how: True})

    def _add_new(self, files: Sequence[Path]) -> None:
        """Take files into the session that are not in it yet."""
        session = self.desk.session
        if session is None or session.read_only:
            return
        known = {entry.name for entry in session.state.micrographs.values()}
        new = [file for file in files if file.name not in known]
        if new:
            self.desk.add_files(new)

    def _open_copies(self, images: list[Image]) -> Callable[[list[Path]], None]:
        def opened(paths: list[Path]) -> None:
            for layer in images:
                layer.visible = False
            self.open_paths(paths)

        return opened

    def _lay_out(self) -> None:
        column = QWidget()
        inside = QVBoxLayout(column)
        inside.setContentsMargins(2, 2, 2, 2)
        inside.setSpacing(3)
        for section in self.sections:
            inside.addWidget(section)
            opened = self.preferences.get(f"{section.title} open", section in self.sections[:4])
            section.set_open(opened or section is self.particle)
            section.folded.connect(
                lambda opened, name=section.title: self.preferences.set(f"{name} open", opened)
            )
        inside.addStretch()
        scroll = QScrollArea()
        scroll.setWidget(column)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._saved.setToolTip("Every click is written to disk before it counts as saved")
        log = button("Log", self._open_log, "Open the log file")
        log.setFlat(True)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(2, 2, 2, 2)
        outer.addWidget(self._doubts)
        outer.addWidget(scroll)
        outer.addWidget(self._busy)
        outer.addWidget(row(self._saved, log, stretch=0))
        self.setMinimumWidth(340)

    def _connect(self) -> None:
        desk = self.desk
        desk.told.connect(_tell)
        desk.opened.connect(self._opened)
        desk.saved.connect(soon(self._show_saved, self))
        desk.images.ready.connect(self._show_picture)
        desk.images.failed.connect(self.layers.blank)
        desk.micrographs_changed.connect(self._show_rejected)
        desk.shown_changed.connect(self._show_places)
        questions = soon(self._show_questions, self)
        desk.labelling.labels_changed.connect(soon(self._show_labels, self))
        desk.labelling.questions_changed.connect(questions)
        desk.labelling.current_changed.connect(questions)
        desk.picking.picks_changed.connect(soon(self._show_picks, self))
        desk.picking.map_ready.connect(self.layers.show_map)
        desk.jobs.started.connect(self._on_started)
        desk.jobs.progressed.connect(self._on_progress)
        desk.jobs.finished.connect(self._on_finished)

    def _opened(self) -> None:
        if self.desk.session is None and self.desk.draft is None:
            self.layers.clear()
        else:
            self.layers.empty()  # napari takes long to remove layers and to make new ones
        # The particle is known once there is a session; the room goes to the questions.
        self.particle.set_open(self.desk.session is None)
        self._show_saved()

    def _show_picture(self, picture: Picture) -> None:
        self.layers.show_picture(picture)
        self._show_places()
        self._show_picks()
        self._show_rejected()
        self.hands.look()

    def _warm_up(self) -> None:
        # napari compiles for seconds when the first shape of a program is drawn.
        self.desk.picking.learnt.disconnect(self._warm_up)
        self.desk.jobs.run("warm-up", lambda step: Shapes([np.eye(3, 2)], shape_type="polygon"))

    def _show_rejected(self) -> None:
        session, shown = self.desk.session, self.desk.shown
        rejected = False
        if session is not None and shown:
            rejected = session.state.micrographs[shown].status == "rejected"
        self.layers.show_rejected(rejected)

    def _show_places(self) -> None:
        self._show_labels()
        self._show_questions()

    def _show_labels(self) -> None:
        session = self.desk.session
        if session is not None and self.layers.has_picture:
            marks, name = session.state.marks_of(self.desk.shown), self._shown_name()
            self.layers.show_labels(marks, self._diameter(), name)
            self._bind(LABELS)

    def _show_questions(self) -> None:
        session = self.desk.session
        if session is not None and self.layers.has_picture:
            here = [q for q in session.state.questions if q.micrograph == self.desk.shown]
            self.layers.show_questions(here, self.desk.labelling.current, self._diameter())
            self._bind(QUESTIONS)

    def _show_picks(self) -> None:
        session = self.desk.session
        if session is not None and self.layers.has_picture and self.desk.shown:
            picks = self.desk.picking.picks
            self.layers.show_picks(picks, self._diameter(), self._shown_name())
            self._bind(PICKS)
            if self._gallery_dock is not None and self._gallery_dock.isVisible():
                self.gallery.refresh()

    def _bind(self, name: str) -> None:
        layer = self.layers.get(name)
        if layer is not None:
            self.hands.bind(layer)

    def _shown_name(self) -> str:
        session, shown = self.desk.session, self.desk.shown
        return session.state.names[shown] if session is not None and shown else ""

    def _diameter(self) -> float:
        return 2 * self.desk.radius_px or 1.0

    def _show_circle(self, diameter_px: float, place: Place | None) -> None:
        if not self.layers.has_picture or diameter_px < 1:
            return
        if place is None:
            y, x = np.asarray(self._viewer.scene.camera.center)[-2:] / self.layers.scale
            place = (float(x), float(y))
        self.layers.show_circle(diameter_px, place)
        self._timer.start(3000)

    def _hide_circle(self) -> None:
        # napari takes long to remove a layer: that is for when nothing else goes on.
        if self.desk.jobs.busy():
            self._timer.start(1000)
        else:
            self.layers.hide_circle()

    def _go_to(self, x: float, y: float) -> None:
        scale = self.layers.scale
        self._viewer.scene.camera.center = (y * scale, x * scale)

    def _show_saved(self) -> None:
        session = self.desk.session
        if session is None:
            self._saved.setText("")
        elif session.failure:
            self._saved.setText(f"⚠ not saved: {session.failure}")
        elif session.read_only:
            self._saved.setText("only to look at")
        elif len(session.pending):
            self._saved.setText("saving …")
        else:
            self._saved.setText("✓ all saved")

    def _on_started(self, lane: str, text: str) -> None:
        self._lanes[lane] = text
        self._busy.set_busy(text)

    def _on_progress(self, lane: str, fraction: float) -> None:
        # With several things going on, the one that began last is shown.
        if self._lanes and lane == list(self._lanes)[-1]:
            self._busy.set_busy(self._lanes[lane], fraction)

    def _on_finished(self, lane: str) -> None:
        self._lanes.pop(lane, None)
        if self._lanes:
            self._busy.set_busy(list(self._lanes.values())[-1])
        else:
            self._busy.set_idle()

    def _cancel(self) -> None:
        for lane in list(self._lanes):
            self.desk.jobs.cancel(lane)
        if self._lanes:
            self._busy.set_busy("Stopping …")

    def _forget_gallery(self) -> None:
        self._gallery_dock = None

    def _open_log(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(log_file())))


def _tell(severity: str, sentence: str) -> None:
    show = {
        "info": notifications.show_info,
        "warning": notifications.show_warning,
        "error": notifications.show_error,
    }[severity]
    show(sentence)


def _documents() -> Path:
    return Path(platformdirs.user_documents_dir())


def _closer(desk: Desk, hands: Hands) -> Callable[[], None]:
    """Give what ends the work when the widget is gone; it must not need the widget."""

    def close() -> None:
        with contextlib.suppress(RuntimeError):  # Qt may have taken the viewer away first
            hands.release()
        desk.close()

    return close
