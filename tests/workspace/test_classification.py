import numpy as np
import pytest

from activepick.classes.members import LABELS_PER_CLASS
from activepick.errors import SessionError
from activepick.session import Session
from activepick.workspace.workspace import Workspace


@pytest.fixture
def session(simulated):
    simulated.set_settings(threshold=0.05)  # about a hundred picks
    return simulated


@pytest.fixture
def picked(session, workspace):
    workspace.predictor.predict_all()
    return workspace


@pytest.fixture
def picks(picked):
    return picked.classification.compute(count=3)


def test_averaging_needs_picks(session, workspace):
    with pytest.raises(SessionError, match="no picks to average"):
        workspace.classification.compute()


def test_all_picks_have_a_class_and_summaries_follow_the_labels(session, picked, picks):
    counts = picked.predictor.counts()
    assert np.bincount(picks.micrograph, minlength=4)[1:].tolist() == [counts[i] for i in (1, 2, 3)]
    summaries = picked.classification.summaries(picks)
    assert [one.number for one in summaries] == [0, 1, 2]
    assert sum(one.size for one in summaries) == len(picks.xy) == len(picks.crops)
    assert all(one.labelled == one.contradicted == 0 and one.answer is None for one in summaries)
    largest = max(summaries, key=lambda one: one.size).number
    first, second = picks.members(largest)[:2]
    for row, target in ((first, 0), (second, 1)):
        session.labels.add(int(picks.micrograph[row]), [picks.xy[row] + 1], target)
    found = picked.classification.summaries(picks)[largest]
    assert (found.labelled, found.contradicted) == (2, 1)


def test_an_answer_to_a_class_labels_unlabelled_members_and_refits_the_head(session, picked, picks):
    classification = picked.classification
    largest = max(classification.summaries(picks), key=lambda one: one.size).number
    own = picks.members(largest)
    free, labelled = own[1:], own[0]
    [single] = session.labels.add(int(picks.micrograph[labelled]), [picks.xy[labelled]], 1)
    sample = classification.sample(picks, largest)
    places = {
        (int(m), *xy) for m, xy in zip(picks.micrograph[free], picks.xy[free].tolist(), strict=True)
    }
    assert 4 <= len(sample) == len(set(sample)) <= LABELS_PER_CLASS
    assert set(sample) <= places
    before = picked.trainer.update()
    ids = classification.answer(picks, largest, 0, sample)
    assert {session.state.labels[i].source for i in ids} == {"class"}
    assert classification.summaries(picks)[largest].answer == 0
    after = picked.trainer.update()
    assert after.others == len(ids)
    rows = [picked.predictor.score_map(m).at([(x, y)])[0] for m, x, y in sample]
    session.undo()
    assert list(session.state.labels) == [single]
    assert classification.summaries(picks)[largest].answer is None
    picked.trainer.update()
    was = [picked.predictor.score_map(m).at([(x, y)])[0] for m, x, y in sample]
    assert np.mean(rows) < np.mean(was)
    assert before.others == 0
    # The same members are labelled again if the answer changes.
    assert classification.sample(picks, largest) == sample


def test_a_class_keeps_its_number_and_answer_in_later_averages(
    session, picked, picks, make_engine, learning
):
    classification = picked.classification
    junk = classification.summaries(picks)[1].number
    classification.answer(picks, junk, 0, classification.sample(picks, junk))
    session.set_settings(threshold=0.0)  # the new head is certain of no position
    picked.trainer.update()
    picked.predictor.predict_all()
    refined = classification.compute(count=5)
    assert refined.run == picks.run
    assert [one.answer for one in classification.summaries(refined)] == [None, 0, None]
    session.close()
    with Session.open(session.folder) as again, Workspace(again, make_engine, learning) as other:
        reopened = other.classification.compute()
        assert other.classification.summaries(reopened)[junk].answer == 0
        assert reopened.run == picks.run
        fresh = other.classification.compute(count=4, again=True)
        assert fresh.run != picks.run
        assert [one.answer for one in other.classification.summaries(fresh)] == [None] * 4


def test_damaged_classes_are_computed_again(session, picked, picks):
    file = session.folder / "classes.npz"
    data = file.read_bytes()
    for damaged in (b"", data[:1000], data.replace(b"references", b"referencez")):
        file.write_bytes(damaged)
        with Workspace(session, picked._make_engine, picked.learning) as other:
            assert other.classification.compute(count=3).run == picks.run  # by the same seed
