"""Do things once, after all that is going on now."""

from collections.abc import Callable

from qtpy.QtCore import QObject, QTimer

__all__ = ["soon"]


def soon(act: Callable[[], object], owner: QObject) -> Callable[..., None]:
    """Give what asks for something to be done in the next turn of the event loop.

    One click changes labels, questions, and picks; who shows them need only do so once.

    Parameters
    ----------
    act
        What is to be done.
    owner
        With whom the wish ends.
    """
    timer = QTimer(owner)
    timer.setSingleShot(True)
    timer.setInterval(0)
    timer.timeout.connect(act)

    def ask(*_: object) -> None:
        timer.start()

    return ask
