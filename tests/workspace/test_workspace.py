import threading
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from activepick.errors import SessionError
from activepick.features.cache import FeatureCache
from activepick.features.extractor import Extractor
from activepick.learning.learner import Learner
from activepick.learning.strategies.registry import STRATEGIES
from activepick.session import Session, Settings
from activepick.session.micrographs import open_micrograph
from activepick.workspace.workspace import Workspace


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


def test_two_rounds_give_the_same_head_as_a_learner(session, workspace, truth, learning):
    features = [workspace.open(i) for i in (1, 2)]
    first = workspace.trainer.head
    for _ in range(2):
        questions = workspace.questioner.ask()
        assert {q.micrograph for q in questions} == {1, 2}
        answer_all(session, truth)
        workspace.trainer.refit()
    assert len(session.state.labels) == 12
    assert not same(workspace.trainer.head, first)
    examples = workspace.trainer.examples()
    keys = [session.state.micrographs[i].fingerprint for i in (1, 2)]
    learner = Learner(features, first, learning, session.state.settings.seed, keys)
    for label in session.state.labels.values():
        learner.add(label.micrograph - 1, [(label.x, label.y)], [label.target])
    learner.refit()
    assert same(workspace.trainer.head, learner.head)
    assert workspace.trainer.head.particles == learner.head.particles
    mine = learner.examples()
    for name in ("features", "targets", "unlabelled"):
        assert np.array_equal(getattr(examples, name), getattr(mine, name))
    assert len(examples.unlabelled) == learning.unlabelled


def test_the_head_depends_only_on_the_labels(session, workspace, make_engine, learning):
    ids = session.labels.add(1, [(100, 100), (200, 300), (50, 400)], 1)
    workspace.trainer.refit()
    session.labels.add(2, [(150, 100), (250, 300)], 0)
    session.labels.move(ids[0], 120, 110)
    workspace.trainer.refit()
    session.undo()
    session.labels.remove(ids[1:2])
    head = workspace.trainer.refit()
    assert workspace.trainer.up_to_date
    with Workspace(session, make_engine, learning, keep=1) as fresh:
        assert not fresh.trainer.up_to_date
        assert same(fresh.trainer.refit(), head)
        assert (fresh.trainer.head.particles, fresh.trainer.head.others) == (2, 2)
    session.labels.clear()
    assert not workspace.trainer.up_to_date
    assert same(workspace.trainer.refit(), workspace.setup().base)


def test_picks_agree_with_the_labels(session, workspace):
    workspace.open(1)
    session.set_settings(threshold=0.0)
    everything = workspace.predictor.picks(1)
    best = everything.iloc[0]
    corner = (3.0, 500.0)
    session.labels.add(1, [(best.x, best.y)], 0)
    session.labels.add(1, [corner], 1)
    session.set_settings(threshold=1.0, edge_margin=1.0)
    picks = workspace.predictor.picks(1)
    assert len(picks) == 1
    assert np.hypot(picks.x[0] - corner[0], picks.y[0] - corner[1]) < 20
    session.set_settings(threshold=0.0)
    positions = workspace.predictor.picks(1)[["x", "y"]].to_numpy()
    assert cdist([(best.x, best.y)], positions).min() > 1
    assert set(workspace.predictor.picks(1)["micrograph"]) == {session.state.names[1]}


def test_answered_and_open_questions_are_not_asked_again(session, workspace):
    workspace.open(1)
    asked = []
    for _ in range(3):
        questions = workspace.questioner.ask()
        assert len(questions) == 6
        for k, question in enumerate(questions):
            session.questions.answer(question.id, (1, 0, None)[k % 3])
        asked += [(q.x, q.y) for q in questions]
    radius = workspace.open(1).radius_px
    between = cdist(asked, asked) + np.diag(np.full(len(asked), np.inf))
    assert between.min() > radius / 2


