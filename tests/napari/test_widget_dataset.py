"""The whole dataset: tables of other programs, many picks at once, all micrographs, new ones."""

import contextlib
import shutil
import threading
import time
import warnings
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb, to_rgba
from napari.utils.notifications import WarningNotification, notification_manager
from needed_screen import needs_screen
from person import Person
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QImage
from qtpy.QtTest import QTest
from scipy.special import logit

from activepick._napari.colours import EXCLUDED, NOT_PARTICLE, PARTICLE
from activepick.formats import read_table, write_table
from activepick.simulate import SimulationSettings

pytestmark = needs_screen


WATCH = "Watch for new micrographs"
DIAMETER = 2 * SimulationSettings().radius_px * SimulationSettings().pixel_size_angstrom


def test_tables_follow_the_micrograph_and_the_extension_sets_the_format(
    qtbot, open_widget, micrographs, simulated, tmp_path
):
    person = Person(qtbot, open_widget())
    person.start(micrographs, DIAMETER)
    viewer = person.viewer
    truth = read_table(simulated / "truth.star")
    write_table(truth.assign(x=truth["x"] + 5), tmp_path / "shifted.csv")
    layers = []
    for path in (simulated / "truth.star", tmp_path / "shifted.csv"):
        before = set(viewer.layers)
        viewer.open(str(path), plugin="napari-activepick")
        [layer] = set(viewer.layers) - before
        layers.append(layer)
        person.settle()
    shown = [tuple(layer.border_color[0]) for layer in layers]
    assert len({*shown, to_rgba(PARTICLE), to_rgba(NOT_PARTICLE)}) == 4

    def rows(shift: float) -> np.ndarray:
        own = truth[truth["micrograph"].map(lambda name: name in person.open.shown_name)]
        return np.add(own[["y", "x"]].to_numpy(), (0, shift))

    layers[1].visible = False
    for number in (2, 3, 1):
        person.open.show(number)
        person.settle()
        for layer, shift, colour in zip(layers, (0, 5), shown, strict=True):
            assert {tuple(one) for one in layer.border_color} == {colour}
            assert len(rows(shift)) == len(layer.data)
            np.testing.assert_allclose(np.sort(layer.data, 0), np.sort(rows(shift), 0), atol=0.01)
            assert layer.metadata["micrograph"] in person.open.shown_name
    # Manual changes of such a layer are kept.
    layers[0].add((11, 12))
    count = len(layers[0].data)
    for number in (2, 1):
        person.open.show(number)
        person.settle()
    assert len(layers[0].data) == count
    assert (layers[0].data == (11, 12)).all(axis=1).any()
    for layer in layers:
        viewer.layers.remove(layer)
    person.open.show(2)
    person.settle()

    # The extension determines the format.
    picks = person.picks.picks
    viewer.layers.selection = {viewer.layers["picks"]}
    for ending in ("star", "csv", "box", "txt", "cbox", "json"):
        path = tmp_path / f"picks.{ending}"
        assert viewer.layers.save(str(path), selected=True) == [str(path)]
        table = read_table(path)
        assert len(table) == len(picks)
        found = table[["x", "y"]].to_numpy(float)
        expected = picks[["x", "y"]].to_numpy(float)
        np.testing.assert_allclose(np.sort(found, 0), np.sort(expected, 0), atol=1.01)

    # The circles of a table have the diameter of the particles, also when it changes.
    [layer] = viewer.open(str(tmp_path / "picks.star"), plugin="napari-activepick")
    layer.size = 3
    person.open.set_settings(threshold=0.6)
    person.settle()
    assert (layer.size == 3).all()  # set by hand
    layer.selected_data = {0}
    person.open.set_settings(diameter_angstrom=1.2 * DIAMETER)
    person.wait(lambda: len(set(layer.size)) == 1 and layer.size[0] != 3)
    np.testing.assert_allclose(layer.size, 2 * person.open.images.radius_px)


