"""No link in a folder from another person redirects a write to a file outside of the folder."""

import contextlib
import os
import shutil
import zlib

import numpy as np
import pytest

from activepick.atomic import replacing
from activepick.batch.output import make_output
from activepick.batch.record import Entry, RunRecord
from activepick.errors import ActivepickError
from activepick.features.feature_spec import FeatureSpec
from activepick.files import UnsafeFileError, open_in_place, open_to_read, read_whole
from activepick.formats.written_files import WrittenFiles
from activepick.learning.head import Head
from activepick.scoremap import Peaks
from activepick.session import Session, Settings
from activepick.session.micrograph_files import find_file
from activepick.session.model.state import MicrographEntry
from activepick.workspace.peak_store import PeakStore
from activepick.workspace.peaks import MicrographPeaks

pytestmark = pytest.mark.posix("makes links and pipes for everybody")

SECRET = b"precious\n"


@pytest.fixture
def outside(tmp_path):
    """Return a folder with a file, of which nothing may change."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "precious").write_bytes(SECRET)
    return folder


def is_unchanged(outside):
    return [p.name for p in outside.iterdir()] == ["precious"] and (
        outside / "precious"
    ).read_bytes() == SECRET


def put_link(path, outside, kind):
    """Put a link in the place of a file, or of a folder where it ends in a slash."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "dangling":
        path.symlink_to(outside / "new")
    elif kind == "hard":
        os.link(outside / "precious", path)
    else:
        path.symlink_to(outside / ("precious" if kind == "file" else ""))


@pytest.fixture
def saved(tmp_path):
    with Session.create(tmp_path / "s", Settings(diameter_angstrom=100)) as session:
        session.micrographs.add([__file__])
        session.labels.add(1, [(1, 2)], 1)
    return session.folder


KINDS = ["file", "dangling", "hard"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name", ["lock", "journal.jsonl", "session.json", "journal.damaged-1.jsonl", "journal-1.torn"]
)
@pytest.mark.parametrize("repair", [False, True])
def test_no_link_in_a_session_is_written_through(saved, outside, name, kind, repair):
    if "damaged" in name:  # which is written when there is damage, and the next when a line is torn
        (saved / "journal.jsonl").write_bytes(b"x\n" + (saved / "journal.jsonl").read_bytes())
    if "torn" in name:
        with (saved / "journal.jsonl").open("ab") as file:
            file.write(b'{"sum":')
    put_link(saved / name, outside, kind)
    with contextlib.suppress(ActivepickError), Session.open(saved, repair=repair) as session:
        session.set_settings(batch=5)
        session.flush(5)
        session.close(abandon=True)
    assert is_unchanged(outside)


@pytest.mark.parametrize("kind", KINDS)
def test_a_link_that_replaces_an_open_journal_is_not_followed(saved, outside, kind):
    with Session.open(saved) as session:
        put_link(saved / "journal.jsonl", outside, kind)
        session.set_settings(batch=5)
        assert not session.flush(5)
        assert "link" in session.failure
        session.close(abandon=True)
    assert is_unchanged(outside)


@pytest.mark.parametrize("name", ["lock", "journal.jsonl"])
def test_the_link_is_named_in_the_error(saved, outside, name):
    put_link(saved / name, outside, "dangling")
    with pytest.raises(ActivepickError, match=rf"{name}\b.*(is a link|missing)"):
        Session.open(saved)


def test_peaks_are_not_written_to_a_linked_folder(saved, outside):
    put_link(saved / "peaks", outside, "folder")
    store = PeakStore(saved / "peaks")
    none = np.zeros(0, np.float32)
    peaks = Peaks(np.zeros((0, 2), np.float32), none, none, 5.0, (10, 10))
    entry = MicrographEntry(id=1, relative="a.mrc", absolute="/a.mrc", fingerprint="0" * 32)
    store.put(entry, MicrographPeaks(1, peaks, 0.0, "head"), on_disk=True)
    store.flush()
    assert is_unchanged(outside)
    assert store.get(entry) is not None


@pytest.mark.parametrize("key", ["../../outside/new", "{outside}/new", "../new", "a/b", "A\n"])
def test_a_fingerprint_in_a_session_is_never_used_as_a_path(tmp_path, saved, outside, key):
    """Peaks are stored under the fingerprint of their micrograph."""
    key = key.replace("{outside}", str(outside))
    with pytest.raises(ValueError, match="fingerprint"):
        MicrographEntry(id=1, relative="a.mrc", absolute="/a.mrc", fingerprint=key)
    entry = MicrographEntry.model_construct(
        id=1, relative="a.mrc", absolute="/a.mrc", fingerprint=key
    )
    none = np.zeros(0, np.float32)
    peaks = Peaks(np.zeros((0, 2), np.float32), none, none, 5.0, (10, 10))
    before = set(tmp_path.rglob("*"))
    PeakStore(saved / "peaks").put(entry, MicrographPeaks(1, peaks, 0.0, "head"), on_disk=True)
    assert is_unchanged(outside)
    assert all(
        (saved / "peaks") in [path, *path.parents] for path in set(tmp_path.rglob("*")) - before
    )


@pytest.mark.parametrize("name", ["../head.safetensors", "/tmp/head.safetensors", "a\\b", ""])
def test_a_base_head_outside_the_session_is_refused(name):
    with pytest.raises(ValueError, match="base_head"):
        Settings(diameter_angstrom=100, base_head=name)


