"""Make the pictures of the window for the documentation: docs/images/window/*.jpg.

    tools/with_display.sh .venv/bin/python tools/screenshots.py

An oracle labels simulated micrographs in a real window, first in napari's dark theme, then in its
light one; nothing is drawn that a person would not see, but for the numbers in `start-*.jpg`.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from marks import Mark, draw_marks, mark
from PIL import Image
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import QApplication, QPushButton, QScrollArea, QWidget

import napari
from activepick._napari.preferences import Preferences
from activepick._napari.widget import ActivePickWidget
from activepick.benchmark.oracle import Oracle
from activepick.formats import read_table
from activepick.learning.strategies.registry import Query
from activepick.sample import sample_micrographs
from activepick.session import Question, Session, Settings
from activepick.simulate import SimulationSettings

SIZES = ((1280, 800), (1920, 1080))
# High enough for all that is numbered.
START_SIZE = (1280, 960)
ROUNDS = 4
DIAMETER = 2 * SimulationSettings().radius_px * SimulationSettings().pixel_size_angstrom


def main() -> None:
    """Make all pictures."""
    parser = argparse.ArgumentParser(description="Make the pictures of the window.")
    parser.add_argument("--out", type=Path, default=Path("docs/images/window"))
    parser.add_argument("--only-start", action="store_true", help="only start-*.jpg")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        start(Path(home), asked.out)
    if not asked.only_start:
        with tempfile.TemporaryDirectory() as home:
            show(Path(home), asked.out)


def open_window(home: Path) -> tuple[napari.Viewer, ActivePickWidget]:
    """Open napari with the widget, as it is for somebody who never used it."""
    viewer = napari.Viewer(title="activepick")
    viewer.theme = "dark"
    viewer.window._qt_window.resize(*SIZES[0])
    widget = ActivePickWidget(viewer, Preferences(home / "preferences.json"))
    viewer.window.add_dock_widget(widget, name="activepick", area="right")
    return viewer, widget


def start(home: Path, out: Path) -> None:
    """Go the way of a first session, from a folder to an export, with its steps numbered."""
    folder = home / "micrographs"
    folder.mkdir()
    sample = sample_micrographs()
    for image in sorted(sample.glob("*.mrc")):
        shutil.copy(image, folder)
    viewer, widget = open_window(home)
    window, desk = viewer.window._qt_window, widget.desk
    window.resize(*START_SIZE)
    canvas = viewer.window._qt_viewer.canvas.native
    only(widget, "data", "particle")
    widget.open_path(folder)
    wait(lambda: desk.images.picture is not None and not desk.jobs.busy())
    widget.particle.diameter.value = DIAMETER
    wait(lambda: not desk.jobs.busy())
    settle()
    steps = [
        mark(1, named(widget.data, "Open …"), window),
        mark(2, widget.particle.diameter.native, window, dx=0.6),
        mark(3, named(widget.particle, "⌀ Measure"), window),
        mark(4, named(widget.particle, "Find particles"), window),
    ]
    keep(window, out / "start-open", steps)
    widget.particle.start()
    wait(lambda: desk.picking.picks is not None and not desk.jobs.busy())
    label(widget, sample, rounds=1, check=False)
    only(widget, "label", "picks")
    middle_question(widget)
    zoom(widget)
    steps = [
        mark(5, canvas, window, dx=0.5, dy=0.43),
        mark(6, named(widget.label, "Particle (F)"), window),
        mark(7, widget.label._strip, window),
        mark(8, widget.picks.histogram, window, dy=0.4),
        mark(9, named(widget.picks, "Draw area"), window),
    ]
    keep(window, out / "start-label", steps)
    label(widget, sample, rounds=ROUNDS - 1)
    viewer.fit_to_view()
    only(widget, "learning", "head", "export")
    steps = [
        mark(10, named(widget.learning, "Check 20 picks"), window),
        mark(11, named(widget.head, "Pick all micrographs"), window),
        mark(12, widget.export.format.native, window, dx=0.8),
        mark(13, named(widget.export, "Export picks …"), window),
    ]
    keep(window, out / "start-export", steps)
    widget.close_desk()
    viewer.close()


def only(widget: ActivePickWidget, *names: str) -> None:
    """Open these sections and close the others."""
    for section in widget.sections:
        section.set_open(section in [getattr(widget, name) for name in names])
    settle()
    for area in widget.findChildren(QScrollArea):
        area.ensureWidgetVisible(getattr(widget, names[0]))
    settle()


def middle_question(widget: ActivePickWidget) -> None:
    """Go to the question that is farthest from the border of its micrograph."""
    desk = widget.desk
    assert desk.session is not None
    picture = desk.images.picture
    assert picture is not None
    height, width = picture.shape

    def inside(question: Question) -> float:
        return min(question.x, width - question.x, question.y, height - question.y)

    here = [q for q in desk.session.state.questions if q.micrograph == desk.shown]
    desk.labelling.go_to(max(here, key=inside).id)
    settle()


def named(part: QWidget, text: str) -> QPushButton:
    """Find the button with this text."""
    return next(one for one in part.findChildren(QPushButton) if one.text() == text)


def show(home: Path, out: Path) -> None:
    """Label in a window and take the pictures."""
    folder = sample_micrographs()
    viewer, widget = open_window(home)
    window = viewer.window._qt_window
    widget.particle.diameter.value = DIAMETER
    desk = widget.desk
    with Session.create(home / "sample", Settings(diameter_angstrom=DIAMETER)) as session:
        session.micrographs.add(sorted(folder.glob("*.mrc")))
    widget.open_path(session.folder)
    wait(lambda: desk.picking.picks is not None and not desk.jobs.busy())
    assert desk.loop is not None
    desk.loop.audit.set_truth(folder / "truth.star")
    for theme in ("dark", "light"):
        viewer.theme = theme
        for width, height in SIZES:
            window.resize(width, height)
            if theme == "dark" and (width, height) == SIZES[0]:
                label(widget, folder)
            middle_question(widget)
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


def label(
    widget: ActivePickWidget, folder: Path, rounds: int = ROUNDS, *, check: bool = True
) -> None:
    """Answer a few rounds, and then, if wanted, pick all micrographs and check some picks."""
    desk, session, loop = widget.desk, widget.desk.session, widget.desk.loop
    assert session is not None
    assert loop is not None
    table = read_table(folder / "truth.star")
    names = session.state.names
    truth = [
        table.loc[table["micrograph"] == name, ["x", "y"]].to_numpy() for name in names.values()
    ]
    oracle = Oracle(truth, [SimulationSettings().radius_px] * len(truth))

    def answer_all() -> None:
        while desk.labelling.current is not None and session.state.questions:
            question = desk.labelling.current
            place = Query(question.micrograph - 1, question.x, question.y, question.score)
            desk.labelling.answer({1.0: 1, 0.0: 0, None: None}[oracle.answer(place)])
            settle()
            if len(session.state.rounds) > before:
                return

    for _ in range(rounds):
        before = len(session.state.rounds)
        answer_all()
        wait(lambda: not desk.jobs.busy())
    if not check:
        return
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


def keep(shown: QWidget, path: Path, steps: Sequence[Mark] = ()) -> None:
    """Save a picture of a widget, with numbers where there are steps to be shown."""
    settle()
    picture: QPixmap = shown.grab()
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.png"
        picture.save(str(raw))
        image = draw_marks(Image.open(raw).convert("RGB"), list(steps))
        image.save(path.with_suffix(".jpg"), quality=82, optimize=True)
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
