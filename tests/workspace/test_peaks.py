import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activepick.features.feature_spec import FeatureSpec
from activepick.formats.scores import score_threshold
from activepick.learning.head import Head
from activepick.micrograph.contrast import ContrastMap
from activepick.picking import PickRules, select_picks
from activepick.scoremap import Peaks, ScoreMap, find_peaks
from activepick.session import Area, Label, MicrographEntry, SessionState, Settings
from activepick.workspace.counts import Counts
from activepick.workspace.peak_store import PeakStore
from activepick.workspace.peaks import MicrographPeaks, measure_peaks

RADIUS = 20.0
ENTRIES = {
    k: MicrographEntry(id=k, relative=None, absolute=f"/d/m{k}.mrc", fingerprint=f"f{k}")
    for k in (1, 2)
}


def peaks(rows, micrograph=1, head="h", **more):
    table = np.array(sorted(rows, key=lambda row: -row[2]), float).reshape(len(rows), -1)
    contrast = table[:, 3] if table.shape[1] > 3 else np.ones(len(table))
    columns = (table[:, :2], table[:, 2], contrast)
    found = Peaks(*(column.astype(np.float32) for column in columns), RADIUS, (1000, 1000))
    return MicrographPeaks(micrograph, found, 0.1, head, **more)


def state(marks=(), areas=(), **changes):
    return SessionState(
        Settings(diameter_angstrom=100, **{"edge_margin": 0, **changes}),
        ENTRIES,
        {
            k: Label(id=k, micrograph=1, x=x, y=y, target=target)
            for k, (x, y, target) in enumerate(marks, 1)
        },
        areas={1: tuple(Area(vertices=v) for v in areas)} if areas else {},
    )


def kept(rows, state):
    return peaks(rows).picks(state)["x"].tolist()


def test_threshold_margin_and_contrast_limits_remove_picks():
    rows = [(100, 500, 3, 1), (200, 500, 0, 2), (300, 500, -0.1, 1), (15, 500, 2, 1)]
    assert kept(rows, state()) == [100, 15, 200]
    assert kept(rows, state(threshold=0)) == [100, 15, 200, 300]
    assert kept(rows, state(edge_margin=1)) == [100, 200]
    assert kept(rows, state(highest_contrast=1.5)) == [100, 15]
    assert kept(rows, state(lowest_contrast=1.5)) == [200]
    assert kept(rows, state(threshold=1)) == []
    table = peaks(rows).picks(state())
    assert list(table.columns) == ["micrograph", "x", "y", "score", "contrast"]
    assert set(table["micrograph"]) == {"m1.mrc"}
    assert table["contrast"].tolist() == [1, 1, 2]


def test_picks_keep_the_minimum_separation_of_the_settings():
    rows = [(100, 100, 3), (114, 100, 2), (128, 100, 1)]
    assert kept(rows, state(separation=0.5)) == [100, 114, 128]
    assert kept(rows, state(separation=0.8)) == [100, 128]
    assert kept(rows, state(separation=2)) == [100]


def test_excluded_areas_remove_picks_but_not_positive_labels():
    rows = [(100, 100, 3), (300, 300, 2), (120, 160, 1)]
    area = ((50, 50), (200, 50), (200, 200), (50, 200))
    assert kept(rows, state(areas=[area])) == [300]
    assert kept(rows, state([(103, 101, 1)], [area])) == [100, 300]


def test_labels_take_precedence_over_all_rules():
    rows = [(100, 500, 3, 1), (200, 500, -4, 9), (5, 500, 2, 1), (400, 400, 3, 1)]
    marks = [(202, 500, 1), (5, 502, 1), (401, 400, 0), (700, 700, 1), (800, 800, 0), (9, 9, None)]
    found = peaks(rows).picks(state(marks, edge_margin=1, highest_contrast=2))
    at = dict(zip(found["x"], found["score"], strict=True))
    assert at == {100: 3, 5: 2, 200: -4, 700: 0}
    assert np.isnan(found["contrast"][found["x"] == 700]).all()


