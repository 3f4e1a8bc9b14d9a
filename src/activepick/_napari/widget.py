"""The dock widget: its sections in one column, connected to the viewer and to each other."""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import platformdirs
from napari.layers import Image
from qtpy.QtCore import QEvent, QSize, Qt, QTimer
from qtpy.QtGui import QDragEnterEvent, QDropEvent, QResizeEvent, QShowEvent
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import QDockWidget, QMainWindow, QVBoxLayout, QWidget

import napari
from activepick._napari.canvas_overlay import CanvasOverlay
from activepick._napari.class_panel import ClassPanel
from activepick._napari.commands import Commands
from activepick._napari.controller import Controller
from activepick._napari.dataset_view import DatasetView
from activepick._napari.diameter_circle import DiameterCircle
from activepick._napari.drawing_tools import DrawingTools
from activepick._napari.excluded_areas import ExcludedAreas
from activepick._napari.focus import FocusPolicy
from activepick._napari.folder_watcher import FolderWatcher
from activepick._napari.foreign_units import ForeignUnits
from activepick._napari.gallery import Gallery
from activepick._napari.io.layer_files import files_of_layers
from activepick._napari.key_bindings import KeyBindings
from activepick._napari.layers import MAP, MICROGRAPH, Layers
from activepick._napari.mouse_bindings import MouseBindings
from activepick._napari.navigation import Navigation
from activepick._napari.notifications import log_notifications, record_message
from activepick._napari.patch_view import PatchView
from activepick._napari.preferences import Preferences
from activepick._napari.save_key import SaveKey
from activepick._napari.sections.data import DataSection
from activepick._napari.sections.export import ExportSection
from activepick._napari.sections.head import HeadSection
from activepick._napari.sections.label import LabelSection
from activepick._napari.sections.learning import LearningSection
from activepick._napari.sections.particle import ParticleSection
from activepick._napari.sections.picks import PicksSection
from activepick._napari.session_view import SessionView
from activepick._napari.status_bar import StatusBar
from activepick._napari.table_layers import TableLayers
from activepick._napari.views.column_area import ColumnArea
from activepick._napari.views.how_to_open import ask_how_to_open
from activepick._napari.views.message_list import MessageList, path_last
from activepick._napari.views.popups import Popups
from activepick._napari.views.reveal import Revealer
from activepick._napari.warning_bar import WarningBar
from activepick.log import start_log

__all__ = ["ActivePickWidget"]

_SIZE_HINT = QSize(400, 700)
# Height of the gallery and of the view of all micrographs, where the screen is high enough.
_DOCK_HEIGHT = 260
# Number of sections that are open at first.
_OPEN_SECTIONS = 4
# Rows of the table of micrographs, and in a widget that is lower than this.
_ROWS, _ROWS_IF_LOW, _LOW = 4, 3, 690


class _Listener(Protocol):
    """An object that listens to the viewer until it is released."""

    def release(self) -> None: ...


