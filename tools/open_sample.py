"""Open the window with simulated micrographs, as `make napari` does.

With --measure, the window is closed as soon as labels can be added, and the time is printed.
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
    controller = dock_widget(viewer).controller
    timer = QTimer()

    def close_when_ready() -> None:
        session = controller.open_session
        if session is not None and session.picks.picks is not None:
            timer.stop()
            print(f"ready to label after {time.monotonic() - start:.1f} s")
            viewer.close()

    timer.timeout.connect(close_when_ready)
    if "--measure" in sys.argv:
        timer.start(20)
    run()


if __name__ == "__main__":
    main()
