"""Disks that are full, folders that refuse, clocks that go back, and processes that are killed."""

import contextlib
import errno
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from activepick.atomic import replacing
from activepick.formats import read_table
from activepick.learning.head_file import load_head

pytest.importorskip("resource", reason="Windows has neither fork nor limits nor signals")

# benchmarks/kills.py runs more.
TIMES = int(os.environ.get("ACTIVEPICK_PICK_KILLS", "8"))
OPTIONS = ["--diameter", "60", "--model", "resnet8_u32", "--device", "cpu"]
OPTIONS += ["--precision", "float32", "--pixel-size", "4"]
PICK = [*OPTIONS, "--working-radius", "6", "--threshold", "0.0001"]

# Forks a command for each line of input, to import the modules only once.
LAUNCHER = """
import json, os, resource, signal, sys
import torch, activepick.cli.program
import activepick.features.backbone, activepick.features.engine, activepick.learning.learner

for line in sys.stdin:
    arguments, limit = json.loads(line)
    child = os.fork()
    if child == 0:
        os.dup2(2, 1)
        torch.set_num_threads(1)
        if limit:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        sys.argv = ["activepick", *arguments]
        activepick.cli.program.main()
        os._exit(0)
    os.write(1, b"%d\\n" % child)
    os.write(1, b"%d\\n" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


class Launcher:
    def __init__(self, process, said):
        self.process = process
        self._said = said

    def __call__(self, *arguments, kill=None, after=0.0, limit=0):
        """Run a command, optionally send it a signal; return its exit status and output."""
        self._said.seek(0)
        self._said.truncate()
        self.process.stdin.write(json.dumps([list(map(str, arguments)), limit]).encode() + b"\n")
        self.process.stdin.flush()
        pid = int(self.process.stdout.readline())
        timer = threading.Timer(after, _send, (pid, kill)) if kill else None
        if timer:
            timer.start()
        status = int(self.process.stdout.readline())
        if timer:
            timer.cancel()
            timer.join()
        return status, Path(self._said.name).read_text()


def _send(pid, kill):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, kill)


@pytest.fixture(scope="module")
def launch(tmp_path_factory):
    folder = tmp_path_factory.mktemp("launcher")
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    with (
        (folder / "said").open("ab+") as said,
        subprocess.Popen(
            [sys.executable, "-c", LAUNCHER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            env=environment,
        ) as process,
    ):
        yield Launcher(process, said)
        process.stdin.close()


@pytest.fixture(scope="module")
def mics(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mics")
    for seed in range(8):
        rng = np.random.default_rng(seed)
        pixels = rng.standard_normal((112, 128)).astype(np.float32)
        pixels[40:52, 30 + seed : 44 + seed] -= 3
        with mrcfile.new(folder / f"m{seed}.mrc") as file:
            file.set_data(pixels)
    return folder


def visible(out):
    return {p.relative_to(out): p.read_bytes() for p in out.rglob("*.star") if p.name[0] != "."}


@pytest.fixture(scope="module")
def whole(launch, mics, tmp_path_factory):
    """Files that an uninterrupted run writes."""
    out = tmp_path_factory.mktemp("whole") / "job"
    assert launch("pick", mics, *PICK, "--out", out, "--json")[0] == 0
    files = visible(out)
    assert len(files) == 9
    return {name: data for name, data in files.items() if name.name != "autopick.star"}


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_pick_leaves_no_incomplete_file_and_resumes_identically(
    launch, mics, whole, tmp_path, kill
):
    lots = random.Random(kill)
    out = tmp_path / "job"
    killed = 0
    for _ in range(TIMES):
        status, said = launch(
            "pick", mics, *PICK, "--out", out, "--json", kill=kill, after=lots.uniform(0.02, 1.0)
        )
        killed += status != 0
        assert status in (0, -kill, 128 + kill)
        assert "Traceback" not in said
        for name, data in visible(out).items():
            assert name.name == "autopick.star" or data == whole[name]
    print(f"{TIMES} runs, {killed} of them killed by signal {kill}, no torn file")
    assert killed
    assert launch("pick", mics, *PICK, "--out", out, "--json")[0] == 0
    assert {n: d for n, d in visible(out).items() if n.name != "autopick.star"} == whole
    assert len(read_table(out / "autopick.star")) > 0


def test_a_full_disk_stops_a_run_that_resumes_when_there_is_space(launch, mics, whole, tmp_path):
    out = tmp_path / "job"
    for limit in (100, 600, 1200):
        status, said = launch("pick", mics, *PICK, "--out", out, "--json", limit=limit)
        # 120: the output goes to a file with the same limit, so it cannot be written either.
        assert status in (2, 120)
        assert "Traceback" not in said
        assert "error" in said or status == 120
        assert all(data == whole[name] for name, data in visible(out).items())
        assert not [p for p in tmp_path.rglob(".*") if p.is_file()]
    assert launch("pick", mics, *PICK, "--out", out, "--json")[0] == 0
    assert {n: d for n, d in visible(out).items() if n.name != "autopick.star"} == whole


@pytest.fixture
def small_disk(tmp_path):
    """Return an empty file system and a function that sets its size in KiB, used parts included."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def resize(kib, *options):
        command = ["mount", "-t", "tmpfs", "-o", ",".join([*options, f"size={kib}k"]), "tmpfs"]
        return subprocess.run([*command, folder], capture_output=True, check=False).returncode

    if resize(4):
        pytest.skip("file systems may not be mounted here")
    yield folder, lambda kib: resize(kib, "remount")
    subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("name", ["job", "p.csv"])