def test_labels_count_after_their_features_were_released(session, make_engine, learning):
    with Workspace(session, make_engine, learning, keep=1) as workspace:
        session.labels.add(1, [(100, 100)], 1)
        session.labels.add(2, [(300, 200)], 0)
        workspace.trainer.refit()
        first = session.micrographs.path(1)
        moved = first.rename(first.with_suffix(".moved"))
        try:
            session.labels.add(2, [(60, 60)], 0)
            head = workspace.trainer.refit()
            assert (head.particles, head.others) == (1, 2)
            session.set_settings(expected_particles=500)
            many = workspace.trainer.refit()
            session.set_settings(expected_particles=5)
            assert workspace.trainer.refit().bias < many.bias
            session.set_settings(expected_particles=None)
            session.labels.clear(2)
            assert workspace.trainer.refit().particles == 1
            assert not workspace.trainer.unreadable
            session.undo()
        finally:
            moved.rename(first)


def test_a_missing_micrograph_does_not_affect_others(session, make_engine, learning):
    session.labels.add(1, [(100, 100)], 1)
    session.labels.add(2, [(300, 200)], 0)
    session.set_settings(working_radius_px=None, working_radii_px=())
    first = session.micrographs.path(1)
    moved = first.rename(first.with_suffix(".moved"))
    try:
        with Workspace(session, make_engine, learning) as workspace:
            head = workspace.trainer.refit()
            assert (head.particles, head.others) == (0, 1)
            assert list(workspace.trainer.unreadable) == [1]
            with pytest.raises(SessionError, match="is missing"):
                workspace.open(1)
            failed = []
            workspace.predictor.predict_all(failed=lambda number, error: failed.append(number))
            picks = workspace.predictor.known_picks()
            assert failed == [1]
            assert len(picks)
            assert session.state.names[1] not in set(picks["micrograph"])
            moved.rename(first)
            head = workspace.trainer.refit()
            assert (head.particles, head.others) == (1, 1)
    finally:
        if moved.exists():
            moved.rename(first)


def test_a_saved_head_is_loaded_without_a_refit(session, workspace, make_engine, learning):
    session.labels.add(1, [(100, 100)], 1)
    head = workspace.trainer.refit()
    workspace.trainer.save_head()
    with Workspace(session, make_engine, learning) as again:
        assert again.trainer.up_to_date
        assert np.array_equal(again.trainer.head.weights, head.weights)
    session.labels.add(1, [(200, 100)], 0)
    with Workspace(session, make_engine, learning) as again:
        assert not again.trainer.up_to_date
        assert again.trainer.head.particles == 0


def test_a_new_diameter_keeps_labels_and_recomputes_the_rest(session, workspace, data):
    session.labels.add(1, [(100, 100)], 1)
    workspace.trainer.refit()
    session.set_settings(
        diameter_angstrom=0.8 * data.diameter_angstrom,
        working_radius_px=10,
        working_radii_px=(10,),
    )
    assert not workspace.ready
    assert workspace.trainer.head.spec.working_radii == (10,)
    assert not workspace.trainer.up_to_date
    head = workspace.trainer.refit()
    assert head.particles == 1
    assert head.diameter_angstrom == pytest.approx(0.8 * data.diameter_angstrom)


def test_the_scale_is_found_once_and_becomes_a_setting(session, workspace):
    session.set_settings(working_radius_px=None, working_radii_px=())
    radii = workspace.trainer.head.spec.working_radii
    settings = session.state.settings
    assert settings.working_radii_px == radii
    assert settings.working_radius_px in radii
    assert workspace.ready


def test_first_picks_of_one_micrograph_do_not_set_the_scale(session, workspace):
    assert workspace.likely_peaks(1) is None  # the scale is known
    session.set_settings(working_radius_px=None, working_radii_px=())
    likely = workspace.likely_peaks(1)
    assert not workspace.ready
    assert session.state.settings.working_radius_px is None
    first = workspace.first_peaks(1)
    assert likely.head == first.head  # all of them suggest the same scale
    assert workspace.likely_peaks(1) is None
    assert workspace.first_peaks(1, one_orientation=True) is None  # all features are known


