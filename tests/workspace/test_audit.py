import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist

from activepick.errors import HeadError, SessionError, TableError
from activepick.learning.head_file import load_head, save_head
from activepick.learning.settings import LearnerSettings
from activepick.metrics import average_precision, match
from activepick.workspace.workspace import Workspace


@pytest.fixture
def session(simulated):
    return simulated


def answer_all(session, truth):
    for question in session.state.questions:
        distance = cdist([(question.x, question.y)], truth[question.micrograph]).min()
        session.questions.answer(question.id, int(distance < 20))


def test_an_audit_estimates_precision_without_training(session, workspace, truth):
    for number in (1, 2):
        workspace.open(number)
        workspace.predictor.peaks(number)
    head = workspace.trainer.head
    assert workspace.audit.precision() is None
    questions = workspace.audit.ask(15)
    assert len(questions) == 15
    assert all(q.purpose == "audit" and q.score >= 0 for q in questions)
    answer_all(session, truth)
    assert workspace.trainer.up_to_date
    assert workspace.trainer.update() is head
    found = workspace.audit.precision()
    right = [m.target for m in session.state.audits.values()]
    assert (found.n, found.mean) == (15, np.mean(right))
    assert found.low < found.mean < found.high or found.mean in (0, 1)
    assert "picks without a label" in workspace.audit.advice()
    picks = workspace.predictor.picks(1)[["x", "y"]].to_numpy()
    wrong = [m for m in session.state.audits.values() if m.micrograph == 1 and not m.target]
    assert all(cdist([(m.x, m.y)], picks).min() > 5 for m in wrong)
    places = [(m.micrograph, m.x, m.y) for m in session.state.audits.values()]
    for question in [*workspace.audit.ask(30), *workspace.questioner.ask(20)]:
        same = [(x, y) for number, x, y in places if number == question.micrograph]
        assert cdist([(question.x, question.y)], same or [(-999, -999)]).min() > 5


def test_an_audit_needs_picks(session, workspace):
    with pytest.raises(SessionError, match="no picks"):
        workspace.audit.ask()


def test_rounds_record_the_share_of_changed_picks(session, workspace, truth):
    session.set_settings(threshold=0.01)  # the best picks are right before the first label
    workspace.open(1)
    first = workspace.audit.end_of_round(1)
    assert (first.labels, first.changed, first.ap) == (0, None, None)
    assert workspace.audit.end_of_round(1).changed == 0
    workspace.questioner.ask(24)
    answer_all(session, truth)
    workspace.trainer.update()
    record = workspace.audit.end_of_round(1)
    assert record.labels == 24
    assert record.particles == sum(m.target for m in session.state.labels.values())
    assert 0 < record.changed <= 1
    assert record.picks == len(workspace.predictor.picks(1))
    assert session.state.rounds[-1] == record
    assert load_head(session.folder / "heads" / "head.safetensors").notes["micrographs"] == 1
    assert len(session.state.rounds) == 3


def test_rounds_record_the_ap_if_the_truth_is_known(session, workspace, truth, data):
    assert workspace.audit.average_precision() is None
    workspace.audit.set_truth(data.truth)
    assert workspace.audit.average_precision() is None  # no peaks yet
    for number in (1, 2):
        workspace.open(number)
        workspace.predictor.peaks(number)
    scores, hits = [], []
    for number in (1, 2):
        peaks = workspace.predictor.peaks(number).peaks
        apart = peaks.separated(session.state.settings.separation)
        scores.append(peaks.score[apart])
        hits.append(match(peaks.xy[apart], truth[number], peaks.radius_px))
    total = len(truth[1]) + len(truth[2])
    expected = average_precision(np.concatenate(scores), np.concatenate(hits), total)
    assert workspace.audit.average_precision() == pytest.approx(expected)
    assert workspace.audit.end_of_round(1).ap == pytest.approx(expected)
    workspace.audit.set_truth(None)
    assert workspace.audit.end_of_round(1).ap is None
    with pytest.raises(TableError, match="none of its micrographs"):
        workspace.audit.set_truth(
            pd.DataFrame({"micrograph": ["other.mrc"], "x": [1.0], "y": [1.0]})
        )