def test_a_pick_at_a_label_has_the_score_that_the_head_gives_there():
    rows = [(100, 500, 3)]
    known = {(700.0, 700.0): (-1.5, 1.25)}
    found = peaks(rows, at_labels=known).picks(state([(700, 700, 1)]))
    assert found.loc[1, ["score", "contrast"]].tolist() == [-1.5, 1.25]


def test_micrographs_without_peaks_have_no_picks():
    nothing = np.empty(0, np.float32)
    found = Peaks(nothing.reshape(0, 2), nothing, nothing, 2.0, (9, 9))
    none = MicrographPeaks(1, found, 0.0, "h")
    assert len(none.picks(state())) == 0
    assert len(none.picks(state([(5, 5, 1)]))) == 1


@pytest.mark.parametrize("min_distance", [0.8, 0.3, 2.0])
def test_stored_peaks_give_the_picks_at_any_distance(min_distance):
    rng = np.random.default_rng(0)
    map = ScoreMap(rng.normal(-9, 4, (300, 300)).astype(np.float32), 5.0, RADIUS, (1500, 1500))
    contrast = ContrastMap(np.ones((9, 9)), (200.0, 200.0))
    head = Head(np.ones((1, 2)), 0.0, FeatureSpec("b", "d", (7.0,), 4, "affine"))
    made = measure_peaks(state(), 1, map, contrast, head)
    found = made.picks(state(threshold=0.1, separation=min_distance))
    rules = PickRules(0.1, min_distance, 0)
    direct = select_picks(find_peaks(map), rules).table("m1.mrc")
    assert len(found) > 100
    assert found[["x", "y", "score"]].equals(direct[["x", "y", "score"]])


