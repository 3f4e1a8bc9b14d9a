import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import zlib
from pathlib import Path

import pytest

from activepick.errors import SessionError
from activepick.session import Session, Settings


def journal(session: Session) -> Path:
    return session.folder / "journal.jsonl"


def labelled(session: Session, count: int) -> Session:
    for k in range(count):
        session.labels.add(1, [(k, k)], k % 2)
    assert session.flush()
    return session


def places(session: Session) -> list[float]:
    return [label.x for label in session.state.labels.values()]


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_an_incomplete_last_line_is_left_out_and_reported(session, cut):
    labelled(session, 5).close()
    whole = journal(session).read_bytes()
    journal(session).write_bytes(whole[: -cut - 1])
    expected = [0, 1, 2, 3]
    again = Session.open(session.folder)
    assert places(again) == expected
    assert "was incomplete" in again.notices[0]
    again.labels.add(1, [(77, 77)], 1)
    again.close()
    with Session.open(session.folder) as once_more:
        assert places(once_more) == [*expected, 77]
        assert once_more.notices == []


def test_a_line_that_lacks_only_its_line_break_is_kept(session):
    labelled(session, 3).close()
    journal(session).write_bytes(journal(session).read_bytes()[:-1])
    again = Session.open(session.folder)
    assert places(again) == [0, 1, 2]
    again.labels.add(1, [(3, 3)], 1)
    again.close()
    with Session.open(session.folder) as once_more:
        assert places(once_more) == [0, 1, 2, 3]


def test_zeros_after_a_power_cut_are_an_incomplete_line(session):
    labelled(session, 3).close()
    with journal(session).open("ab") as file:
        file.write(bytes(5000))
    with Session.open(session.folder) as again:
        assert places(again) == [0, 1, 2]
        again.labels.add(1, [(3, 3)], 1)
    with Session.open(session.folder) as again:
        assert places(again) == [0, 1, 2, 3]
        assert again.notices == []
    assert (session.folder / "journal-1.torn").read_bytes() == bytes(5000)


def test_a_damaged_line_is_reported_and_can_be_repaired(session):
    labelled(session, 6)
    session.undo()
    session.close()
    whole = journal(session).read_bytes()
    lines = whole.splitlines(keepends=True)
    lines[3] = lines[3].replace(b'"x":2.0', b'"x":9.0')
    damaged = b"".join(lines)
    assert damaged != whole
    journal(session).write_bytes(damaged)
    with pytest.raises(SessionError, match=r"line 4 is damaged.*repair"):
        Session.open(session.folder)
    assert journal(session).read_bytes() == damaged
    with Session.open(session.folder, repair=True) as again:
        assert places(again) == [0, 1, 3, 4]
        again.redo()
    with Session.open(session.folder) as again:
        assert places(again) == [0, 1, 3, 4, 5]
    assert (session.folder / "journal.damaged-1.jsonl").read_bytes() == damaged


def test_missing_lines_are_damage_and_dependent_actions_are_left_out(session):
    labelled(session, 3)
    session.labels.move(2, 50, 50)
    session.close()
    lines = journal(session).read_bytes().splitlines(keepends=True)
    del lines[2]
    journal(session).write_bytes(b"".join(lines))
    with pytest.raises(SessionError, match="line 3"):
        Session.open(session.folder)
    with Session.open(session.folder, repair=True) as again:
        assert places(again) == [0, 2]


def test_an_action_of_a_newer_version_is_reported(session):
    from activepick.session.store.journal_lines import encode_line

    labelled(session, 1).close()
    with journal(session).open("ab") as file:
        file.write(encode_line(3, {"kind": "fold_micrograph", "micrograph": 1}))
    with pytest.raises(SessionError, match=r"line 3.*fold_micrograph.*Update"):
        Session.open(session.folder)


def test_a_missing_journal_is_reported(session):
    labelled(session, 1).close()
    journal(session).unlink()
    with pytest.raises(SessionError, match="is missing"):
        Session.open(session.folder)


@contextlib.contextmanager
def files_end_at(size: int):
    """Let no file grow beyond a size: a write fails halfway, as on a full disk."""
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.posix("has limits on the size of files")
def test_a_full_disk_is_reported_and_no_action_is_lost(session, tmp_path):
    labelled(session, 3)
    messages, numbers = [], []
    session.failed.connect(messages.append)
    session.acknowledged.connect(numbers.append)
    size = journal(session).stat().st_size
    with files_end_at(size + 150):
        for k in range(3, 10):
            session.labels.add(1, [(k, k)], 1)
            assert session.flush() == (k < 3)
        assert places(session) == list(range(10))
        assert list(session.pending) == list(range(5, 12))
        with pytest.raises(SessionError, match="not on disk"):
            session.close()
        assert numbers == []
        assert len(messages) == 1
        assert "disk is full" in messages[0]
    copy = session.save_copy(tmp_path / "rescued")
    assert session.flush()
    assert numbers == list(range(5, 12))
    assert session.failure is None
    session.close()
    for folder in (session.folder, copy):
        with Session.open(folder) as again:
            assert places(again) == list(range(10))
            assert again.notices == []
            assert not again.micrographs.check()


