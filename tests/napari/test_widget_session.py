"""From files to exported picks and back, as a user does it."""

import shutil
from dataclasses import replace
from pathlib import Path

import mrcfile
import numpy as np
import pandas as pd
import pytest
from needed_screen import needs_screen
from person import Person
from qtpy.QtCore import Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QApplication,
    QDialogButtonBox,
    QFileDialog,
    QMessageBox,
    QPushButton,
)
from scipy.spatial import cKDTree

from activepick._napari.io.import_labels import check_flips, import_labels
from activepick._napari.sections.export import ALL, FOLDER, HERE
from activepick._napari.views.placement_dialog import PlacementDialog
from activepick.formats import read_table, write_table
from activepick.learning.head_file import load_head, save_head
from activepick.session import Session, Settings
from activepick.simulate import SimulationSettings

pytestmark = needs_screen

EXECUTE = QMessageBox.exec
DIAMETER = 2 * SimulationSettings().radius_px * SimulationSettings().pixel_size_angstrom


def test_files_are_opened_labelled_picked_and_exported(qtbot, open_widget, micrographs, tmp_path):
    person = Person(qtbot, open_widget())
    person.start(micrographs, DIAMETER)
    widget = person.widget

    # Two short rounds with keys, and one answer is undone.
    widget.label.batch.value = 4
    person.press("N")
    person.settle()
    assert len(person.state.questions) == 4
    for k in range(8):
        person.answer("FD"[k % 2])
    assert len(person.state.rounds) == 2
    person.answer("X")
    assert len(person.state.labels) == 7
    person.answer("D")
    labels = person.state.labels

    # All micrographs, and the threshold.
    before = person.open.counts()
    person.dataset.predict()
    person.settle()
    assert set(person.open.counts()) == {1, 2, 3}
    assert len(before) <= 3
    widget.picks.histogram.threshold_changed.emit(0.9)
    preview = len(person.picks.picks)
    widget.picks.histogram.threshold_chosen.emit(0.9)
    person.settle()
    assert person.state.settings.threshold == 0.9
    assert len(person.picks.picks) == preview
    strict = sum(person.open.counts().values())
    widget.picks.histogram.threshold_chosen.emit(0.3)
    person.settle()
    assert sum(person.open.counts().values()) > strict

    # Export, in pixels of the micrographs.
    star, csv = tmp_path / "picks.star", tmp_path / "here.csv"
    _export(person, "star", star)
    _export(person, "csv", csv, which=HERE)
    exported = read_table(star)
    assert exported.groupby("micrograph").size().to_dict() == {
        person.state.names[number]: count for number, count in person.open.counts().items()
    }
    _same_places(read_table(csv), person.picks.picks)
    shown = person.state.names[person.open.shown]
    _same_places(exported[exported["micrograph"] == shown], person.picks.picks)

    # Save the head, and use it in another session on other data.
    widget.head._name.setText("my protein")
    widget.head.save_to(tmp_path / "mine.safetensors")
    person.settle()
    head = load_head(tmp_path / "mine.safetensors")
    assert (head.particles, head.others) == (
        sum(label.target == 1 for label in labels.values()),
        sum(label.target == 0 for label in labels.values()),
    )
    folder = person.session.folder
    corner = [(0.0, 0.0), (60.0, 0.0), (60.0, 50.0)]
    person.open.edit(lambda session: session.micrographs.set_areas(person.open.shown, [corner]))
    person.settle()
    picks = person.picks.picks
    widget.close_session()

    # The files contain what was shown.
    with Session.open(folder) as kept:
        assert kept.state.labels == labels
        assert kept.state.settings.threshold == 0.3

    # The reopened session contains everything.
    again = Person(qtbot, open_widget())
    again.start(folder)
    assert again.state.labels == labels
    assert set(again.open.counts()) == {1, 2, 3}
    again.open.show(next(i for i, name in again.state.names.items() if name == shown))
    again.settle()
    _same_places(again.picks.picks, picks)
    # Layers that are there before the first image lie on it.
    layers = again.viewer.layers
    np.testing.assert_allclose(layers["excluded areas"].data[0][:, ::-1], corner)
    np.testing.assert_allclose(layers["excluded areas"].scale, again.widget.layers.scale)
    assert {str(layer.units[-1]) for layer in layers} == {"angstrom"}


