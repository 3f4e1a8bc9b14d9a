"""Layers of tables of picks, which follow the shown micrograph."""

import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from napari.components import ViewerModel
from napari.layers import Layer, Points
from numpy.typing import NDArray
from qtpy.QtCore import QObject

from activepick._napari import colours
from activepick._napari.layers import Layers
from activepick._napari.open_session import OpenSession
from activepick._napari.session_listener import SessionListener
from activepick.formats import match_names, read_table

__all__ = ["TableLayers"]

_COORDINATES = ["micrograph", "x", "y"]


@dataclass(eq=False)
class _Table:
    """A table that is open as a layer.

    Attributes
    ----------
    layer
        The layer.
    path
        File of the table.
    rows
        Rows by the number of the micrograph; None until the table has been read.
    shown
        Number of the micrograph whose rows the layer shows.
    """

    layer: "weakref.ref[Points]"
    path: Path
    shown: int
    rows: dict[int, pd.DataFrame] | None = None
    names: dict[int, str] = field(default_factory=dict)


class TableLayers(QObject, SessionListener):
    """Show the rows of the shown micrograph in the layer of each table, with its own colour.

    A layer belongs to a table if it was read from one while its micrograph was shown. Changes by
    the user are kept while other micrographs are shown.

    Parameters
    ----------
    viewer
        The viewer.
    layers
        Layers of the shown micrograph.
    """

    def __init__(self, viewer: ViewerModel, layers: Layers, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer, self._layers = viewer, layers
        self._tables: list[_Table] = []
        self._colours = 0
        self._diameter_px = 0.0
        viewer.layers.events.inserted.connect(self._on_inserted)

    def release(self) -> None:
        """Stop listening to the viewer."""
        self._viewer.layers.events.inserted.disconnect(self._on_inserted)

    def show_session(self, session: OpenSession) -> None:
        """Follow the micrographs of a session."""
        self._tables.clear()
        session.images.ready.connect(lambda displayed: self._show(session))
        self.update_after(session, self._resize, session.settings_changed, session.images.ready)

    def clear(self) -> None:
        """Stop updating the layers."""
        self._tables.clear()

    def _on_inserted(self, event: Any) -> None:
        layer: Layer = event.value
        if isinstance(layer, Points) and {"path", "micrograph"} <= set(layer.metadata):
            self.call(lambda session: self._follow(session, layer))

    def _follow(self, session: OpenSession, layer: Points) -> None:
        path = Path(layer.metadata["path"])
        colour = colours.TABLES[self._colours % len(colours.TABLES)]
        self._colours += 1
        # Of these points, and of those on other micrographs.
        layer.selected_data = set()
        layer.border_color = layer.current_border_color = colour
        table = _Table(weakref.ref(layer), path, session.shown)
        self._tables.append(table)
        self._diameter_px = 2 * session.images.radius_px

        def done(rows: dict[int, pd.DataFrame]) -> None:
            table.rows = rows
            table.names = {number: str(own["micrograph"].iloc[0]) for number, own in rows.items()}
            self._show(session)

        names = session.state.names
        # Each table has its own lane, so that its job is not replaced.
        session.jobs.run(
            f"table {id(table)}", lambda progress: _rows(path, names), done, text="Reading a table"
        )

    def _show(self, session: OpenSession) -> None:
        for table in list(self._tables):
            layer = table.layer()
            if layer is None or layer not in self._viewer.layers:
                self._tables.remove(table)
            elif table.rows is not None and session.shown != table.shown:
                self._show_rows(table, table.rows, layer, session)

    def _resize(self, session: OpenSession) -> None:
        """Set the size of the circles if the particle diameter in pixels has changed."""
        diameter = 2 * session.images.radius_px
        if diameter in (0.0, self._diameter_px):
            return  # a size that was set with napari's tools is kept
        self._diameter_px = diameter
        for layer in (table.layer() for table in self._tables):
            if layer is not None:
                selected = set(layer.selected_data)
                layer.selected_data = set()  # the present size would be theirs alone
                layer.size = layer.current_size = diameter
                layer.selected_data = selected

    def _show_rows(
        self, table: _Table, rows: dict[int, pd.DataFrame], layer: Points, session: OpenSession
    ) -> None:
        rows[table.shown] = _rows_of_layer(layer)
        own = rows.get(session.shown)
        positions = np.empty((0, 2)) if own is None else own[["y", "x"]].to_numpy(np.float64)
        colour, size = layer.current_border_color, _size(layer, session)
        layer.selected_data = set()
        layer.data = positions
        layer.set_view_slice()  # napari does so only for visible layers
        if own is not None and len(own):
            layer.features = own.drop(columns=_COORDINATES).reset_index(drop=True)
            layer.border_color = colour
            layer.size = size
        layer.scale = (self._layers.scale,) * 2
        layer.metadata["micrograph"] = table.names.get(session.shown, session.shown_name)
        table.shown = session.shown
        layer.refresh()


def _rows(path: Path, names: Mapping[int, str]) -> dict[int, pd.DataFrame]:
    """Return the rows of a table by the number of their micrograph."""
    table = read_table(path)
    numbers = {name: number for number, name in names.items()}
    matched = match_names([str(name) for name in table["micrograph"].unique()], numbers)
    return {numbers[found]: table[table["micrograph"] == name] for name, found in matched.items()}


def _rows_of_layer(layer: Points) -> pd.DataFrame:
    place: NDArray[np.float64] = np.asarray(layer.data, np.float64)
    facts = pd.DataFrame(
        {"micrograph": layer.metadata["micrograph"], "x": place[:, 1], "y": place[:, 0]}
    )
    return facts.join(pd.DataFrame(layer.features).reset_index(drop=True))


def _size(layer: Points, session: OpenSession) -> float:
    """Return the particle diameter in original pixels, or the size in the layer if unknown."""
    return 2 * session.images.radius_px or float(layer.current_size)
