"""Make the screenshots of the documentation: docs/images/window/*.jpg.

    tools/with_display.sh .venv/bin/python tools/screenshots.py

An oracle labels simulated micrographs in a real window, in napari's dark and light themes. Only
the numbers in `start-*.jpg` are drawn on top.
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
from activepick._napari.open_session import OpenSession
from activepick._napari.preferences import Preferences
from activepick._napari.views.popups import Popups
from activepick._napari.widget import ActivePickWidget
from activepick.benchmark.oracle import Oracle
from activepick.formats import read_table
from activepick.formats.kind_columns import KIND_COLUMN
from activepick.learning.strategies.registry import Query
from activepick.sample import sample_micrographs
from activepick.session import Question, Session, Settings, Target
from activepick.simulate import SimulationSettings, simulate_dataset

SIZES = ((1280, 800), (1920, 1080))
# High enough for everything that is numbered.
START_SIZE = (1280, 960)
THEMES = ("dark", "light")
ROUNDS = 4
DIAMETER = 2 * SimulationSettings().radius_px * SimulationSettings().pixel_size_angstrom


def main() -> None:
    """Make all screenshots."""
    parser = argparse.ArgumentParser(description="Make the pictures of the window.")
    parser.add_argument("--out", type=Path, default=Path("docs/images/window"))
    scenes = {"start": start, "show": show, "kinds": kinds}
    parser.add_argument("scenes", nargs="*", help=f"of {', '.join(scenes)}; by default all")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    for name in asked.scenes or scenes:
        with tempfile.TemporaryDirectory() as home:
            scenes[name](Path(home), asked.out)


def open_window(home: Path) -> tuple[napari.Viewer, ActivePickWidget]:
    """Open napari with the widget, as it is the first time."""
    viewer = napari.Viewer(title="activepick")
    viewer.theme = "dark"
    viewer.window._qt_window.resize(*SIZES[0])
    widget = ActivePickWidget(viewer, Preferences(home / "preferences.json"))
    viewer.window.add_dock_widget(widget, name="activepick", area="right")
    return viewer, widget


def start(home: Path, out: Path) -> None:
    """Make the screenshots of a first session, from a folder to an export, with numbered steps."""
    folder = home / "micrographs"
    folder.mkdir()
    sample = sample_micrographs()
    for image in sorted(sample.glob("*.mrc")):
        shutil.copy(image, folder)
    viewer, widget = open_window(home)
    window, controller = viewer.window._qt_window, widget.controller
    window.resize(*START_SIZE)
    canvas = viewer.window._qt_viewer.canvas.native
    only(widget, "data", "particle")
    widget.open_path(folder)
    wait(lambda: widget.layers.has_micrograph and not controller.jobs.busy())
    widget.particle.diameter.value = DIAMETER
    wait(lambda: not controller.jobs.busy())
    settle()
    steps = [
        mark(1, named(widget.data, "Open …"), window),
        mark(2, widget.particle.diameter.native, window, dx=0.6),
        mark(3, named(widget.particle, "⌀ Measure"), window),
        mark(4, named(widget.particle, "Find particles"), window),
    ]
    keep_in_both_themes(viewer, out / "start-open", steps)
    widget.particle.start()
    wait_for_picks(widget)
    label(widget, sample, rounds=1, check=False)
    only(widget, "label", "picks")
    middle_question(widget)
    zoom(widget)
    x, y = beside_question(viewer, widget)
    steps = [
        mark(5, canvas, window, dx=x, dy=y),
        mark(6, named(widget.label, "Particle (F)"), window),
        mark(7, widget.label._strip, window),
        mark(8, widget.picks.histogram, window, dy=0.4),
        mark(9, named(widget.picks, "Lasso: exclude"), window),
    ]
    keep_in_both_themes(viewer, out / "start-label", steps)
    label(widget, sample, rounds=ROUNDS - 1)
    viewer.fit_to_view()
    only(widget, "learning", "head", "export")
    steps = [
        mark(10, named(widget.learning, "Check 20 picks"), window),
        mark(11, named(widget.head, "Pick all micrographs"), window),
        mark(12, widget.export.format.native, window, dx=0.8),
        mark(13, named(widget.export, "Export picks …"), window),
    ]
    keep_in_both_themes(viewer, out / "start-export", steps)
    widget.close_session()
    viewer.close()


def only(widget: ActivePickWidget, *names: str) -> None:
    """Open these sections and collapse the others."""
    for section in widget.sections:
        section.set_open(section in [getattr(widget, name) for name in names])
    settle()
    for area in widget.findChildren(QScrollArea):
        area.ensureWidgetVisible(getattr(widget, names[0]))
    settle()


def middle_question(widget: ActivePickWidget) -> None:
    """Go to the question that is farthest from the border of the shown micrograph."""
    session = session_of(widget)
    height, width = session.images.shape

    def inside(question: Question) -> float:
        return float(min(question.x, width - question.x, question.y, height - question.y))

    here = [q for q in session.state.questions if q.micrograph == session.shown]
    session.labelling.go_to(max(here, key=inside).id)
    settle()


def beside_question(viewer: napari.Viewer, widget: ActivePickWidget) -> tuple[float, float]:
    """Return the place above the current question, as shares of the canvas's width and height."""
    question = session_of(widget).labelling.current
    assert question is not None
    camera, (height, width) = viewer.scene.camera, viewer.canvas.size
    row, column = widget.layers.world(question.x, question.y)
    above = SimulationSettings().radius_px * 1.5 * SimulationSettings().pixel_size_angstrom
    y = 0.5 + (row - above - camera.center[-2]) * camera.zoom / height
    return 0.5 + (column - camera.center[-1]) * camera.zoom / width, y