def test_lasso_gallery_and_dataset_change_many_picks_at_once(qtbot, open_widget, micrographs):
    with no_warnings_of_libraries():
        lasso_gallery_and_dataset_change_many_picks_at_once(qtbot, open_widget, micrographs)


def lasso_gallery_and_dataset_change_many_picks_at_once(qtbot, open_widget, micrographs):
    person = Person(qtbot, open_widget())
    person.start(list_with_defocus(micrographs, [21000, 9000, 15000]), DIAMETER)
    widget, viewer = person.widget, person.viewer
    assert viewer.canvas.overlays.scale_bar.visible
    # Plots without data, and an image in pixels beside the micrograph in Å.
    widget.show_dataset()
    widget.dataset.tabs.setCurrentWidget(widget.dataset.course)
    widget.learning.set_open(True)
    person.settle()
    viewer.layers.remove(viewer.add_image(np.zeros((20, 30))))
    widget.dataset.tabs.setCurrentIndex(0)
    widget.learning.set_open(False)
    person.settle()
    person.see_all()

    # A lasso labels picks as non-particles in one step; the eraser removes labels.
    picks = person.picks.picks
    inside = picks["x"].between(200, 500) & picks["y"].between(150, 450)
    assert inside.sum() > 1
    square = [(200, 150), (500, 150), (500, 450), (200, 450), (200, 160)]
    widget.picks._reject_many.click()
    assert widget.picks._how.isVisible()
    centre = tuple(viewer.scene.camera.center)
    person.drag_along(square, lambda: _sees_line(person))
    assert tuple(viewer.scene.camera.center) == centre
    person.settle()
    marks = person.state.marks
    assert len(marks) == inside.sum()
    assert {mark.target for mark in marks.values()} == {0}
    now = person.picks.picks
    assert not (now["x"].between(205, 495) & now["y"].between(155, 445)).any()
    assert not widget.overlay.isVisible()
    person.press("X")
    assert not person.state.marks
    person.press("Shift+X")
    assert len(person.state.marks) == inside.sum()
    widget.picks._erase.click()
    assert not widget.picks._reject_many.isChecked()
    assert widget.picks._erase.isChecked()
    person.drag_along(square)
    person.settle()
    assert not person.state.marks
    person.press("Escape")
    assert not widget.picks._how.isVisible()
    assert not widget.picks._erase.isChecked()
    person.click(620, 500)  # clicks are labels again
    assert len(person.state.marks) == 1
    person.settle()

    # Drawing and painting: the correct button is pressed, and Escape ends the tool.
    draw, paint = widget.picks._draw, widget.picks._paint
    draw.click()
    paint.click()
    assert (draw.isChecked(), paint.isChecked()) == (False, True)
    draw.click()
    assert (draw.isChecked(), paint.isChecked()) == (True, False)
    person.drag_along(
        [(100, 100), (220, 100), (220, 220), (100, 220), (100, 110)], lambda: _sees_line(person)
    )
    person.settle()
    assert len(person.state.areas[person.open.shown]) == 1
    assert min(viewer.layers["excluded areas"].edge_width) > 0
    person.click(400, 400)  # click, move, click
    for place in [*np.linspace((400, 400), (520, 400), 8).tolist(), (520, 520), (400, 520)]:
        person.move_to(*place)
    person.click(400, 500)
    person.settle()
    assert len(person.state.areas[person.open.shown]) == 2
    person.click(300, 300)  # begun, not ended
    person.move_to(330, 330)
    person.press("Escape")
    assert not draw.isChecked()
    assert not widget.overlay.isVisible()
    person.settle()
    assert len(person.state.areas[person.open.shown]) == 2
    draw.click()
    told = len(notification_manager.records)
    person.drag((300, 300), (308, 300))  # too short for an area
    person.settle()
    assert len(person.state.areas[person.open.shown]) == 2
    assert len(notification_manager.records) == told
    draw.click()  # a second press of the button ends it
    assert not draw.isChecked()
    assert not widget.picks._how.isVisible()
    # napari's tool selects an area, and Delete removes it.
    viewer.layers.selection.active = viewer.layers["excluded areas"]
    viewer.layers["excluded areas"].mode = "select"
    viewer.layers["excluded areas"].selected_data = {0}
    person.press("Delete")
    person.settle()
    assert len(person.state.areas[person.open.shown]) == 1
    person.press("X")
    assert len(person.state.areas[person.open.shown]) == 2
    person.press("Escape")
    person.press("X")
    person.press("X")
    person.settle()
    assert person.open.shown not in person.state.areas

    # Boxes, brightness by standard deviations, and a denoised image.
    circles = viewer.layers["picks"].size[0]
    widget.picks._boxes.value = True
    qtbot.wait(20)
    layer = viewer.layers["picks"]
    assert str(layer.symbol[0]) == "square"
    assert layer.size[0] == widget.picks._box.value() == 2 * round(0.75 * circles)
    pixel = SimulationSettings().pixel_size_angstrom
    assert widget.picks._box_angstrom.text() == f"px = {layer.size[0] * pixel:.0f} Å"
    widget.picks._boxes.value = False
    widget.particle.sigmas.value = 2
    image = viewer.layers["micrograph"]
    np.testing.assert_allclose(np.ptp(image.contrast_limits), 4 * image.data.std(), rtol=1e-3)
    widget.particle.sigmas.value = 0
    shown = image.data
    widget.particle.denoised.value = True
    person.settle()
    denoised = viewer.layers["micrograph"].data
    assert not np.array_equal(denoised, shown)
    assert np.abs(np.diff(denoised)).mean() < 0.5 * np.abs(np.diff(_raw(person))).mean()
    widget.particle.denoised.value = False
    person.settle()
    np.testing.assert_array_equal(viewer.layers["micrograph"].data, shown)

    # All micrographs are picked, with a pause; the status line shows the progress.
    said = []
    person.controller.jobs.described.connect(lambda lane, text: said.append(text))
    predictor, pressed = person.open.workspace.predictor, threading.Event()
    predict_all = predictor.predict_all

    def predict_when_paused(*arguments):
        pressed.wait(60)  # with cached features, picking ends before a button can be pressed
        return predict_all(*arguments)

    with patch.object(predictor, "predict_all", predict_when_paused):
        person.click_button_in(widget.head, "Pick all micrographs")
        person.dataset.set_paused(True)
        pressed.set()
        person.wait(lambda: any(text.startswith("Paused") for text in said))
    assert widget.head._pause.text() == "Resume"
    qtbot.wait(300)
    assert said[-1].startswith("Paused at ")
    person.click_button_in(widget.head, "Resume")
    person.settle()
    assert any(text.startswith("Picking ") and " of 3" in text for text in said)
    assert set(person.open.counts()) == {1, 2, 3}
    assert not widget.head._pause.isVisible()

    # The gallery shows all micrographs, and rejects on any of them in one step.
    widget.show_gallery()
    gallery = widget.gallery
    gallery.scope.setCurrentText("All micrographs")
    person.settle()
    assert len(gallery.xy) == sum(person.open.counts().values())
    gallery.view.grab()
    person.settle()
    rows = gallery.view.visible_rows()
    crops = gallery.view._picks._pictures
    for row in rows[:8].tolist():  # no longer black: the micrograph has been read
        assert max(crops[row].pixelColor(k, k).lightness() for k in range(0, 64, 4)) > 0
    elsewhere = np.flatnonzero(gallery._picks.micrograph != person.open.shown)[:3].tolist()
    before = set(person.state.marks)
    gallery.view.set_wrong_ids(elsewhere)
    gallery.view._reject.click()
    new = set(person.state.marks) - before
    assert len(new) == 3
    assert person.open.shown not in {person.state.marks[number].micrograph for number in new}
    person.settle()
    person.press("X")
    assert set(person.state.marks) == before
    person.settle()
    gallery.scope.setCurrentText("This micrograph")
    person.settle()
    assert len(gallery.xy) == len(person.picks.picks)

    # The view of all micrographs: draggable limits, counts and a table.
    widget.show_dataset()
    person.settle()
    view = widget.dataset
    candidates = person.open.workspace.predictor.candidates()
    assert candidates.micrographs == 3
    assert f"of {len(candidates.score):,} candidates" in view.plot._count.text()
    view.plot._grab(float(np.log10(1.0)), view.plot._level.value())
    view.plot._drag(float(np.log10(1.0)), logit(0.8))
    picked = int((candidates.score >= np.float32(logit(view.plot._threshold))).sum())
    assert view.plot._count.text().startswith(f"{picked:,} of")
    assert person.state.settings.threshold == 0.5
    qtbot.wait(5)  # the section of the picks follows, with a count that fits
    assert widget.picks.histogram.threshold() == view.plot._threshold
    assert widget.picks.histogram._count.text().startswith(f"{len(person.picks.picks)} of")
    view.plot._drop(float(np.log10(1.0)), logit(0.8))
    person.settle()
    assert abs(person.state.settings.threshold - 0.8) < 0.02
    heading = widget.picks.histogram._count.text()
    assert heading.split()[0] in {f"{len(person.picks.picks)}", f"{len(person.picks.picks) - 1}"}
    assert f"<b>{len(person.picks.picks)}</b> picks here" in widget.picks._counts.whole_text()
    view.tabs.setCurrentWidget(view.table)
    person.settle()
    model = view.table._view.model()
    assert [model.index(row, 2).data() for row in range(3)] == list(person.state.names.values())
    picks = [int(model.index(row, 4).data()) for row in range(model.rowCount())]
    assert picks == [person.open.counts()[number] for number in (1, 2, 3)]
    view.table._view.sortByColumn(7, view.table._view.horizontalHeader().sortIndicatorOrder())
    contrasts = [float(model.index(row, 7).data()) for row in range(model.rowCount())]
    assert contrasts == sorted(contrasts) or contrasts == sorted(contrasts, reverse=True)
    # The defocus that the list contains, sorted by clicks on its header.
    header = view.table._view.horizontalHeader()
    middle = header.sectionViewportPosition(6) + header.sectionSize(6) // 2
    for expected in (["0.90", "1.50", "2.10"], ["2.10", "1.50", "0.90"]):
        QTest.mouseClick(
            header.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(middle, header.height() // 2)
        )
        assert [model.index(row, 6).data() for row in range(3)] == expected
    assert model.headerData(6, Qt.Orientation.Horizontal) == "Defocus (µm)"
    view.tabs.setCurrentWidget(view.course)
    person.settle()
    assert len(view.course._points[0].getData()[0]) == 3


def test_new_micrographs_are_added_and_picked(
    qtbot, open_widget, micrographs, tmp_path, monkeypatch
):
    late = tmp_path / "late"
    late.mkdir()
    for name in ("micrograph_002.mrc", "micrograph_003.mrc"):
        shutil.move(micrographs / name, late / name)
    person = Person(qtbot, open_widget())
    person.start(micrographs, DIAMETER)
    assert len(person.state.micrographs) == 1
    monkeypatch.chdir(micrographs.parent)
    monkeypatch.setattr("activepick._napari.folder_watcher._EVERY", 0.3)
    person.widget.watch(Path(micrographs.name))
    assert person.widget.data._watch.isChecked()
    # The file is written in two pieces, as during acquisition.
    data = (late / "micrograph_002.mrc").read_bytes()
    with (micrographs / "micrograph_002.mrc").open("wb") as file:
        file.write(data[: len(data) // 2])
        file.flush()
        time.sleep(0.2)
        file.write(data[len(data) // 2 :])
    person.wait(lambda: len(person.state.micrographs) == 2)
    person.wait(lambda: set(person.open.counts()) == {1, 2})
    # The menu entry switches watching off and on.
    person.choose("Open …", WATCH)
    assert person.widget.watcher.folder is None
    assert "watching" not in person.widget.data.summary
    shutil.copy(late / "micrograph_003.mrc", micrographs)
    qtbot.wait(1000)  # several times the interval
    assert len(person.state.micrographs) == 2
    person.choose("Open …", WATCH)
    assert person.widget.watcher.folder == micrographs
    assert "watching" in person.widget.data.summary
    person.wait(lambda: set(person.open.counts()) == {1, 2, 3})
    person.settle()
    assert person.widget.data._table._view.model().rowCount() == 3
    # A micrograph that is moved away before it is picked is tried once and marked in the table.
    with (micrographs / "micrograph_004.mrc").open("wb") as file:
        file.write(data[:-4] + b"last")  # its content differs from that of others
    predict = person.open.workspace.predictor.predict_all
    asked = []

    def predict_all(report, failed, numbers=None):
        asked.append(numbers)
        (micrographs / "micrograph_004.mrc").unlink()
        return predict(report, failed, numbers)

    monkeypatch.setattr(person.open.workspace.predictor, "predict_all", predict_all)
    person.wait(lambda: set(person.dataset.errors) == {4})
    qtbot.wait(500)
    person.settle()
    assert asked == [[4]]
    # After labels, only new micrographs are picked: the others can be picked by a button.
    person.answer_in_view("F")
    person.open.set_rejected(3, True)
    person.settle()
    assert person.dataset.unpicked() > 1
    assert asked == [[4]]
    person.widget.watcher.stop()
    assert not person.widget.data._watch.isChecked()
    table = person.open.workspace.predictor.known_picks()
    assert isinstance(table, pd.DataFrame)
    assert table["micrograph"].nunique() == 2


def list_with_defocus(micrographs: Path, defocus_angstrom: list[int]) -> Path:
    """Write a list of micrographs as RELION does, with the defocus of each, and return it."""
    files = sorted(micrographs.glob("*.mrc"))
    path = micrographs / "micrographs_ctf.star"
    rows = [f"{f.name} {d + 500} {d - 500}" for f, d in zip(files, defocus_angstrom, strict=True)]
    columns = "_rlnMicrographName\n_rlnDefocusU\n_rlnDefocusV"
    path.write_text(f"data_micrographs\n\nloop_\n{columns}\n" + "\n".join(rows) + "\n")
    return path


@contextlib.contextmanager
def no_warnings_of_libraries():
    """Fail if the user sees a warning of a library in a window that napari runs."""
    told: list[WarningNotification] = []

    def note(notification) -> None:
        if isinstance(notification, WarningNotification):
            told.append(notification)

    with warnings.catch_warnings(), notification_manager:
        warnings.simplefilter("always")
        notification_manager.notification_ready.connect(note)
        try:
            yield
            warnings.warn("the last one", RuntimeWarning, stacklevel=1)  # others would be seen too
        finally:
            notification_manager.notification_ready.disconnect(note)
    libraries = [one for one in told if "activepick" not in type(one.warning).__module__]
    assert [one.message for one in libraries] == ["the last one"]


def _sees_line(person: Person) -> None:
    """Check that a line in the colour of excluded areas can be seen on the image."""
    shown = person.canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = shown.constBits().asarray(shown.sizeInBytes())
    pixels = np.reshape(rows, (shown.height(), shown.bytesPerLine()))[:, : 3 * shown.width()]
    colour = 255 * np.array(to_rgb(EXCLUDED))
    difference = np.abs(pixels.reshape(shown.height(), -1, 3) - colour).max(axis=-1)
    assert (difference < 60).sum() > 50


def _busy(person: Person) -> bool:
    return person.dataset.predicting


def _raw(person: Person) -> np.ndarray:
    return person.session.micrographs.open(person.open.shown).read()
