"""Paging, table and counts of the window with 2,000 micrographs, and its memory.

    tools/with_display.sh python benchmarks/window_2000.py

A session with 2,000 entries for a few simulated files is made in a temporary folder, with stored
peaks of 300 candidates each. The processor time for which each step holds the event loop is printed
with its limit.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from processor_name import processor
from qtpy.QtWidgets import QApplication

import napari
from activepick._napari.open_session import OpenSession
from activepick._napari.preferences import Preferences
from activepick._napari.widget import ActivePickWidget
from activepick.scoremap import Peaks
from activepick.session import MicrographEntry, Session, Settings
from activepick.session.model.actions import AddMicrographs
from activepick.simulate import SimulationSettings, simulate_dataset
from activepick.workspace.peak_store import PeakStore
from activepick.workspace.peaks import MicrographPeaks

LIMIT_SECONDS = 0.1
LIMIT_GROWTH = 1.1
FILES = 4
CANDIDATES = 300
SHAPE = (512, 512)
DIAMETER = 2 * SimulationSettings().radius_px * SimulationSettings().pixel_size_angstrom


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--micrographs", type=int, default=2000)
    parser.add_argument("--pages", type=int, default=60)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        folder = make_session(Path(home), asked.micrographs)
        viewer = napari.Viewer(title="activepick")
        widget = ActivePickWidget(viewer, Preferences(Path(home) / "preferences.json"))
        viewer.window.add_dock_widget(widget, name="activepick", area="right")
        widget.open_path(folder)
        wait(lambda: widget.controller.open_session is not None)
        session = widget.controller.open_session
        assert session is not None
        wait(lambda: session.picks.picks is not None and not session.jobs.busy())
        wait(lambda: len(session.counts()) == asked.micrographs)
        print(f"{asked.micrographs} micrographs, {processor()}")
        passed = measure(widget, session, asked.pages)
        widget.close_session()
        viewer.close()
    raise SystemExit(0 if passed else 1)


def measure(widget: ActivePickWidget, session: OpenSession, pages: int) -> bool:
    """Print the times and the growth of the memory; return whether all are within the limits."""
    table, rng = widget.data._table, np.random.default_rng(0)
    model = table._model

    def page() -> None:
        session.show_neighbour(1)

    def filter_names() -> None:
        table._filter.setText("1" if table._filter.text() == "" else "")

    steps: dict[str, Callable[[], object]] = {
        "next micrograph": page,
        "all rows of the table": lambda: widget.data._show_all(session),
        "sort by picks": lambda: model.sort(4),
        "find by name": filter_names,
        "counts at another threshold": lambda: session.counts(),
        "drag of the threshold": lambda: session.picks.preview(threshold=rng.uniform()),
    }
    passed = True
    for name, act in steps.items():
        times = []
        for _ in range(10):
            wait(lambda: not session.jobs.busy())
            begin = time.thread_time()
            act()
            QApplication.processEvents()
            times.append(time.thread_time() - begin)
        passed &= report(name, float(np.median(times)))
    for _ in range(pages // 2):
        page()
        wait(lambda: not session.jobs.busy())
    before = memory()
    for _ in range(pages):
        page()
        wait(lambda: not session.jobs.busy())
    growth = memory() / before
    print(f"memory after {pages} more pages: {growth:.2f} times as much (limit {LIMIT_GROWTH})")
    return passed and growth <= LIMIT_GROWTH


def report(name: str, seconds: float) -> bool:
    print(f"{name}: {1000 * seconds:.0f} ms (limit {1000 * LIMIT_SECONDS:.0f} ms)")
    return seconds <= LIMIT_SECONDS


def make_session(home: Path, count: int) -> Path:
    """Return the folder of a session with many entries and stored peaks."""
    files = simulate_dataset(
        home / "set", FILES, seed=1, settings=SimulationSettings(shape=SHAPE)
    ).micrographs
    settings = Settings(diameter_angstrom=DIAMETER, working_radius_px=10, working_radii_px=(10.0,))
    rng = np.random.default_rng(0)
    with Session.create(home / "many", settings) as session:
        session.micrographs.add(files)
        known = list(session.state.micrographs.values())
        more = [
            known[k % FILES].model_copy(update=entry_facts(known[k % FILES], k))
            for k in range(FILES, count)
        ]
        session.do(AddMicrographs(micrographs=tuple(more)))
        store = PeakStore(session.folder / "peaks")
        for entry in session.state.micrographs.values():
            store.put(entry, random_peaks(entry.id, rng), on_disk=True)
        return session.folder


def entry_facts(entry: MicrographEntry, k: int) -> dict[str, object]:
    return {"id": k + 1, "defocus_angstrom": 10_000.0 + k}


def random_peaks(number: int, rng: np.random.Generator) -> MicrographPeaks:
    xy = rng.uniform(0, SHAPE[0] - 1, (CANDIDATES, 2)).astype(np.float32)
    score = np.sort(rng.normal(0, 3, CANDIDATES))[::-1].astype(np.float32)
    contrast = rng.lognormal(0, 0.3, CANDIDATES).astype(np.float32)
    radius = SimulationSettings().radius_px
    return MicrographPeaks(number, Peaks(xy, score, contrast, radius, SHAPE), 0.3, "stored")


def memory() -> float:
    """Return the resident memory of this process in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return float(pages * resource.getpagesize())


def wait(seen: Callable[[], bool], seconds: float = 600) -> None:
    end = time.monotonic() + seconds
    while not seen():
        if time.monotonic() > end:
            raise TimeoutError("the window did not answer")
        QApplication.processEvents()
        time.sleep(0.002)


if __name__ == "__main__":
    main()
