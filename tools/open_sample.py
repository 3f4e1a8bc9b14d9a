"""Open the window with simulated micrographs, as `make napari` does.

With --measure it closes as soon as one can label, and says how many seconds that took.
"""

import sys
import time

from activepick.screen import screen_problem


def main() -> None:
    """Open the window and wait until it is closed."""
    start = time.monotonic()
    if problem := screen_problem():
        sys.exit(problem)
    from napari.qt import run
    from qtpy.QtCore import QTimer

    from activepick._napari.window import dock_widget, open_window

    viewer = open_window(sample=True)
    desk = dock_widget(viewer).desk

    def close_when_ready() -> None:
        if desk.picking.picks is not None:
            print(f"ready to label after {time.monotonic() - start:.1f} s")
            QTimer.singleShot(0, viewer.close)

    if "--measure" in sys.argv:
        desk.picking.picks_changed.connect(close_when_ready)
    run()


if __name__ == "__main__":
    main()
