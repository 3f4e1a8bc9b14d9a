"""The same head and rules give the same picks, whichever part of the program applies them."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from needed_screen import needs_screen
from person import Person
from scipy.spatial import cKDTree
from typer.testing import CliRunner

from activepick._napari.sections.export import ALL
from activepick.cli.program import app
from activepick.features.backbone import load_backbone
from activepick.features.cache import FeatureCache
from activepick.features.engine import FeatureEngine
from activepick.features.extractor import Extractor
from activepick.formats import read_table, write_table
from activepick.learning.head_file import load_head
from activepick.micrograph.discovery import find_micrographs
from activepick.picking import PickRules
from activepick.picking.picker import Picker
from activepick.picking.rules import LabelledPositions

distributed = pytest.importorskip("distributed")

pytestmark = needs_screen
DIAMETER = 180.0
THRESHOLDS = (0.0, 0.5, 0.99)
# Each command computes all features again, so it is run where most can differ.
ADDED = {0.0: ["pick"], 0.5: ["cluster"], 0.99: []}


@pytest.fixture(scope="module")
def cluster():
    settings = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(silence_logs="ERROR", **settings) as local:
        yield local


def test_all_interfaces_make_the_same_picks(
    qtbot, open_widget, micrographs, simulated, tmp_path, cluster
):
    person = Person(qtbot, open_widget())
    person.start(micrographs, DIAMETER)
    person.dataset.predict()
    person.settle()
    # Labels at peaks and away from them, of both classes, an area, and peaks that are left out, in
    # one micrograph.
    labelled = person.open.shown
    truth = read_table(simulated / "truth.star")
    truth = truth[truth["micrograph"] == Path(person.state.names[labelled]).name]
    particles = truth[["x", "y"]].to_numpy(float)
    peaks = person.picks.picks[["x", "y"]].to_numpy(float)
    empty = np.random.default_rng(0).uniform(20, 620, (200, 2))
    empty = empty[cKDTree(particles).query(empty)[0] > 70][:30]
    for targets, xy in ((1, particles + 3), (0, empty), (0, peaks[-1:])):
        person.open.edit(lambda session, t=targets, xy=xy: session.labels.add(labelled, xy, t))
    area = [(300, 200), (700, 200), (700, 600), (300, 600)]
    person.open.edit(lambda session: session.micrographs.set_areas(labelled, [area]))
    left_out = peaks[:-1:3]
    junk = [(labelled, *xy) for xy in left_out.tolist()]
    person.open.edit(lambda session: session.left_out.set("a:1", junk))
    person.settle()
    head_file = tmp_path / "head.safetensors"
    person.widget.head.save_to(head_file)
    person.settle()
    marks = [mark for mark in person.state.labels.values() if mark.micrograph == labelled]
    assert len(marks) > 30
    name_of_labelled = Path(person.state.names[labelled]).name

    picker = _picker(head_file, tmp_path)
    files = [each.micrograph() for each in find_micrographs([micrographs]).found]
    for threshold in THRESHOLDS:
        person.widget.picks.histogram.threshold_chosen.emit(threshold)
        person.settle()
        person.dataset.predict()
        person.settle()
        assert person.state.settings.threshold == threshold

        window = _exported(person, tmp_path / f"window {threshold}.csv")
        person.session.flush()
        exported = tmp_path / f"export {threshold}.csv"
        _run("session", "export", person.session.folder, "--out", exported)
        own = tmp_path / f"python {threshold}.csv"
        write_table(
            _with_python(picker, files, threshold, name_of_labelled, marks, area, left_out), own
        )
        ways = {"export": exported, "python": own}
        common = [DIAMETER, "--head", head_file, "--threshold", threshold]
        for way in ADDED[threshold]:
            ways[way] = tmp_path / f"{way} {threshold}.csv"
            more = ["--scheduler", cluster.scheduler_address] if way == "cluster" else []
            _run("pick", micrographs, "--diameter", *common, "--out", ways[way], *more)

        assert len(window) > (10 if threshold < 0.9 else 3)
        for way, path in ways.items():
            found, expected = _sorted(read_table(path)), _sorted(window)
            if way in ("pick", "cluster"):  # without labels and areas
                other = expected["micrograph"] != name_of_labelled
                expected = expected[other].reset_index(drop=True)
                other = found["micrograph"] != name_of_labelled
                found = found[other].reset_index(drop=True)
            assert found["micrograph"].nunique() >= 2, way
            pd.testing.assert_frame_equal(found, expected, check_exact=True, obj=way)


def _picker(head_file: Path, folder: Path) -> Picker:
    head = load_head(head_file)
    extractor = Extractor(load_backbone(head.spec.backbone), device="cpu")
    engine = FeatureEngine(
        extractor,
        DIAMETER,
        cache=FeatureCache(folder / "features"),
        orientations=head.spec.orientations,
    )
    return Picker(engine, head)


def _with_python(picker, files, threshold, labelled, marks, area, left_out) -> pd.DataFrame:
    rules = PickRules(threshold=threshold)
    tables = []
    for micrograph in files:
        read = Picker(picker.engine, picker.head, rules)
        image = read.read(micrograph)
        name = Path(micrograph.path).name
        if name != labelled:
            tables.append(read.pick(image).table(name))
            continue
        xy = np.array([(mark.x, mark.y) for mark in marks])
        labels = LabelledPositions.of(
            xy, [mark.target == 1 for mark in marks], read.score_map(image).at(xy)
        )
        tables.append(read.pick(image, labels=labels, areas=[area], left_out=left_out).table(name))
    return pd.concat(tables, ignore_index=True)


def _exported(person: Person, path: Path) -> pd.DataFrame:
    section = person.widget.export
    section.format.value = next(t for t, name in section._formats.items() if name == "csv")
    section.which.value = ALL
    section.export(path)
    person.settle()
    return read_table(path)


def _sorted(table: pd.DataFrame) -> pd.DataFrame:
    columns = ["micrograph", "x", "y", "score"]
    table = table[columns].assign(micrograph=[Path(name).name for name in table["micrograph"]])
    return table.sort_values(columns, ignore_index=True)


def _run(*arguments) -> None:
    """Run a command in this process, which has loaded PyTorch already."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        done = CliRunner().invoke(app, [*map(str, arguments)])
    assert done.exit_code == 0, (done.output, done.exception)
