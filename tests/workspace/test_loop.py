import threading

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from activepick.errors import SessionError
from activepick.learning.learner import Learner
from activepick.learning.strategies.registry import STRATEGIES
from activepick.session import Session, Settings
from activepick.workspace.loop import LearningLoop


@pytest.fixture
def session(simulated):
    return simulated


def answer_all(session, truth):
    for question in session.state.questions:
        distance = cdist([(question.x, question.y)], truth[question.micrograph]).min()
        session.questions.answer(question.id, int(distance < 20))


def same(one, two):
    return np.allclose(one.weights, two.weights, atol=1e-3) and np.isclose(
        one.bias, two.bias, atol=1e-2
    )


def test_two_rounds_give_the_head_that_a_learner_gives(session, loop, truth, learning):
    features = [loop.open_micrograph(i) for i in (1, 2)]
    first = loop.head
    for _ in range(2):
        questions = loop.ask()
        assert {q.micrograph for q in questions} == {1, 2}
        answer_all(session, truth)
        loop.refit()
    assert len(session.state.labels) == 12
    assert not same(loop.head, first)
    examples = loop._tools().examples(session.state)
    keys = [session.state.micrographs[i].fingerprint for i in (1, 2)]
    learner = Learner(features, first, learning, session.state.settings.seed, keys)
    for label in session.state.labels.values():
        learner.add(label.micrograph - 1, [(label.x, label.y)], [label.target])
    learner.refit()
    assert same(loop.head, learner.head)
    assert loop.head.particles == learner.head.particles
    mine = learner.examples()
    for name in ("features", "targets", "unlabelled"):
        assert np.array_equal(getattr(examples, name), getattr(mine, name))
    assert len(examples.unlabelled) == learning.unlabelled


def test_the_head_depends_on_nothing_but_the_labels(session, loop, make_engine, learning):
    ids = session.labels.add(1, [(100, 100), (200, 300), (50, 400)], 1)
    loop.refit()
    session.labels.add(2, [(150, 100), (250, 300)], 0)
    session.labels.move(ids[0], 120, 110)
    loop.refit()
    session.undo()
    session.labels.remove(ids[1:2])
    head = loop.refit()
    assert loop.up_to_date
    with LearningLoop(session, make_engine, learning, keep=1) as fresh:
        assert not fresh.up_to_date
        assert same(fresh.refit(), head)
        assert (fresh.head.particles, fresh.head.others) == (2, 2)
    session.labels.clear()
    assert not loop.up_to_date
    assert same(loop.refit(), loop._tools().base)


def test_picks_say_what_the_person_said(session, loop):
    loop.open_micrograph(1)
    session.set_settings(threshold=0.0)
    everything = loop.picks(1)
    best = everything.iloc[0]
    corner = (3.0, 500.0)
    session.labels.add(1, [(best.x, best.y)], 0)
    session.labels.add(1, [corner], 1)
    session.set_settings(threshold=1.0, edge_margin=1.0)
    picks = loop.picks(1)
    assert len(picks) == 1
    assert np.hypot(picks.x[0] - corner[0], picks.y[0] - corner[1]) < 20
    session.set_settings(threshold=0.0)
    positions = loop.picks(1)[["x", "y"]].to_numpy()
    assert cdist([(best.x, best.y)], positions).min() > 1
    assert set(loop.picks(1)["micrograph"]) == {session.state.names[1]}


def test_what_was_answered_or_left_open_is_not_asked_again(session, loop):
    loop.open_micrograph(1)
    asked = []
    for _ in range(3):
        questions = loop.ask()
        assert len(questions) == 6
        for k, question in enumerate(questions):
            session.questions.answer(question.id, (1, 0, None)[k % 3])
        asked += [(q.x, q.y) for q in questions]
    radius = loop.open_micrograph(1).radius_px
    between = cdist(asked, asked) + np.diag(np.full(len(asked), np.inf))
    assert between.min() > radius / 2


