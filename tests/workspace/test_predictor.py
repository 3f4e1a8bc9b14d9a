import threading
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from activepick.errors import ActivepickError
from activepick.picking import PickRules
from activepick.picking.picker import pick_micrograph
from activepick.session import Session
from activepick.workspace.peak_store import PeakStore, stored_picks
from activepick.workspace.workspace import Workspace


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


def test_an_update_refits_once_and_changes_the_peaks(labelled, workspace):
    workspace.open(1)
    before = workspace.predictor.peaks(1)
    asked = labelled.state.asked
    head = workspace.trainer.update()
    assert workspace.trainer.up_to_date
    assert head is workspace.trainer.head
    peaks = workspace.predictor.peaks(1)
    assert peaks.head == workspace.predictor.head_digest != before.head
    assert labelled.state.asked == asked
    assert workspace.trainer.update() is head
    assert workspace.predictor.peaks(1) is peaks


@pytest.mark.parametrize("threshold", [0.0, 0.5, 0.99])
def test_picks_equal_those_of_the_command_row_by_row(
    session, workspace, make_engine, learning, truth, threshold
):
    """However the workspace comes to them: shown, predicted with or without cache, stored."""
    session.labels.add(1, truth[1][:4], 1)
    session.labels.add(1, truth[1][:4] + 40, 0)
    head = workspace.trainer.refit()
    micrograph = session.micrographs.open(2)
    rules = PickRules(threshold=threshold)
    expected = pick_micrograph(make_engine(session.state.settings), head, micrograph, rules)
    assert threshold > 0.5 or len(expected) > 3
    session.set_settings(threshold=threshold)
    workspace.trainer.save_head()
    workspace.open(2)
    found = [workspace.predictor.picks(2)]
    for cached in (True, False):

        def engine(settings, cached=cached):
            made = make_engine(settings)
            return made if cached else replace(made, cache=None)

        with Workspace(session, engine, learning) as other:
            other.predictor.predict_all(micrographs=[2])
            found.append(other.predictor.picks(2))
            session.flush()
        stored, missing = stored_picks(
            session.state, PeakStore(session.folder / "peaks"), [session.micrographs.entry(2)]
        )
        assert not missing
        found.append(stored)
        for file in (session.folder / "peaks").iterdir():
            file.unlink()
    for table in found:
        pd.testing.assert_frame_equal(table[list(expected.columns)], expected, check_exact=True)
        assert (table["contrast"] > 0).all()
        assert table["contrast"].equals(found[0]["contrast"])


def test_stored_peaks_record_the_head_they_belong_to(labelled, workspace):
    assert workspace.predictor.stored_peaks(1) is None
    workspace.open(1)
    workspace.open(2)
    workspace.predictor.peaks(2)
    assert workspace.predictor.stored_peaks(2).head == workspace.predictor.head_digest
    workspace.trainer.update()
    workspace.predictor.peaks(1)
    assert workspace.predictor.stored_peaks(1).head == workspace.predictor.head_digest
    assert workspace.predictor.stored_peaks(2).head != workspace.predictor.head_digest
    labelled.set_settings(threshold=0.2, separation=1.5, edge_margin=1)
    assert workspace.predictor.stored_peaks(1).head == workspace.predictor.head_digest


def test_questions_are_asked_only_on_the_given_micrographs(session, workspace):
    workspace.open(1)
    workspace.open(2)
    assert {q.micrograph for q in workspace.questioner.ask()} == {1, 2}
    assert {q.micrograph for q in workspace.questioner.ask(micrographs=[2])} == {2}
    assert len(workspace.questioner.ask(3, [3])) == 3  # computes the features first


def test_a_first_round_suggests_certain_and_asks_uncertain_positions(session, workspace, truth):
    for number in (1, 2):
        workspace.open(number)
    session.labels.add(1, [tuple(workspace.predictor.peaks(1).peaks.xy[0])], 1)
    workspace.trainer.refit()
    questions = workspace.questioner.suggest(12)
    kinds = {answer: [q for q in questions if q.suggestion == answer] for answer in (1, 0, None)}
    assert [len(kinds[k]) for k in (1, 0, None)] == [4, 4, 4]
    assert {q.micrograph for q in kinds[1]} == {q.micrograph for q in kinds[0]} == {1, 2}
    for number in (1, 2):
        scores = {k: [q.score for q in kinds[k] if q.micrograph == number] for k in kinds}
        assert min(scores[1]) > max(scores[None])
        assert max(scores[0]) < min(scores[None])
    places = [(q.micrograph, q.x, q.y) for q in questions]
    places += [(m.micrograph, m.x, m.y) for m in session.state.labels.values()]
    radius = workspace.predictor.peaks(1).peaks.radius_px
    for k, (number, x, y) in enumerate(places):
        others = [p for p in places[:k] + places[k + 1 :] if p[0] == number]
        assert min(np.hypot(x - a, y - b) for _, a, b in others) > radius / 2
    assert session.state.labels.keys() == {1}
    assert workspace.trainer.head.particles == 1  # suggestions are not used for training
    session.questions.accept_suggestions()
    assert workspace.trainer.update().particles == 5


