import numpy as np
import pytest

from activepick.scoremap import Peaks
from activepick.session import Label, MicrographEntry, RoundRecord, SessionState, Settings
from activepick.workspace.advice import advice, changed_picks
from activepick.workspace.peaks import MicrographPeaks
from activepick.workspace.precision import PrecisionEstimate, estimate_precision, sample_picks

ENTRIES = {
    k: MicrographEntry(id=k, relative=None, absolute=f"/d/m{k}.mrc", fingerprint=f"f{k}")
    for k in (1, 2)
}


def peaks(micrograph, count, score=2.0, shift=0.0):
    xy = np.array([(50.0 * (k % 20) + shift, 50.0 * (k // 20)) for k in range(count)])
    ones = np.ones(count, np.float32)
    found = Peaks(xy.reshape(-1, 2).astype(np.float32), score * ones, ones, 20.0, (2000, 2000))
    return MicrographPeaks(micrograph, found, 0.1, "h")


def state(marks=(), rounds=(), **changes):
    return SessionState(
        Settings(diameter_angstrom=100, **{"edge_margin": 0, **changes}),
        ENTRIES,
        {
            k: Label(id=k, micrograph=m, x=x, y=y, target=target, source=source)
            for k, (m, x, y, target, source) in enumerate(marks, 1)
        },
        rounds=tuple(rounds),
    )


def test_the_precision_has_a_confidence_interval():
    places = peaks(1, 20).peaks.xy
    marks = [(1, x, y, int(k >= 3), "audit") for k, (x, y) in enumerate(places)]
    found = estimate_precision(state(marks), [peaks(1, 100)])
    assert (found.mean, found.n) == (0.85, 20)
    assert found.low == pytest.approx(0.651, abs=1e-3)
    assert found.high == pytest.approx(0.957, abs=1e-2)
    assert estimate_precision(state(marks[3:]), [peaks(1, 100)]).high == 1
    assert estimate_precision(state(marks[:3]), [peaks(1, 100)]).low == 0


def test_only_audited_positions_that_are_still_picks_count():
    marks = [
        (1, 50.0, 3.0, 1, "audit"),
        (1, 100.0, 0.0, 0, "audit"),
        (1, 150.0, 0.0, 0, "click"),
        (1, 1000.0, 1500.0, 1, "audit"),
        (1, 200.0, 0.0, None, "audit"),
    ]
    assert estimate_precision(state(marks), [peaks(1, 20)]).n == 2
    assert estimate_precision(state(marks, threshold=0.95), [peaks(1, 20)]) is None
    assert estimate_precision(state(marks), [peaks(2, 20)]) is None
    assert estimate_precision(state(), [peaks(1, 20)]) is None


def test_each_pick_is_drawn_with_equal_probability():
    known = [peaks(1, 300), peaks(2, 100)]
    drawn = [p for seed in range(60) for p in sample_picks(state(seed=seed), known, 20)]
    assert len(drawn) == 1200
    share = np.mean([number == 1 for number, *_ in drawn])
    assert share == pytest.approx(0.75, abs=0.06)
    once = sample_picks(state(), known, 1000)
    assert len(set(once)) == len(once) == 400
    assert sample_picks(state(), known, 20) == sample_picks(state(), known, 20)
    assert sample_picks(state(), [], 20) == []


def test_labelled_and_skipped_picks_are_not_drawn():
    marks = [(1, 0.0, 0.0, 1, "click"), (1, 52.0, 0.0, 0, "audit"), (1, 100.0, 0.0, None, "query")]
    drawn = sample_picks(state(marks), [peaks(1, 5)], 10)
    assert {x for _, x, _, _ in drawn} == {150, 200}


def test_changed_picks_of_two_heads_are_counted():
    one = peaks(1, 20)
    assert changed_picks(state(), one, one) == (0, 40)
    assert changed_picks(state(), one, peaks(1, 20, shift=5)) == (0, 40)
    assert changed_picks(state(), one, peaks(1, 20, shift=20)) == (40, 40)
    assert changed_picks(state(), one, peaks(1, 15)) == (5, 35)
    assert changed_picks(state(), peaks(1, 20, score=-1), one) == (20, 20)
    assert changed_picks(state(threshold=0.1), peaks(1, 20, score=-1), one) == (0, 40)


def test_advice_covers_all_stages_of_labelling():
    def told(labels, shares, precision=None):
        marks = [(1, 50.0 * k, 0.0, k % 2, "query") for k in range(labels)]
        rounds = [RoundRecord(labels=1, particles=1, picks=9, changed=share) for share in shares]
        return advice(state(marks, rounds), precision)

    assert "Answer some questions" in told(0, [])
    assert "no particle has been labelled yet" in told(1, [])
    assert "Continue" in told(4, [None])
    assert "12 %" in told(30, [None, 0.12])
    assert "Continue" in told(30, [0.02])
    assert "Continue" in told(30, [0.12, 0.01])
    assert "help little" in told(30, [0.12, 0.02, 0.004])
    poor = told(30, [0.1], PrecisionEstimate(0.5, 0.3, 0.65, 20))
    assert "50 %" in poor
    assert "threshold" in poor