class ActivePickWidget(QWidget):
    """Pick particles: micrographs, particle, labels, picks, learning, model, export.

    Parameters
    ----------
    viewer
        The viewer in which the widget is docked.
    preferences
        Stored values; by default those of the user.

    Attributes
    ----------
    controller
        Opens and closes sessions.
    layers, foreign_units, navigation, commands, key_bindings, mouse, overlay, areas, drawing, view,
    circle, tables, save_key
        Connect the session with the viewer.
    data, particle, label, picks, learning, head, export
        The sections, which are also in `sections` from top to bottom.
    watcher
        Adds new micrographs to the session while they are written.
    messages, warnings, status
        Errors and warnings above the sections, and a bar below them.
    popups
        Messages about what just happened, over the canvas.
    gallery, classes, dataset
        Gallery of the picks, their class averages, and view of all micrographs, docked below the
        image when opened.
    """

    def __init__(
        self, viewer: "napari.viewer.Viewer", preferences: Preferences | None = None
    ) -> None:
        super().__init__()
        # napari passes plugins a proxy, whose layers and docks are proxies as well: they are not
        # identical to those in signals, and Qt does not accept them.
        viewer = getattr(viewer, "__wrapped__", viewer)
        self._docked = False
        start_log()
        log_notifications()
        self.setObjectName("activepick")
        self._viewer = viewer
        self.preferences = preferences or Preferences()
        self.controller = Controller(ask_how_to_open=lambda error: ask_how_to_open(self, error))
        self.layers = Layers(viewer)
        self.foreign_units = ForeignUnits(viewer, self.layers)
        self.navigation = Navigation(viewer, self.layers)
        self.commands = Commands(self.navigation, self.layers)
        self.key_bindings = KeyBindings(viewer, self.commands)
        self.mouse = MouseBindings(viewer, self.layers, self.navigation)
        self.overlay = CanvasOverlay(self.layers, self.navigation)
        self.areas = ExcludedAreas(self.layers, self.key_bindings, self)
        self.drawing = DrawingTools(self.mouse, self.layers, self.overlay, self)
        self.view = SessionView(self.layers, self.navigation, self)
        self.patch_view = PatchView(self.overlay, self.navigation, self)
        self.circle = DiameterCircle(self.layers, self.navigation, self.overlay, self)
        self.tables = TableLayers(viewer, self.layers, self)
        self.save_key = SaveKey(viewer, self.layers, self.controller.report)
        self.gallery = Gallery(self.navigation.go_to)
        self._gallery_dock: QWidget | None = None
        self.classes = ClassPanel(self.navigation.go_to)
        self._classes_dock: QWidget | None = None
        self.dataset = DatasetView()
        self._dataset_dock: QWidget | None = None
        self.watcher = FolderWatcher(self.controller, self)
        self._make_sections()
        self.commands.set_new_session_view(self.controller.show_neighbour, self.particle.toggle_raw)
        self.commands.set_tools(self._stop_tools)
        self.messages = MessageList()
        self.popups = Popups()
        self.warnings = WarningBar()
        self.status = StatusBar(self.controller.jobs)
        self._lay_out()
        self.controller.notified.connect(self._tell)
        self.controller.session_changed.connect(self._on_session_changed)
        self.controller.new_session_displayed.connect(self.layers.show_micrograph)
        self.controller.new_session_displayed.connect(self.particle.set_displayed)
        FocusPolicy(self, self._focus_canvas)
        self.setAcceptDrops(True)
        viewer.canvas.overlays.scale_bar.visible = True
        # A plugin's widget receives no close event, and Qt may delete its children first.
        self._listeners: Sequence[_Listener] = (
            self.key_bindings,
            self.mouse,
            self.navigation,
            self.tables,
            self.foreign_units,
            self.save_key,
        )
        self.destroyed.connect(_closer(self.controller, self._listeners, self.watcher))

    def sizeHint(self) -> QSize:
        """Return the width of the forms, and a height."""
        return _SIZE_HINT

    def open_path(self, path: str | Path) -> None:
        """Open a folder of micrographs, a session, a list of micrographs, or one micrograph."""
        self.controller.open_paths([path])

    def watch(self, folder: Path) -> None:
        """Open a folder of micrographs, or its session, and add new ones when they are written."""
        self.watcher.start(folder)
        self.controller.open_paths([folder])

    def open_layers(self) -> None:
        """Open the images that are open in napari, as the micrographs of a session."""
        own = [self.layers.get(name) for name in (MICROGRAPH, MAP)]
        images = [
            layer
            for layer in self._viewer.layers
            if isinstance(layer, Image) and layer not in own and layer.data.ndim == 2
        ]
        if not images:
            self.controller.notify(
                "warning", "No image open in napari can be picked: open a 2D image first."
            )
            return
        folder = Path(platformdirs.user_documents_dir()) / "activepick" / "images"
        self.controller.jobs.run(
            "open",
            lambda progress: files_of_layers(images, folder),
            lambda paths: self._open_files_of(images, paths),
            text="Reading the images",
        )

    def show_gallery(self) -> None:
        """Show the picks as crops below the micrograph."""
        if self._gallery_dock is None:
            self._gallery_dock = self._add_dock(self.gallery, "picks")
            self._gallery_dock.destroyed.connect(self._forget_gallery)
        self._gallery_dock.show()
        self._gallery_dock.raise_()
        self.gallery.refresh()

    def show_classes(self) -> None:
        """Show the picks as class averages below the micrograph."""
        if self._classes_dock is None:
            self._classes_dock = self._add_dock(self.classes, "classes")
            self._classes_dock.destroyed.connect(self._forget_classes)
        self._classes_dock.show()
        self._classes_dock.raise_()

    def show_dataset(self) -> None:
        """Show the view of all micrographs below the micrograph."""
        if self._dataset_dock is None:
            self._dataset_dock = self._add_dock(self.dataset, "dataset")
            self._dataset_dock.destroyed.connect(self._forget_dataset)
        self._dataset_dock.show()
        self._dataset_dock.raise_()
        self.dataset.refresh()

    def _add_dock(self, part: QWidget, name: str) -> QDockWidget:
        """Dock a part below the image; this widget keeps its height beside it."""
        self._viewer.window.add_dock_widget(part, name=name, area="bottom", tabify=True)
        # In a plugin the viewer returns a proxy of the dock, which Qt does not accept.
        dock = part.parentWidget()
        assert isinstance(dock, QDockWidget)
        window = self.window()
        if isinstance(window, QMainWindow):
            window.resizeDocks([dock], [_DOCK_HEIGHT], Qt.Orientation.Vertical)
            corner, right = Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea
            window.setCorner(corner, right)
        return dock

    def hide_gallery(self) -> None:
        """Hide the gallery if it is shown."""
        if self._gallery_dock is not None:
            self._gallery_dock.hide()

    def hide_classes(self) -> None:
        """Hide the class averages if they are shown."""
        if self._classes_dock is not None:
            self._classes_dock.hide()

    def close_session(self) -> None:
        """Close the session and end all jobs, before the widget is deleted."""
        self.controller.close()

    def event(self, event: QEvent) -> bool:
        """Detect that the dock was closed: napari then removes its widget from it."""
        if event.type() == QEvent.Type.ParentChange:
            if self.parent() is not None:
                self._docked = True
            elif self._docked:
                self._docked = False
                QTimer.singleShot(0, self._close_if_removed)
        return super().event(event)

    def showEvent(self, event: QShowEvent) -> None:
        """Watch the keys and draw on the canvas of the window in which the widget is docked."""
        super().showEvent(event)
        window, canvas = self._main_window(), self._canvas()
        if window is not None:
            self.save_key.watch(window)
        if canvas is not None:
            self.overlay.attach(canvas)
            self.popups.attach(canvas)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show fewer micrographs where the questions and the picks need the height."""
        super().resizeEvent(event)
        self.data.show_rows(_ROWS_IF_LOW if self.height() < _LOW else _ROWS)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept files."""
        data = event.mimeData()
        if data is not None and data.hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open files that are dropped."""
        data = event.mimeData()
        urls = [] if data is None else data.urls()
        paths = [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]
        if paths:
            self.controller.open_paths(paths)

    def _make_sections(self) -> None:
        self.data = DataSection(self.controller, self.watcher, self.open_layers)
        self.particle = ParticleSection(
            self.controller,
            self.mouse,
            self.circle.show,
            self.layers.set_sigmas,
            self.preferences,
        )
        self.label = LabelSection(self.navigation, self.commands, self.mouse, self.preferences)
        self.picks = PicksSection(
            self.areas,
            self.drawing,
            self.layers,
            self.preferences,
            self.show_gallery,
            self.show_classes,
            self.layers.toggle_picks,
        )
        self.learning = LearningSection(self.label.come_into_view)
        self.head = HeadSection(self.show_dataset)
        self.export = ExportSection(self.preferences)
        self.sections = (
            self.data,
            self.particle,
            self.label,
            self.picks,
            self.learning,
            self.head,
            self.export,
        )

    def _lay_out(self) -> None:
        column = QWidget()
        inside = QVBoxLayout(column)
        inside.setContentsMargins(2, 2, 2, 2)
        inside.setSpacing(2)
        for index, section in enumerate(self.sections):
            inside.addWidget(section)
            section.remember_open(self.preferences, f"{section.title} open", index < _OPEN_SECTIONS)
        self.particle.set_open(True)
        inside.addWidget(self.label.options)
        inside.addStretch(1)  # all free space, so that no section grows
        scroll = ColumnArea(column)
        revealer = Revealer(scroll)
        for section in (*self.sections, self.label.options):
            section.toggled.connect(revealer.forget)
            section.reveal_requested.connect(revealer.reveal)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(2, 2, 2, 2)
        for part in (self.messages, self.warnings, scroll, self.status):
            outer.addWidget(part)

    def _stop_tools(self) -> None:
        self.areas.stop()
        self.drawing.stop()
        self.particle.stop_measuring()
        if self.controller.open_session is not None:
            self.controller.open_session.patches.stop()

    def _tell(self, severity: str, text: str) -> None:
        """Show a message, with its folders at the end, and keep errors in the list."""
        short = path_last(text)
        record_message(severity, short)
        self.popups.show_message(severity, short)
        if severity == "error":
            self.messages.add(text)

    def _main_window(self) -> QMainWindow | None:
        """Return the window in which the widget is docked."""
        window: QWidget | None = self.window()
        if not isinstance(window, QMainWindow) and window is not None:
            window = window.parentWidget()  # of a floating dock
        return window if isinstance(window, QMainWindow) else None

    def _canvas(self) -> QOpenGLWidget | None:
        window = self._main_window()
        central = None if window is None else window.centralWidget()
        return None if central is None else central.findChild(QOpenGLWidget)

    def _focus_canvas(self) -> None:
        """Set the keyboard focus to the canvas of the viewer."""
        canvas = self._canvas()
        if canvas is not None:
            canvas.setFocus()

    def _on_session_changed(self) -> None:
        session = self.controller.open_session
        for part in (
            self.key_bindings,
            self.mouse,
            self.view,  # before the parts that draw on its layers
            self.patch_view,
            self.areas,
            self.drawing,
            self.tables,
            self.watcher,
            self.gallery,
            self.classes,
            self.dataset,
            *self.sections,
            self.warnings,
            self.status,
        ):
            part.set_session(session)
        # In a session the particle is known, and the questions need the space.
        self.particle.set_open(session is None)
        if session is None and self.controller.new_session is None:
            self.layers.clear()

    def _open_files_of(self, images: list[Image], paths: list[Path]) -> None:
        for layer in images:
            layer.visible = False
        self.controller.open_paths(paths)

    def _close_if_removed(self) -> None:
        if self.parent() is None and not self.isVisible():
            for listener in self._listeners:
                listener.release()
            self.watcher.stop()
            self.controller.close_session()

    def _forget_dataset(self) -> None:
        self._dataset_dock = None

    def _forget_classes(self) -> None:
        self._classes_dock = None

    def _forget_gallery(self) -> None:
        self._gallery_dock = None


def _closer(
    controller: Controller, listeners: Sequence[_Listener], watcher: FolderWatcher
) -> Callable[[], None]:
    """Return a function that ends all jobs without using the widget, which may be deleted."""

    def close() -> None:
        for listener in listeners:
            with contextlib.suppress(RuntimeError):  # Qt may have deleted the viewer before
                listener.release()
        with contextlib.suppress(RuntimeError):
            watcher.stop()
        controller.close()

    return close
