import json
import shutil
import subprocess
import sys

import pytest

from activepick.errors import SessionError, SettingsError
from activepick.session import Session, Settings


def reopened(session: Session) -> Session:
    session.close()
    return Session.open(session.folder)


def test_everything_comes_back(session, files):
    session.set_settings(threshold=0.3, diameter_angstrom=200.0)
    first, second = session.add_labels(1, [(10, 20.5), (30, 40)], 1)
    session.skip(2, [(5, 6)])
    session.ask([(1, 50, 60, 0.1), (3, 70, 80, -0.2)])
    session.answer(session.state.questions[0].id, 0)
    session.reclass_labels([second], 0)
    session.move_label(first, 11.25, 21)
    session.set_progress(2, "rejected")
    session.undo()
    before = session.state
    with reopened(session) as again:
        assert again.state == before
        assert again.notices == []
        assert not again.pending
        assert again.can_undo
        assert again.can_redo
    assert [q.micrograph for q in before.questions] == [3]
    assert [(label.x, label.target) for label in before.labels_of(1)] == [(10, 1), (30, 0), (50, 0)]
    assert [mark.x for mark in before.skipped_of(2)] == [5]
    assert before.micrographs[2].progress == "rejected"
    assert before.settings.threshold == 0.3


def test_a_question_whose_answer_is_taken_back_waits_again(session):
    [question] = session.ask([(1, 50, 60, 0.1)])
    session.answer(question.id, 1)
    assert session.state.questions == ()
    with pytest.raises(SessionError, match="does not wait"):
        session.answer(question.id, 1)
    session.undo()
    assert session.state.questions == (question,)


def test_ids_are_never_used_twice(session):
    ids = session.add_labels(1, [(1, 1)], 1)
    session.undo()
    ids += session.add_labels(1, [(2, 2)], 1)
    session.clear_labels()
    ids += [q.id for q in session.ask([(1, 3, 3, 0.0)])]
    session = reopened(session)
    ids += session.add_labels(2, [(4, 4)], 0)
    session.close()
    assert len(set(ids)) == len(ids) == 4


def test_labels_as_a_table(session):
    assert list(session.labels_table().columns) == ["micrograph", "x", "y", "label"]
    session.add_labels(2, [(1.5, 2)], 0)
    session.add_labels(1, [(3, 4)], 1)
    session.skip(1, [(9, 9)])
    rows = session.labels_table().values.tolist()
    assert rows == [["m1.mrc", 1.5, 2.0, 0], ["m0.mrc", 3.0, 4.0, 1]]


def test_files_of_one_name_are_told_apart_in_tables(session, files):
    other = files[0].parent.parent / "other"
    other.mkdir()
    shutil.copy(files[0], other)
    assert session.add_micrographs([files[1], other / files[0].name, files[1]]) == [2, 4, 2]
    names = session.state.names
    assert names[2] == "m1.mrc"
    assert names[1] != names[4]
    assert all(name.endswith("m0.mrc") for name in (names[1], names[4]))


def test_what_does_not_fit_is_refused_and_changes_nothing(session):
    [label] = session.add_labels(1, [(1, 1)], 1)
    before, last = session.state, session.last
    refused = [
        lambda: session.remove_labels([label, 99]),
        lambda: session.remove_labels([label, label]),
        lambda: session.move_label(99, 1, 1),
        lambda: session.add_labels(17, [(1, 1)], 1),
        lambda: session.clear_labels(17),
        lambda: session.set_progress(17, "done"),
        lambda: session.redo(),
    ]
    for act in refused:
        with pytest.raises(SessionError):
            act()
    for wrong in ({"diameter": 100}, {"threshold": 2}, {"diameter_angstrom": -1}):
        with pytest.raises(SettingsError, match=next(iter(wrong))):
            session.set_settings(**wrong)
    assert session.state == before
    assert session.last == last


def test_a_new_diameter_keeps_labels_and_asks_for_a_new_scale(session):
    session.add_labels(1, [(1, 1)], 1)
    session.set_settings(working_radius_px=10.0)
    session.set_settings(threshold=0.2)
    assert session.state.settings.working_radius_px == 10
    session.set_settings(diameter_angstrom=90)
    assert session.state.settings.working_radius_px is None
    assert len(session.state.labels) == 1


def test_another_network_does_not_start_from_a_head_of_this_one(session):
    session.set_settings(base_head="a.safetensors", working_radius_px=10.0)
    session.set_settings(threshold=0.2, diameter_angstrom=90)
    assert session.state.settings.base_head == "a.safetensors"
    session.set_settings(normalisation="gmm", base_head="b.safetensors")
    assert session.state.settings.base_head == "b.safetensors"
    session.set_settings(model="resnet8_u32")
    assert session.state.settings.base_head is None


def test_signals_tell_what_changed_and_what_is_on_disk(session):
    changes, numbers = [], []
    session.changed.connect(lambda action, change: changes.append((action.kind, change)))
    session.acknowledged.connect(numbers.append)
    [label] = session.add_labels(1, [(1, 2)], 1)
    last = session.undo()
    assert session.flush()
    assert numbers == [last - 1, last]
    (_, added), (kind, removed) = changes
    assert kind == "undo"
    assert added.before == {label: None} == removed.after
    assert added.after[label].x == 1


def test_nothing_is_created_over_something(session, tmp_path):
    with pytest.raises(SessionError, match="exists already"):
        Session.create(session.folder, Settings(diameter_angstrom=1))
    (tmp_path / "plain").mkdir()
    with pytest.raises(SessionError, match="not a session"):
        Session.open(tmp_path / "plain")
    assert list((tmp_path / "plain").iterdir()) == []


def test_a_closed_session_refuses(session):
    session.close()
    session.close()
    with pytest.raises(SessionError, match="closed"):
        session.clear_labels()


def test_a_session_that_was_not_closed_keeps_its_last_lines(tmp_path):
    program = f"""
from activepick.session import Session, Settings
session = Session.create({str(tmp_path / "s")!r}, Settings(diameter_angstrom=1))
for k in range(200):
    session.set_settings(batch=k + 1)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    with Session.open(tmp_path / "s.activepick") as session:
        assert session.state.settings.batch == 200
        assert "was not closed" in session.notices[0]


def test_a_newer_version_is_named(session):
    session.close()
    header = json.loads((session.folder / "session.json").read_text())
    newer = {**header, "schema_version": 99, "activepick": "12.3"}
    (session.folder / "session.json").write_text(json.dumps(newer))
    with pytest.raises(SessionError, match=r"12\.3.*Update"):
        Session.open(session.folder)


def test_a_session_can_be_opened_for_reading_beside_its_owner(session):
    session.add_labels(1, [(1, 1)], 1)
    assert session.flush()
    with Session.open(session.folder, read_only=True) as reader:
        assert reader.state == session.state
        with pytest.raises(SessionError, match="reading only"):
            reader.clear_labels()


def test_opening_imports_nothing_heavy():
    program = "import sys, activepick.session; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    modules = {name.partition(".")[0] for name in done.stdout.split()}
    assert "activepick" in modules
    assert not modules & {"torch", "scipy", "pandas", "numpy", "qtpy", "napari"}