coordinates = st.integers(0, 999)
places = st.tuples(coordinates, coordinates)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(places, st.floats(-9, 9), st.floats(0, 3)), min_size=1, max_size=40),
    st.lists(
        st.tuples(
            st.sampled_from([0, 0.005, 0.01, 0.2, 0.5, 0.9, 1]),
            st.sampled_from([0.3, 0.8, 3]),
            st.sampled_from([0, 2]),
            st.sampled_from([None, 1.5]),
            st.lists(st.tuples(places, st.sampled_from([0, 1, None])), max_size=4),
            st.booleans(),
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_counts_equal_the_numbers_of_picks(rows, moments):
    known = {k: peaks([(x, y, s, c) for (x, y), s, c in rows], k) for k in (1, 2)}
    counts = Counts()
    for threshold, distance, margin, highest, marks, area in moments:
        now = state(
            [(x, y, target) for (x, y), target in marks],
            [((0, 0), (500, 0), (0, 900))] if area else [],
            threshold=threshold,
            separation=distance,
            edge_margin=margin,
            highest_contrast=highest,
        )
        picks = {k: one.picks(now) for k, one in known.items()}
        found = counts.count(now, ENTRIES.values(), lambda entry: known[entry.id])
        assert found == {k: len(table) for k, table in picks.items()}
        lowest = score_threshold(threshold)
        assert (picks[2]["score"] >= lowest).all()


def test_counting_can_be_continued_in_several_calls():
    known = {k: peaks([(5, 5, 1), (90, 90, 2)], k) for k in (1, 2)}
    counts, entries = Counts(), list(ENTRIES.values())

    def count(state, entries=entries, seconds=np.inf):
        return counts.count(state, entries, lambda entry: known[entry.id], seconds)

    assert count(state(), seconds=-1) == {}
    assert count(state(), entries[:1]) == {1: 2}
    assert count(state(threshold=0.8), seconds=-1) == {1: 1}
    assert count(state(edge_margin=2), seconds=-1) == {}
    assert count(state(edge_margin=2)) == {1: 1, 2: 1}


@pytest.mark.parametrize("threshold", [0.0, 0.001])
def test_counts_below_the_cached_scores_read_the_peaks_once(threshold):
    known, counts = peaks([(5, 5, -6), (50, 5, -20), (90, 90, 2)], 1), Counts()
    counts.note(state(), known)
    low = state(threshold=threshold)
    assert counts.need_peaks(low, 1)
    counts.note(low, known)
    assert not counts.need_peaks(low, 1)
    expected = {1: len(known.picks(low))}
    assert expected == {1: 3 if threshold == 0 else 2}
    assert counts.count(low, [ENTRIES[1]], lambda entry: None) == expected
    assert counts.count(state(), [ENTRIES[1]], lambda entry: None) == {1: 1}


def test_counts_read_peaks_only_for_labels_and_other_rules():
    known = {k: peaks([(5, 5, 1), (90, 90, 2)], k, head=f"h{k}") for k in (1, 2)}
    counts, read = Counts(), []

    def get(entry):
        read.append(entry.id)
        return known[entry.id]

    for one in known.values():
        counts.note(state(), one)
    assert counts.count(state(threshold=0.8), ENTRIES.values(), get) == {1: 1, 2: 1}
    assert read == []
    labelled = state([(5, 5, 0)])
    assert counts.count(labelled, ENTRIES.values(), get) == {1: 1, 2: 2}
    assert read == [1]
    assert counts.count(state(separation=0), ENTRIES.values(), lambda entry: None) == {}
    assert not counts.need_peaks(labelled, 2)
    assert counts.need_peaks(labelled, 1)
    assert counts.need_peaks(state(separation=0), 2)
    assert counts.heads == {1: "h1", 2: "h2"}
    assert counts.uncertainties(ENTRIES, "h2") == {2: 0.1}
    assert counts.mean_scores(state(), ENTRIES) == {1: 1.5, 2: 1.5}


@pytest.fixture
def store(tmp_path):
    return PeakStore(tmp_path / "peaks")


def test_stored_peaks_are_read_from_disk(tmp_path, store):
    one = peaks([(1.5, 2.25, 3.5, 1.25), (8, 9, -1, 0.5)], at_labels={(7.0, 8.0): (0.5, 1.0)})
    store.put(ENTRIES[1], one, on_disk=True)
    store.put(ENTRIES[2], peaks([(1, 1, 1)], 2))
    again = PeakStore(tmp_path / "peaks")
    assert again.held(ENTRIES[1]) is None
    elsewhere = ENTRIES[1].model_copy(update={"id": 7})
    found = again.get(elsewhere)
    assert found.micrograph == 7
    for name in ("xy", "score", "contrast"):
        assert np.array_equal(getattr(found.peaks, name), getattr(one.peaks, name))
    assert (found.peaks.shape, found.peaks.radius_px) == ((1000, 1000), RADIUS)
    assert (found.uncertainty, found.head, found.at_labels) == (0.1, one.head, one.at_labels)
    assert again.get(ENTRIES[2]) is None
    assert again.held(ENTRIES[1]).micrograph == 1


def test_only_the_last_peaks_stay_in_memory(tmp_path):
    entries = [
        MicrographEntry(id=k, relative=None, absolute=f"/{k}.mrc", fingerprint=f"f{k}")
        for k in range(1, 21)
    ]
    in_use = {"f3", "f4"}
    store = PeakStore(tmp_path / "peaks", keep=5, kept=in_use.__contains__)
    for entry in entries:
        store.put(entry, peaks([(entry.id, 1, 1)], entry.id), on_disk=entry.id % 2 == 0)
    held = [entry.id for entry in entries if store.held(entry) is not None]
    assert held == [3, 4, 18, 19, 20]
    assert PeakStore(tmp_path / "peaks").get(entries[18]) is None  # in memory only
    assert [store.get(entry).peaks.xy[0, 0] for entry in entries] == list(range(1, 21))
    store.flush()
    again = PeakStore(tmp_path / "peaks")
    assert [again.get(entry).peaks.xy[0, 0] for entry in entries] == list(range(1, 21))


def test_a_read_only_session_stores_no_peaks(tmp_path):
    store = PeakStore(tmp_path / "peaks", writable=False, keep=2)
    entries = [
        MicrographEntry(id=k, relative=None, absolute=f"/{k}.mrc", fingerprint=f"f{k}")
        for k in range(1, 9)
    ]
    for entry in entries:
        store.put(entry, peaks([(entry.id, 1, 1)], entry.id), on_disk=True)
    store.flush()
    assert not (tmp_path / "peaks").exists()
    assert [store.get(entry).micrograph for entry in entries] == list(range(1, 9))


def test_damaged_or_deleted_peaks_are_computed_again(tmp_path, store):
    store.put(ENTRIES[1], peaks([(1, 1, 1)]), on_disk=True)
    [file] = (tmp_path / "peaks").iterdir()
    whole = file.read_bytes()
    for content in (b"", b"PK\x03\x04 nonsense", whole[: len(whole) // 2]):
        file.write_bytes(content)
        assert PeakStore(tmp_path / "peaks").get(ENTRIES[1]) is None
    np.savez(file, xy=np.array([{"a": 1}], dtype=object))  # would have to be unpickled
    assert PeakStore(tmp_path / "peaks").get(ENTRIES[1]) is None
    file.unlink()
    assert PeakStore(tmp_path / "peaks").get(ENTRIES[1]) is None
    assert len(store.get(ENTRIES[1]).peaks) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"xy": np.zeros((3, 2), np.float32)},
        {"xy": np.zeros((2, 3), np.float32)},
        {"score": np.array([1, np.nan], np.float32)},
        {"score": np.array([1, 2], np.float32)},
        {"contrast": np.zeros(2)},
        {"numbers": np.array([0.0, 0.0])},
        {"numbers": np.array([1.0])},
        {"labels": np.zeros((2, 3))},
        {"shape": np.array(["a", "b"])},
        {"shape": np.array([-5, 5])},
        {"shape": np.array([10**12, 5])},
        {"score": np.float32(1)},
        {"xy": np.zeros((2, 2), np.float32).astype(">f4")},
        {"numbers": np.array([np.inf, 0.1])},
        {"numbers": np.array([20.0, np.nan])},
        {"head": np.array([1.5])},
        {"labels": np.array([[np.nan, 1.0, 2.0, 3.0]])},
        {"labels": np.array([["1", "2", "3", "4"]])},
    ],
)
def test_files_with_other_content_are_ignored(tmp_path, store, change):
    store.put(ENTRIES[1], peaks([(1, 1, 2), (9, 9, 1)]), on_disk=True)
    [file] = (tmp_path / "peaks").iterdir()
    with np.load(file) as old:
        content = dict(old)
    np.savez(file, **content)
    assert len(PeakStore(tmp_path / "peaks").get(ENTRIES[1]).peaks) == 2
    np.savez(file, **{**content, **change})
    assert PeakStore(tmp_path / "peaks").get(ENTRIES[1]) is None


def test_compressed_peaks_that_expand_are_ignored(tmp_path, store):
    store.put(ENTRIES[1], peaks([(1, 1, 2), (9, 9, 1)]), on_disk=True)
    [file] = (tmp_path / "peaks").iterdir()
    with np.load(file) as old:
        content = dict(old)
    np.savez_compressed(file, **content)
    assert PeakStore(tmp_path / "peaks").get(ENTRIES[1]) is None


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_damage_to_stored_peaks_never_raises_an_error(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("peaks")
    PeakStore(folder).put(ENTRIES[1], peaks([(1, 1, 2), (9, 9, 1)]), on_disk=True)
    [file] = folder.iterdir()
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file.write_bytes(content)
    store = PeakStore(folder)
    found = store.get(ENTRIES[1])
    if found is None:
        store.put(ENTRIES[1], peaks([(5, 5, 5)]), on_disk=True)
        assert len(PeakStore(folder).get(ENTRIES[1]).peaks) == 1
    else:
        assert len(found.picks(state([(3, 3, 1)], [((1, 1), (2, 1), (2, 2))]))) >= 0


def test_peaks_that_cannot_be_written_are_kept_in_memory(tmp_path):
    (tmp_path / "peaks").write_text("a file where the folder would be")
    store = PeakStore(tmp_path / "peaks", keep=1)
    for k in (1, 2):
        store.put(ENTRIES[k], peaks([(k, 1, 1)], k), on_disk=True)
    store.flush()
    assert [store.get(ENTRIES[k]).peaks.xy[0, 0] for k in (1, 2)] == [1, 2]
