"""Times of opening: from napari to the dock, from a folder to picks, from question to question.

    tools/with_display.sh python benchmarks/opening.py [--sizes 1240 4096]

For each size, three simulated micrographs are in a folder. One process opens a micrograph in napari
without the plugin. Another one docks the widget, opens the folder, waits as long as a user would
type, enters the diameter, starts the session with an empty cache, and answers questions with keys.
Each time is printed in seconds, and relative to the time of the first process from its start to the
drawn image, so that the limits apply to any machine. The first picks of a large micrograph are
those of a part of it; the time to those of the whole micrograph has a limit of its own, and is
printed by step.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
from limits import Limits
from processor_name import processor

from activepick.simulate import SimulationSettings, simulate_dataset

SIDES = (1240, 4096)
DIAMETER = 2 * SimulationSettings().radius_px * SimulationSettings().pixel_size_angstrom
TYPING_SECONDS, ANSWERS = 4.0, 10
DOCK = "napari's window to the dock"
IMAGE = "folder to image"
PICKS = "diameter to first picks"
WHOLE = "diameter to picks of the whole micrograph"
QUESTION = "question to question"
# Longest times in units of plain napari opening a file.
TIMES = {DOCK: 1.0, IMAGE: 1.0, QUESTION: 0.15}
FIRST_PICKS = {1240: 1.3, 4096: 2.6}
WHOLE_PICKS = {1240: 2.0, 4096: 4.0}
# The stage during which first picks appear.
COMPUTING = "Computing the first picks"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIDES), help="edges in pixels")
    parser.add_argument("--child", choices=("plain", "widget"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--begin", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        open_plain(options) if options.child == "plain" else open_widget(options.folder)
        return
    limits = Limits()
    print(processor())
    for side in options.sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = micrographs(Path(name) / "set", side)
            plain = child("plain", folder, name)["drawn"]
            found = child("widget", folder, name)
        print(f"{side} x {side}: plain napari, from its start to the drawn image {plain:.2f} s")
        picks = {PICKS: FIRST_PICKS.get(side, np.inf), WHOLE: WHOLE_PICKS.get(side, np.inf)}
        for what, limit in {**TIMES, **picks}.items():
            limits.at_most(f"  {what}, {found[what]:.2f} s", found[what] / plain, limit, "of that")
        for what, seconds in found["stages"].items():
            print(f"    {what:44} {seconds:6.2f} s")
    limits.exit()


def micrographs(folder: Path, side: int) -> Path:
    """Simulate a micrograph, and write it and two shifted copies."""
    settings = SimulationSettings(shape=(side, side))
    [path] = simulate_dataset(folder, 1, seed=1, settings=settings).micrographs
    with mrcfile.open(path) as file:
        image, voxel = file.data.copy(), file.voxel_size.copy()
    for k in (1, 2):
        shifted = np.roll(image, (k * side // 3, k * side // 4), (0, 1))
        with mrcfile.new(path.with_stem(f"{path.stem}_{k}"), data=shifted) as file:
            file.voxel_size = voxel
    return folder


def child(kind: str, folder: Path, home: str) -> dict[str, Any]:
    """Return the times measured by a separate process, which starts without a cache."""
    own = {f"XDG_{part}_HOME": f"{home}/{part}" for part in ("CACHE", "CONFIG", "DATA", "STATE")}
    arguments = ["--child", kind, "--folder", str(folder), "--begin", str(time.time())]
    done = subprocess.run(
        [sys.executable, __file__, *arguments],
        env={**os.environ, **own},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def open_plain(options: argparse.Namespace) -> None:
    """Open a micrograph in napari without the plugin, and print the seconds until it is drawn."""
    import napari

    viewer = napari.Viewer()
    with mrcfile.open(sorted(options.folder.glob("*.mrc"))[0]) as file:
        viewer.add_image(file.data)
    draw(viewer)
    print(json.dumps({"drawn": time.time() - options.begin}))
    viewer.close()


def open_widget(folder: Path) -> None:
    """Use the plugin as a user does, and print the duration of each step."""
    from event_loop import wait

    import napari

    found: dict[str, Any] = {}
    viewer = napari.Viewer()
    draw(viewer)
    start = time.perf_counter()
    _, widget = viewer.window.add_plugin_dock_widget("napari-activepick", "activepick")
    draw(viewer)
    found[DOCK] = time.perf_counter() - start

    start = time.perf_counter()
    widget.open_path(folder)
    wait(lambda: widget.layers.has_micrograph)
    draw(viewer)
    found[IMAGE] = time.perf_counter() - start
    end = time.monotonic() + TYPING_SECONDS
    wait(lambda: time.monotonic() > end)

    widget.particle.diameter.value = DIAMETER
    start = time.perf_counter()
    stages: list[tuple[str, float]] = [("Creating the session", start)]
    widget.controller.session_changed.connect(lambda: listen(widget.controller, stages))
    widget.particle.start()
    wait(lambda: has_picks(widget.controller.open_session))
    draw(viewer)
    found[PICKS] = time.perf_counter() - start
    # A new stage begins when the picks of the whole micrograph are known.
    wait(lambda: COMPUTING in [stage for stage, _ in stages[:-1]])
    draw(viewer)
    end = time.perf_counter()
    found[WHOLE] = end - start
    times = [began for _, began in stages if began < end] + [end]
    names = [stage for stage, began in stages if began < end]
    found["stages"] = dict.fromkeys(names, 0.0)
    for name, seconds in zip(names, np.diff(times).tolist(), strict=True):
        found["stages"][name] += seconds

    session = widget.controller.open_session
    wait(lambda: session.labelling.current is not None and not session.jobs.busy())
    found["stages"]["then: the other orientation and scale, questions"] = time.perf_counter() - end
    found[QUESTION] = float(np.median([answer(viewer, session, k) for k in range(ANSWERS)]))
    print(json.dumps(found))
    widget.close_session()
    viewer.close()


def listen(controller: Any, stages: list[tuple[str, float]]) -> None:
    """Record when the workspace of a new session begins each stage."""
    workspace = controller.open_session.workspace
    workspace.stage_changed.connect(lambda text: stages.append((text, time.perf_counter())))


def has_picks(session: Any) -> bool:
    return bool(session is not None and session.picks.picks is not None)


def answer(viewer: Any, session: Any, k: int) -> float:
    """Answer a question by a key, and return the seconds until the next one is drawn."""
    from event_loop import wait
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest

    wait(lambda: session.labelling.current is not None and not session.jobs.busy())
    before = session.labelling.current
    start = time.perf_counter()
    key = Qt.Key.Key_F if k % 2 else Qt.Key.Key_D
    QTest.keyClick(viewer.window._qt_viewer.canvas.native, key)  # type: ignore[call-overload]
    wait(lambda: session.labelling.current not in (None, before))
    draw(viewer)
    return time.perf_counter() - start


def draw(viewer: Any) -> None:
    """Draw the canvas now."""
    from qtpy.QtWidgets import QApplication

    QApplication.processEvents()
    viewer.window._qt_viewer.canvas.native.repaint()
    QApplication.processEvents()


if __name__ == "__main__":
    main()
