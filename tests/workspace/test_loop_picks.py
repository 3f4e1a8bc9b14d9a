import threading

import numpy as np
import pytest

from activepick.errors import ActivepickError
from activepick.picking import PickRules
from activepick.picking.picker import pick_micrograph
from activepick.session import Session
from activepick.workspace.loop import LearningLoop
from activepick.workspace.peaks import curate


@pytest.fixture
def session(simulated):
    return simulated


@pytest.fixture
def labelled(session):
    session.labels.add(1, [(100, 100), (300, 200)], 1)
    session.labels.add(1, [(200, 300), (400, 90)], 0)
    return session


class Cancelled(Exception):
    pass


def test_an_update_learns_and_gives_picks_and_questions(labelled, loop):
    loop.open_micrograph(1)
    before = loop.peaks(1)
    asked = labelled.state.asked
    update = loop.update(1)
    assert loop.up_to_date
    assert update.head is loop.head
    assert update.refit_seconds > 0
    assert update.peaks.head == loop.head_digest != before.head
    assert len(update.questions) == labelled.state.settings.batch
    assert {number for number, *_ in update.questions} == {1}
    assert labelled.state.asked == asked
    again = loop.update(1)
    assert again.refit_seconds == 0
    assert again.peaks is update.peaks


def test_picks_are_those_of_the_command(session, loop, make_engine):
    loop.open_micrograph(1)
    micrograph = session.micrographs.open(1)
    engine = make_engine(session.state.settings)
    expected = pick_micrograph(engine, loop.head, micrograph, PickRules(threshold=0.3))
    session.set_settings(threshold=0.3)
    found = loop.picks(1)
    assert len(found) == len(expected) > 3
    assert np.allclose(found[["x", "y"]], expected[["x", "y"]], atol=0.1)
    assert np.allclose(found["score"], expected["score"], atol=0.02)
    assert (found["contrast"] > 0).all()


def test_stored_peaks_tell_whether_they_are_stale(labelled, loop):
    assert loop.stored_peaks(1) is None
    loop.open_micrograph(1)
    loop.open_micrograph(2)
    loop.peaks(2)
    assert loop.stored_peaks(2).head == loop.head_digest
    loop.update(1)
    assert loop.stored_peaks(1).head == loop.head_digest
    assert loop.stored_peaks(2).head != loop.head_digest
    labelled.set_settings(threshold=0.2, separation=1.5, edge_margin=1)
    assert loop.stored_peaks(1).head == loop.head_digest


def test_questions_only_about_the_micrographs_that_are_named(session, loop):
    loop.open_micrograph(1)
    loop.open_micrograph(2)
    assert {q.micrograph for q in loop.ask()} == {1, 2}
    assert {q.micrograph for q in loop.ask(micrographs=[2])} == {2}
    assert len(loop.ask(3, [3])) == 3  # computes the features first


def test_a_first_round_suggests_the_surest_and_asks_the_least_sure(session, loop, truth):
    for number in (1, 2):
        loop.open_micrograph(number)
    session.labels.add(1, [tuple(loop.peaks(1).xy[0])], 1)
    loop.refit()
    questions = loop.suggest(12)
    kinds = {answer: [q for q in questions if q.suggestion == answer] for answer in (1, 0, None)}
    assert [len(kinds[k]) for k in (1, 0, None)] == [4, 4, 4]
    assert {q.micrograph for q in kinds[1]} == {q.micrograph for q in kinds[0]} == {1, 2}
    for number in (1, 2):
        scores = {k: [q.score for q in kinds[k] if q.micrograph == number] for k in kinds}
        assert min(scores[1]) > max(scores[None])
        assert max(scores[0]) < min(scores[None])
    places = [(q.micrograph, q.x, q.y) for q in questions]
    places += [(m.micrograph, m.x, m.y) for m in session.state.labels.values()]
    radius = loop.peaks(1).radius_px
    for k, (number, x, y) in enumerate(places):
        others = [p for p in places[:k] + places[k + 1 :] if p[0] == number]
        assert min(np.hypot(x - a, y - b) for _, a, b in others) > radius / 2
    assert session.state.labels.keys() == {1}
    assert loop.head.particles == 1  # suggestions train nothing
    session.questions.accept_suggestions()
    assert loop.update(1).head.particles == 5