def test_first_picks_with_one_orientation_do_not_change_features(
    session, make_engine, learning, tmp_path
):
    cache = FeatureCache(tmp_path / "features")
    with Workspace(session, lambda s: replace(make_engine(s), cache=cache), learning) as workspace:
        look = workspace.first_peaks(2, one_orientation=True)
        after = workspace.first_peaks(2)
        # The highest peaks stay where they are, with other scores.
        gap = cKDTree(after.peaks.xy).query(look.peaks.xy[:10])[0]
        assert 0 < gap.max() < after.peaks.radius_px / 2
        assert workspace.first_peaks(2, one_orientation=True) is None
        engine = replace(workspace.setup().features.engine, cache=None)
        file = open_micrograph(session.micrographs.path(2), session.state.settings)
        plain = engine.features(file, workspace.trainer.head.spec.working_radii)
        for one, other in zip(workspace.open(2).maps, plain.maps, strict=True):
            assert np.array_equal(one.values, other.values)


def by_position(peaks):
    return dict(zip(map(tuple, peaks.xy.tolist()), peaks.score.tolist(), strict=True))


def test_peaks_of_the_first_parts_of_a_micrograph_do_not_change(
    session, make_engine, learning, tmp_path
):
    cache, parts = FeatureCache(tmp_path / "features"), []

    def small_tiles(settings):
        engine = make_engine(settings)
        extractor = Extractor(engine.extractor.backbone, device="cpu", tile_px=64)
        return replace(engine, extractor=extractor, cache=cache)

    with Workspace(session, small_tiles, learning) as workspace:
        whole = workspace.first_peaks(2, on_part=parts.append).peaks
        assert workspace.first_peaks(2, on_part=parts.append) is not None  # from the cache
    scores = by_position(whole)
    found = [by_position(part.peaks) for part in parts]
    assert len(found) >= 3
    assert all(part.items() <= scores.items() for part in found)
    assert all(one.items() < other.items() for one, other in pairwise(found))
    assert len(found[0]) > 0
    assert len(found[-1]) > len(scores) / 2


def test_a_changed_micrograph_is_reported_until_it_is_accepted(
    tmp_path, data, make_engine, learning
):
    copy = tmp_path / "m.mrc"
    copy.write_bytes(data.micrographs[0].read_bytes())
    settings = Settings(
        diameter_angstrom=data.diameter_angstrom, working_radius_px=7, working_radii_px=(7,)
    )
    with Session.create(tmp_path / "s", settings) as session:
        session.micrographs.add([copy, *data.micrographs[1:]])
        with Workspace(session, make_engine, learning) as workspace:
            workspace.open(2)
            copy.write_bytes(data.micrographs[1].read_bytes())
            with pytest.raises(SessionError, match="has changed since it was added"):
                workspace.open(1)
            session.labels.add(1, [(100, 100)], 1)
            session.labels.add(2, [(100, 100)], 0)
            workspace.trainer.refit()
            assert list(workspace.trainer.unreadable) == [1]
            session.micrographs.relink(1)
            assert workspace.trainer.refit().particles == 1


def test_prefetched_features_are_used_and_cancelled_ones_can_be_requested_again(session, workspace):
    class Cancelled(Exception):
        pass

    def cancel(fraction):
        raise Cancelled

    with pytest.raises(Cancelled):
        workspace.open(1, cancel)
    assert session.state.micrographs[1].status == "unseen"
    workspace.prefetch_neighbours(2)
    seen = []
    workspace.open(2, seen.append)
    assert seen[-1] == 1
    assert session.state.micrographs[2].status == "seen"
    store = workspace.setup().features.store
    assert store.wait(60)
    entries = session.state.micrographs.values()
    assert {entry.id for entry in store.held(entries)} == {1, 2, 3}
    assert {q.micrograph for q in workspace.questioner.ask(30)} == {1, 2, 3}