def test_whole_datasets_are_picked_stored_and_read_again(
    labelled, workspace, make_engine, learning
):
    workspace.open(1)
    labelled.micrographs.set_rejected(3, True)
    steps = []
    assert workspace.predictor.predict_all(lambda *step: steps.append(step)) == 2
    assert steps[-1] == (2, 2, "micrograph_002.mrc")
    assert [done for done, _, _ in steps] == sorted(done for done, _, _ in steps)
    head = workspace.trainer.head
    assert head.particles == 2  # the head is refitted first
    assert {i for i, _ in workspace.predictor.counts().items()} == {1, 2}
    assert workspace.predictor.unpicked() == []
    entries = labelled.state.micrographs.values()
    assert [e.id for e in workspace.setup().features.store.held(entries)] == [
        1
    ]  # nothing more in memory
    table = workspace.predictor.known_picks()
    assert table["micrograph"].value_counts().to_dict() == {
        labelled.state.names[i]: n for i, n in workspace.predictor.counts().items()
    }
    workspace.trainer.save_head()
    with Workspace(labelled, make_engine, learning) as again:
        assert again.predictor.counts() == {}
        again.predictor.load_peaks()
        assert again.predictor.counts() == workspace.predictor.counts()
        assert again.predictor.known_picks().equals(table)
        assert again.predictor.head_digest == again.predictor.stored_peaks(2).head
        assert again.predictor.unpicked() == []
        assert again.predictor.predict_all() == 2
        assert not again.setup().features.store.held(entries)
    for file in (labelled.folder / "peaks").iterdir():
        file.unlink()
    with Workspace(labelled, make_engine, learning) as again:
        assert again.predictor.stored_peaks(2) is None
        assert len(again.predictor.unpicked()) == 2


def test_counts_equal_the_numbers_of_picks_after_every_change(labelled, workspace):
    predictor = workspace.predictor
    predictor.predict_all()

    def step(act):
        act()
        used = [i for i in labelled.state.micrographs if labelled.state.is_used(i)]
        expected = {i: len(predictor.stored_peaks(i).picks(labelled.state)) for i in used}
        predictor.load_peaks()
        assert predictor.counts() == expected
        assert predictor.counts(micrographs=used[:1]) == {used[0]: expected[used[0]]}
        return expected

    counts = [step(lambda t=t: labelled.set_settings(threshold=t)) for t in (0.5, 0.9, 0.5)]
    assert counts[0] == counts[2] != counts[1]
    triangle = [(0.0, 0.0), (400.0, 0.0), (0.0, 400.0)]
    step(lambda: labelled.micrographs.set_areas(2, [triangle]))
    junk = [(1, *xy) for xy in predictor.stored_peaks(1).picks(labelled.state)[["x", "y"]].values]
    fewer = step(lambda: labelled.left_out.set("a:1", junk[:5]))
    assert fewer[1] == counts[2][1] - 5
    step(lambda: labelled.left_out.add({"a:1": junk[5:8]}))
    step(lambda: labelled.left_out.put_back(["a:1"]))
    step(lambda: labelled.labels.add(2, [(210, 220)], 1))
    step(labelled.undo)
    step(lambda: labelled.micrographs.set_rejected(2, True))
    step(lambda: labelled.micrographs.set_rejected(2, False))
    workspace.trainer.update()
    before = predictor.stored_peaks(1).head
    labelled.labels.add(1, [(250, 250)], 0)
    workspace.trainer.update()
    step(lambda: predictor.peaks(1))
    assert predictor.stored_peaks(1).head != before


