import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist

from activepick.errors import HeadError, SessionError, TableError
from activepick.learning.head_file import load_head, save_head
from activepick.learning.learner import LearnerSettings
from activepick.metrics import average_precision, match
from activepick.workspace.loop import LearningLoop


@pytest.fixture
def session(simulated):
    return simulated


def answer_all(session, truth):
    for question in session.state.questions:
        distance = cdist([(question.x, question.y)], truth[question.micrograph]).min()
        session.questions.answer(question.id, int(distance < 20))


def test_an_audit_estimates_precision_and_trains_nothing(session, loop, truth):
    for number in (1, 2):
        loop.open_micrograph(number)
        loop.peaks(number)
    head = loop.head
    assert loop.precision() is None
    questions = loop.audit(15)
    assert len(questions) == 15
    assert all(q.purpose == "audit" and q.score >= 0 for q in questions)
    answer_all(session, truth)
    assert loop.up_to_date
    assert loop.update(1).head is head
    found = loop.precision()
    right = [m.target for m in session.state.audits.values()]
    assert (found.n, found.mean) == (15, np.mean(right))
    assert found.low < found.mean < found.high or found.mean in (0, 1)
    assert "nobody looked at" in loop.advice()
    picks = loop.picks(1)[["x", "y"]].to_numpy()
    wrong = [m for m in session.state.audits.values() if m.micrograph == 1 and not m.target]
    assert all(cdist([(m.x, m.y)], picks).min() > 5 for m in wrong)
    places = [(m.micrograph, m.x, m.y) for m in session.state.audits.values()]
    for question in [*loop.audit(30), *loop.ask(20)]:
        same = [(x, y) for number, x, y in places if number == question.micrograph]
        assert cdist([(question.x, question.y)], same or [(-999, -999)]).min() > 5


def test_no_audit_without_picks(session, loop):
    with pytest.raises(SessionError, match="no picks"):
        loop.audit()


def test_rounds_tell_how_the_picks_change(session, loop, truth):
    session.set_settings(threshold=0.1)  # the best picks are right before the first label
    loop.open_micrograph(1)
    first = loop.end_of_round(1)
    assert (first.labels, first.changed, first.ap) == (0, None, None)
    assert loop.end_of_round(1).changed == 0
    loop.ask(24)
    answer_all(session, truth)
    loop.update(1)
    record = loop.end_of_round(1)
    assert record.labels == 24
    assert record.particles == sum(m.target for m in session.state.labels.values())
    assert 0 < record.changed <= 1
    assert record.picks == len(loop.picks(1))
    assert session.state.rounds[-1] == record
    assert load_head(session.folder / "heads" / "head.safetensors").notes["micrographs"] == 1
    assert len(session.state.rounds) == 3


def test_precision_over_rounds_where_the_truth_is_known(session, loop, truth, data):
    assert loop.ap() is None
    loop.set_truth(data.truth)
    assert loop.ap() is None  # no peaks yet
    for number in (1, 2):
        loop.open_micrograph(number)
        loop.peaks(number)
    scores, hits = [], []
    for number in (1, 2):
        peaks = loop.peaks(number)
        apart = peaks.apart(session.state.settings.separation)
        scores.append(peaks.score[apart])
        hits.append(match(peaks.xy[apart], truth[number], peaks.radius_px))
    total = len(truth[1]) + len(truth[2])
    expected = average_precision(np.concatenate(scores), np.concatenate(hits), total)
    assert loop.ap() == pytest.approx(expected)
    assert loop.end_of_round(1).ap == pytest.approx(expected)
    loop.set_truth(None)
    assert loop.end_of_round(1).ap is None
    with pytest.raises(TableError, match="none of its micrographs"):
        loop.set_truth(pd.DataFrame({"micrograph": ["other.mrc"], "x": [1.0], "y": [1.0]}))


