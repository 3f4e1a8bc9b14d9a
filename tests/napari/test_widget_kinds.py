"""Several kinds of particles in the window, by keys and mouse."""

import numpy as np
from matplotlib.colors import to_hex
from needed_screen import needs_screen
from person import inside_the_dock
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractButton

from activepick._napari.sections.export import ALL, ALL_KINDS
from activepick._napari.views.elided_button import ElidedButton
from activepick.formats import read_table

pytestmark = needs_screen


def visible_buttons(person) -> list[str]:
    buttons = person.widget.label.findChildren(QAbstractButton)
    return [one.text() for one in buttons if one.isVisible()]


def colours_of(layer) -> list[str]:
    return [to_hex(colour) for colour in layer.border_color]


def test_two_kinds_are_named_answered_counted_and_exported(person, tmp_path):
    label, export = person.widget.label, person.widget.export

    # Without kinds, there are no controls for them, and their keys have no effect.
    assert not label.kinds.isVisible()
    assert not export.kind.visible
    assert "Particle (F)" in visible_buttons(person)
    before = person.session.last
    person.press("C")
    assert person.session.last == before

    # A second kind is added and named.
    person.click_button_in(label.options, "Add a kind of particle …")
    person.settle()
    assert label.kinds.isVisible()
    first, second = label.kinds.rows[:2]
    QTest.keyClicks(second.name, "proteasome")
    QTest.keyClick(second.name, Qt.Key.Key_Return)
    person.settle()
    assert person.state.settings.kind_names == {1: "particle", 2: "proteasome"}
    assert "Particle (F)" not in visible_buttons(person)
    assert {"particle (F)", "proteasome (C)"} <= set(visible_buttons(person))
    assert not label.kinds.rows[2].name.isVisible()

    # A name that exists already is refused with a message.
    QTest.mouseClick(first.name, Qt.MouseButton.LeftButton)
    first.name.selectAll()
    QTest.keyClicks(first.name, "proteasome")
    QTest.keyClick(first.name, Qt.Key.Key_Return)
    person.settle()
    assert person.state.settings.kind_names[1] == first.name.text() == "particle"
    assert any("same name" in text for _, text in person.told)

    # A long name is elided in the middle, and does not make the contents wider than the dock.
    long = "26S proteasome with a double cap seen from the side"
    person.open.edit(lambda session: session.kinds.change(2, name=long))
    for section in person.widget.sections:
        section.set_open(True)
    person.settle()
    inside_the_dock(person.widget)
    [button] = label.findChildren(ElidedButton)[1:]
    assert button.text().startswith("26S")
    assert "…" in button.text()
    assert button.text().endswith(" (C)")
    assert button.toolTip() == f"{long} (C)"
    person.open.edit(lambda session: session.kinds.change(2, name="proteasome"))
    person.settle()

    # Keys answer with the kinds.
    person.widget._focus_canvas()
    answered = {}
    for key, target in (("F", 1), ("C", 2), ("D", 0), ("C", 2), ("F", 1), ("D", 0)):
        question = person.labelling.current
        person.answer_in_view(key)
        assert person.state.marks[question.id].target == target
        answered[question.id] = target
    assert label.summary == "particle: 2, proteasome: 2, non-particles: 2"
    captions = {tile.crop.id: tile.crop.caption for tile in label._strip._tiles if tile.isVisible()}
    names = {1: "particle", 2: "proteasome", 0: ""}
    assert all(captions[i] == names[t] for i, t in answered.items() if i in captions)

    # A click adds the kind that is chosen for clicks.
    second.clicked.click()
    person.click_on_free_place()
    assert list(person.state.marks.values())[-1].target == 2
    first.clicked.click()

    # The head distinguishes the kinds; circles have their colours.
    person.settle()
    head = person.open.workspace.trainer.head
    assert head.kinds.name_of == {1: "particle", 2: "proteasome"}
    table = person.picks.picks
    colours = {kind.number: kind.colour for kind in person.state.settings.kinds}
    shown = person.viewer.layers["picks"]
    assert colours_of(shown) == [colours[k] for k in table["rlnClassNumber"]]
    marks = person.state.marks_of(person.open.shown)
    rims = colours_of(person.viewer.layers["labels"])
    assert [r for r, m in zip(rims, marks, strict=True) if m.is_particle] == [
        colours[m.target] for m in marks if m.is_particle
    ]

    # In patches, particles have the colours and kinds of their picks, and clicks change the kind.
    person.click_button("Patches")
    person.settle()
    review = person.open.patches.review
    pick, kind = review.particles[0].tolist(), int(review.particle_kinds[0])
    shown = person.widget.overlay.patch.particles
    assert [colour for _, colour in shown] == [colours[k] for k in review.particle_kinds]
    other = second if kind == 1 else first
    other.clicked.click()
    person.click(*pick)
    assert review.particle_kinds[0] == 3 - kind
    assert review.corrections == 1
    expected = review.labels()
    before = set(person.state.marks)
    person.press("Y")
    person.settle()
    added = [mark.target for i, mark in person.state.marks.items() if i not in before]
    assert added == expected.kinds.tolist()
    person.press("X")
    person.settle()
    assert set(person.state.marks) == before
    first.clicked.click()
    person.press("Escape")
    person.settle()

    # Undo says which kind it was.
    person.press("X")
    person.settle()
    assert "proteasome" in person.told[-1][1]
    person.press("Shift+X")
    person.settle()

    # Counts, a threshold and an export by kind.
    person.dataset.predict()
    person.settle()
    counts = person.open.workspace.predictor.kind_counts()
    assert [row.count.text() for row in (first, second)] == [f"{counts[k]:,}" for k in (1, 2)]
    second.threshold.setValue(0.9)
    person.settle()
    fewer = person.open.workspace.predictor.kind_counts()
    assert fewer[1] == counts[1]
    assert fewer.get(2, 0) <= counts[2]
    assert second.count.text() == f"{fewer.get(2, 0):,}"
    # As many digits as are typed, where probabilities are near 1.
    second.threshold.setFocus()
    second.threshold.selectAll()
    QTest.keyClicks(second.threshold, "0.9987")
    QTest.keyClick(second.threshold, Qt.Key.Key_Return)
    person.settle()
    assert person.state.settings.kinds[1].threshold == 0.9987
    assert second.threshold.text() == "0.9987"
    second.threshold.setValue(0)
    person.settle()
    export.format.value = next(t for t, name in export._formats.items() if name == "csv")
    export.which.value = ALL
    assert list(export.kind.choices) == [ALL_KINDS, "particle", "proteasome"]
    tables = {}
    for choice in export.kind.choices:
        export.kind.value = choice
        export.export(tmp_path / f"{choice}.csv")
        person.settle()
        tables[choice] = read_table(tmp_path / f"{choice}.csv")
    whole = tables[ALL_KINDS]
    assert len(whole) == len(tables["particle"]) + len(tables["proteasome"])
    assert set(tables["proteasome"]["class"]) == {"proteasome"}
    assert set(tables["proteasome"]["rlnClassNumber"]) == {2}
    assert np.isin(whole["rlnClassNumber"], [1, 2]).all()

    # A kind can be removed only without labels. The window is then as before.
    second._remove.click()
    person.settle()
    assert any("labels of proteasome" in text for _, text in person.told)
    ids = [mark.id for mark in person.state.marks.values() if mark.target == 2]
    person.open.edit(lambda session: session.labels.reclass(ids, 1))
    second._remove.click()
    person.settle()
    assert person.state.settings.kinds == ()
    assert not label.kinds.isVisible()
    assert not export.kind.visible
    assert "Particle (F)" in visible_buttons(person)
    assert "rlnClassNumber" not in person.picks.picks