def test_heads_areas_margins_and_rejections_change_the_picks(
    qtbot, open_widget, micrographs, tmp_path
):
    person = Person(qtbot, open_widget())
    person.start(micrographs, DIAMETER)
    a_head_is_used_at_once_and_reset(person, tmp_path)
    areas_margins_and_rejection(person, micrographs, tmp_path)


def a_head_is_used_at_once_and_reset(person: Person, tmp_path: Path) -> None:
    shown, first = person.open.shown, person.picks.picks
    for key in "FFDDFD":
        person.answer(key)
    person.open.show(shown)
    person.settle()
    person.widget.head.save_to(tmp_path / "mine.safetensors")
    person.settle()
    learnt = person.picks.peaks.peaks.score
    person.open.edit(lambda session: session.labels.clear())
    person.settle()
    person.open.show(shown)
    person.settle()
    _same_places(person.picks.picks, first)
    person.picks.use_head(tmp_path / "mine.safetensors")
    person.settle()
    np.testing.assert_allclose(person.picks.peaks.peaks.score[:20], learnt[:20], atol=1e-3)
    assert not any(severity == "warning" for severity, _ in person.told)
    # A head that was trained on larger particles is used with a warning.
    larger = replace(load_head(tmp_path / "mine.safetensors"), diameter_angstrom=2 * DIAMETER)
    save_head(larger, tmp_path / "larger.safetensors")
    person.picks.use_head(tmp_path / "larger.safetensors")
    person.settle()
    [told] = [text for severity, text in person.told if severity == "warning"]
    assert told.startswith(f"larger.safetensors was trained on particles of {2 * DIAMETER:g} Å")
    assert f"{DIAMETER:g} Å: it is scaled to them" in told
    person.picks.reset_head()
    person.settle()
    _same_places(person.picks.picks, first)


def areas_margins_and_rejection(person: Person, micrographs: Path, tmp_path: Path) -> None:
    picks, widget = person.picks.picks, person.widget
    half = [(0, 0), (400, 0), (400, 640), (0, 640)]
    person.open.edit(lambda session: session.micrographs.set_areas(person.open.shown, [half]))
    person.settle()
    left = person.picks.picks
    assert 0 < len(left) < len(picks)
    assert (left["x"] > 400).all()
    assert len(person.viewer.layers["excluded areas"].data) == 1
    person.answer("X")
    assert len(person.picks.picks) == len(picks)

    # Drawn with the mouse.
    person.see_all()
    widget.picks._draw.setChecked(True)
    person.drag_along([(200, 150), (500, 150), (500, 450), (200, 450), (200, 160)])
    person.settle()
    [area] = person.state.areas[person.open.shown]
    x, y = np.array(area.vertices).T
    np.testing.assert_allclose([x.min(), x.max(), y.min(), y.max()], [200, 500, 150, 450], atol=8)
    now = person.picks.picks
    for table, is_inside in ((picks, True), (now, False)):
        inside = table["x"].between(215, 485) & table["y"].between(165, 435)
        assert inside.any() == is_inside
    widget.picks._draw.setChecked(False)
    person.click(100, 100)  # and clicks are labels again
    person.settle()
    assert len(person.state.labels) == 1
    person.answer("X")
    person.answer("X")
    assert not person.state.areas

    # Painting: a stroke of the width of the brush follows the mouse.
    person.see_all()
    widget.picks._paint.setChecked(True)
    person.move_to(100, 200)
    brush, centre = widget.overlay.circle
    np.testing.assert_allclose(centre, (100, 200), atol=3)
    person.drag_along([(200, 300), (600, 300)])
    assert person.state.areas  # when the mouse button is released
    widget.picks._paint.setChecked(False)
    assert widget.overlay.circle is None
    person.settle()
    [area] = person.state.areas[person.open.shown]
    x, y = np.array(area.vertices).T
    expected = [200 - brush / 2, 600 + brush / 2, 300 - brush / 2, 300 + brush / 2]
    np.testing.assert_allclose([x.min(), x.max(), y.min(), y.max()], expected, atol=6)

    # Margins, and a rejected micrograph.
    count = len(person.picks.picks)
    person.open.set_settings(edge_margin=2.0)
    assert len(person.picks.picks) < count
    rejected = person.open.shown_name
    number = person.open.shown
    person.press("J")
    person.settle()
    assert person.state.micrographs[number].status == "rejected"
    person.dataset.predict()
    person.settle()
    assert rejected not in set(person.open.workspace.predictor.known_picks()["micrograph"])
    assert len(set(person.open.workspace.predictor.known_picks()["micrograph"])) == 2

    # A stroke that is being painted belongs to its session.
    person.open.edit(lambda session: session.micrographs.set_areas(number, []))
    person.open.show(number)
    person.settle()
    person.see_all()
    widget.picks._paint.setChecked(True)
    person.drag_along([(200, 300), (600, 300)])
    first = person.session.folder
    other = tmp_path / "grid 2"
    shutil.copytree(micrographs, other, ignore=shutil.ignore_patterns("*.activepick"))
    widget.open_path(other)
    person.wait(lambda: person.controller.new_session is not None)
    person.settle()
    widget.particle.start()
    person.wait(lambda: person.has_picks)
    person.settle()
    assert not person.state.areas
    with Session.open(first) as kept:
        assert kept.state.areas