@pytest.mark.posix("has limits on the size of files")
@pytest.mark.parametrize("size", [0, 150, 500])
def test_a_full_disk_leaves_no_part_of_a_new_session(session, tmp_path, size):
    labelled(session, 3)
    assert session.flush()
    with files_end_at(size):
        for make in (lambda path: Session.create(path, session.state.settings), session.save_copy):
            with pytest.raises(SessionError, match="disk is full"):
                make(tmp_path / "new")
            assert not list((tmp_path / "new.activepick").rglob("*"))
    # The same program can try again.
    copy = session.save_copy(tmp_path / "new")
    with Session.open(copy) as again:
        assert places(again) == [0, 1, 2]


@pytest.mark.posix("has limits on the size of files")
def test_a_full_disk_without_space_for_the_lock_is_reported_each_time(session):
    labelled(session, 3).close()
    for _ in range(2):
        with files_end_at(0), pytest.raises(SessionError, match="disk is full"):
            Session.open(session.folder)
    with Session.open(session.folder) as again:
        assert places(again) == [0, 1, 2]


def test_a_journal_deleted_while_open_is_written_again(session):
    labelled(session, 3)
    journal(session).unlink()
    labelled(session, 1).close()
    with Session.open(session.folder) as again:
        assert places(again) == [0, 1, 2, 0]


def test_a_journal_changed_by_another_program_is_not_overwritten(session):
    labelled(session, 3)
    foreign = journal(session).read_bytes() + b"something else\n"
    journal(session).write_bytes(foreign)
    session.labels.add(1, [(9, 9)], 1)
    assert not session.flush()
    assert "changed by another program" in session.failure
    assert journal(session).read_bytes() == foreign


@pytest.fixture
def read_only_session(request):
    """A session in a folder that may not be written to, also where the tests run as root."""
    root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        with Session.create(Path(name) / "s", Settings(diameter_angstrom=1)) as session:
            session.set_settings(batch=7)
        session.folder.chmod(0o555)
        if root:
            os.seteuid(65534)
        try:
            yield session.folder
        finally:
            if root:
                os.seteuid(0)
            session.folder.chmod(0o755)


@pytest.mark.posix("has folders that refuse")
def test_a_read_only_folder_is_reported(read_only_session):
    with pytest.raises(SessionError, match=r"permission denied.*reading only"):
        Session.open(read_only_session)
    with Session.open(read_only_session, read_only=True) as session:
        assert session.state.settings.batch == 7
    with pytest.raises(SessionError, match="permission denied"):
        Session.create(read_only_session / "new", Settings(diameter_angstrom=1))


OPEN = """
import sys
from activepick.errors import SessionError
from activepick.session import Session
try:
    session = Session.open(sys.argv[1], force="force" in sys.argv)
    session.set_settings(batch=33)
    session.close()
    print("opened")
except SessionError as error:
    print(error)
"""


def open_elsewhere(folder: Path, *how: str) -> str:
    command = [sys.executable, "-c", OPEN, str(folder), *how]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_second_program_gets_the_owner_of_the_session(session):
    labelled(session, 2)
    for how in ((), ("force",)):
        assert f"process {os.getpid()}" in open_elsewhere(session.folder, *how)
    with pytest.raises(SessionError, match=f"process {os.getpid()}"):
        Session.open(session.folder)
    assert places(labelled(session, 1)) == [0, 1, 0]
    session.close()
    assert open_elsewhere(session.folder).strip() == "opened"


def test_a_session_open_on_another_machine_needs_force(session):
    labelled(session, 2).close()
    lock = session.folder / "lock"
    facts = {"host": "node17", "pid": 5, "since": "yesterday", "token": "x"}
    lock.write_text(json.dumps(facts))
    with pytest.raises(SessionError, match=r"process 5 on node17.*by force"):
        Session.open(session.folder)
    assert json.loads(lock.read_text()) == facts
    with Session.open(session.folder, force=True) as again:
        assert places(again) == [0, 1]
    assert not lock.exists()