def test_a_saved_head_can_start_another_session(
    session, workspace, truth, tmp_path, data, make_engine, learning
):
    workspace.open(1)
    workspace.questioner.ask(12)
    answer_all(session, truth)
    workspace.trainer.refit()
    path = workspace.trainer.save_head(name="barrel, 12 labels")
    assert path.parent == session.folder / "heads"
    saved = load_head(path)
    assert saved.notes["name"] == "barrel, 12 labels"
    assert saved.notes["micrographs"] == 1
    assert saved.notes["saved"][:2] == "20"
    assert (saved.particles + saved.others, saved.diameter_angstrom) == (12, data.diameter_angstrom)
    other = type(session).create(tmp_path / "other", session.state.settings)
    with other, Workspace(other, make_engine, learning) as second:
        other.micrographs.add(data.micrographs)
        other.set_settings(working_radius_px=10, working_radii_px=(10, 14))
        features = second.open(2)
        used = second.trainer.use_head(path)
        assert np.array_equal(used.weights, saved.weights)
        assert second.trainer.base_name == "barrel, 12 labels"
        assert second.trainer.head.spec.working_radii == (7, 10)
        assert second.trainer.up_to_date
        assert second.open(2) is not features
        other.labels.add(2, [(100, 100)], 0)
        assert not second.trainer.up_to_date
        learnt = second.trainer.refit()
        path.unlink()  # the session has a copy
        other.flush()
        strong = LearnerSettings(fit=type(learning.fit)(l2=1e6), unlabelled=400)
        with Workspace(other, make_engine, strong) as third:
            assert np.allclose(third.trainer.refit().weights, saved.weights, atol=1e-3)
        assert learnt.particles + learnt.others == 1
        second.trainer.reset_head()
        assert second.trainer.base_name is None
        assert second.trainer.head.spec.working_radii == (10, 14)
        assert second.trainer.up_to_date
        assert second.trainer.head.others == 1


def test_features_are_kept_if_a_loaded_head_uses_the_same(session, workspace, tmp_path):
    features = workspace.open(1)
    workspace.trainer.save_head(tmp_path / "a.safetensors")
    session.labels.add(1, [(100, 100)], 1)
    workspace.trainer.use_head(tmp_path / "a.safetensors")
    assert workspace.open(1) is features
    assert workspace.trainer.head.particles == 1  # it is refitted to the labels at once
    session.undo()
    workspace.trainer.refit()
    assert workspace.open(1) is features


@pytest.mark.posix("makes links for everybody")
def test_heads_for_other_features_are_refused(session, workspace, make_engine, tmp_path):
    from dataclasses import replace

    workspace.open(1)
    head = workspace.trainer.head
    wrong = tmp_path / "wrong.safetensors"
    save_head(replace(head, spec=replace(head.spec, backbone="mine", digest="0")), wrong)
    with pytest.raises(HeadError, match=r"wrong.*network mine"):
        workspace.trainer.use_head(wrong)
    with pytest.raises(HeadError, match="does not exist"):
        workspace.trainer.use_head(tmp_path / "none.safetensors")
    assert session.state.settings.base_head is None
    for name in ("", "head", "base-x", ".."):
        with pytest.raises(HeadError, match="another name"):
            workspace.trainer.save_head(name=name)
    assert workspace.trainer.save_head(name="a/b:c").name == "a_b_c.safetensors"
    heads, elsewhere = session.folder / "heads", tmp_path / "elsewhere"
    heads.rename(elsewhere)
    heads.symlink_to(elsewhere)
    before = set(elsewhere.iterdir())
    for name in (None, "other"):
        with pytest.raises(HeadError, match="link to another folder"):
            workspace.trainer.save_head(name=name)
    assert set(elsewhere.iterdir()) == before
    heads.unlink()
    elsewhere.rename(heads)
    inverted = tmp_path / "inverted.safetensors"
    save_head(replace(head, inverted=True), inverted)
    workspace.trainer.use_head(inverted)
    [notice] = workspace.notices
    assert "bright" in notice
    for file in (session.folder / "heads").glob("base-*"):
        file.unlink()
    with Workspace(session, make_engine) as again:
        with pytest.raises(HeadError, match="pretrained network"):
            again.trainer.refit()
        again.trainer.reset_head()
        assert again.trainer.base_name is None


def test_inverted_contrast_and_a_wrong_pixel_size_are_reported(session, workspace, data):
    assert workspace.check_settings(1) == []
    session.set_settings(pixel_size_angstrom=1.01 * data.pixel_size_angstrom)
    assert workspace.check_settings(1) == []
    size = 1.1 * data.pixel_size_angstrom
    radii = {"working_radius_px": 7, "working_radii_px": (7, 10)}
    session.set_settings(pixel_size_angstrom=size, inverted=True, **radii)
    polarity, pixel_size = workspace.check_settings(1)
    assert f"{data.pixel_size_angstrom:.4g}" in pixel_size.message
    assert pixel_size.changes == {"pixel_size_angstrom": None}
    assert "look dark" in polarity.message
    assert polarity.changes == {"inverted": False}


def test_memory_of_the_device_is_released_when_idle(session, workspace):
    workspace.release()
    workspace.open(1)
    workspace.release()
    assert len(workspace.open(2).maps) == 2
