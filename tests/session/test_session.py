import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from activepick.errors import MicrographError, SessionError, SettingsError
from activepick.session import Session, Settings


def reopened(session: Session) -> Session:
    session.close()
    return Session.open(session.folder)


def test_all_actions_survive_reopening(session, files):
    session.set_settings(threshold=0.3, diameter_angstrom=200.0)
    first, second = session.labels.add(1, [(10, 20.5), (30, 40)], 1)
    session.labels.skip(2, [(5, 6)])
    session.questions.ask([(1, 50, 60, 0.1), (3, 70, 80, -0.2)])
    session.questions.answer(session.state.questions[0].id, 0)
    session.labels.reclass([second], 0)
    session.micrographs.set_rejected(2, True)
    session.labels.move(first, 11.25, 21)
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
    assert [(mark.x, mark.target) for mark in before.marks_of(2)] == [(5, None)]
    assert before.micrographs[2].status == "rejected"
    assert before.settings.threshold == 0.3


def test_a_question_is_open_again_after_its_answer_is_undone(session):
    [question] = session.questions.ask([(1, 50, 60, 0.1)])
    session.questions.answer(question.id, 1)
    assert session.state.questions == ()
    with pytest.raises(SessionError, match="is not open"):
        session.questions.answer(question.id, 1)
    session.undo()
    assert session.state.questions == (question,)


def test_ids_are_never_used_twice(session):
    ids = session.labels.add(1, [(1, 1)], 1)
    session.undo()
    ids += session.labels.add(1, [(2, 2)], 1)
    session.labels.clear()
    ids += [q.id for q in session.questions.ask([(1, 3, 3, 0.0)])]
    session = reopened(session)
    ids += session.labels.add(2, [(4, 4)], 0)
    session.close()
    assert len(set(ids)) == len(ids) == 4


def test_labels_are_returned_as_a_table(session):
    assert list(session.labels.table().columns) == ["micrograph", "x", "y", "label"]
    session.labels.add(2, [(1.5, 2)], 0)
    session.labels.add(1, [(3, 4)], 1)
    session.labels.skip(1, [(9, 9)])
    rows = session.labels.table().values.tolist()
    assert rows == [["m1.mrc", 1.5, 2.0, 0], ["m0.mrc", 3.0, 4.0, 1]]


def test_files_with_the_same_name_have_different_names_in_tables(session, files):
    other = files[0].parent.parent / "other"
    other.mkdir()
    shutil.copy(files[0], other)
    assert session.micrographs.add([files[1], other / files[0].name, files[1]]) == [2, 4, 2]
    names = session.state.names
    assert names[2] == "m1.mrc"
    assert names[1] != names[4]
    assert all(name.endswith("m0.mrc") for name in (names[1], names[4]))


def test_invalid_actions_are_refused_and_change_nothing(session):
    [label] = session.labels.add(1, [(1, 1)], 1)
    before, last = session.state, session.last
    refused = [
        lambda: session.labels.remove([label, 99]),
        lambda: session.labels.remove([label, label]),
        lambda: session.labels.move(99, 1, 1),
        lambda: session.labels.add(17, [(1, 1)], 1),
        lambda: session.labels.clear(17),
        lambda: session.micrographs.set_status(17, "done"),
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


def test_a_new_diameter_keeps_labels_and_resets_the_scale(session):
    session.labels.add(1, [(1, 1)], 1)
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


def test_signals_report_changes_and_saved_actions(session):
    changes, numbers = [], []
    session.changed.connect(lambda action, change: changes.append((action.kind, change)))
    session.acknowledged.connect(numbers.append)
    [label] = session.labels.add(1, [(1, 2)], 1)
    last = session.undo()
    assert session.flush()
    assert numbers == [last - 1, last]
    (_, added), (kind, removed) = changes
    assert kind == "undo"
    assert added.before == {label: None} == removed.after
    assert added.after[label].x == 1


def test_a_session_is_not_created_over_existing_files(session, tmp_path):
    with pytest.raises(SessionError, match="exists already"):
        Session.create(session.folder, Settings(diameter_angstrom=1))
    (tmp_path / "plain").mkdir()
    with pytest.raises(SessionError, match="not a session"):
        Session.open(tmp_path / "plain")
    assert list((tmp_path / "plain").iterdir()) == []


def test_a_closed_session_refuses_actions(session):
    session.close()
    session.close()
    with pytest.raises(SessionError, match="closed"):
        session.labels.clear()


def test_a_session_that_was_not_closed_keeps_all_acknowledged_actions(tmp_path):
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


@pytest.mark.parametrize(
    ("version", "remedy"),
    [
        (99, r"newer than schema 1 .*Update activepick"),
        (0, r"older .*Export its labels with .*0\.3"),
    ],
)
def test_a_session_of_another_version_is_refused(session, version, remedy):
    session.close()
    header_file = session.folder / "session.json"
    header = json.loads(header_file.read_text())
    header_file.write_text(json.dumps({**header, "schema_version": version, "activepick": "0.3"}))
    before = {file.name: file.read_bytes() for file in session.folder.iterdir()}
    for read_only in (True, False):
        with pytest.raises(SessionError, match=rf"activepick 0\.3 with .*{remedy}"):
            Session.open(session.folder, read_only=read_only)
    with pytest.raises(SessionError, match=remedy):
        Session.open(session.folder, repair=True)
    assert {file.name: file.read_bytes() for file in session.folder.iterdir()} == before


def test_a_session_can_be_opened_read_only_beside_another_program(session):
    session.labels.add(1, [(1, 1)], 1)
    assert session.flush()
    with Session.open(session.folder, read_only=True) as reader:
        assert reader.state == session.state
        with pytest.raises(SessionError, match="reading only"):
            reader.labels.clear()


def test_importing_sessions_loads_neither_torch_nor_pandas():
    program = "import sys, activepick.session; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    modules = {name.partition(".")[0] for name in done.stdout.split()}
    assert "activepick" in modules
    assert not modules & {"torch", "scipy", "pandas", "numpy", "qtpy", "napari"}


@pytest.mark.posix("has file names that are any bytes")
@pytest.mark.parametrize("name", [b"m\xff.mrc", b"folder\xff/m.mrc", b"m\n.mrc"])
def test_a_name_that_the_journal_cannot_contain_is_refused(session, tmp_path, name):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"0" * 100)
    with pytest.raises(MicrographError, match="rename it"):
        session.micrographs.add([path])
    assert path not in [Path(e.absolute) for e in session.state.micrographs.values()]