def test_a_program_that_loses_the_session_stops_writing(session):
    labelled(session, 2)
    (session.folder / "lock").unlink()
    assert open_elsewhere(session.folder).strip() == "opened"
    with Session.open(session.folder) as other:
        session.labels.add(1, [(9, 9)], 1)
        assert not session.flush()
        assert "has taken over this session" in session.failure
        session.close(abandon=True)
        assert other.state.settings.batch == 33
        labelled(other, 1)
    with Session.open(session.folder) as again:
        assert places(again) == [0, 1, 0]


def test_micrographs_are_found_after_moving_the_session_with_or_without_them(
    session, tmp_path, files
):
    labelled(session, 2).close()
    shutil.move(session.folder.parent, tmp_path / "archive")
    with Session.open(tmp_path / "archive" / "work.activepick") as again:
        assert places(again) == [0, 1]
        assert not again.micrographs.check()
        assert again.micrographs.path(1) == tmp_path / "archive" / "micrographs" / "m0.mrc"
    shutil.move(tmp_path / "archive" / "micrographs", files[0].parent)
    with Session.open(tmp_path / "archive" / "work.activepick") as again:
        assert not again.micrographs.check()
        assert again.micrographs.path(1) == files[0]


def test_missing_and_changed_micrographs_are_reported_and_keep_their_labels(
    session, files, tmp_path
):
    labelled(session, 2)
    elsewhere = tmp_path / "elsewhere.mrc"
    shutil.move(files[0], elsewhere)
    data = bytearray(files[1].read_bytes())
    data[150_000:150_010] = b"0123456789"
    files[1].write_bytes(data)
    os.utime(files[2])
    found = session.micrographs.check()
    assert (found.missing, found.changed, found.unreadable) == ([1], [2], [])
    with pytest.raises(SessionError, match=r"m0\.mrc is missing"):
        session.micrographs.path(1)
    session.micrographs.relink(1, elsewhere)
    session.micrographs.relink(2)
    assert not session.micrographs.check()
    assert places(session) == [0, 1]


