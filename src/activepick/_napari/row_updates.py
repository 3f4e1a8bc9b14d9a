"""Updates of a table of micrographs, a few rows at a time."""

from collections.abc import Iterable, Sequence
from itertools import islice

from qtpy.QtCore import QObject, QTimer

from activepick._napari.open_session import OpenSession
from activepick._napari.session_rows import session_rows
from activepick._napari.views.micrograph_table import MicrographTable

__all__ = ["RowUpdates"]

# Number of rows that are updated together, and the pause between two updates in milliseconds.
_TOGETHER, _PAUSE_MS = 500, 5


class RowUpdates(QObject):
    """Update the rows of a table when a session changes, without blocking the window.

    Rows on screen are updated at once, and the others of thousands of micrographs a few hundred at
    a time.

    Parameters
    ----------
    table
        The table.
    """

    def __init__(self, table: MicrographTable, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._table = table
        self._session: OpenSession | None = None
        self._waiting: dict[int, None] = {}
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PAUSE_MS)
        self._timer.timeout.connect(self._go_on)

    @property
    def waiting(self) -> bool:
        """Whether there are rows that are not up to date yet."""
        return bool(self._waiting)

    def update(self, session: OpenSession, numbers: Iterable[int] | None = None) -> None:
        """Update rows of a session, those on screen first.

        Parameters
        ----------
        session
            The session.
        numbers
            Numbers of the micrographs; None for all.
        """
        if session is not self._session:
            self.clear()
        state = session.state
        if {number: row.name for number, row in self._table.rows.items()} != state.names:
            self.clear()
            self._table.set_rows(session_rows(session, list(state.micrographs)))
            return
        self._session = session
        wanted = dict.fromkeys(state.micrographs if numbers is None else numbers)
        self._update_rows([number for number in self._table.visible_numbers() if number in wanted])
        self._waiting |= wanted
        self._timer.start()

    def clear(self) -> None:
        """Discard pending updates."""
        self._timer.stop()
        self._session = None
        self._waiting = {}

    def _go_on(self) -> None:
        numbers = list(islice(self._waiting, _TOGETHER))
        for number in numbers:
            del self._waiting[number]
        self._update_rows(numbers)
        if self._waiting:
            self._timer.start()

    def _update_rows(self, numbers: Sequence[int]) -> None:
        if self._session is not None:
            self._table.update_rows(session_rows(self._session, numbers))
