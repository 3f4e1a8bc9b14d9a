"""Classes of picks that are left out of the picks."""

import numpy as np
import pytest

from activepick.errors import SessionError
from activepick.session import Session

JUNK = [(1, 10.0, 20.0), (2, 30.123, 40.0), (1, 50.0, 60.0)]


def test_left_out_members_are_saved_and_undone_in_one_step(session):
    session.left_out.set("a:1", JUNK)
    session.left_out.set("a:2", [(2, 5, 6)])
    assert session.state.left_out_of(1) == ((10, 20), (50, 60))
    assert session.state.left_out_of(2) == ((30.12, 40), (5, 6))
    assert session.state.left_out_of(3) == ()
    before = session.state
    session.close()
    with Session.open(session.folder) as again:
        assert again.state == before
        again.left_out.put_back(["a:1", "a:2"])
        assert again.state.left_out == {}
        again.undo()
        assert again.state.left_out == before.left_out
        again.undo()
        assert set(again.state.left_out) == {"a:1"}
        again.redo()
        assert again.state.left_out == before.left_out


def test_later_members_are_undone_together_with_their_class(session):
    session.left_out.set("a:1", JUNK)
    last = session.last
    session.left_out.add({"a:1": [(1, 70, 80)], "a:2": [(1, 1, 1)]})
    assert session.state.left_out_of(1) == ((10, 20), (50, 60), (70, 80))
    assert set(session.state.left_out) == {"a:1"}
    session.left_out.add({"a:1": [], "a:2": [(1, 1, 1)]})  # nothing to add
    assert session.last == last + 1
    session.undo()
    assert session.state.left_out == {}
    session.left_out.add({"a:1": [(1, 70, 80)]})  # was found before the step was undone
    assert session.state.left_out == {}
    session.redo()
    assert session.state.left_out_of(1) == ((10, 20), (50, 60))


def test_leaving_out_the_same_members_is_not_an_action(session):
    session.left_out.put_back(["a:1"])
    assert not session.can_undo
    session.left_out.set("a:1", JUNK)
    session.left_out.set("a:1", JUNK)
    session.undo()
    assert session.state.left_out == {}


@pytest.mark.parametrize("positions", [[(9, 1, 1)], [(1, np.nan, 1)]])
def test_impossible_positions_are_refused(session, positions):
    with pytest.raises((SessionError, ValueError)):
        session.left_out.set("a:1", positions)
    assert session.state.left_out == {}
    assert session.last == Session.open(session.folder, read_only=True).last
