"""Classes of the picks of an open session, without a viewer."""

import numpy as np
import pytest

pytest.importorskip("qtpy.QtWidgets", exc_type=ImportError)

from needed_screen import needs_screen
from test_controller import user, users  # noqa: F401

pytestmark = needs_screen


def test_answers_to_classes_are_actions_of_the_session(qtbot, user, micrographs):  # noqa: F811
    user.start(micrographs)
    classes, shown = user.open.classes, user.open.shown
    user.open.set_settings(threshold=0.1)
    user.settle()
    classes.answer(1)  # nothing is selected
    classes.compute(shown, 50)
    assert classes.busy
    user.settle()
    assert len(classes.picks.xy) == len(user.open.picks.picks)

    number = max(classes.summaries, key=lambda one: one.size).number
    classes.select(number)
    np.testing.assert_array_equal(classes.members_on(shown), classes.picks.xy[classes.members()])
    assert not len(classes.members_on(shown + 1))
    for target, count in ((1, 1), (0, 1), (None, 0)):
        classes.answer(target)
        user.settle()
        assert classes.summaries[number].answer == target
        assert len(user.state.class_answers) == count
    for _ in range(2):
        user.open.labelling.undo()
        user.settle()
    assert classes.summaries[number].answer == 1

    # Members with labels of their own are not labelled again.
    user.open.labelling.undo()
    user.open.edit(lambda session: session.labels.add(shown, classes.members_on(shown), 0))
    user.settle()
    last = user.open.session.last
    classes.answer(1)
    user.settle()
    assert user.open.session.last == last
    assert ("info", "All members of this class have labels already.") in user.told
    summary = classes.summaries[number]
    assert summary.contradicted == summary.labelled == summary.size

    # The classes are refined automatically when there are many more picks.
    before = classes.picks
    classes.refine_if_grown(shown, 60)
    user.settle()
    assert classes.picks is before
    classes.refine_if_grown(shown, 70)
    user.settle()
    assert classes.picks is not before
    assert classes.picks.run == before.run
    assert classes.selected == number

    # Candidates below the threshold can be included; the classes are kept.
    picked = len(classes.picks.xy)
    classes.set_candidates(True)
    classes.compute(shown, 70)
    user.settle()
    assert len(classes.picks.xy) > picked
    assert classes.picks.run == before.run

    # A class that is left out stays left out when more is picked.
    classes.leave_out()
    user.settle()
    assert classes.summaries[number].left_out
    known = user.state.left_out
    for other in set(user.state.micrographs) - {shown}:
        user.open.set_rejected(other, True)
    user.open.set_settings(separation=0.1, edge_margin=0.0)
    user.open.dataset.predict()
    user.settle()
    [before], [after] = (list(found.values()) for found in (known, user.state.left_out))
    assert after[shown][: len(before[shown])] == before[shown]
    assert len(after[shown]) > len(before[shown])
    assert user.open.counts() == {shown: len(user.open.picks.picks)}
    # New classes keep it left out, until it is put back.
    classes.compute(shown, 70, again=True)
    user.settle()
    assert classes.left_out_before == list(known)
    assert not any(one.left_out for one in classes.summaries)
    classes.put_earlier_back()
    user.settle()
    assert not user.state.left_out
    assert not classes.left_out_before

    # Another diameter requires other crops.
    user.open.set_settings(diameter_angstrom=0.9 * user.open.settings.diameter_angstrom)
    assert classes.picks is None
    assert classes.selected is None