def test_labels_count_after_their_micrograph_was_let_go(session, make_engine, learning):
    with LearningLoop(session, make_engine, learning, keep=1) as loop:
        session.labels.add(1, [(100, 100)], 1)
        session.labels.add(2, [(300, 200)], 0)
        loop.refit()
        first = session.micrographs.path(1)
        moved = first.rename(first.with_suffix(".moved"))
        try:
            session.labels.add(2, [(60, 60)], 0)
            head = loop.refit()
            assert (head.particles, head.others) == (1, 2)
            session.set_settings(expected_particles=500)
            many = loop.refit()
            session.set_settings(expected_particles=5)
            assert loop.refit().bias < many.bias
            session.set_settings(expected_particles=None)
            session.labels.clear(2)
            assert loop.refit().particles == 1
            assert not loop.unreadable
            session.undo()
        finally:
            moved.rename(first)


def test_a_missing_micrograph_stops_only_itself(session, make_engine, learning):
    session.labels.add(1, [(100, 100)], 1)
    session.labels.add(2, [(300, 200)], 0)
    session.set_settings(working_radius_px=None, working_radii_px=())
    first = session.micrographs.path(1)
    moved = first.rename(first.with_suffix(".moved"))
    try:
        with LearningLoop(session, make_engine, learning) as loop:
            head = loop.refit()
            assert (head.particles, head.others) == (0, 1)
            assert list(loop.unreadable) == [1]
            with pytest.raises(SessionError, match="is missing"):
                loop.open_micrograph(1)
            failed = []
            picks = loop.picks_table(failed=lambda number, error: failed.append(number))
            assert failed == [1]
            assert session.state.names[1] not in set(picks["micrograph"])
            moved.rename(first)
            head = loop.refit()
            assert (head.particles, head.others) == (1, 1)
    finally:
        if moved.exists():
            moved.rename(first)


def test_a_saved_head_is_there_again_without_learning(session, loop, make_engine, learning):
    session.labels.add(1, [(100, 100)], 1)
    head = loop.refit()
    loop.save_head()
    with LearningLoop(session, make_engine, learning) as again:
        assert again.up_to_date
        assert np.array_equal(again.head.weights, head.weights)
    session.labels.add(1, [(200, 100)], 0)
    with LearningLoop(session, make_engine, learning) as again:
        assert not again.up_to_date
        assert again.head.particles == 0


def test_a_new_diameter_keeps_labels_and_makes_the_rest_anew(session, loop, data):
    session.labels.add(1, [(100, 100)], 1)
    loop.refit()
    session.set_settings(
        diameter_angstrom=0.8 * data.diameter_angstrom,
        working_radius_px=10,
        working_radii_px=(10,),
    )
    assert not loop.ready
    assert loop.head.spec.working_radii == (10,)
    assert not loop.up_to_date
    head = loop.refit()
    assert head.particles == 1
    assert head.diameter_angstrom == pytest.approx(0.8 * data.diameter_angstrom)


def test_the_scale_is_found_once_and_becomes_a_setting(session, loop):
    session.set_settings(working_radius_px=None, working_radii_px=())
    radii = loop.head.spec.working_radii
    settings = session.state.settings
    assert settings.working_radii_px == radii
    assert settings.working_radius_px in radii
    assert loop.ready


def test_a_changed_micrograph_is_told_until_it_is_accepted(tmp_path, data, make_engine, learning):
    copy = tmp_path / "m.mrc"
    copy.write_bytes(data.micrographs[0].read_bytes())
    settings = Settings(
        diameter_angstrom=data.diameter_angstrom, working_radius_px=7, working_radii_px=(7,)
    )
    with Session.create(tmp_path / "s", settings) as session:
        session.micrographs.add([copy, *data.micrographs[1:]])
        with LearningLoop(session, make_engine, learning) as loop:
            loop.open_micrograph(2)
            copy.write_bytes(data.micrographs[1].read_bytes())
            with pytest.raises(SessionError, match="not the file that it was"):
                loop.open_micrograph(1)
            session.labels.add(1, [(100, 100)], 1)
            session.labels.add(2, [(100, 100)], 0)
            loop.refit()
            assert list(loop.unreadable) == [1]
            session.micrographs.relink(1)
            assert loop.refit().particles == 1