def test_picks_and_labels_are_imported_and_exported(
    qtbot, open_widget, micrographs, simulated, tmp_path, monkeypatch
):
    person = Person(qtbot, open_widget())
    person.start(micrographs, DIAMETER)
    picks_go_out_as_boxes_and_under_the_names_of_relion(person, tmp_path, monkeypatch)
    picks_in_other_pixels_are_brought_to_the_micrographs(person, simulated, tmp_path, monkeypatch)
    person.answer("X")
    assert not person.state.labels
    picks_are_clicked_away_labels_taken_in_and_the_session_found_again(
        person, micrographs, simulated
    )


def picks_are_clicked_away_labels_taken_in_and_the_session_found_again(
    person: Person, micrographs: Path, simulated: Path
) -> None:
    person.widget.show_gallery()
    person.settle()
    gallery, picks = person.widget.gallery, person.picks.picks
    gallery.view.rejected.emit([0, 3])
    person.settle()
    marks = list(person.state.labels.values())
    assert [mark.target for mark in marks] == [0, 0]
    _same_places(pd.DataFrame([(m.x, m.y) for m in marks], columns=["x", "y"]), picks.iloc[[0, 3]])
    now = person.picks.picks
    for mark in marks:
        assert np.hypot(now["x"] - mark.x, now["y"] - mark.y).min() > 1

    # Labels of another program.
    person.answer("X")
    report = import_labels(person.session, simulated / "truth.star")
    person.settle()
    truth = read_table(simulated / "truth.star")
    assert 0.8 * len(truth) < len(person.state.labels) <= len(truth)
    assert str(len(person.state.labels)) in report
    here = person.state.labels_of(person.open.shown)
    assert len(person.viewer.layers["labels"].data) == len(here)

    # The same micrographs are the same session.
    folder, labels = person.session.folder, person.state.labels
    person.widget.controller.open_paths(sorted(micrographs.glob("*.mrc")))
    person.wait(lambda: person.has_picks)
    person.settle()
    assert person.session.folder == folder
    assert person.state.labels == labels


def test_missing_micrographs_are_reported_and_can_be_relinked(
    qtbot, open_widget, micrographs, tmp_path
):
    person = Person(qtbot, open_widget())
    person.start(micrographs, DIAMETER)
    folder = person.session.folder
    missing = person.state.questions[0].micrograph
    moved = next(number for number in (2, 3) if number != missing)
    [left] = {1, 2, 3} - {missing, moved}
    person.widget.close_session()
    name = f"micrograph_{missing:03}.mrc"
    (micrographs / name).unlink()
    elsewhere = tmp_path / "elsewhere.mrc"
    (micrographs / f"micrograph_{moved:03}.mrc").rename(elsewhere)
    again = Person(qtbot, open_widget())
    again.start(folder)
    assert again.open.shown == left
    again.dataset.predict()
    again.settle()
    assert set(again.dataset.errors) == {missing, moved}
    assert f"{name} is missing" in again.dataset.errors[missing]
    assert set(again.open.counts()) == {left}
    again.open.show(moved)
    again.settle()
    assert not again.viewer.layers["micrograph"].visible
    again.click(300, 300)  # on nothing
    again.settle()
    assert not again.state.marks
    again.open.relink(elsewhere)
    again.settle()
    assert again.viewer.layers["micrograph"].visible
    assert len(again.picks.picks)


