import pytest

from activepick.workspace.round import Round


@pytest.fixture
def round_(session):
    session.questions.ask([(1, 10, 10, 0.1), (2, 20, 20, 0.2), (1, 30, 30, 0.3), (3, 40, 40, 0.4)])
    return Round(session, shown=2)


def xs(questions):
    return [question.x for question in questions]


def test_questions_are_grouped_by_micrograph_with_the_shown_one_first(round_):
    assert xs(round_.questions) == [20, 10, 30, 40]
    assert round_.current.x == 20
    assert round_.position == (1, 4)


def test_each_answer_leads_to_the_next_question(session, round_):
    seen = []
    round_.moved.connect(lambda question: seen.append(question and question.x))
    while not round_.finished:
        round_.answer(1)
    assert seen == [10, 30, 40, None]
    assert round_.current is None
    assert round_.position == (4, 4)
    assert all(label.source == "query" for label in session.state.labels.values())


def test_an_answer_by_a_click_counts_in_the_round(session, round_):
    later = round_.questions[2]
    session.questions.answer(later.id, 0)
    assert round_.current.x == 20
    assert round_.next().x == 10
    assert round_.next().x == 40  # 30 is answered
    assert round_.next().x == 20


def test_back_returns_to_an_answer_that_can_be_changed(session, round_):
    first = round_.current
    round_.answer(1)
    assert round_.back() == first
    assert round_.back() == first
    round_.answer(0)
    assert session.state.labels[first.id].target == 0
    assert round_.current.x == 10


def test_a_question_is_asked_again_after_its_answer_is_undone(session, round_):
    first = round_.current
    round_.answer(1)
    round_.answer(None)
    assert round_.current.x == 30
    session.undo()
    assert round_.current.x == 10
    session.undo()
    assert round_.current == first
    session.redo()
    assert round_.current.x == 10


def test_suggestions_are_not_asked_one_by_one(session):
    places = [(1, x, x, 0.0) for x in (10, 20, 30, 40)]
    questions = session.questions.ask(places, [1, None, 0, None])
    cursor = Round(session, shown=1)
    assert cursor.current.x == 20
    assert cursor.position == (1, 2)
    assert xs(cursor.waiting) == [10, 30]
    cursor.go_to(questions[2].id)
    assert cursor.position == (2, 2)
    session.questions.set_suggestion(questions[2].id, 1)
    assert cursor.current.suggestion == 1
    cursor.next()
    assert cursor.current.x == 40
    cursor.answer(0)
    cursor.answer(0)
    assert cursor.finished
    assert len(session.state.questions) == 2
    session.questions.accept_suggestions()
    assert cursor.waiting == []
    session.undo()
    assert cursor.current is None
    assert xs(cursor.waiting) == [10, 30]


def test_a_new_round_starts_at_its_first_question(session, round_):
    round_.answer(1)
    round_.shown = 3
    session.questions.ask([(1, 1, 1, 0.0), (3, 2, 2, 0.0)])
    assert xs(round_.questions) == [2, 1]
    assert round_.current.x == 2
    round_.close()
    session.questions.ask([])
    assert round_.questions == []


def test_an_open_round_is_continued(session, round_):
    round_.answer(1)
    again = Round(session, shown=1)
    assert xs(again.questions) == [10, 30, 20, 40]
    assert again.current.x == 10


def test_without_questions_a_round_has_no_current_one(session):
    empty = Round(session)
    assert empty.current is None
    assert empty.position == (0, 0)
    assert empty.finished
    assert empty.answer(1) is None
    assert empty.next() is None
    assert empty.back() is None