def named(part: QWidget, text: str) -> QPushButton:
    """Return the button with this text."""
    return next(one for one in part.findChildren(QPushButton) if one.text() == text)


def show(home: Path, out: Path) -> None:
    """Make the screenshots of the window, its sections, the docks, suggestions and a patch."""
    folder = sample_micrographs()
    viewer, widget = open_window(home)
    window = viewer.window._qt_window
    widget.particle.diameter.value = DIAMETER
    with Session.create(home / "sample", Settings(diameter_angstrom=DIAMETER)) as session:
        session.micrographs.add(sorted(folder.glob("*.mrc")))
    widget.open_path(session.folder)
    wait_for_picks(widget)
    open_session = session_of(widget)
    open_session.workspace.audit.set_truth(folder / "truth.star")
    for theme in THEMES:
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
        widget.hide_gallery()
        widget.show_classes()
        wait(lambda: widget.classes.grid.count() > 0 and not open_session.jobs.busy())
        widget.classes.grid.setCurrentRow(0)
        keep(window, out / f"classes-{theme}")
        widget.hide_classes()
        open_session.labelling.suggest()
        wait(lambda: not open_session.jobs.busy())
        viewer.fit_to_view()
        keep(window, out / f"suggestions-{theme}")
        open_session.labelling.ask()
        wait(lambda: not open_session.jobs.busy())
        correct_a_patch(open_session)
        keep(window, out / f"patches-{theme}")
        open_session.patches.stop()
    widget.close_session()
    viewer.close()


def kinds(home: Path, out: Path) -> None:
    """Make the screenshots of a session with two kinds of particles."""
    folder = home / "mixture"
    mixture = simulate_dataset(folder, 2, seed=1, protein="barrel", mixture=("cage",))
    viewer, widget = open_window(home)
    settings = Settings(diameter_angstrom=mixture.diameter_angstrom)
    with Session.create(home / "session", settings) as session:
        session.micrographs.add(sorted(folder.glob("*.mrc")))
        session.kinds.add("cage")
        session.kinds.change(1, name="barrel")
    widget.open_path(session.folder)
    wait_for_picks(widget)
    label(widget, folder, check=False)
    only(widget, "label", "picks")
    middle_question(widget)
    zoom(widget)
    keep_in_both_themes(viewer, out / "kinds", [])
    widget.close_session()
    viewer.close()