def test_sessions_are_opened_read_only_by_force_or_repaired(
    qtbot, open_widget, micrographs, monkeypatch
):
    person = Person(qtbot, open_widget())
    person.start(micrographs, DIAMETER)
    person.answer("F")
    person.answer("D")
    folder, labels = person.session.folder, person.state.labels
    asked = click_in_box(monkeypatch, "Open read-only")
    second = Person(qtbot, open_widget())
    second.start(folder)
    assert "open" in asked[0]
    assert second.session.read_only
    assert second.state.labels == labels
    second.go_to_question("D")
    second.press("D")
    assert "read-only" in second.told[-1][1]
    assert person.state.labels == labels
    for one in (second, person):
        one.widget.close_session()
    journal = folder / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[-1] = lines[-1].replace(b'"', b"'")
    journal.write_bytes(b"".join(lines) + lines[-2])
    asked = click_in_box(monkeypatch, "Repair")
    again = Person(qtbot, open_widget())
    again.start(folder)
    assert "is damaged" in asked[0]
    assert len(again.state.labels) == len(labels) - 1
    assert any("damaged" in sentence for _, sentence in again.told)


def test_picks_of_other_programs_are_checked(micrographs, simulated, tmp_path):
    truth = read_table(simulated / "truth.star")
    far = truth[["micrograph", "x", "y"]].copy()
    far.loc[0, ["x", "y"]] = 2000.0, 5.0
    write_table(far, tmp_path / "far.csv")
    settings = Settings(diameter_angstrom=DIAMETER)
    with Session.create(tmp_path / "own.activepick", settings) as session:
        session.micrographs.add(sorted(micrographs.glob("*.mrc")))
        micrograph = session.micrographs.open(1)
        height, _ = micrograph.shape
        write_table(truth.assign(y=height - 1 - truth["y"]), tmp_path / "flipped.csv")
        radius = SimulationSettings().radius_px
        straight = check_flips(simulated / "truth.star", micrograph, radius)
        assert straight.contrast.best == "none"
        assert check_flips(tmp_path / "flipped.csv", micrograph, radius).contrast.best == "y"
        report = import_labels(session, tmp_path / "far.csv")
    assert f"1 of {len(truth)} positions lies outside" in report
    assert "--" not in report


def test_bright_particles_and_repeated_lines_are_detected(qtbot, open_widget, micrographs):
    smeared = 90
    first_file, *others = sorted(micrographs.glob("*.mrc"))
    for path in others:
        path.unlink()
    with mrcfile.open(first_file, "r+") as file:
        pixels = -file.data
        pixels[:, :smeared] = pixels[:, smeared : smeared + 1]  # as by motion correction
        file.set_data(pixels)
    person = Person(qtbot, open_widget())
    person.start(micrographs, DIAMETER)
    bar = person.widget.warnings
    assert bar.isVisible()
    questions = person.state.questions
    bar._correct.click()
    person.settle()
    assert person.state.settings.inverted
    assert not bar.isVisible()
    assert person.state.questions != questions  # these concerned the wrong polarity

    # Picks and questions keep one radius from the border, which includes the repeated columns.
    radius = SimulationSettings().radius_px
    height, width = person.open.images.shape
    first, last = (smeared + radius, radius), (width - 1 - radius, height - 1 - radius)
    asked = [(q.x, q.y) for q in person.state.questions]
    for places in (person.picks.picks[["x", "y"]].to_numpy(), np.array(asked)):
        assert len(places)
        assert (places >= np.subtract(first, 0.5)).all()
        assert (places <= np.add(last, 0.5)).all()
    # With a smaller margin, picks are closer to the border, but not on the repeated columns.
    count = len(person.picks.picks)
    person.widget.picks._edge_margin.chosen.emit(0.05)
    person.settle()
    assert len(person.picks.picks) > count
    assert person.picks.picks["x"].min() >= smeared


def click_in_box(monkeypatch, text: str, *, tick: bool = False) -> list[str]:
    """Click on a button of the next message boxes, and on the tick box; gives what they say."""
    said: list[str] = []

    def click(box) -> int:
        said.append(box.text())
        if tick:
            QTimer.singleShot(0, box.checkBox().click)
        (button,) = (button for button in box.buttons() if button.text().strip("&") == text)
        QTimer.singleShot(0, button.click)
        return EXECUTE(box)

    monkeypatch.setattr(QMessageBox, "exec", click)
    return said


