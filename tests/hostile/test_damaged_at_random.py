"""Each reader with files that are damaged at random, as `benchmarks/hostile.py` does with more."""

import importlib.util
import os
import random
import time
import warnings
from pathlib import Path

import pytest

from activepick.errors import ActivepickError

pytest.importorskip("resource", reason="the benchmark limits memory, which Windows does not do")

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "hostile.py"
# Of each kind; 3000 take less than a minute.
COUNT = int(os.environ.get("ACTIVEPICK_DAMAGED_FILES", "40"))
NAMES = [
    *("a.mrc", "a.mrc.gz", "a.mrc.bz2", "a.tif", "b.tif", "a.png", "a.jpg", "a.safetensors"),
    *("a.star", "b.star", "a.cs", "a.csv", "topaz.txt", "a.box", "a.cbox", "a_info.json"),
    *("a.coords", "a.pos", "group.csg", "list.lst", "journal.jsonl", "session.json", "peaks.npz"),
]


@pytest.fixture(scope="module")
def hostile():
    spec = importlib.util.spec_from_file_location("hostile", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SCRIPT.parent)  # scripts import one another
        spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def originals(hostile, tmp_path_factory):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return hostile.originals(tmp_path_factory.mktemp("originals"))


def test_every_type_of_file_is_damaged(originals):
    assert sorted(originals) == sorted(NAMES)
    assert sum(path.stat().st_size for path in originals.values()) < 1_000_000


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore")
def test_a_damaged_file_is_read_or_refused_in_bounded_time(hostile, originals, name):
    source, lots = originals[name], random.Random(name)
    raw = source.read_bytes()
    hostile.read(source)
    slowest = 0.0
    try:
        for _ in range(COUNT):
            source.write_bytes(hostile.mutated(raw, source.name, lots))
            start = time.process_time()
            try:
                hostile.read(source)
            except ActivepickError as error:
                assert str(error)  # noqa: PT017 - it may also be read
            slowest = max(slowest, time.process_time() - start)
    finally:
        source.write_bytes(raw)
    assert slowest < hostile.SECONDS