def test_a_saved_head_starts_another_session(
    session, loop, truth, tmp_path, data, make_engine, learning
):
    loop.open_micrograph(1)
    loop.ask(12)
    answer_all(session, truth)
    loop.refit()
    path = loop.save_head(name="barrel, 12 labels")
    assert path.parent == session.folder / "heads"
    saved = load_head(path)
    assert saved.notes["name"] == "barrel, 12 labels"
    assert saved.notes["micrographs"] == 1
    assert saved.notes["saved"][:2] == "20"
    assert (saved.particles + saved.others, saved.diameter_angstrom) == (12, data.diameter_angstrom)
    other = type(session).create(tmp_path / "other", session.state.settings)
    with other, LearningLoop(other, make_engine, learning) as second:
        other.micrographs.add(data.micrographs)
        other.set_settings(working_radius_px=10, working_radii_px=(10, 14))
        features = second.open_micrograph(2)
        used = second.use_head(path)
        assert np.array_equal(used.weights, saved.weights)
        assert second.base_name == "barrel, 12 labels"
        assert second.head.spec.working_radii == (7, 10)
        assert second.up_to_date
        assert second.open_micrograph(2) is not features
        other.labels.add(2, [(100, 100)], 0)
        assert not second.up_to_date
        learnt = second.refit()
        path.unlink()  # the session has a copy
        other.flush()
        strong = LearnerSettings(fit=type(learning.fit)(l2=1e6), unlabelled=400)
        with LearningLoop(other, make_engine, strong) as third:
            assert np.allclose(third.refit().weights, saved.weights, atol=1e-3)
        assert learnt.particles + learnt.others == 1
        second.reset_head()
        assert second.base_name is None
        assert second.head.spec.working_radii == (10, 14)
        assert second.up_to_date
        assert second.head.others == 1


def test_features_stay_when_a_head_for_the_same_ones_comes(session, loop, tmp_path):
    features = loop.open_micrograph(1)
    loop.save_head(tmp_path / "a.safetensors")
    session.labels.add(1, [(100, 100)], 1)
    loop.use_head(tmp_path / "a.safetensors")
    assert loop.open_micrograph(1) is features
    assert loop.head.particles == 1  # labels train it at once
    session.undo()
    loop.refit()
    assert loop.open_micrograph(1) is features


def test_heads_that_do_not_fit_are_refused(session, loop, tmp_path):
    from dataclasses import replace

    loop.open_micrograph(1)
    head = loop.head
    wrong = tmp_path / "wrong.safetensors"
    save_head(replace(head, spec=replace(head.spec, backbone="mine", digest="0")), wrong)
    with pytest.raises(HeadError, match=r"wrong.*network mine"):
        loop.use_head(wrong)
    with pytest.raises(HeadError, match="no such file"):
        loop.use_head(tmp_path / "none.safetensors")
    assert session.state.settings.base_head is None
    for name in ("", "head", "base-x", ".."):
        with pytest.raises(HeadError, match="another name"):
            loop.save_head(name=name)
    assert loop.save_head(name="a/b:c").name == "a_b_c.safetensors"
    inverted = tmp_path / "inverted.safetensors"
    save_head(replace(head, inverted=True), inverted)
    loop.use_head(inverted)
    [notice] = loop.notices
    assert "bright" in notice
    for file in (session.folder / "heads").glob("base-*"):
        file.unlink()
    with LearningLoop(session, loop._make_engine) as again:
        with pytest.raises(HeadError, match="pretrained network"):
            again.refit()
        again.reset_head()
        assert again.base_name is None


def test_doubtful_micrographs_are_told(session, loop, data):
    assert loop.polarity_warning(1) is None
    assert loop.pixel_size_warning(1) is None
    session.set_settings(pixel_size_angstrom=1.01 * data.pixel_size_angstrom)
    assert loop.pixel_size_warning(1) is None
    size = 1.1 * data.pixel_size_angstrom
    radii = {"working_radius_px": 7, "working_radii_px": (7, 10)}
    session.set_settings(pixel_size_angstrom=size, inverted=True, **radii)
    assert f"{data.pixel_size_angstrom:.4g}" in loop.pixel_size_warning(1)
    assert "look dark" in loop.polarity_warning(1)


def test_memory_of_the_device_comes_back_by_itself(session, loop):
    loop.release()
    loop.open_micrograph(1)
    loop.release()
    assert len(loop.open_micrograph(2).maps) == 2