def test_the_file_that_does_not_fit_on_the_disk_is_named(launch, mics, whole, small_disk, name):
    disk, resize = small_disk
    out = disk / name
    named = set()
    for kib in (4, 12, 20, 32):
        assert resize(kib) == 0
        status, said = launch("pick", mics, *PICK, "--out", out, "--json")
        assert status == 2, said
        [error] = [line for line in said.splitlines() if line.startswith("error")]
        assert str(disk) in error
        assert "No space left" in error
        assert "Traceback" not in said
        named.add(error)
        assert all(data == whole[name] for name, data in visible(out).items())
        assert not [path for path in disk.rglob(".*.*") if path.is_file()]
    assert len(named) > 1
    assert resize(4096) == 0
    assert launch("pick", mics, *PICK, "--out", out, "--json")[0] == 0
    if name == "job":
        assert {n: d for n, d in visible(out).items() if n.name != "autopick.star"} == whole
    else:
        assert len(read_table(out)["micrograph"].unique()) == len(whole)


def test_a_killed_train_leaves_the_old_head_or_the_new_one(launch, mics, tmp_path):
    labels = tmp_path / "labels.csv"
    rows = [f"m{k}.mrc,{37 + k},46,1\nm{k}.mrc,90,90,0\n" for k in range(3)]
    labels.write_text("micrograph,x,y,label\n" + "".join(rows))
    head = tmp_path / "head.safetensors"
    train = ["train", *(mics / f"m{k}.mrc" for k in range(3)), *OPTIONS]
    train += ["--labels", labels, "--out", head, "--json"]
    lots = random.Random(0)
    start = time.monotonic()
    assert launch(*train)[0] == 0
    took = time.monotonic() - start
    old = head.read_bytes()
    for _ in range(4):
        launch(*train, kill=signal.SIGKILL, after=lots.uniform(0.02, took))
        assert load_head(head).particles == 3
        assert head.read_bytes()[:8] == old[:8]


@pytest.mark.parametrize("code", [errno.ESTALE, errno.EIO, errno.ENOSPC, errno.EACCES])
def test_a_failed_rename_keeps_the_old_file(tmp_path, monkeypatch, code):
    path = tmp_path / "picks.csv"
    path.write_text("old")

    def fails(self, target):
        raise OSError(code, os.strerror(code), str(target))

    def write():
        with replacing(path) as temporary:
            temporary.write_text("new")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fails)
        with pytest.raises(OSError, match="picks"):
            write()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_output_folder_without_write_permission_is_reported(launch, mics, tmp_path):
    for number, out in enumerate(("/sys/kernel/job", "/proc/job", mics / "m0.mrc" / "job")):
        status, said = launch("pick", mics, *PICK, "--out", out, "--json")
        assert (number, status) == (number, 2)
        assert "Traceback" not in said
        assert "error" in said


def test_a_changed_file_is_detected_after_the_clock_was_set_back(launch, mics, tmp_path):
    own = tmp_path / "mics"
    own.mkdir()
    for name in ("m0.mrc", "m1.mrc"):
        (own / name).write_bytes((mics / name).read_bytes())
    out = tmp_path / "p.csv"
    assert launch("pick", own, *PICK, "--out", out, "--json")[0] == 0
    before = read_table(out)
    data = bytearray((own / "m0.mrc").read_bytes())
    data[1024:] = (mics / "m5.mrc").read_bytes()[1024:]
    (own / "m0.mrc").write_bytes(data)
    os.utime(own / "m0.mrc", (1_000_000_000, 1_000_000_000))
    assert launch("pick", own, *PICK, "--out", out, "--json")[0] == 0
    after = read_table(out)
    changed = [
        not part.reset_index(drop=True).equals(
            before[before["micrograph"] == name].reset_index(drop=True)
        )
        for name, part in after.groupby("micrograph", sort=True)
    ]
    assert changed == [True, False]