def test_what_was_prefetched_is_at_hand_and_what_was_cancelled_can_be_asked_again(session, loop):
    class Cancelled(Exception):
        pass

    def cancel(fraction):
        raise Cancelled

    with pytest.raises(Cancelled):
        loop.open_micrograph(1, cancel)
    assert session.state.micrographs[1].status == "unseen"
    loop.prefetch_neighbours(2)
    seen = []
    loop.open_micrograph(2, seen.append)
    assert seen[-1] == 1
    assert session.state.micrographs[2].status == "seen"
    store = loop._tools().store
    assert store.wait(60)
    entries = session.state.micrographs.values()
    assert {entry.id for entry in store.held(entries)} == {1, 2, 3}
    assert {q.micrograph for q in loop.ask(30)} == {1, 2, 3}


def test_next_micrograph_goes_through_all_of_them(session, loop):
    offered = []
    while (offer := loop.next_micrograph()) is not None:
        offered.append(offer.micrograph)
        loop.open_micrograph(offer.micrograph)
    assert sorted(offered) == [1, 2, 3]
    session.micrographs.set_status(2, "rejected")
    assert {q.micrograph for q in loop.ask(30)} == {1, 3}
    assert set(loop.picks_table()["micrograph"]) <= {session.state.names[i] for i in (1, 3)}


def test_labelling_goes_on_while_the_head_is_fitted(session, loop):
    loop.open_micrograph(1)
    fitting = threading.Thread(target=lambda: [loop.refit() for _ in range(5)])
    fitting.start()
    for k in range(30):
        session.labels.add(1, [(10 * k, 200)], k % 2)
    fitting.join()
    assert loop.refit().particles == 15
    assert loop.up_to_date


def test_peaks_stand_in_while_all_labels_are_of_one_kind(session, loop, truth):
    loop.open_micrograph(1)
    marked = truth[1][:12]
    ids = session.labels.add(1, marked, 1)

    def training():
        return loop._tools().examples(session.state)

    peaks = training().stand_ins
    assert len(peaks)
    features = loop.open_micrograph(1)
    at_labels = features.at(marked)
    assert cdist(peaks, at_labels).min() > 0
    loop.refit()
    with_stand_ins = loop.score_map(1)
    # Places that nobody marked stay apart from those that somebody did.
    scores = with_stand_ins.values
    assert (scores > 0).mean() < 0.3
    session.labels.reclass(ids[:1], 0)
    assert training().stand_ins is None


def test_labels_of_one_class_give_the_head_that_a_learner_gives(session, loop, truth, learning):
    features, first = loop.open_micrograph(1), loop.head
    session.labels.add(1, truth[1][:5], 1)
    key = session.state.micrographs[1].fingerprint
    learner = Learner([features], first, learning, session.state.settings.seed, [key])
    learner.add(0, truth[1][:5], np.ones(5))
    assert np.array_equal(
        loop._tools().examples(session.state).stand_ins, learner.examples().stand_ins
    )
    assert same(loop.refit(), learner.refit())


def test_labels_outside_the_image_are_reported_and_do_not_count(session, loop):
    session.labels.add(1, [(100, 100)], 1)
    session.labels.add(2, [(300, 200)], 0)
    expected = loop.refit()
    session.labels.add(1, [(100, -30), (513, 20)], 1)
    head = loop.refit()
    assert (head.particles, head.others) == (1, 1)
    assert same(head, expected)
    assert "2 labels lie outside the image" in loop.unreadable[1]
    assert list(loop.unreadable) == [1]


def test_every_strategy_asks_in_a_session(session, loop, truth):
    loop.open_micrograph(1)
    loop.ask()
    answer_all(session, truth)
    loop.refit()
    for name in STRATEGIES:
        session.set_settings(strategy=name)
        assert len(loop.ask(4)) == 4


def test_carbon_and_empty_ice_train_as_junk_and_keep_their_class(session, loop):
    session.labels.add(1, [(100, 100), (200, 300)], 1)
    ids = session.labels.add(2, [(150, 100), (250, 300)], 0)
    plain = loop.refit()
    assert "class" not in session.labels.table()
    session.labels.reclass(ids[:1], 2)
    assert loop.up_to_date
    assert same(loop.refit(), plain)
    assert (loop.head.particles, loop.head.others) == (2, 2)
    table = session.labels.table()
    assert table["label"].tolist() == [1, 1, 0, 0]
    assert table["class"].tolist() == ["particle", "particle", "empty", "contamination"]
    session.undo()
    assert "class" not in session.labels.table()
