"""Every name that the program writes, with a link in its place that leads elsewhere.

The names are found by writing everything once, and the modules that write by reading the source.
"""

import ast
import contextlib
import logging
import os
import shutil
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import activepick
from activepick.batch.merging import write_merged
from activepick.batch.output import make_output
from activepick.batch.record import Entry, RunRecord
from activepick.benchmark.report import write_rows
from activepick.classes.output import draw_averages, write_averages
from activepick.errors import ActivepickError
from activepick.features.cache import FeatureCache
from activepick.features.feature_spec import FeatureSpec
from activepick.formats import FORMATS, write_folder, write_table
from activepick.formats.relion_job import write_coordinate_index
from activepick.learning.head import Head
from activepick.learning.head_file import save_head
from activepick.log import start_log
from activepick.scoremap import Peaks
from activepick.session import Session, Settings
from activepick.session.model.state import MicrographEntry
from activepick.simulate import SimulationSettings, simulate_dataset
from activepick.workspace.class_store import StoredClasses, save_classes
from activepick.workspace.peak_store import PeakStore
from activepick.workspace.peaks import MicrographPeaks

pytestmark = pytest.mark.posix("makes links for everybody")

SECRET = b"precious\n"
HEAD = Head(
    np.ones((1, 64)), 0.5, FeatureSpec("resnet8_u32", "0" * 16, (5.0,), 4, "affine", 1), 100.0
)
PICKS = pd.DataFrame({"micrograph": ["a.mrc", "m/b.mrc"], "x": [5.0, 6.0], "y": 7.0, "score": 0.5})
WRITING = {"replacing", "open_in_place", "write_pieces", "write_together"}
# Modules that open files for other modules, which are tested instead.
LOWEST = {"atomic", "files", "formats.text", "formats.staging"}
# They need a window or a network, and each writes one file in the same way.
ELSEWHERE = {
    "_napari.io.layer_files",
    "_napari.preferences",
    "benchmark.overview",
    "classes.directions",
    "formats.preview",
    "learning.simulated_prior",
    "workspace.trainer",  # tests/workspace/test_audit.py
}


def write_session(here):
    folder = here / "s.activepick"
    with contextlib.suppress(ActivepickError):
        Session.create(folder, Settings(diameter_angstrom=100)).close()
    journal = folder / "journal.jsonl"
    for damage in (b"x\n%s", b'%s{"sum":'):
        # Nothing is written through a link here either.
        if not journal.is_symlink() and journal.is_file() and journal.stat().st_nlink == 1:
            journal.write_bytes(damage % journal.read_bytes())
        with (
            contextlib.suppress(ActivepickError),
            Session.open(folder, repair=damage[:1] == b"x") as session,
        ):
            session.micrographs.add([__file__])
            session.labels.add(1, [(1, 2)], 1)
            session.flush(5)
            with contextlib.suppress(OSError):
                save_head(HEAD, folder / "heads" / "head.safetensors", within=folder)
            store_peaks(folder)
            with contextlib.suppress(OSError):
                store_classes(folder)
            shutil.rmtree(here / "copy.activepick", ignore_errors=True)
            session.save_copy(here / "copy.activepick")
            session.close(abandon=True)


def store_peaks(folder):
    none = np.zeros(0, np.float32)
    peaks = Peaks(np.zeros((0, 2), np.float32), none, none, 5.0, (10, 10))
    entry = MicrographEntry(id=1, relative="a.mrc", absolute="/a.mrc", fingerprint="0" * 32)
    PeakStore(folder / "peaks").put(entry, MicrographPeaks(1, peaks, 0.0, "head"), on_disk=True)


def store_classes(folder):
    images = np.ones((2, 16, 16), np.float32)
    noise, means = np.ones(9, np.float32), np.ones((2, 16), np.float32)
    classes = StoredClasses("run", "settings", images, images, noise, means)
    save_classes(folder / "classes.npz", classes, folder)


def write_run(here, out):
    with contextlib.suppress(ActivepickError, OSError):
        record = RunRecord(here / f"{out}.run", {"a": 1})
        wanted = {"version": "5", "exposures": None}
        output = make_output(here / out, None, 20.0, wanted, record.parts)
        output.expect(["a.mrc", "m/b.mrc"])
        record.start(HEAD, {})
        for name in ("a.mrc", "m/b.mrc"):
            output.write(name, np.array([[5.0, 6.0, 1.0]]), 2.0)
            record.add(Entry(name, "key", 1, 2.0))
        output.finish(list(record.entries.values()))
        record.failures["c.mrc"] = "damaged"
        record.write_failures()
        output.clean_up(list(record.entries.values()))


def write_tables(here):
    for name in ("a.star", "a.csv", "a.txt", "a.coords"):
        rows = PICKS if FORMATS.get(name) else PICKS[:1]
        with contextlib.suppress(ActivepickError):
            write_table(rows, here / name)
    with contextlib.suppress(ActivepickError):
        write_merged([PICKS[:1], PICKS[1:]], here / "b.csv", FORMATS["csv"], {}, rows=1)
    for format in ("star", "topaz"):
        with contextlib.suppress(ActivepickError):
            write_folder(PICKS, here / format, format)
    with contextlib.suppress(ActivepickError):
        write_coordinate_index({"a.mrc": here / "a.star"}, here / "index.star")