def test_a_path_that_no_file_can_have_is_a_missing_micrograph(tmp_path):
    for path in ("a" * 5000, "/" + "a/" * 3000, "a\0b"):
        entry = MicrographEntry(id=1, relative=path, absolute="/" + path, fingerprint="0")
        assert find_file(tmp_path, entry) is None
    (tmp_path / ".activepick-files").write_text("1 1 " + "a" * 5000 + "\n")
    record = WrittenFiles(tmp_path)
    assert record.others([]) == []
    record.save()
    assert (tmp_path / ".activepick-files").read_text() == ""


HEAD = Head(
    np.ones((1, 64)), 0.5, FeatureSpec("resnet8_u32", "0" * 16, (5.0,), 4, "affine", 1), 100.0
)
RECORDED = [
    *("settings.json", "picked.jsonl", "head.safetensors", "failed.csv"),
    *("", "parts"),
]


@pytest.mark.parametrize("kind", [*KINDS, "folder"])
@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.parametrize("out", ["p.csv", "job"])
def test_no_link_in_the_record_of_a_run_is_written_through(tmp_path, outside, name, kind, out):
    if kind in ("hard", "file") and name in ("", "parts"):
        pytest.skip("folders have no such links")
    path, folder = tmp_path / out, tmp_path / f"{out}.run"
    put_link(folder / name if name else folder, outside, kind)
    with contextlib.suppress(ActivepickError, OSError):
        record = RunRecord(folder, {"a": 1})
        output = make_output(path, None, 20.0, {"version": "5", "exposures": None}, record.parts)
        output.expect(["a.mrc"])
        record.start(HEAD, {})
        output.write("a.mrc", np.array([[5.0, 6.0, 1.0]]), 2.0)
        record.add(Entry("a.mrc", "key", 1, 2.0))
        output.finish(list(record.entries.values()))
        record.failures["b.mrc"] = "damaged"
        record.write_failures()
    assert is_unchanged(outside)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [".activepick-files", "a_autopick.star", "autopick.star"])
def test_no_link_in_the_output_folder_is_written_through(tmp_path, outside, name, kind):
    put_link(tmp_path / "job" / name, outside, kind)
    output = make_output(
        tmp_path / "job", "star", 20.0, {"version": "5", "exposures": None}, tmp_path / "parts"
    )
    output.expect(["a.mrc"])
    with contextlib.suppress(ActivepickError):
        output.write("a.mrc", np.array([[5.0, 6.0, 1.0]]), 2.0)
        output.finish([Entry("a.mrc", "key", 1, 2.0)])
    assert is_unchanged(outside)


@pytest.mark.parametrize("known", ["job/link/precious", "job/../outside/precious", "precious"])
def test_a_manipulated_record_never_deletes_files_elsewhere(tmp_path, outside, known):
    """A record may claim files of which others know size and content."""
    job = tmp_path / "job"
    job.mkdir()
    (job / "link").symlink_to(outside)
    name = known.removeprefix("job/") if "/" in known else str(outside / known)
    line = f"{len(SECRET)} {zlib.crc32(SECRET)} {name}\n"
    (job / ".activepick-files").write_text(line)
    wanted = {"version": "5", "exposures": None}
    output = make_output(job, "star", 20.0, wanted, tmp_path / "parts", overwrite=True)
    output.expect(["a.mrc"])
    output.write("a.mrc", np.array([[5.0, 6.0, 1.0]]), 2.0)
    output.clean_up([Entry("a.mrc", "key", 1, 2.0)])
    assert is_unchanged(outside)


@pytest.mark.parametrize("number", ["9" * 5000, "\u00b2", "\u0663", "-1", "1e3"])
def test_invalid_numbers_in_records_are_ignored(tmp_path, number):
    (tmp_path / ".activepick-files").write_text(f"{number} 1 a.star\n1 {number} b.star\n")
    assert WrittenFiles(tmp_path).others([]) == []
    run = tmp_path / "job.run"
    record = RunRecord(run, {"a": 1})
    record.start(HEAD, {})
    line = '{"name": "a", "key": "k", "picks": %s, "pixel_size_angstrom": 1%s, '
    line += '"expected_particles": 1}\n'
    (run / "picked.jsonl").write_text(line % (number, "0" * 400), encoding="utf-8")
    assert RunRecord(run, {"a": 1}).entries == {}


@pytest.mark.parametrize("what", ["pipe", "device", "folder"])
def test_paths_that_are_not_files_are_neither_read_nor_written(tmp_path, what):
    path = tmp_path / "a"
    if what == "pipe":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    for work in (read_whole, open_to_read, lambda p: open_in_place(p, os.O_WRONLY)):
        with pytest.raises(OSError, match=r"pipe or a device|link|directory") as caught:
            work(path)
        assert isinstance(caught.value, UnsafeFileError | IsADirectoryError)


def test_a_new_file_has_the_default_permissions(tmp_path):
    before = os.umask(0o027)
    try:
        with replacing(tmp_path / "a.csv") as temporary:
            # A reader sees no other rights while it is written either.
            assert temporary.stat().st_mode & 0o777 == 0o640
            assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
    assert (tmp_path / "a.csv").stat().st_mode & 0o777 == 0o640


def test_a_failed_write_names_the_file(tmp_path):
    path = tmp_path / "picks.csv"
    with pytest.raises(OSError, match="No space left") as caught, replacing(path):
        raise OSError(28, "No space left on device")
    assert caught.value.filename == str(path)
    assert not list(tmp_path.iterdir())
