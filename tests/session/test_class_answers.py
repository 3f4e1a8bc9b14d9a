import pytest

from activepick.session import Session

MEMBERS = [(1, 10.0, 20.0), (2, 30.0, 40.0)]


def facts(session):
    return [(m.x, m.target, m.weight, m.class_id) for m in session.state.labels.values()]


def test_the_answer_to_a_class_is_one_action_and_survives_reopening(session):
    session.labels.add(1, [(5, 5)], 1)
    session.labels.answer_class("run:3", MEMBERS, 0, 0.25)
    answered = [(5, 1, 1.0, None), (10, 0, 0.25, "run:3"), (30, 0, 0.25, "run:3")]
    assert facts(session) == answered
    assert {m.source for m in session.state.labels.values()} == {"click", "class"}
    assert session.state.class_answers == {"run:3": 0}
    session.undo()
    assert facts(session) == answered[:1]
    assert not session.state.class_answers
    session.redo()
    session.close()
    with Session.open(session.folder) as again:
        assert facts(again) == answered


def test_another_answer_to_a_class_replaces_the_labels_in_one_action(session):
    session.labels.answer_class("run:3", MEMBERS, 0, 0.25)
    session.labels.answer_class("run:4", [(3, 7.0, 8.0)], 1, 0.5)
    session.labels.answer_class("run:3", MEMBERS[1:], 1, 0.25)
    assert facts(session) == [(7, 1, 0.5, "run:4"), (30, 1, 0.25, "run:3")]
    assert session.state.class_answers == {"run:3": 1, "run:4": 1}
    session.undo()
    assert session.state.class_answers == {"run:3": 0, "run:4": 1}
    session.labels.answer_class("run:4", [], 1, 0.5)
    assert session.state.class_answers == {"run:3": 0}


@pytest.mark.parametrize("target", [0, 1])
def test_a_label_of_a_class_that_is_answered_itself_has_full_weight(session, target):
    _, second = session.labels.answer_class("run:3", MEMBERS, 0, 0.25)
    session.labels.reclass([second], target)
    assert facts(session) == [(10, 0, 0.25, "run:3"), (30, target, 1.0, None)]
    session.labels.answer_class("run:3", [], 0, 0.25)
    assert list(session.state.labels) == [second]


def test_tables_contain_the_weights_of_labels(session, files):
    session.labels.add(1, [(5, 5)], 1)
    assert "label_weight" not in session.labels.table()
    session.labels.answer_class("run:3", MEMBERS, 0, 0.25)
    assert session.labels.table()["label_weight"].tolist() == [1.0, 0.25, 0.25]
