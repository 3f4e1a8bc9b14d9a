"""Workers with too little memory, and files that do not respond; all workers are in this
process."""

import os
import signal

import mrcfile
import pytest
import torch
from blobs import PIXEL_SIZE, write_micrograph

from activepick.batch.local import pick_locally, readers_for
from activepick.errors import BackboneError
from activepick.features.network import Network
from activepick.micrograph.discovery import find_micrographs
from activepick.picking import PickRules
from activepick.picking.picker import Picker

distributed = pytest.importorskip("distributed")
cluster = pytest.importorskip("activepick.batch.cluster")
cluster_worker = pytest.importorskip("activepick.batch.cluster_worker")

COUNT, TROUBLE = 12, 5


@pytest.fixture
def sources(tmp_path):
    paths = [write_micrograph(tmp_path / f"m{k:02}.mrc", k) for k in range(COUNT)]
    with mrcfile.open(paths[TROUBLE], mode="r+") as file:
        file.set_data(file.data[:, :100].copy())
        file.voxel_size = PIXEL_SIZE
    return find_micrographs([tmp_path]).found


@pytest.fixture(scope="module")
def picker():
    from activepick.features.backbone import load_backbone
    from activepick.features.engine import FeatureEngine
    from activepick.features.extractor import Extractor
    from activepick.learning.head import pretrained_head

    backbone = load_backbone("resnet8_u32")
    engine = FeatureEngine(Extractor(backbone, device="cpu", precision="float32"), 60.0)
    head = pretrained_head(engine.spec((3.0,)), backbone.weights, backbone.bias, 3.0)
    return Picker(engine, head, PickRules(threshold=0.0))


@pytest.fixture
def connect():
    """Connect to two workers."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
    ) as workers:
        yield lambda: distributed.Client(workers, set_as_default=False)


def by_index(outcomes):
    found = {}
    for outcome in outcomes:
        assert outcome.index not in found
        picks = None if outcome.picks is None else outcome.picks.tobytes()
        found[outcome.index] = (picks, outcome.failure)
    return found


def without(found, index):
    return {key: value for key, value in found.items() if key != index}


class SmallGpu(cluster_worker.PickJob):
    """A job for workers whose GPU has no memory for the micrograph that is narrower than the
    others."""

    def picker(self):
        picker = super().picker()
        picker.engine.extractor._network.__class__ = SmallNetwork
        return picker


class SmallNetwork(Network):
    def __call__(self, tile, inside, report=None):
        if tile.shape[1] < tile.shape[0]:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
        return super().__call__(tile, inside, report)


def test_a_gpu_without_memory_fails_only_one_micrograph(picker, sources, connect):
    expected = by_index(pick_locally(picker, sources))
    job = SmallGpu.of(picker, "cpu", "float32")
    found = by_index(cluster.pick_on_cluster(connect, job, sources, chunk=3))
    picks, failure = found[TROUBLE]
    assert picks is None
    assert "not enough memory" in failure
    assert without(found, TROUBLE) == without(expected, TROUBLE)
    assert all(failure is None for _, failure in without(found, TROUBLE).values())


@pytest.fixture
def silent(sources):
    """Make the system block every process that opens one of the files."""
    fcntl = pytest.importorskip("fcntl")
    if not hasattr(fcntl, "F_SETLEASE"):
        pytest.skip("only Linux has leases on files")
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)
    handle = os.open(sources[TROUBLE].path, os.O_RDWR)
    try:
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    except OSError as error:
        pytest.skip(f"this file system gives no leases: {error}")
    else:
        yield
    finally:
        os.close(handle)
        signal.signal(signal.SIGIO, before)


def test_a_file_that_does_not_respond_fails_alone_on_one_machine(picker, sources, silent):
    found = by_index(pick_locally(picker, sources, patience=0.5))
    assert "does not answer" in found[TROUBLE][1]
    assert len(found) == COUNT
    assert [failure for _, failure in without(found, TROUBLE).values()] == [None] * (COUNT - 1)


def test_a_file_that_does_not_respond_fails_alone_on_a_cluster(picker, sources, silent, connect):
    job = cluster_worker.PickJob.of(picker, "cpu", "float32")
    found = by_index(cluster.pick_on_cluster(connect, job, sources, chunk=3, patience=0.5))
    assert "does not answer" in found[TROUBLE][1]
    assert [failure for _, failure in without(found, TROUBLE).values()] == [None] * (COUNT - 1)


def test_progress_increases_within_a_micrograph(picker, sources):
    seen = []
    list(pick_locally(picker, sources[:1], progress=lambda source, part: seen.append(part)))
    assert seen == sorted(seen)
    assert len(seen) > 3
    assert seen[-1] == 1


def test_several_micrographs_are_read_at_the_same_time_for_a_gpu(picker, sources):
    assert readers_for("cpu") == 1
    assert 1 <= readers_for("cuda") <= 8
    one = by_index(pick_locally(picker, sources))
    assert by_index(pick_locally(picker, sources, readers=3)) == one


def test_too_little_memory_is_reported_without_a_traceback(picker, sources, monkeypatch):
    def short(self, tile, inside, report):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(type(picker.engine.extractor._network), "__call__", short)
    pixels = picker.read(sources[0].micrograph()).images[0].pixels
    with pytest.raises(BackboneError, match="run on the CPU"):
        picker.engine.extractor.extract(pixels)