def test_next_micrograph_visits_all_micrographs(session, workspace):
    offered = []
    while (offer := workspace.questioner.next_micrograph()) is not None:
        offered.append(offer.micrograph)
        workspace.open(offer.micrograph)
    assert sorted(offered) == [1, 2, 3]
    session.micrographs.set_rejected(2, True)
    assert {q.micrograph for q in workspace.questioner.ask(30)} == {1, 3}
    workspace.predictor.predict_all()
    picked = set(workspace.predictor.known_picks()["micrograph"])
    assert picked <= {session.state.names[i] for i in (1, 3)}


def test_labels_can_be_added_while_the_head_is_fitted(session, workspace):
    workspace.open(1)
    fitting = threading.Thread(target=lambda: [workspace.trainer.refit() for _ in range(5)])
    fitting.start()
    for k in range(30):
        session.labels.add(1, [(10 * k, 200)], k % 2)
    fitting.join()
    assert workspace.trainer.refit().particles == 15
    assert workspace.trainer.up_to_date


def test_unlabelled_peaks_replace_a_missing_class_in_a_session(session, workspace, truth):
    workspace.open(1)
    marked = truth[1][:12]
    ids = session.labels.add(1, marked, 1)

    peaks = workspace.trainer.examples().stand_ins
    assert len(peaks)
    features = workspace.open(1)
    at_labels = features.at(marked)
    assert cdist(peaks, at_labels).min() > 0
    workspace.trainer.refit()
    with_stand_ins = workspace.predictor.score_map(1)
    # Unlabelled positions keep a distance from labelled ones.
    scores = with_stand_ins.values
    assert (scores > 0).mean() < 0.3
    session.labels.reclass(ids[:1], 0)
    assert workspace.trainer.examples().stand_ins is None


def test_labels_of_one_class_give_the_same_head_as_a_learner(session, workspace, truth, learning):
    features, first = workspace.open(1), workspace.trainer.head
    session.labels.add(1, truth[1][:5], 1)
    key = session.state.micrographs[1].fingerprint
    learner = Learner([features], first, learning, session.state.settings.seed, [key])
    learner.add(0, truth[1][:5], np.ones(5))
    assert np.array_equal(workspace.trainer.examples().stand_ins, learner.examples().stand_ins)
    assert same(workspace.trainer.refit(), learner.refit())


def test_labels_outside_the_image_are_reported_and_not_used(session, workspace):
    session.labels.add(1, [(100, 100)], 1)
    session.labels.add(2, [(300, 200)], 0)
    expected = workspace.trainer.refit()
    session.labels.add(1, [(100, -30), (513, 20)], 1)
    head = workspace.trainer.refit()
    assert (head.particles, head.others) == (1, 1)
    assert same(head, expected)
    assert "2 labels lie outside the image" in workspace.trainer.unreadable[1]
    assert list(workspace.trainer.unreadable) == [1]


def test_every_strategy_asks_questions_in_a_session(session, workspace, truth):
    workspace.open(1)
    workspace.questioner.ask()
    answer_all(session, truth)
    workspace.trainer.refit()
    for name in STRATEGIES:
        session.set_settings(strategy=name)
        assert len(workspace.questioner.ask(4)) == 4


def test_carbon_and_empty_ice_are_trained_as_non_particles_and_exported_separately(
    session, workspace
):
    session.labels.add(1, [(100, 100), (200, 300)], 1)
    ids = session.labels.add(2, [(150, 100), (250, 300)], 0)
    plain = workspace.trainer.refit()
    assert "class" not in session.labels.table()
    session.labels.reclass(ids[:1], -1)
    assert workspace.trainer.up_to_date
    assert same(workspace.trainer.refit(), plain)
    assert (workspace.trainer.head.particles, workspace.trainer.head.others) == (2, 2)
    table = session.labels.table()
    assert table["label"].tolist() == [1, 1, 0, 0]
    assert table["class"].tolist() == ["particle", "particle", "empty", "contamination"]
    session.undo()
    assert "class" not in session.labels.table()
