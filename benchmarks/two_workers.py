"""Speed of a cluster of two workers, compared with two independent processes.

    python benchmarks/two_workers.py [--micrographs 48] [--size 2048]

Two processes with one thread each pick one half of the micrographs each, at the same time, which is
the maximum for two cores. Then two Dask workers with one thread each pick all micrographs. Start
and loading are not counted. Limit: the workers reach 85 % of the speed of the processes.
"""

import argparse
import multiprocessing
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from limits import Limits
from whole_process import write

from activepick.batch.cluster_worker import PickJob
from activepick.batch.local import pick_locally
from activepick.micrograph.discovery import FoundMicrograph, find_micrographs
from activepick.picking.picker import Picker

LIMIT = 0.85
CHUNK = 4  # as `activepick pick` does
DIAMETER, RADIUS = 191.0, 13.0


def make_job() -> PickJob:
    from activepick.features.backbone import load_backbone
    from activepick.features.engine import FeatureEngine
    from activepick.features.extractor import Extractor
    from activepick.learning.head import pretrained_head

    backbone = load_backbone()
    engine = FeatureEngine(Extractor(backbone, device="cpu"), DIAMETER)
    head = pretrained_head(engine.spec((RADIUS,)), backbone.weights, backbone.bias, RADIUS)
    return PickJob.of(Picker(engine, head), "cpu", "auto")


def alone(sources: list[FoundMicrograph], barrier: Any, times: Any) -> None:
    """Pick some micrographs in this process, after the other one is ready too."""
    torch.set_num_threads(1)
    picker = make_job().picker()
    list(pick_locally(picker, sources[:1]))
    barrier.wait()
    start = time.perf_counter()
    list(pick_locally(picker, sources))
    times.put(time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--micrographs", type=int, default=48)
    parser.add_argument("--size", type=int, default=2048)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        for number in range(options.micrographs):
            pixels = rng.standard_normal((options.size, options.size)).astype(np.float32)
            write(pixels, Path(name) / f"m{number:03}.mrc")
        sources = find_micrographs([Path(name)]).found
        context = multiprocessing.get_context("spawn")
        barrier, times = context.Barrier(2), context.Queue()
        halves = [sources[::2], sources[1::2]]
        processes = [context.Process(target=alone, args=(half, barrier, times)) for half in halves]
        for process in processes:
            process.start()
        parts = max(times.get() for _ in processes)
        for process in processes:
            process.join()
        together = on_workers(sources)
    share = parts / together
    print(f"{options.micrographs} micrographs of {options.size} x {options.size}")
    limits = Limits()
    limits.at_least(
        f"two processes {parts:.1f} s, two workers {together:.1f} s", share, LIMIT, "of their rate"
    )
    limits.exit()


def on_workers(sources: list[FoundMicrograph]) -> float:
    import distributed

    from activepick.batch.cluster import pick_on_cluster

    make_cluster: Any = distributed.LocalCluster
    connect: Any = distributed.Client
    with make_cluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:

        def pick(some: list[FoundMicrograph]) -> None:
            list(pick_on_cluster(lambda: connect(cluster), make_job(), some, chunk=CHUNK))

        pick(sources[:8])  # so that both have started and loaded all modules
        start = time.perf_counter()
        pick(sources)
        return time.perf_counter() - start


if __name__ == "__main__":
    main()
