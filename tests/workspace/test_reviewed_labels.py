import numpy as np
import pytest
from scipy.spatial.distance import cdist

from activepick.workspace.label_review import LabelReview


@pytest.fixture
def labels(session):
    return session.labels.add_positions([(1, 10, 10), (2, 20, 20), (1, 30, 30)], 1)


@pytest.fixture
def review(session, labels):
    first, second, third = labels
    return LabelReview(session, {second: 0.9, first: 0.6, third: 0.4})


def test_labels_are_kept_changed_and_removed_in_their_order(session, review, labels):
    first, second, third = labels
    seen = []
    review.moved.connect(lambda question: seen.append(question and question.id))
    assert (review.current.id, review.contradiction, review.position) == (second, 0.9, (1, 3))
    assert review.answer(None) is None  # kept
    assert review.answer(0) is not None
    assert review.remove() is not None
    assert seen == [first, third, None]
    assert review.finished
    assert (review.changed, review.removed) == (1, 1)
    assert {i: label.target for i, label in session.state.labels.items()} == {second: 1, first: 0}
    assert review.seen == {first, second, third}
    assert (review.current, review.contradiction, review.answer(1), review.remove()) == (None,) * 4


def test_the_same_answer_keeps_a_label(session, review, labels):
    before = session.last
    assert review.answer(1) is None
    assert session.last == before
    assert review.current.id == labels[0]


def test_confirming_a_label_of_a_class_gives_it_full_weight(session):
    first, second = session.labels.answer_class("a:1", [(1, 10, 10), (2, 20, 20)], 0, 0.25)
    review = LabelReview(session, {first: 0.9, second: 0.8})
    assert review.answer(0) is not None
    assert review.current.id == second
    assert review.answer(None) is None
    assert review.finished
    assert [label.weight for label in session.state.labels.values()] == [1.0, 0.25]
    assert review.changed == 0


def test_every_step_of_a_review_can_be_undone(session, review, labels):
    first, second, _ = labels
    review.answer(0)
    review.answer(None)
    assert review.take_back()
    assert review.current.id == first
    assert not review.take_back()  # the last step is an action of the session
    session.undo()
    assert review.current.id == second
    assert session.state.labels[second].target == 1
    review.remove()
    assert [question.id for question in review.open] == [first, labels[2]]
    session.undo()
    assert review.current.id == second
    assert len(review.open) == 3
    session.redo()
    assert review.current.id == first


def test_back_and_next_wrap_around_and_change_nothing(session, review, labels):
    before = session.last
    order = [review.next().id, review.next().id, review.next().id, review.back().id]
    assert order == [labels[0], labels[2], labels[1], labels[2]]
    assert review.go_to(labels[0]).id == labels[0]
    assert session.last == before
    assert len(review.open) == 3


def test_a_review_follows_changes_of_labels_elsewhere(session, review, labels):
    first, second, third = labels
    session.labels.move(second, 21, 21)  # a label that is recentred still waits
    assert review.current.x == 21
    session.labels.reclass([second], 0)
    assert review.current.id == first
    session.micrographs.set_rejected(1, True)
    review.next()
    assert [question.id for question in review.questions] == [second]
    assert review.finished
    session.micrographs.set_rejected(1, False)
    session.labels.clear()
    assert review.questions == []
    assert review.finished
    assert review.removed == 3
    session.undo()
    assert review.current is not None
    assert third in {question.id for question in review.open}


def test_after_a_correction_the_other_labels_are_chosen_anew(session, labels):
    first, second, third = labels
    fourth, fifth = session.labels.add_positions([(1, 40, 40), (2, 50, 50)], 0)
    review = LabelReview(
        session, {second: 0.9, first: 0.6, third: 0.5, fourth: 0.4, fifth: 0.3}, count=3
    )
    assert review.position == (1, 3)
    review.answer(0)
    # The label at the cursor stays, whatever its new place; the last one is replaced.
    review.sort({fifth: 0.8, fourth: 0.7, first: 0.6, second: 0.2, third: 0.1})
    assert (review.current.id, review.contradiction, review.position) == (first, 0.6, (2, 3))
    assert [question.id for question in review.questions] == [second, first, fifth]
    review.answer(None)
    assert (review.current.id, review.contradiction) == (fifth, 0.8)
    # The corrected label can be undone after it was sorted.
    assert review.take_back()
    session.undo()
    assert review.current.id == second
    session.labels.remove([fifth])
    review.sort({fifth: 0.9, fourth: 0.8, first: 0.7})
    review.answer(0)
    assert [review.current.id, review.next().id] == [fourth, second]
    assert (review.changed, review.removed, len(review.questions)) == (1, 1, 2)


def test_doubtful_labels_of_a_session_are_ordered(simulated, workspace, truth):
    session = simulated
    for number in (1, 2):
        workspace.open(number)
    rng = np.random.default_rng(0)
    wrong = []
    for number in (1, 2):
        centres = truth[number][np.abs(truth[number] - 256).max(axis=1) < 240]
        empty = rng.uniform(20, 490, (200, 2))
        empty = empty[cdist(empty, truth[number]).min(axis=1) > 60][: len(centres)]
        particles = session.labels.add(number, centres, 1)
        session.labels.add(number, empty, 0)
        wrong.append(particles[0])
    session.labels.reclass(wrong, 0)
    audited = session.labels.add(1, [centres[1]], 0, "audit")
    found = workspace.trainer.doubtful_labels()
    assert workspace.trainer.up_to_date
    assert found.keys() == session.state.labels.keys()
    assert not found.keys() & set(audited)
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert set(list(found)[: len(found) // 5]) & set(wrong)


def test_a_session_without_labels_has_no_doubtful_labels(simulated, workspace):
    assert workspace.trainer.doubtful_labels() == {}