def test_prediction_is_the_same_with_and_without_stored_features(
    labelled, workspace, make_engine, learning
):
    workspace.open(2)
    workspace.trainer.refit()
    expected = workspace.predictor.picks(2)

    def uncached(settings):
        engine = make_engine(settings)
        return type(engine)(engine.extractor, engine.diameter_angstrom)

    with Workspace(labelled, uncached, learning) as other:
        other.predictor.predict_all(micrographs=[2])
        found = other.predictor.stored_peaks(2).picks(labelled.state)
    assert len(found) == len(expected)
    assert np.allclose(found[["x", "y", "contrast"]], expected[["x", "y", "contrast"]], atol=0.2)


def test_peaks_of_a_round_are_stored_for_reopening(labelled, workspace, make_engine, learning):
    workspace.open(1)
    workspace.trainer.update()
    workspace.predictor.peaks(1)
    assert not (labelled.folder / "peaks").exists()
    workspace.audit.end_of_round(1)
    with Workspace(labelled, make_engine, learning) as again:
        again.predictor.load_peaks()
        assert again.predictor.counts() == workspace.predictor.counts()
        assert again.predictor.stored_peaks(1).head == again.predictor.head_digest


def test_a_cancelled_prediction_can_be_continued(labelled, workspace):
    def cancel(done, total, name):
        if done > 1:
            raise Cancelled

    with pytest.raises(Cancelled):
        workspace.predictor.predict_all(cancel)
    assert set(workspace.predictor.counts()) == {1}
    looked_at = []
    workspace.predictor.predict_all(lambda done, total, name: looked_at.append((done, name)))
    assert ("micrograph_001.mrc" in {name for done, name in looked_at if 0 < done < 1}) is False
    assert set(workspace.predictor.counts()) == {1, 2, 3}


def test_micrographs_that_cannot_be_picked_are_listed_and_the_others_picked(labelled, workspace):
    path = labelled.micrographs.path(2)
    moved = path.rename(path.with_suffix(".moved"))
    failed = {}
    try:
        assert (
            workspace.predictor.predict_all(failed=lambda i, error: failed.update({i: str(error)}))
            == 2
        )
        with pytest.raises(ActivepickError, match="is missing"):
            workspace.predictor.predict_all()
    finally:
        moved.rename(path)
    assert list(failed) == [2]
    assert "is missing" in failed[2]
    assert set(workspace.predictor.counts()) == {1, 3}
    assert workspace.predictor.unpicked() == [2]


def test_opening_a_micrograph_takes_precedence_over_picking_all(labelled, workspace):
    workspace.trainer.refit()
    done = []
    predicting = threading.Thread(target=lambda: done.append(workspace.predictor.predict_all()))
    predicting.start()
    workspace.open(3)
    assert workspace.predictor.peaks(3).head == workspace.predictor.head_digest
    predicting.join()
    assert done == [3]


def test_the_next_micrograph_is_the_most_uncertain_one(labelled, workspace):
    assert workspace.predictor.uncertainties() == {}
    workspace.open(1)
    workspace.predictor.predict_all()
    unsure = workspace.predictor.uncertainties()
    assert set(unsure) == {1, 2, 3}
    assert all(0 < value < np.log(2) for value in unsure.values())
    offer = workspace.questioner.next_micrograph()
    assert offer.reason in ("unsure", "defocus", "scores")
    if offer.reason == "unsure":
        assert offer.micrograph == max((2, 3), key=unsure.get)
    labelled.labels.add(2, [(50, 50)], 0)
    workspace.trainer.refit()
    assert workspace.predictor.uncertainties() == {}


def test_an_area_and_contrast_limits_remove_picks(session, workspace):
    workspace.open(1)
    session.set_settings(threshold=0.1)
    everything = workspace.predictor.picks(1)
    session.micrographs.set_areas(1, [[(-1, -1), (256, -1), (256, 600), (-1, 600)]])
    right = workspace.predictor.picks(1)
    assert 0 < len(right) < len(everything)
    assert (right["x"] > 256).all()
    middle = float(right["contrast"].median())
    session.set_settings(highest_contrast=middle)
    assert (workspace.predictor.picks(1)["contrast"] <= middle).all()
    assert workspace.predictor.counts() == {1: len(workspace.predictor.picks(1))}


def test_a_read_only_session_can_be_picked(labelled, make_engine, learning):
    labelled.flush()
    with (
        Session.open(labelled.folder, read_only=True) as reader,
        Workspace(reader, make_engine, learning) as workspace,
    ):
        assert workspace.predictor.predict_all(micrographs=[1]) == 1
        assert not (labelled.folder / "peaks").exists()
        assert workspace.audit.end_of_round(1).labels == 4
