import threading

import numpy as np
import pytest

from activepick.errors import MicrographError
from activepick.features.feature_map import FeatureMap, MicrographFeatures
from activepick.session.model.state import MicrographEntry
from activepick.workspace.feature_store import FeatureStore

ENTRIES = [
    MicrographEntry(id=k, relative=None, absolute=f"/{k}.mrc", fingerprint=f"{k:x}")
    for k in range(1, 6)
]


class Slow:
    """Loads in steps, and waits at the first step of one micrograph until it is let go."""

    def __init__(self, slow=None, damaged=None):
        self.slow, self.damaged = slow, damaged
        self.begun, self.go = threading.Event(), threading.Event()
        self.finished = []

    def __call__(self, entry, progress):
        if entry.id == self.slow and not self.go.is_set():
            self.begun.set()
            while not self.go.wait(0.01):
                progress(0.5)
        if entry.id == self.damaged:
            raise MicrographError("damaged")
        self.finished.append(entry.id)
        values = np.zeros((2, 2, 1), np.float16)
        return MicrographFeatures(entry.name, (FeatureMap(values, (1, 1), 1),), (2, 2), 1)


@pytest.fixture
def store():
    stores = []

    def make(load, keep=8):
        stores.append(FeatureStore(load, keep))
        return stores[-1]

    yield make
    for one in stores:
        one.close()


def test_requests_take_precedence_over_prefetching(store):
    load = Slow(slow=1)
    one = store(load)
    one.prefetch(ENTRIES[:3])
    assert load.begun.wait(10)
    one.get(ENTRIES[4])
    assert load.finished == [5]
    load.go.set()
    assert one.wait(10)
    assert load.finished == [5, 1, 2, 3]


def test_features_being_prefetched_are_not_computed_twice(store):
    load = Slow(slow=1)
    one = store(load)
    one.prefetch(ENTRIES[:1])
    assert load.begun.wait(10)
    seen = []

    def progress(fraction):
        seen.append(fraction)
        load.go.set()

    one.get(ENTRIES[0], progress)
    assert seen[0] == 0.5
    assert load.finished == [1]


def test_a_damaged_micrograph_does_not_stop_the_others(store):
    load = Slow(damaged=1)
    one = store(load)
    one.prefetch(ENTRIES[:2])
    assert one.wait(10)
    assert load.finished == [2]
    with pytest.raises(MicrographError):
        one.get(ENTRIES[0])


def test_only_recently_used_features_are_kept(store):
    load = Slow()
    one = store(load, keep=2)
    for k in (0, 1, 0, 2):
        one.get(ENTRIES[k])
    assert [entry.id for entry in one.held(ENTRIES)] == [1, 3]
    assert load.finished == [1, 2, 3]


def test_closing_ends_prefetching(store):
    load = Slow(slow=1)
    one = store(load)
    one.prefetch(ENTRIES)
    assert load.begun.wait(10)
    one.close()
    assert load.finished == []