def picks_go_out_as_boxes_and_under_the_names_of_relion(
    person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.dataset.predict()
    person.settle()
    picks = person.picks.picks
    folder = tmp_path / "boxes"
    folder.mkdir()
    _export(person, "box", folder)  # a file holds the boxes of one micrograph
    assert sorted(file.name for file in folder.glob("[!.]*")) == [
        f"micrograph_00{number}.box" for number in (1, 2, 3)
    ]
    [shown] = [n for i, n in person.state.names.items() if i == person.open.shown]
    boxes = read_table(folder / shown.replace(".mrc", ".box"))
    _same_places(boxes, picks, within=1.0)

    relion = tmp_path / "micrographs.star"
    names = [f"MotionCorr/job002/micrograph_00{number}.mrc" for number in (1, 2, 3)]
    relion.write_text("data_\n\nloop_\n_rlnMicrographName #1\n" + "\n".join(names) + "\n")
    person.widget.export.set_list(relion)
    star = tmp_path / "named.star"
    _export(person, "star", star)
    assert set(read_table(star)["micrograph"]) == set(names)

    # Files of an earlier export are removed only if the check box is ticked.
    person.widget.export.set_list(None)
    section, folder = person.widget.export, tmp_path / "more boxes"
    folder.mkdir()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))
    export = next(b for b in section.findChildren(QPushButton) if "picks" in b.text())

    def here(*parts: str) -> set[str]:
        export.click()
        person.settle()
        for part in parts:
            assert part in section._result.text()
        assert "--" not in section._result.text()
        return {file.name for file in folder.glob("[!.]*")}

    section.format.value = next(t for t, name in section._formats.items() if name == "box")
    section.which.value = ALL
    every = {f"micrograph_00{number}.box" for number in (1, 2, 3)}
    # One warning for all files: box files cannot contain scores.
    assert here("the same in 2 other files") == every
    foreign = folder / "other.box"
    foreign.write_text("1 2 20 20\n")
    section.which.value = HERE
    section.into.value = FOLDER
    own = person.state.names[person.open.shown].replace(".mrc", ".box")

    asked = click_in_box(monkeypatch, "No")
    assert here() == {*every, "other.box"}
    assert "contains files such as" in asked[0]
    click_in_box(monkeypatch, "Yes")
    assert here("2 files of an earlier run remain") == {*every, "other.box"}
    click_in_box(monkeypatch, "Yes", tick=True)
    assert here("1 other file was in the folder already") == {own, "other.box"}


def picks_in_other_pixels_are_brought_to_the_micrographs(
    person: Person, simulated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    height, _ = person.open.images.shape
    truth = read_table(simulated / "truth.star")[["micrograph", "x", "y"]]
    moved = truth.assign(y=height - 1 - truth["y"])
    moved = moved.assign(x=moved["y"] / 2, y=moved["x"] / 2)
    elsewhere = pd.DataFrame({"micrograph": ["elsewhere.mrc"], "x": [5.0], "y": [6.0]})
    file = tmp_path / "binned.csv"
    write_table(pd.concat([moved, elsewhere]), file)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(file), ""))
    action = next(a for a in person.widget.data._session_actions if "labels or picks" in a.text())

    def choose(close: str) -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, PlacementDialog)
        dialog.swap.click()
        dialog.scale.selectAll()
        QTest.keyClicks(dialog.scale, "2")
        while dialog.flip.currentData() != "y":
            QTest.keyClick(dialog.flip, Qt.Key.Key_Down)
        buttons = dialog.findChild(QDialogButtonBox)
        QTest.mouseClick(
            buttons.button(getattr(QDialogButtonBox.StandardButton, close)),
            Qt.MouseButton.LeftButton,
        )

    QTimer.singleShot(200, lambda: choose("Cancel"))
    action.trigger()
    person.settle()
    assert not person.state.labels
    QTimer.singleShot(200, lambda: choose("Ok"))
    action.trigger()
    person.settle()
    labels = pd.DataFrame([(m.x, m.y) for m in person.state.labels.values()], columns=["x", "y"])
    assert len(labels) > 0.8 * len(truth)
    distance, _ = cKDTree(truth[["x", "y"]]).query(labels)
    assert distance.max() < 0.01
    assert any("elsewhere.mrc" in text for _, text in person.told)


def _export(person: Person, format: str, path: Path, which: str = ALL) -> None:
    section = person.widget.export
    section.format.value = next(t for t, name in section._formats.items() if name == format)
    section.which.value = which
    section.export(path)
    person.settle()


def _same_places(one: pd.DataFrame, other: pd.DataFrame, within: float = 0.01) -> None:
    first, second = (frame[["x", "y"]].to_numpy(float) for frame in (one, other))
    assert len(first) == len(second)
    assert cKDTree(first).query(second)[0].max() <= within * np.sqrt(2)
    assert cKDTree(second).query(first)[0].max() <= within * np.sqrt(2)
