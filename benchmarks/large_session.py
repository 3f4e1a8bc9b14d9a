"""A session of 5,000 micrographs in the window: opening, counts, paging, table, export, memory.

    tools/with_display.sh python benchmarks/large_session.py [--micrographs 5000]

A folder of small, different micrographs, their session, and 300 candidate peaks for each are
created in a temporary folder. For each step, the script prints, each with its limit, the longest
time without a result or progress, and the longest processor time for which the event loop was
blocked. The memory must not grow while micrographs are opened.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import mrcfile
import numpy as np
from event_loop import memory, wait
from limits import Limits
from processor_name import processor
from qtpy.QtWidgets import QApplication

import napari
from activepick._napari.jobs import Jobs
from activepick._napari.open_session import OpenSession
from activepick._napari.preferences import Preferences
from activepick._napari.widget import ActivePickWidget
from activepick.scoremap import Peaks
from activepick.session import Session, Settings
from activepick.simulate import SimulationSettings, simulate_dataset
from activepick.workspace.peak_store import PeakStore
from activepick.workspace.peaks import MicrographPeaks

# Limits in seconds: without a result or progress; of blocking the event loop, and when opening.
LIMIT_SECONDS, LIMIT_HELD, LIMIT_HELD_OPENING = 1.0, 0.1, 0.5
LIMIT_GROWTH = 1.1
CANDIDATES = 300
SIDE = 256
SIMULATION = SimulationSettings(shape=(8 * SIDE, 8 * SIDE))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--micrographs", type=int, default=5000)
    parser.add_argument("--pages", type=int, default=60)
    asked = parser.parse_args()
    limits = Limits()
    with tempfile.TemporaryDirectory() as home:
        folder = make_session(Path(home), asked.micrographs)
        viewer = napari.Viewer(title="activepick")
        widget = ActivePickWidget(viewer, Preferences(Path(home) / "preferences.json"))
        viewer.window.add_dock_widget(widget, name="activepick", area="right")
        drawn = time.monotonic() + 2  # the memory of the window itself is not measured
        wait(lambda: time.monotonic() > drawn)
        print(f"{asked.micrographs} micrographs, {processor()}")
        measure(widget, folder, asked.micrographs, asked.pages, limits)
        widget.close_session()
        viewer.close()
    limits.exit()


class Timer:
    """Measures the duration of a step, the time without progress, and blocking of events."""

    def __init__(self, jobs: Jobs, limits: Limits) -> None:
        self._limits = limits
        self._answers: list[float] = []
        jobs.progressed.connect(lambda lane, fraction: self._answers.append(time.perf_counter()))

    def measure(
        self,
        name: str,
        act: Callable[[int], object],
        done: Callable[[], bool],
        repeats: int = 1,
        held_limit: float = LIMIT_HELD,
    ) -> None:
        """Print the times of a step and their limits; for several runs, the medians."""
        rows = [self._once(partial(act, k), done) for k in range(repeats)]
        took, waited, held = np.median(rows, axis=0)
        print(f"{name}: {took:.2f} s")
        self._limits.at_most("  without an answer", waited, LIMIT_SECONDS, "s")
        self._limits.at_most("  event loop held", 1000 * held, 1000 * held_limit, "ms")

    def _once(
        self, act: Callable[[], object], done: Callable[[], bool]
    ) -> tuple[float, float, float]:
        self._answers.clear()
        begin, held_since = time.perf_counter(), time.thread_time()
        act()
        QApplication.processEvents()
        held = [time.thread_time() - held_since]
        while not done():
            held_since = time.thread_time()
            QApplication.processEvents()
            held.append(time.thread_time() - held_since)
            time.sleep(0.002)
            if time.perf_counter() > begin + 600:
                raise TimeoutError("the window did not answer")
        end = time.perf_counter()
        return end - begin, float(np.diff([begin, *self._answers, end]).max()), max(held)


def measure(widget: ActivePickWidget, folder: Path, count: int, pages: int, limits: Limits) -> None:
    """Print the times of all steps and the growth of the memory."""
    jobs, timer = widget.controller.jobs, Timer(widget.controller.jobs, limits)
    timer.measure(
        "opening, to the first image",
        lambda k: widget.open_path(folder),
        lambda: widget.controller.open_session is not None and widget.layers.has_micrograph,
        held_limit=LIMIT_HELD_OPENING,
    )
    session = widget.controller.open_session
    assert session is not None
    timer.measure(
        "then to the counts of all",
        lambda k: None,
        lambda: not jobs.busy("peaks") and len(session.counts()) == count,
        held_limit=LIMIT_HELD_OPENING,
    )
    wait(lambda: session.picks.picks is not None and not jobs.busy())
    table, rng = widget.data._table, np.random.default_rng(0)
    sort, names, updates = table._model.sort, table._filter, widget.data._updates
    steps: dict[str, Callable[[int], object]] = {
        "next micrograph, to its image": lambda k: session.show_neighbour(1),
        "all rows of the table": lambda k: widget.data._show_all(session),
        "sort by picks": lambda k: sort(4),
        "find by name": lambda k: names.setText("" if k % 2 else "1"),
        "counts while the threshold is dragged": lambda k: drag(session, rng.uniform(0.1, 0.9)),
        "counts at another threshold": lambda k: session.set_settings(threshold=0.3 + 0.02 * k),
        "counts at another distance": lambda k: session.set_settings(separation=0.9 + 0.1 * k),
    }
    for name, act in steps.items():
        distance = "distance" in name
        timer.measure(
            name,
            act,
            lambda: (
                session.images.is_current
                and not updates.waiting
                and not jobs.busy("peaks")
                and len(session.counts()) == count
            ),
            repeats=1 if distance else 7,
        )
        wait(lambda: not jobs.busy())
    exported: list[object] = []
    session.dataset.exported.connect(lambda *result: exported.append(result))
    timer.measure(
        "export to one STAR file",
        lambda k: widget.export.export(folder.parent / "picks.star"),
        lambda: bool(exported),
    )
    for _ in range(pages // 2):
        session.show_neighbour(1)
        wait(lambda: not jobs.busy())
    before = memory()
    for _ in range(pages):
        session.show_neighbour(1)
        wait(lambda: not jobs.busy())
    print(f"memory: {before / 1e9:.2f} GB")
    limits.at_most(f"  after {pages} more pages", memory() / before, LIMIT_GROWTH, "of that")


def drag(session: OpenSession, threshold: float) -> None:
    session.picks.preview(threshold=threshold)


def make_session(home: Path, count: int) -> Path:
    """Return the folder of a session with many micrographs and stored peaks."""
    [path] = simulate_dataset(home / "source", 1, seed=1, settings=SIMULATION).micrographs
    with mrcfile.open(path) as file:
        image, voxel = file.data, file.voxel_size.copy()
        low, high = np.percentile(image, (1, 99))
        image = np.clip((image - low) / (high - low) * 254 - 127, -127, 127).astype(np.int8)
    rng, files = np.random.default_rng(0), []
    (home / "set").mkdir()
    for k in range(count):
        top, left = rng.integers(0, image.shape[0] - SIDE, 2)
        files.append(home / "set" / f"grid_{k:05}.mrc")
        with mrcfile.new(files[-1], data=image[top : top + SIDE, left : left + SIDE]) as file:
            file.voxel_size = voxel
    settings = Settings(
        diameter_angstrom=SIMULATION.diameter_angstrom,
        working_radius_px=10,
        working_radii_px=(10.0,),
    )
    with Session.create(home / "many", settings) as session:
        session.micrographs.add(files)
        store = PeakStore(session.folder / "peaks")
        for entry in session.state.micrographs.values():
            store.put(entry, random_peaks(entry.id, rng), on_disk=True)
        return session.folder


def random_peaks(number: int, rng: np.random.Generator) -> MicrographPeaks:
    xy = rng.uniform(0, SIDE - 1, (CANDIDATES, 2)).astype(np.float32)
    score = np.sort(rng.normal(0, 3, CANDIDATES))[::-1].astype(np.float32)
    contrast = rng.lognormal(0, 0.3, CANDIDATES).astype(np.float32)
    peaks = Peaks(xy, score, contrast, SIMULATION.radius_px, (SIDE, SIDE))
    return MicrographPeaks(number, peaks, 0.3, "stored")


if __name__ == "__main__":
    main()
