import pytest

from activepick.errors import SessionError
from activepick.session import RoundRecord, Session

SQUARE = [(0, 0), (50, 0), (50, 50), (0, 50)]


def reopened(session: Session) -> Session:
    session.close()
    return Session.open(session.folder)


def test_areas_suggestions_audits_and_rounds_survive_reopening(session):
    session.micrographs.set_areas(1, [SQUARE, [(1.5, 1), (2, 2), (3, 1)]])
    session.micrographs.set_areas(2, [SQUARE])
    session.undo()
    questions = session.questions.ask(
        [(1, 5, 5, 2.0), (1, 9, 9, -2.0), (2, 7, 7, 0.0)], [1, 0, None]
    )
    session.questions.set_suggestion(questions[1].id, 1)
    session.questions.accept_suggestions([questions[0].id])
    session.questions.note_round(RoundRecord(labels=1, particles=1, picks=30, changed=None, ap=0.5))
    [audit] = session.questions.ask([(3, 8, 8, 1.0)], purpose="audit")
    session.questions.answer(audit.id, 0)
    before = session.state
    with reopened(session) as again:
        assert again.state == before
    assert set(before.areas) == {1}
    assert before.areas[1][1].vertices[0] == (1.5, 1)
    assert [label.source for label in before.labels.values()] == ["suggestion"]
    assert before.rounds[0].ap == 0.5


def test_areas_can_be_undone_and_name_their_micrograph(session):
    changes = []
    session.changed.connect(lambda action, change: changes.append(change))
    session.micrographs.set_areas(1, [SQUARE])
    session.micrographs.set_areas(1, [SQUARE])  # not changed, so there is nothing to undo
    session.micrographs.set_areas(1, [])
    session.undo()
    assert len(session.state.areas[1]) == 1
    session.undo()
    assert session.state.areas == {}
    assert not session.can_undo
    session.redo()
    assert len(session.state.areas[1]) == 1
    assert [change.areas for change in changes] == [{1}, set(), {1}, {1}, {1}, {1}]
    assert not any(change.before for change in changes)


@pytest.mark.parametrize("polygon", [[], [(0, 0), (1, 1)], [(0, 0), (1, 1), (2, float("nan"))]])
def test_an_area_with_fewer_than_three_corners_is_refused(session, polygon):
    with pytest.raises(SessionError, match="three corners"):
        session.micrographs.set_areas(1, [polygon])
    with pytest.raises(SessionError, match="no micrograph 9"):
        session.micrographs.set_areas(9, [SQUARE])
    assert session.state.areas == {}


def test_accepting_suggestions_is_one_action(session):
    questions = session.questions.ask([(1, x, x, 0.0) for x in (1, 2, 3)], [1, None, 0])
    changes = []
    session.changed.connect(lambda action, change: changes.append(change))
    ids = session.questions.accept_suggestions()
    assert ids == [questions[0].id, questions[2].id]
    assert len(changes) == 1
    assert [m.target for m in session.state.labels.values()] == [1, 0]
    assert session.state.questions == (questions[1],)
    assert session.questions.accept_suggestions() == []
    session.undo()
    assert session.state.questions == tuple(questions)


def test_a_corrected_suggestion_can_be_undone(session):
    [question] = session.questions.ask([(1, 1, 1, 0.0)], [1])
    session.questions.set_suggestion(question.id, 0)
    assert session.state.questions[0].suggestion == 0
    session.undo()
    assert session.state.questions[0].suggestion == 1
    session.redo()
    session.questions.accept_suggestions()
    assert session.state.labels[question.id].target == 0
    with pytest.raises(SessionError, match="is not open"):
        session.questions.set_suggestion(question.id, 1)


def test_undoing_a_correction_after_the_next_round_changes_no_question(session):
    [question] = session.questions.ask([(1, 1, 1, 0.0)], [1])
    session.questions.set_suggestion(question.id, 0)
    following = session.questions.ask([(1, 5, 5, 0.0)], [1])
    session.undo()
    assert session.state.questions == tuple(following)


def test_labels_of_audits_are_never_used_for_training(session):
    [question] = session.questions.ask([(1, 1, 1, 0.0)], purpose="audit")
    session.questions.answer(question.id, 0)
    state = session.state
    assert state.labels == {}
    assert state.labels_of(1) == []
    assert [mark.source for mark in state.marks_of(1)] == ["audit"]
    assert list(state.audits) == [question.id]
    assert len(session.labels.table()) == 0
    session.labels.reclass([question.id], None)
    assert session.state.audits == {}


def test_names_in_tables_follow_the_micrographs(session, files):
    assert session.state.names[1] == "m0.mrc"
    session.labels.add(1, [(1, 1)], 1)
    other = files[0].parent / "other"
    other.mkdir()
    (other / "m0.mrc").write_bytes(b"x")
    session.micrographs.add([other / "m0.mrc"])
    assert session.state.names[1].endswith("micrographs/m0.mrc")
    assert session.state.names[4].endswith("other/m0.mrc")
