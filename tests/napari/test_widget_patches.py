import numpy as np
import pytest
from needed_screen import needs_screen

from activepick.scoremap import far_from

pytestmark = needs_screen


def free_place(review):
    """Return a position in a patch that is far from its picks and from labels."""
    patch, radius = review.patch, review.peaks.radius_px
    x, y = np.meshgrid(
        np.arange(patch.left + radius, patch.right - radius, radius / 4),
        np.arange(patch.top + radius, patch.bottom - radius, radius / 4),
    )
    places = np.stack([x, y], axis=-1).reshape(-1, 2)
    shown = np.concatenate([review.picks, review.peaks.answered])
    return places[far_from(places, shown, 1.1 * radius)][0].tolist()


def test_patches_are_corrected_confirmed_undone_and_left(person):
    person.press("E")
    person.wait(lambda: person.has_picks)
    person.settle()
    person.see_all()
    micrograph = person.open.shown
    camera, asked = person.viewer.scene.camera, person.labelling.current
    zoom, centre = camera.zoom, camera.center
    person.click_button("Patches")
    person.settle()
    patches = person.open.patches
    first = patches.review
    assert first is not None
    # The frame fills most of the screen, and the questions are hidden.
    canvas = person.canvas.rect()
    side = person.where(first.patch.right, 0).x() - person.where(first.patch.left, 0).x()
    assert side == pytest.approx(0.8 * min(canvas.width(), canvas.height()), abs=3)
    assert canvas.contains(person.where(first.patch.left, first.patch.top))
    assert canvas.contains(person.where(first.patch.right, first.patch.bottom))
    assert not len(person.viewer.layers["questions"].data)
    shown = person.widget.overlay.patch
    assert np.array_equal([at for at, _ in shown.particles], first.particles)

    # A click removes a pick, another restores it; a click elsewhere adds a particle.
    pick = first.particles[0].tolist()
    person.click(*pick)
    assert first.removed.tolist() == [pick]
    person.click(*pick)
    assert not len(first.removed)
    person.click(*pick)
    missed = free_place(first)
    person.click(*missed)
    assert first.particles[-1] == pytest.approx(missed, abs=1.5)
    assert first.corrections == 2
    person.qtbot.wait(10)
    assert person.widget.overlay.patch.removed == [pick]
    # Clicks outside the frame and keys of questions have no effect, with a message.
    person.click(first.patch.left - 5, first.patch.top + 5)
    questions = person.state.asked
    for key in "FDHRTN":
        person.told.clear()
        person.press(key)
        person.settle()
        [(_, text)] = person.told
        assert "Click in the frame" in text
    assert patches.review is first
    assert first.corrections == 2
    assert not person.state.marks
    assert person.state.asked == questions
    assert person.labelling.current == asked
    # Undo reverts the last click; changes elsewhere keep the corrections.
    person.press("X")
    assert first.corrections == 1
    name = person.open.shown_name
    assert person.told[-1][1] == f"Undone: correction of the patch on {name}"
    person.qtbot.wait(10)
    over = person.widget.overlay.parentWidget().children()  # from the bottom to the top
    assert over.index(person.widget.overlay) < over.index(person.widget.popups)
    person.press("Shift+X")
    assert first.corrections == 2
    # From another micrograph, keys go back to the patch.
    for key, corrections in (("X", 1), ("Shift+X", 2), ("G", 2), ("X", 1)):
        person.press("Q" if person.open.shown > 1 else "E")
        person.settle()
        assert "on another micrograph" in person.widget.label._title.text()
        person.press(key)
        person.settle()
        assert patches.review is first
        assert first.corrections == corrections
        assert person.open.shown == first.micrograph
    assert not person.state.marks
    # A hidden image is shown before the patch is confirmed.
    person.viewer.layers["micrograph"].visible = False
    person.press("Y")
    person.settle()
    assert not person.state.marks
    assert person.viewer.layers["micrograph"].visible
    person.click(*missed)
    person.widget.picks._edge_margin.setValue(0.5)
    person.settle()
    assert patches.review is first
    assert first.corrections == 2

    # One key labels everything in the frame, in one action.
    particles, expected = first.particles, first.labels()
    person.press("Y")
    labels = list(person.state.labels.values())
    assert {(label.source, label.weight) for label in labels} == {("patch", expected.weight)}
    assert sorted((one.x, one.y) for one in labels) == sorted(map(tuple, expected.xy.tolist()))
    positive = [(one.x, one.y) for one in labels if one.target == 1]
    assert sorted(positive) == sorted(map(tuple, particles.tolist()))
    assert first.patch.contains([(one.x, one.y) for one in labels]).all()
    assert sum(one.target == 0 for one in labels) <= len(particles) + 1 + 1
    person.settle()
    second = patches.review
    assert second is not None
    assert second is not first
    assert person.session.can_undo
    assert patches.clicks == 3

    # Undo reverts it in one step and returns to the patch with its corrections.
    person.press("X")
    person.settle()
    assert not person.state.marks
    assert patches.review is first
    assert first.corrections == 2
    person.press("Y")
    person.settle()
    assert len(person.state.labels) == len(labels)
    person.press("X")
    person.settle()
    person.press("Shift+X")
    person.settle()
    assert len(person.state.labels) == len(labels)
    assert patches.review is not first

    # Patches can be skipped. Escape returns to the questions and the previous view, also from
    # another micrograph.
    while patches.review.micrograph == micrograph:
        before = patches.review
        person.press("G")
        person.settle()
        assert patches.review is not before
    assert len(person.state.labels) == len(labels)
    person.click(*patches.review.particles[0].tolist())
    person.press("Escape")
    person.settle()
    assert not patches.active
    assert person.widget.overlay.patch is None
    assert person.open.shown == micrograph
    assert camera.zoom == pytest.approx(zoom)
    assert camera.center == pytest.approx(centre, abs=1)
    left = [q for q in questions if q.id not in person.state.marks]
    assert person.labelling.open_questions == tuple(left)
    for one in left:  # questions in the patch are not asked again
        assert person.labelling.label_near(one.x, one.y) is None
    assert person.told[-1][1] == (
        "1 patch confirmed with 3 clicks. "
        "1 correction of a patch that was not confirmed was discarded."
    )