def write_others(here):
    with contextlib.suppress(ActivepickError, OSError):
        simulate_dataset(here / "set", 1, settings=SimulationSettings(shape=(256, 256)))
    FeatureCache(here / "cache").get("key", lambda: np.ones((2, 2)))
    with contextlib.suppress(OSError):
        write_rows(PICKS, here / "curves")
    averages = np.ones((2, 16, 16), np.float32)
    with contextlib.suppress(ActivepickError, OSError):
        write_averages(averages, here / "averages.mrcs", 2.0)
    logger = logging.getLogger("activepick")
    before = list(logger.handlers)
    start_log(here / "activepick.log")
    for handler in set(logger.handlers) - set(before):
        logger.removeHandler(handler)
        handler.close()
    with contextlib.suppress(ActivepickError, OSError):
        draw_averages(averages, ["1", "2"], here / "averages.png")


GROUPS = {
    "session": write_session,
    "folder": lambda here: write_run(here, "job"),
    "file": lambda here: write_run(here, "p.csv"),
    "tables": write_tables,
    "others": write_others,
}


def module_of(frame):
    """Return the module of this program that asks for a file to be written."""
    root = Path(activepick.__file__).parent
    while frame is not None:
        file = Path(frame.f_code.co_filename)
        if file.is_relative_to(root):
            name = ".".join(file.relative_to(root).with_suffix("").parts)
            if name not in LOWEST:
                return name
        frame = frame.f_back
    return None


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """What each group writes, and the modules that did it."""
    here = {name: tmp_path_factory.mktemp(name) for name in GROUPS}
    opened, modules, active = set(), set(), [True]
    places = tuple(map(str, here.values()))

    def watch(event, arguments):
        if not (active and event == "open" and isinstance(arguments[0], str | bytes)):
            return
        path, _, flags = arguments
        if os.fsdecode(path).startswith(places) and flags & (os.O_WRONLY | os.O_RDWR):
            opened.add(Path(os.fsdecode(path)))
            modules.add(module_of(sys._getframe()))

    sys.addaudithook(watch)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, write in GROUPS.items():
            write(here[name])
    active.clear()
    names = {}
    for name, folder in here.items():
        # Locks are deleted at the end, and temporary names are random.
        known = {path for path in opened if not path.name.startswith(".")}
        found = {*folder.rglob("*"), *(p for p in known if p.is_relative_to(folder))}
        names[name] = sorted(str(path.relative_to(folder)) for path in found)
    return names, modules - {None}


def test_every_module_that_writes_is_tested(written):
    root = Path(activepick.__file__).parent
    writing = set()
    for file in root.rglob("*.py"):
        calls = (node for node in ast.walk(ast.parse(file.read_text())) if type(node) is ast.Call)
        if any(getattr(call.func, "id", "") in WRITING for call in calls):
            writing.add(".".join(file.relative_to(root).with_suffix("").parts))
    _, tried = written
    assert writing - LOWEST - ELSEWHERE - tried == set()
    assert len(tried) > 10


# Calls by which libraries write; the files that they write are opened by `replacing` before.
DIRECT = {
    *("write_text", "write_bytes", "savefig", "save_file", "savez", "to_csv", "copyfile", "touch"),
    *("mkstemp", "NamedTemporaryFile", "RotatingFileHandler", "symlink_to", "imwrite"),
}


def writes_directly(call):
    name = getattr(call.func, "attr", "") or getattr(call.func, "id", "")
    modes = [node.value for node in call.args if isinstance(node, ast.Constant)]
    opens = name == "open" and any(isinstance(m, str) and set(m) & set("wax+") for m in modes)
    gives_text = name == "to_csv" and not call.args
    return opens or (name in DIRECT and not gives_text)


def test_no_module_writes_in_another_way():
    root = Path(activepick.__file__).parent
    for file in root.rglob("*.py"):
        calls = [node for node in ast.walk(ast.parse(file.read_text())) if type(node) is ast.Call]
        safely = {getattr(call.func, "id", "") for call in calls} & WRITING
        module = ".".join(file.relative_to(root).with_suffix("").parts)
        if not safely and module not in LOWEST:
            assert [ast.unparse(call) for call in calls if writes_directly(call)] == [], module


def attacks(group, names):
    """Yield what stands where at the same time: names, and the kind of link."""
    folders = {name for name in names if any(other.startswith(name + os.sep) for other in names)}
    files = [name for name in names if name not in folders]
    # In the other cases, an error ends the rest.
    together = [files] if group in ("tables", "others") else [[name] for name in files]
    yield from ((some, kind) for some in together for kind in ("link", "dangling", "hard"))
    # A folder chosen by the user may be a link, but not the record beside it.
    own = [name for name in names if os.sep in name or name.endswith(".run")]
    yield from (([name], "folder") for name in own)


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.filterwarnings("ignore")
def test_no_written_name_redirects_a_write_through_a_link(written, group, tmp_path):
    assert len(written[0][group]) > 3
    for number, (names, kind) in enumerate(attacks(group, written[0][group])):
        here, outside = tmp_path / f"{number}" / "here", tmp_path / f"{number}" / "outside"
        outside.mkdir(parents=True)
        (outside / "precious").write_bytes(SECRET)
        for name in names:
            (here / name).parent.mkdir(parents=True, exist_ok=True)
            if kind == "hard":
                os.link(outside / "precious", here / name)
            else:
                leads = {"link": "precious", "dangling": "new", "folder": ""}[kind]
                (here / name).symlink_to(outside / leads)
        GROUPS[group](here)
        assert [path.name for path in outside.iterdir()] == ["precious"], (names, kind)
        assert (outside / "precious").read_bytes() == SECRET, (names, kind)
        shutil.rmtree(tmp_path / f"{number}")
