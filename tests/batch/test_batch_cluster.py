"""A real cluster of worker processes, which are killed while they pick."""

import errno
import json
import logging
import os
import random
import signal
import socket
import subprocess
import sys
import threading

import mrcfile
import pytest
from blobs import PIXEL_SIZE, write_micrograph

from activepick.batch.local import pick_locally
from activepick.errors import SettingsError
from activepick.micrograph.discovery import find_micrographs
from activepick.picking import PickRules
from activepick.picking.picker import Picker

distributed = pytest.importorskip("distributed")
dask = pytest.importorskip("dask")
cluster = pytest.importorskip("activepick.batch.cluster")
cluster_worker = pytest.importorskip("activepick.batch.cluster_worker")

COUNT = 300
RADIUS = 3.0


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Three hundred names of eight small micrographs, one of which is broken."""
    folder = tmp_path_factory.mktemp("mics")
    made = [write_micrograph(folder / f"made{k}.mrc", k) for k in range(8)]
    made[5].write_bytes(made[5].read_bytes()[:5000])
    for k in range(COUNT):
        os.link(made[k % 8], folder / f"m{k:03}.mrc")
    for path in made:
        path.unlink()
    return find_micrographs([folder]).found


@pytest.fixture(scope="module")
def picker():
    import torch

    from activepick.features.backbone import load_backbone
    from activepick.features.engine import FeatureEngine
    from activepick.features.extractor import Extractor
    from activepick.learning.head import pretrained_head

    # More would wait for each other on so small images.
    torch.set_num_threads(1)
    backbone = load_backbone("resnet8_u32")
    engine = FeatureEngine(Extractor(backbone, device="cpu", precision="float32"), 60.0)
    head = pretrained_head(engine.spec((RADIUS,)), backbone.weights, backbone.bias, RADIUS)
    return Picker(engine, head, PickRules(threshold=0.0))


def facts(outcome):
    picks = None if outcome.picks is None else outcome.picks.tobytes()
    return picks, outcome.key, outcome.pixel_size_angstrom, outcome.failure


@pytest.fixture(scope="module")
def serial(picker, sources):
    return {outcome.index: facts(outcome) for outcome in pick_locally(picker, sources)}


def local_cluster(**options):
    settings = {"n_workers": 2, "threads_per_worker": 1, "silence_logs": "ERROR", **options}
    return distributed.LocalCluster(dashboard_address=None, **settings)


def workers_of(local):
    nannies = [worker.process for worker in local.workers.values() if worker.process]
    return [process.pid for process in nannies if process.pid]


@pytest.mark.posix("has kill -9")
def test_killed_workers_neither_lose_nor_duplicate_picks(picker, sources, serial):
    lots = random.Random(0)
    killed = []
    done = threading.Event()
    with local_cluster() as workers:

        def kill():
            while not done.wait(lots.uniform(0.2, 0.5)) and len(killed) < 3:
                pids = workers_of(workers)
                if pids:
                    killed.append(lots.choice(pids))
                    try:
                        os.kill(killed[-1], signal.SIGKILL)
                    except ProcessLookupError:
                        killed.pop()

        found = {}
        killer = threading.Thread(target=kill)
        job = cluster_worker.PickJob.of(picker, "cpu", "float32")
        try:
            for outcome in cluster.pick_on_cluster(
                lambda: distributed.Client(workers, set_as_default=False), job, sources, chunk=4
            ):
                if not found:
                    killer.start()
                assert outcome.index not in found
                found[outcome.index] = facts(outcome)
        finally:
            done.set()
            if killer.ident:
                killer.join()
    assert len(killed) >= 2
    assert found == serial
    assert sum(failure is not None for *_, failure in found.values()) > 10


@pytest.fixture
def logged():
    """Output of Dask on the terminal while a test runs."""

    class Kept(logging.Handler):
        def emit(self, record):
            records.append(record.getMessage())

    records, handler = [], Kept(logging.ERROR)
    for name in ("distributed", "tornado"):
        logging.getLogger(name).addHandler(handler)
    yield records
    for name in ("distributed", "tornado"):
        logging.getLogger(name).removeHandler(handler)


def test_a_restarted_scheduler_receives_the_remaining_work(picker, sources, serial, logged):
    some = sources[:120]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    command = [sys.executable, "-m", "distributed.cli.dask_spec", "--spec"]
    started = []

    def start():
        options = {"port": port, "host": "127.0.0.1", "dashboard": False}
        scheduler = json.dumps({"cls": "distributed.Scheduler", "opts": options})
        worker = '{"cls": "distributed.Worker", "opts": {"nthreads": 1, "dashboard": false}}'
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        started.append(subprocess.Popen([*command, scheduler], **quiet))
        started.append(subprocess.Popen([*command, worker, address], **quiet))

    start()
    found, said, level = {}, [], logging.getLogger("distributed.client").level
    job = cluster_worker.PickJob.of(picker, "cpu", "float32")
    try:
        for outcome in cluster.pick_on_cluster(
            lambda: distributed.Client(address, timeout=60, set_as_default=False),
            job,
            some,
            chunk=2,
            say=said.append,
        ):
            assert outcome.index not in found
            found[outcome.index] = facts(outcome)
            if len(found) == 10:
                started[0].kill()
                started[0].wait()
                started[1].kill()
                start()
    finally:
        for process in started:
            process.kill()
            process.wait()
    assert len(started) == 4
    assert "the scheduler was lost" in said[0]
    assert logged == []
    assert logging.getLogger("distributed.client").level == level
    assert found == {index: serial[index] for index in range(len(some))}


class CannotWork(cluster_worker.PickJob):
    def picker(self):
        raise OSError(errno.ENOSPC, "No space left on device", "/scratch")


@pytest.mark.posix("has kill -9")
def test_errors_of_workers_are_not_reported_as_a_lost_scheduler(picker, sources, serial):
    some, said = sources[:12], []
    job = cluster_worker.PickJob.of(picker, "cpu", "float32")
    with local_cluster(silence_logs="CRITICAL") as workers:
        victims = workers_of(workers)[:1]

        def connect():
            client = distributed.Client(workers, set_as_default=False)
            register = client.register_plugin

            def killed_before(plugin):  # before the scheduler notices the end of the worker
                while victims:
                    os.kill(victims.pop(), signal.SIGKILL)
                return register(plugin)

            client.register_plugin = killed_before
            return client

        outcomes = cluster.pick_on_cluster(connect, job, some, chunk=2, say=said.append)
        found = {outcome.index: facts(outcome) for outcome in outcomes}
        assert found == {index: serial[index] for index in range(len(some))}
        assert all("workers were lost" in sentence for sentence in said)

        cannot = CannotWork(**vars(job))
        with pytest.raises(SettingsError, match=r"worker.*cannot pick.*No space left.*scratch"):
            list(cluster.pick_on_cluster(connect, cannot, some, chunk=2, say=said.append))


def test_a_worker_without_memory_fails_only_one_micrograph(picker, tmp_path, monkeypatch):
    for k in range(3):
        write_micrograph(tmp_path / f"m{k}.mrc", k)
    # On disk it takes some pages, in memory 1.6 GB, which Dask's nanny does not allow. PyTorch with
    # CUDA takes 0.8 GB of the limit.
    huge = tmp_path / "m9.mrc"
    with mrcfile.new_mmap(huge, (20000, 20000), mrc_mode=2) as file:
        file.voxel_size = PIXEL_SIZE
        file.data[::5000] = 1
    monkeypatch.setattr(cluster, "_GIVE_UP", 1)
    job = cluster_worker.PickJob.of(picker, "cpu", "float32")
    some = find_micrographs([tmp_path]).found
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        local_cluster(n_workers=1, memory_limit="1200MB", silence_logs="CRITICAL") as workers,
    ):
        outcomes = cluster.pick_on_cluster(
            lambda: distributed.Client(workers, set_as_default=False), job, some, chunk=1
        )
        failures = {outcome.index: outcome.failure for outcome in outcomes}
    assert "m9.mrc: all workers that picked it died" in failures.pop(3)
    assert failures == dict.fromkeys(range(3))


def test_an_unreachable_cluster_is_reported(picker, sources):
    job = cluster_worker.PickJob.of(picker, "cpu", "float32")
    with pytest.raises(SettingsError, match="cannot be reached"):
        list(
            cluster.pick_on_cluster(
                lambda: distributed.Client("tcp://127.0.0.1:9", timeout=0.5), job, sources
            )
        )
