"""Make the pictures of the window for the documentation: docs/images/window/*.jpg.

    tools/with_display.sh .venv/bin/python tools/screenshots.py

An oracle labels simulated micrographs in a real window, first in napari's dark theme, then in its
light one; nothing is drawn that a person would not see.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import QApplication, QWidget

import napari
from activepick._napari.preferences import Preferences
from activepick._napari.widget import ActivePickWidget
from activepick.benchmark.oracle import Oracle
from activepick.formats import read_table
from activepick.learning.queries import Query
from activepick.sample import sample_micrographs
from activepick.session import Session, Settings
from activepick.simulate import SimulationSettings

SIZES = ((1280, 800), (1920, 1080))
ROUNDS = 4
DIAMETER = 2 * SimulationSettings().radius_px * SimulationSettings().pixel_size_angstrom


def main() -> None:
    """Make all pictures."""
    parser = argparse.ArgumentParser(description="Make the pictures of the window.")
    parser.add_argument("--out", type=Path, default=Path("docs/images/window"))
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        show(Path(home), out)


def show(home: Path, out: Path) -> None:
    """Label in a window and take the pictures."""
    folder = sample_micrographs()
    viewer = napari.Viewer(title="activepick")
    window = viewer.window._qt_window
    window.resize(*SIZES[0])
    widget = ActivePickWidget(viewer, Preferences(home / "preferences.json"))
    viewer.window.add_dock_widget(widget, name="activepick", area="right")
    widget.particle.diameter.value = DIAMETER
    desk = widget.desk
    with Session.create(home / "sample", Settings(diameter_angstrom=DIAMETER)) as session:
        session.add_micrographs(sorted(folder.glob("*.mrc")))
    widget.open_path(session.folder)
    wait(lambda: desk.picking.picks is not None and not desk.jobs.busy())
    for theme in ("dark", "light"):
        viewer.theme = theme
        for width, height in SIZES:
            window.resize(width, height)
            if theme == "dark" and (width, height) == SIZES[0]:
                label(widget, folder)
            zoom(widget)
            keep(window, out / f"window-{width}x{height}-{theme}")
        window.resize(*SIZES[0])
        for section in widget.sections:
            was_open = section.is_open()
            section.set_open(True)
            settle()
            name = type(section).__name__.removesuffix("Section").lower()
            keep(section, out / f"section-{name}-{theme}")
            section.set_open(was_open)
        widget.show_gallery()
        settle()
        keep(window, out / f"gallery-{theme}")
        assert widget._gallery_dock is not None
        widget._gallery_dock.hide()
        desk.labelling.suggest()
        wait(lambda: not desk.jobs.busy())
        viewer.fit_to_view()
        keep(window, out / f"suggestions-{theme}")
        desk.labelling.ask()
        wait(lambda: not desk.jobs.busy())
    widget.close_desk()
    viewer.close()


def label(widget: ActivePickWidget, folder: Path) -> None:
    """Answer a few rounds, check some picks, and pick all micrographs."""
    desk, session, loop = widget.desk, widget.desk.session, widget.desk.loop
    assert session is not None
    assert loop is not None
    table = read_table(folder / "truth.star")
    names = session.state.names
    truth = [
        table.loc[table["micrograph"] == name, ["x", "y"]].to_numpy() for name in names.values()
    ]
    oracle = Oracle(truth, [SimulationSettings().radius_px] * len(truth))
    loop.set_truth(folder / "truth.star")

    def answer_all() -> None:
        while desk.labelling.current is not None and session.state.questions:
            question = desk.labelling.current
            place = Query(question.micrograph - 1, question.x, question.y, question.score)
            desk.labelling.answer({1.0: 1, 0.0: 0, None: None}[oracle.answer(place)])
            settle()
            if len(session.state.rounds) > before:
                return

    for _ in range(ROUNDS):
        before = len(session.state.rounds)
        answer_all()
        wait(lambda: not desk.jobs.busy())
    desk.picking.predict()
    wait(lambda: not desk.jobs.busy())
    desk.labelling.audit(20)
    wait(lambda: not desk.jobs.busy())
    before = len(session.state.rounds)
    answer_all()
    wait(lambda: not desk.jobs.busy())
    for target in (0, 1, 1):
        desk.labelling.answer(target)
        wait(lambda: not desk.jobs.busy())
    napari.utils.notifications.notification_manager.records.clear()


def zoom(widget: ActivePickWidget) -> None:
    """Look at the current question, with its surroundings."""
    widget.hands.look()
    settle()


def keep(shown: QWidget, path: Path) -> None:
    """Save a picture of a widget."""
    settle()
    picture: QPixmap = shown.grab()
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.png"
        picture.save(str(raw))
        Image.open(raw).convert("RGB").save(path.with_suffix(".jpg"), quality=82, optimize=True)
    print(path.with_suffix(".jpg"), flush=True)


def settle() -> None:
    """Let everything be drawn."""
    for _ in range(10):
        QApplication.processEvents()
        time.sleep(0.02)


def wait(seen: Callable[[], bool], seconds: float = 300) -> None:
    """Let the window work until something is so."""
    end = time.monotonic() + seconds
    while not seen():
        if time.monotonic() > end:
            raise TimeoutError("the window did not answer")
        QApplication.processEvents()
        time.sleep(0.005)
    settle()


if __name__ == "__main__":
    main()