def test_whole_datasets_are_picked_stored_and_read_again(labelled, loop, make_engine, learning):
    loop.open_micrograph(1)
    labelled.micrographs.set_status(3, "rejected")
    steps = []
    assert loop.predict_all(lambda *step: steps.append(step)) == 2
    assert steps[-1] == (2, 2, "micrograph_002.mrc")
    assert [done for done, _, _ in steps] == sorted(done for done, _, _ in steps)
    head = loop.head
    assert head.particles == 2  # it learnt first
    assert {i for i, _ in loop.counts().items()} == {1, 2}
    assert loop.unpicked() == []
    entries = labelled.state.micrographs.values()
    assert [e.id for e in loop._tools().store.held(entries)] == [1]  # nothing more in memory
    table = loop.known_picks()
    assert table["micrograph"].value_counts().to_dict() == {
        labelled.state.names[i]: n for i, n in loop.counts().items()
    }
    loop.save_head()
    with LearningLoop(labelled, make_engine, learning) as again:
        assert again.counts() == {}
        again.load_peaks()
        assert again.counts() == loop.counts()
        assert again.known_picks().equals(table)
        assert again.head_digest == again.stored_peaks(2).head
        assert again.unpicked() == []
        assert again.predict_all() == 2
        assert not again._tools().store.held(entries)
    for file in (labelled.folder / "peaks").iterdir():
        file.unlink()
    with LearningLoop(labelled, make_engine, learning) as again:
        assert again.stored_peaks(2) is None
        assert len(again.unpicked()) == 2


def test_prediction_is_the_same_with_and_without_features(labelled, loop, make_engine, learning):
    loop.open_micrograph(2)
    loop.refit()
    expected = loop.picks(2)

    def uncached(settings):
        engine = make_engine(settings)
        return type(engine)(engine.extractor, engine.diameter_angstrom)

    with LearningLoop(labelled, uncached, learning) as other:
        other.predict_all(micrographs=[2])
        found = curate(other.stored_peaks(2), labelled.state)
    assert len(found) == len(expected)
    assert np.allclose(found[["x", "y", "contrast"]], expected[["x", "y", "contrast"]], atol=0.2)


def test_a_cancelled_prediction_is_gone_on_with(labelled, loop):
    def cancel(done, total, name):
        if done > 1:
            raise Cancelled

    with pytest.raises(Cancelled):
        loop.predict_all(cancel)
    assert set(loop.counts()) == {1}
    looked_at = []
    loop.predict_all(lambda done, total, name: looked_at.append((done, name)))
    assert ("micrograph_001.mrc" in {name for done, name in looked_at if 0 < done < 1}) is False
    assert set(loop.counts()) == {1, 2, 3}


def test_what_cannot_be_picked_is_listed_and_the_rest_is_done(labelled, loop):
    path = labelled.micrographs.path(2)
    moved = path.rename(path.with_suffix(".moved"))
    failed = {}
    try:
        assert loop.predict_all(failed=lambda i, error: failed.update({i: str(error)})) == 2
        with pytest.raises(ActivepickError, match="is missing"):
            loop.predict_all()
    finally:
        moved.rename(path)
    assert list(failed) == [2]
    assert "is missing" in failed[2]
    assert set(loop.counts()) == {1, 3}
    assert loop.unpicked() == [2]


def test_opening_goes_before_picking_all(labelled, loop):
    loop.refit()
    done = []
    predicting = threading.Thread(target=lambda: done.append(loop.predict_all()))
    predicting.start()
    loop.open_micrograph(3)
    assert loop.peaks(3).head == loop.head_digest
    predicting.join()
    assert done == [3]


def test_uncertainty_of_the_head_chooses_the_next_micrograph(labelled, loop):
    assert loop.uncertainties() == {}
    loop.open_micrograph(1)
    loop.predict_all()
    unsure = loop.uncertainties()
    assert set(unsure) == {1, 2, 3}
    assert all(0 < value < np.log(2) for value in unsure.values())
    offer = loop.next_micrograph()
    assert offer.reason in ("unsure", "defocus", "scores")
    if offer.reason == "unsure":
        assert offer.micrograph == max((2, 3), key=unsure.get)
    labelled.labels.add(2, [(50, 50)], 0)
    loop.refit()
    assert loop.uncertainties() == {}


def test_an_area_and_a_range_of_contrast_cut_picks(session, loop):
    loop.open_micrograph(1)
    session.set_settings(threshold=0.1)
    everything = loop.picks(1)
    session.micrographs.set_areas(1, [[(-1, -1), (256, -1), (256, 600), (-1, 600)]])
    right = loop.picks(1)
    assert 0 < len(right) < len(everything)
    assert (right["x"] > 256).all()
    middle = float(right["contrast"].median())
    session.set_settings(highest_contrast=middle)
    assert (loop.picks(1)["contrast"] <= middle).all()
    assert loop.counts() == {1: len(loop.picks(1))}


def test_a_read_only_session_can_be_picked(labelled, make_engine, learning):
    labelled.flush()
    with (
        Session.open(labelled.folder, read_only=True) as reader,
        LearningLoop(reader, make_engine, learning) as loop,
    ):
        assert loop.predict_all(micrographs=[1]) == 1
        assert not (labelled.folder / "peaks").exists()
        assert loop.end_of_round(1).labels == 4