def label(
    widget: ActivePickWidget, folder: Path, rounds: int = ROUNDS, *, check: bool = True
) -> None:
    """Answer some rounds; if `check`, also pick all micrographs and check some picks."""
    session = session_of(widget)
    labelling = session.labelling
    oracle = oracle_of(session, folder)

    def answer_all() -> None:
        while labelling.current is not None and session.state.questions:
            question = labelling.current
            labelling.answer(oracle.kind(query_of(question)))
            settle()
            if len(session.state.rounds) > before:
                return

    for _ in range(rounds):
        before = len(session.state.rounds)
        answer_all()
        wait(lambda: not session.jobs.busy())
    if not check:
        return
    session.dataset.predict()
    wait(lambda: not session.jobs.busy())
    labelling.audit(20)
    wait(lambda: not session.jobs.busy())
    before = len(session.state.rounds)
    answer_all()
    wait(lambda: not session.jobs.busy())
    targets: tuple[Target, ...] = (0, 1, 1)
    for target in targets:
        labelling.answer(target)
        wait(lambda: not session.jobs.busy())
    napari.utils.notifications.notification_manager.records.clear()


def oracle_of(session: OpenSession, folder: Path) -> Oracle:
    """Return an oracle that knows the particles of the session's micrographs."""
    table = read_table(folder / "truth.star")
    parts = [table[table["micrograph"] == name] for name in session.state.names.values()]
    return Oracle(
        [part[["x", "y"]].to_numpy() for part in parts],
        [session.images.radius_px] * len(parts),
        kinds=[part[KIND_COLUMN].to_numpy(int) for part in parts] if KIND_COLUMN in table else None,
    )


def query_of(question: Question) -> Query:
    """Return the question in the form that the oracle needs."""
    return Query(question.micrograph - 1, question.x, question.y, question.score)


def zoom(widget: ActivePickWidget) -> None:
    """Centre the current question."""
    widget.navigation.look_at_question(session_of(widget))
    settle()


def keep(shown: QWidget, path: Path, steps: Sequence[Mark] = ()) -> None:
    """Save a screenshot of a widget, its docks scrolled to the top, with numbered marks."""
    for popups in shown.findChildren(Popups):
        popups.clear()
    settle()
    for area in shown.findChildren(QScrollArea):
        area.ensureVisible(0, 0)
    settle()
    picture: QPixmap = shown.grab()
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.png"
        picture.save(str(raw))
        image = draw_marks(Image.open(raw).convert("RGB"), list(steps))
        image.save(path.with_suffix(".jpg"), quality=82, optimize=True)
    print(path.with_suffix(".jpg"), flush=True)


def keep_in_both_themes(viewer: napari.Viewer, path: Path, steps: Sequence[Mark]) -> None:
    """Save a screenshot of the window in each theme, with numbered marks."""
    for theme in THEMES:
        viewer.theme = theme
        keep(viewer.window._qt_window, path.with_name(f"{path.name}-{theme}"), steps)
    viewer.theme = THEMES[0]


def correct_a_patch(session: OpenSession) -> None:
    """Show a patch of which one pick is removed."""
    patches = session.patches
    patches.start()
    wait(lambda: patches.review is not None and session.images.is_current)
    wait(lambda: not session.jobs.busy())
    assert patches.review is not None
    patches.click(*patches.review.particles[-1].tolist())


def session_of(widget: ActivePickWidget) -> OpenSession:
    """Return the session that is open."""
    session = widget.controller.open_session
    assert session is not None
    return session


def wait_for_picks(widget: ActivePickWidget) -> None:
    """Wait until a session is open and the first picks are shown."""
    wait(lambda: widget.controller.open_session is not None)
    session = session_of(widget)
    wait(lambda: session.picks.picks is not None and not session.jobs.busy())


def settle() -> None:
    """Process events until everything is drawn."""
    for _ in range(10):
        QApplication.processEvents()
        time.sleep(0.02)


def wait(seen: Callable[[], bool], seconds: float = 300) -> None:
    """Process events until a condition holds."""
    end = time.monotonic() + seconds
    while not seen():
        if time.monotonic() > end:
            raise TimeoutError("the window did not answer")
        QApplication.processEvents()
        time.sleep(0.005)
    settle()


if __name__ == "__main__":
    main()