def test_labels_can_be_added_from_several_threads(session):
    def work(micrograph):
        for k in range(50):
            session.labels.add(micrograph, [(k, k)], 1)

    threads = [threading.Thread(target=work, args=(m,)) for m in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    session.close()
    with Session.open(session.folder) as again:
        assert len(again.state.labels) == 150


@pytest.mark.parametrize("flipped", [-30, -1])
def test_a_damaged_complete_last_line_is_damage(session, flipped):
    labelled(session, 3).close()
    data = bytearray(journal(session).read_bytes())
    data[flipped] ^= 4
    journal(session).write_bytes(data)
    with pytest.raises(SessionError, match=r"line 4 is damaged\. Nothing was changed.*repair"):
        Session.open(session.folder)
    assert journal(session).read_bytes() == data
    assert not list(session.folder.glob("journal-*"))
    with Session.open(session.folder, repair=True) as again:
        assert places(again) == [0, 1]
    assert (session.folder / "journal.damaged-1.jsonl").read_bytes() == data


@pytest.mark.parametrize("repair", [False, True])
@pytest.mark.parametrize("end", [b"\r\n", b""])
def test_line_ends_of_windows_are_read(session, repair, end):
    labelled(session, 3).close()
    whole = journal(session).read_bytes()
    converted = whole.replace(b"\n", b"\r\n")
    journal(session).write_bytes(converted if end else converted.removesuffix(b"\r\n"))
    with Session.open(session.folder, read_only=True) as again:
        assert places(again) == [0, 1, 2]
    with Session.open(session.folder, repair=repair) as again:
        assert places(again) == [0, 1, 2]
        assert "Windows" in again.notices[0] or repair
        again.labels.add(1, [(3, 3)], 1)
    assert journal(session).read_bytes().startswith(whole)
    with Session.open(session.folder) as again:
        assert places(again) == [0, 1, 2, 3]
        assert again.notices == []


def lines_with(session: Session, *bodies: str) -> None:
    """Replace the journal by lines whose checksums are right."""
    lines = [b'{"sum":"%08x",%s\n' % (zlib.crc32(b.encode()), b.encode()) for b in bodies]
    journal(session).write_bytes(b"".join(lines))


def mac(raw):
    return raw.replace(b"\n", b"\r")


def marked(raw):
    return b"\xef\xbb\xbf" + raw


def marked_windows(raw):
    return marked(raw.replace(b"\n", b"\r\n"))


@pytest.mark.parametrize("convert", [mac, marked, marked_windows])
def test_converted_journals_are_not_changed_until_they_are_repaired(session, convert):
    labelled(session, 3).close()
    whole = journal(session).read_bytes()
    converted = convert(whole)
    journal(session).write_bytes(converted)
    with pytest.raises(SessionError, match="line 1 is damaged"):
        Session.open(session.folder)
    assert journal(session).read_bytes() == converted
    with Session.open(session.folder, repair=True) as repaired:
        assert places(repaired) == [0, 1, 2]
    assert journal(session).read_bytes() == whole
    kept = session.folder / "journal.damaged-1.jsonl"
    assert kept.read_bytes() == converted


def test_impossible_line_numbers_do_not_use_memory(session):
    session.close()
    good = '"n":1,"time":"t","action":{"kind":"set_settings","changes":{"batch":7}}}'
    lines_with(session, good, good.replace('"n":1', '"n":100000000'), good.replace(":1", ":3"))
    with Session.open(session.folder, repair=True) as again:
        assert again.state.settings.batch == 7
    assert journal(session).stat().st_size < 2000


DEEP = "[" * 100_000
ODD = ["1e999", "-1e999", "NaN", "Infinity", '"5"', "null", "true", "1.5", "-1", "[]", "{}"]
ODD += [
    DEEP,
    DEEP + "]" * 100_000,
    r'"\ud800"',
    r'"\udc80"',
    "9" * 5000,
    '{"a":' * 3000 + "1" + "}" * 3000,
]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd[:12])
def test_invalid_json_gives_one_type_of_error(session, odd):
    labelled(session, 1).close()
    header, lock = session.folder / "session.json", session.folder / "lock"
    sound, lines = header.read_text(), journal(session).read_bytes()

    def outcome(repair=False):
        with (
            contextlib.suppress(SessionError),
            Session.open(session.folder, repair=repair, force=True) as again,
        ):
            assert again.state.settings.diameter_angstrom > 0

    facts = json.loads(sound)
    for key in (*facts, "diameter_angstrom", "batch", "model", "working_radii_px"):
        place = facts if key in facts else facts["settings"]
        text = json.dumps({**place, key: 0}).replace(f'"{key}": 0', f'"{key}": {odd}')
        whole = (
            text
            if key in facts
            else json.dumps({**facts, "settings": 0}).replace(
                '"settings": 0', f'"settings": {text}'
            )
        )
        header.write_text(whole)
        outcome()
        outcome(repair=True)
    header.write_text(odd)
    outcome()
    header.write_text(sound)
    for key in ("host", "pid", "since", "token"):
        lock.write_text(f'{{"{key}": {odd}}}')
        outcome()
    lock.write_text(odd)
    outcome()
    lock.unlink(missing_ok=True)
    label = '{"id":1,"micrograph":1,"x":1.0,"y":2.0,"target":1,"source":"click"}'
    body = '"n":1,"time":"t","action":{"kind":"add_labels","labels":[%s]}}'
    question = '{"id":1,"micrograph":1,"x":1.0,"y":2.0,"score":1.0}'
    for line in (
        f'"n":{odd},"time":"t","action":{{"kind":"undo","of":1}}}}',
        f'"n":1,"time":{odd},"action":{{"kind":"undo","of":{odd}}}}}',
        f'"n":1,"time":"t","action":{{"kind":{odd}}}}}',
        f'"n":1,"time":"t","action":{odd}}}',
        f'"n":1,"time":"t","action":{{"kind":"set_settings","changes":{{"batch":{odd}}}}}}}',
        f'"n":1,"time":"t","action":{{"kind":"set_settings","changes":{odd}}}}}',
        f'"n":1,"time":"t","action":{{"kind":"ask_questions","questions":[{question}, {odd}]}}}}',
        *(body % label.replace(f'"{k}":', f'"{k}":{odd},"_":') for k in ("id", "micrograph", "x")),
        *(body % label.replace(f'"{k}":', f'"{k}":{odd},"_":') for k in ("target", "source")),
    ):
        lines_with(session, line)
        outcome()
        outcome(repair=True)
        for kept in session.folder.glob("journal.damaged-*"):
            kept.unlink()
    journal(session).write_bytes(lines)
    assert places(Session.open(session.folder, read_only=True)) == [0]


@pytest.mark.posix("moves folders that are in use")
def test_a_deleted_session_folder_is_reported(session, tmp_path):
    labelled(session, 1)
    session.folder.rename(tmp_path / "moved")
    session.labels.add(1, [(9, 9)], 1)
    assert not session.flush()
    assert "moved, renamed or deleted" in session.failure
    session.folder.mkdir()  # as another program may do
    session.set_settings(batch=5)
    assert not session.flush()
    assert "was replaced by another one" in session.failure
    assert not list(session.folder.iterdir())
    session.folder.rmdir()
    (tmp_path / "moved").rename(session.folder)
    assert session.flush()
    assert places(session) == [0, 9]
