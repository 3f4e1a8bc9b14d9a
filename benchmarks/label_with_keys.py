"""Label with the keys of the window, as a person would, and compare with the benchmark.

The script knows where the particles are: it opens a session in napari, presses F, D or G for each
question, and stops at 100 labels. The resulting head is evaluated on the other micrographs,
together with the final head of `activepick benchmark`:

    python benchmarks/label_with_keys.py

It uses beta-galactosidase (EMPIAR-10017) from the folder ACTIVEPICK_DATA if that is set, otherwise
simulated micrographs. Without a screen: tools/with_display.sh python benchmarks/label_with_keys.py
"""

import argparse
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from event_loop import wait
from limits import Limits
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

import napari
from activepick._napari.open_session import OpenSession
from activepick._napari.preferences import Preferences
from activepick._napari.widget import ActivePickWidget
from activepick.benchmark.curves import Dataset, learned_head
from activepick.benchmark.methods import METHODS
from activepick.benchmark.oracle import Oracle
from activepick.features.backbone import load_backbone
from activepick.features.cache import FeatureCache
from activepick.features.engine import FeatureEngine
from activepick.features.extractor import Extractor
from activepick.formats import match_names, read_table
from activepick.learning.head import Head
from activepick.learning.strategies.registry import Query
from activepick.metrics import evaluate
from activepick.micrograph import Micrograph
from activepick.picking import ALL_PEAKS, select_picks
from activepick.sample import sample_micrographs
from activepick.scoremap import find_peaks
from activepick.session import Session, Settings
from activepick.simulate import SimulationSettings

BATCH = 10


def main() -> None:
    """Print the AP of both heads for each seed, and their means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--train", type=int, default=2, help="micrographs that are labelled")
    parser.add_argument("--seeds", type=int, default=8)
    options = parser.parse_args()
    data = dataset(options.train)
    viewer = napari.Viewer(title="activepick")
    found = []
    for seed in range(options.seeds):
        by_keys = average_precision(label_with_keys(viewer, data, seed, options.labels), data, seed)
        head = learned_head(METHODS["active"], data, seed, options.labels, BATCH)
        benchmark = average_precision(head, data, seed)
        found.append((by_keys, benchmark))
        print(f"seed {seed}: keys {by_keys:.3f}, benchmark {benchmark:.3f}", flush=True)
    by_keys, benchmark = np.mean(found, axis=0)
    print(f"mean: keys {by_keys:.3f}, benchmark {benchmark:.3f}, {by_keys - benchmark:+.3f}")
    viewer.close()
    limits = Limits()
    limits.at_most("  difference", abs(by_keys - benchmark), 0.01)
    limits.exit()


def dataset(train: int) -> Dataset:
    """Return real micrographs if they are available, otherwise simulated ones."""
    real = Path(os.environ.get("ACTIVEPICK_DATA", "")) / "empiar-10017"
    if "ACTIVEPICK_DATA" in os.environ and real.is_dir():
        files, truth, pixel_size, diameter = sorted(real.glob("*.jpg")), real, 1.77, 191.0
    else:
        folder, simulated = sample_micrographs(), SimulationSettings()
        files, truth, pixel_size = sorted(folder.glob("*.mrc")), folder, None
        diameter = 2 * simulated.radius_px * simulated.pixel_size_angstrom
    print(f"{len(files)} micrographs of {truth}")
    micrographs = [Micrograph(file, pixel_size) for file in files]
    table = read_table(truth / "truth.star")
    names = match_names(list(table["micrograph"].unique()), [m.name for m in micrographs])
    own = table["micrograph"].map(dict(names))
    centres = [table.loc[own == m.name, ["x", "y"]].to_numpy(float) for m in micrographs]
    engine = FeatureEngine(Extractor(load_backbone("resnet16_u64")), diameter, cache=FeatureCache())
    return Dataset(micrographs, centres, engine, train)


def label_with_keys(viewer: napari.Viewer, data: Dataset, seed: int, labels: int) -> Head:
    """Answer questions in the window up to a number of labels, and return the head."""
    train, _ = data.split(seed)
    micrographs = [data.micrographs[i] for i in train]
    diameter = data.engine.diameter_angstrom
    oracle = Oracle([data.truth[i] for i in train], [m.radius_px(diameter) for m in micrographs])
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            diameter_angstrom=diameter,
            pixel_size_angstrom=micrographs[0].pixel_size_angstrom,
            batch=BATCH,
            seed=seed,
        )
        with Session.create(Path(folder) / "oracle", settings) as session:
            session.micrographs.add([m.path for m in micrographs])
        widget = ActivePickWidget(viewer, Preferences(Path(folder) / "preferences.json"))
        dock = viewer.window.add_dock_widget(widget, name="activepick", area="right")
        widget.open_path(session.folder)
        opened = widget.controller.open_session
        assert opened is not None
        wait(lambda: opened.picks.picks is not None and not opened.jobs.busy())
        # Both micrographs are opened before the first question, as in the benchmark.
        for number in list(opened.state.micrographs):
            opened.show(number)
            wait(lambda: opened.picks.picks is not None and not opened.jobs.busy())
        press(viewer, "N", opened)
        while len(opened.state.labels) < labels:
            wait(lambda: opened.labelling.current is not None)
            question = opened.labelling.current
            assert question is not None
            place = Query(question.micrograph - 1, question.x, question.y, question.score)
            answer = oracle.answer(place)
            press(viewer, {1.0: "F", 0.0: "D", None: "G"}[answer], opened)
        head = opened.workspace.trainer.refit()
        widget.close_session()
        viewer.window.remove_dock_widget(dock)
        widget.layers.clear()
    return head


def press(viewer: napari.Viewer, key: str, opened: OpenSession) -> None:
    """Press a key over the micrograph, and wait for the resulting changes."""
    QTest.keyClick(viewer.window._qt_viewer.canvas.native, getattr(Qt.Key, f"Key_{key}"))  # type: ignore[call-overload]
    wait(lambda: not opened.jobs.busy())


def average_precision(head: Head, data: Dataset, seed: int) -> float:
    """Evaluate a head on the micrographs that were not labelled."""
    _, test = data.split(seed)
    tables: list[pd.DataFrame] = []
    truth: list[pd.DataFrame] = []
    for index in test:
        features = data.engine.features(data.micrographs[index], head.spec.working_radii)
        scores = head.score_map(features)
        tables.append(select_picks(find_peaks(scores), ALL_PEAKS).table(features.name))
        x, y = data.truth[index].T
        truth.append(pd.DataFrame({"micrograph": features.name, "x": x, "y": y}))
    return evaluate(pd.concat(tables), pd.concat(truth), _radius(data, test)).ap


def _radius(data: Dataset, indices: Sequence[int]) -> float:
    return data.micrographs[indices[0]].radius_px(data.engine.diameter_angstrom)


if __name__ == "__main__":
    main()
