"""Classes of junk that are left out of the picks, without a window."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from activepick.scoremap import SAME_POSITION
from activepick.session import Session
from activepick.workspace.workspace import Workspace


@pytest.fixture
def session(simulated):
    simulated.set_settings(threshold=0.15)
    return simulated


@pytest.fixture
def picked(session, workspace):
    workspace.predictor.predict_all()
    return workspace


@pytest.fixture
def picks(picked):
    return picked.classification.compute(count=2)


def largest(workspace, picks):
    return max(workspace.classification.summaries(picks), key=lambda one: one.size).number


def leave_out(session, workspace, picks, number):
    members = workspace.class_filter.members(picks, number)
    session.left_out.set(picks.class_id(number), members)
    return members


def test_members_of_a_left_out_class_are_not_picks_on_any_micrograph(session, picked, picks):
    number, before = largest(picked, picks), picked.predictor.known_picks()
    own = picks.members(number)
    members = leave_out(session, picked, picks, number)
    averaged = {(int(picks.micrograph[row]), *picks.xy[row].tolist()) for row in own}
    assert averaged <= set(members)
    assert len({m for m, _, _ in members}) == 3
    after = picked.predictor.known_picks()
    assert len(after) == len(before) - len(averaged)
    assert picked.predictor.counts() == {
        i: (after["micrograph"] == name).sum() for i, name in session.state.names.items()
    }
    assert len(picked.predictor.picks(2)) == picked.predictor.counts()[2]
    # Positions below the threshold that belong to the class are left out at a lower threshold.
    further = set(members) - averaged
    assert further
    session.set_settings(threshold=0.07)
    lower = picked.predictor.picks(1)[["x", "y"]].to_numpy()
    for m, x, y in members:
        if m == 1:
            assert np.hypot(*(lower - (x, y)).T).min() > 1
    session.set_settings(threshold=0.15)
    # One step undoes all of it.
    session.undo()
    assert len(picked.predictor.known_picks()) == len(before)


def test_a_particle_label_takes_precedence_over_a_left_out_class(session, picked, picks):
    members = leave_out(session, picked, picks, largest(picked, picks))
    m, x, y = members[0]
    count = len(picked.predictor.known_picks())
    session.labels.add(m, [(x, y)], 1)
    assert len(picked.predictor.known_picks()) == count + 1


def test_a_class_stays_left_out_in_later_averages(session, picked, picks, make_engine, learning):
    number = largest(picked, picks)
    other = 1 - number
    assert not picked.classification.summaries(picks)[number].left_out
    leave_out(session, picked, picks, number)
    sample = picked.classification.sample(picks, other)
    picked.classification.answer(picks, other, 1, sample)
    picked.trainer.update()
    picked.predictor.predict_all()  # with a new head, which finds other peaks
    session.set_settings(threshold=0.1)
    refined = picked.classification.compute()
    picked.class_filter.extend_with(refined)
    assert picked.classification.summaries(refined)[number].left_out
    own = refined.members(number)
    assert len(own)  # the class is still shown
    for m in (1, 2, 3):
        rows = own[refined.micrograph[own] == m]
        found = picked.predictor.stored_peaks(m).picks(session.state)[["x", "y"]].to_numpy()
        labels = [(mark.x, mark.y) for mark in session.state.labels_of(m) if mark.target == 1]
        for row in rows:
            reach = SAME_POSITION * refined.radius_px[row]
            if not labels or cKDTree(labels).query(refined.xy[row])[0] > reach:
                assert not (np.hypot(*(found - refined.xy[row]).T) < 1).any()
    assert session.state.left_out_of(1)
    session.close()

    # After the session is opened again, more picks are sorted into the same classes.
    with Session.open(session.folder) as again, Workspace(again, make_engine, learning) as later:
        known = again.state.left_out
        again.set_settings(threshold=0.0)
        later.class_filter.extend()
        assert set(again.state.left_out) == set(known)
        size = {i: len(again.state.left_out_of(i)) for i in (1, 2, 3)}
        later.class_filter.extend()  # nothing more to find
        assert {i: len(again.state.left_out_of(i)) for i in (1, 2, 3)} == size
        assert sum(size.values()) > sum(len(own) for own in known[picks.class_id(number)].values())
        again.undo()  # the answer to the other class
        again.undo()
        assert not again.state.left_out


def test_new_classes_do_not_restore_left_out_picks(session, picked, picks):
    leave_out(session, picked, picks, largest(picked, picks))
    count = len(picked.predictor.known_picks())
    fresh = picked.classification.compute(count=4, again=True)
    picked.class_filter.extend_with(fresh)
    picked.class_filter.extend()
    assert len(picked.predictor.known_picks()) == count
    assert not any(one.left_out for one in picked.classification.summaries(fresh))
    session.left_out.put_back(list(session.state.left_out))
    assert len(picked.predictor.known_picks()) > count
