"""Ctrl+S and File > Save for a layer of picks or labels: save it in the format of the extension."""

import weakref
from collections.abc import Callable
from pathlib import Path

from napari.components import ViewerModel
from napari.layers import Points
from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtGui import QAction, QKeyEvent, QKeySequence
from qtpy.QtWidgets import QFileDialog, QMainWindow, QMenu

from activepick._napari.layers import LABELS, PICKS, Layers
from activepick.errors import ActivepickError, TableError
from activepick.formats import FORMATS

__all__ = ["SaveKey"]

_PLUGIN = "napari-activepick"
# Files of cryoSPARC need exposures, which a layer does not have.
_LEFT_OUT = ".cs"


class SaveKey(QObject):
    """Replace napari's dialog for the layers of picks and labels.

    That dialog offers napari's own CSV format first, and then refuses all other extensions.

    Parameters
    ----------
    viewer
        The viewer.
    layers
        Layers of the shown micrograph.
    report
        Called with an error to show to the user.
    """

    def __init__(
        self, viewer: ViewerModel, layers: Layers, report: Callable[[Exception], object]
    ) -> None:
        super().__init__()
        self._viewer, self._layers, self._report = viewer, layers, report
        # A strong reference would keep a closed window alive.
        self._window: weakref.ref[QMainWindow] | None = None
        self._replaced: tuple[QAction, QAction] | None = None
        self._folder = Path.home()

    def watch(self, window: QMainWindow) -> None:
        """Install the event filter for the key in a window, and the entry of its menu."""
        if window is not self._watched():
            self.release()
            self._window = weakref.ref(window)
            window.installEventFilter(self)
            menu = _menu_with_save(window)
            if menu is not None:
                menu.aboutToShow.connect(self._offer)
                menu.aboutToHide.connect(self._withdraw_later)

    def release(self) -> None:
        """Remove the event filter and the entry of the menu."""
        window, self._window = self._watched(), None
        if window is not None:
            window.removeEventFilter(self)
            self._withdraw()
            menu = _menu_with_save(window)
            if menu is not None:
                menu.aboutToShow.disconnect(self._offer)
                menu.aboutToHide.disconnect(self._withdraw_later)

    def _watched(self) -> QMainWindow | None:
        return None if self._window is None else self._window()

    def _offer(self) -> None:
        """Replace napari's menu entry, whose key would also save a layer."""
        layer, window = self._chosen(), self._watched()
        menu = None if window is None else _menu_with_save(window)
        if layer is None or menu is None or self._replaced is not None:
            return
        napari_entry = next(one for one in menu.actions() if _is_save(one))
        keys = QKeySequence(QKeySequence.StandardKey.Save)
        shown_keys = keys.toString(QKeySequence.SequenceFormat.NativeText)
        # As a text: two entries with the same shortcut would be ambiguous.
        entry = QAction(f"Save {layer.name.capitalize()}...\t{shown_keys}", menu)
        entry.triggered.connect(lambda: QTimer.singleShot(0, lambda: self._save(layer)))
        menu.insertAction(napari_entry, entry)
        napari_entry.setVisible(False)
        self._replaced = entry, napari_entry

    def _withdraw_later(self) -> None:
        # Qt hides the menu before it triggers the entry.
        QTimer.singleShot(0, self._withdraw)

    def _withdraw(self) -> None:
        replaced, self._replaced = self._replaced, None
        if replaced is not None:
            entry, napari_entry = replaced
            napari_entry.setVisible(True)
            entry.setVisible(False)  # it is deleted later
            entry.deleteLater()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Return True for the key, before napari's menu handles it as a shortcut."""
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.matches(QKeySequence.StandardKey.Save)
        ):
            layer = self._chosen()
            if layer is not None:
                event.accept()
                QTimer.singleShot(0, lambda: self._save(layer))
                return True
        return False

    def _chosen(self) -> Points | None:
        """Return the layer that is selected alone, if it is that of picks or labels."""
        selected = set(self._viewer.layers.selection)
        for name in (PICKS, LABELS):
            layer = self._layers.get(name)
            if isinstance(layer, Points) and selected == {layer}:
                return layer
        return None

    def _save(self, layer: Points) -> None:
        endings = {end for one in FORMATS.values() for end in one.extensions} - {_LEFT_OUT}
        path, _ = QFileDialog.getSaveFileName(
            self._watched(),
            "Save in the format of the extension",
            str(self._folder / f"{layer.name}.star"),
            f"Picks ({' '.join(f'*{end}' for end in sorted(endings))});;All files (*)",
        )
        if not path:
            return
        self._folder = Path(path).parent
        if Path(path).suffix.lower() not in endings:
            known = ", ".join(sorted(endings))
            self._report(TableError(f"{path}: use one of the extensions {known}."))
            return
        try:
            layer.save(path, plugin=_PLUGIN)
        except ActivepickError as error:
            self._report(error)


def _menu_with_save(window: QMainWindow) -> QMenu | None:
    """Return the menu of a window with the entry for the key."""
    bar = window.menuBar()
    menus = [] if bar is None else [one.menu() for one in bar.actions()]
    return next((menu for menu in menus if menu and any(map(_is_save, menu.actions()))), None)


def _is_save(entry: QAction) -> bool:
    return bool(entry.shortcut() == QKeySequence(QKeySequence.StandardKey.Save))
