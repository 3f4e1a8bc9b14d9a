from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from activepick.errors import SettingsError
from activepick.features.feature_map import FeatureMap, MicrographFeatures
from activepick.features.feature_spec import FeatureSpec
from activepick.learning.head import Head
from activepick.learning.learner import Learner
from activepick.learning.strategies.context import QueryContext
from activepick.learning.strategies.registry import STRATEGIES, select_queries
from activepick.learning.uncertainty import entropy

RADIUS = 20.0


def learner(micrographs=2, seed=0, channels=5):
    """Smooth random features, so that score maps have peaks."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(seed)
    features = []
    for i in range(micrographs):
        values = gaussian_filter(rng.standard_normal((60, 70, channels)), (1.5, 1.5, 0))
        values = (values / values.std()).astype(np.float16)
        shape = (60 * 6, 70 * 6)
        features.append(
            MicrographFeatures(f"m{i}", (FeatureMap(values, (6.0, 6.0), 10.0),), shape, RADIUS)
        )
    spec = FeatureSpec("b", "d", (10.0,), 4, "affine")
    return Learner(features, Head(rng.standard_normal((1, channels)), -0.5, spec))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_queries_avoid_labels_and_skips_and_are_reproducible(strategy):
    one, two = learner(), learner()
    asked = []
    for _ in range(4):
        first = one.ask(10, strategy, np.random.default_rng(5))
        assert first == two.ask(10, strategy, np.random.default_rng(5))
        assert len(first) == 10
        for k, query in enumerate(first):
            place = (query.x, query.y)
            for each in (one, two):
                if k % 3:
                    each.add(query.micrograph, [place], [k % 2])
                else:
                    each.skip(query.micrograph, place)
            earlier = [(q.x, q.y) for q in asked if q.micrograph == query.micrograph]
            if earlier:
                assert cdist([place], earlier).min() > RADIUS / 2
        asked += first
    for query in asked:
        assert 0 <= query.x <= 419
        assert 0 <= query.y <= 359


def test_entropy_is_highest_where_the_score_is_zero():
    scores = np.linspace(-800, 800, 1601)
    h = entropy(scores)
    assert np.array_equal(entropy(np.array([np.inf, -np.inf])), [0, 0])
    assert np.array_equal(entropy(np.array([np.inf, -np.inf], np.float32)), [0, 0])
    assert np.isfinite(h).all()
    assert h.argmax() == 800
    assert h.max() == pytest.approx(np.log(2))
    assert np.allclose(h, h[::-1])
    p = 1 / (1 + np.exp(-1.3))
    assert entropy(np.array([1.3]))[0] == pytest.approx(-p * np.log(p) - (1 - p) * np.log(1 - p))


def test_uncertain_queries_have_small_scores_and_top_queries_large_ones():
    one = learner()
    uncertain = [abs(q.score) for q in one.ask(10, "uncertain")]
    top = [q.score for q in one.ask(10, "top")]
    assert uncertain == sorted(uncertain)
    assert top == sorted(top, reverse=True)
    assert max(uncertain) < min(top)


def test_active_queries_come_from_all_micrographs_and_have_diverse_features():
    one = learner(micrographs=3)
    spread = one.ask(12, "active", np.random.default_rng(0))
    assert {q.micrograph for q in spread} == {0, 1, 2}
    plain = one.ask(12, "uncertain")

    def nearest(queries):
        rows = np.concatenate([one.micrographs[q.micrograph].at([(q.x, q.y)]) for q in queries])
        gaps = cdist(rows, rows) + np.diag(np.full(len(rows), np.inf))
        return gaps.min(axis=1).mean()

    assert nearest(spread) > nearest(plain)


def test_fewer_queries_are_returned_if_few_candidates_are_left():
    one = learner(micrographs=1)
    every = one.ask(10_000, "active")
    assert 0 < len(every) < 10_000
    for query in every:
        one.add(0, [(query.x, query.y)], [1])
    again = one.ask(10_000, "active")
    assert len(again) < len(every)


def test_the_window_offers_some_of_the_strategies():
    offered = [name for name, strategy in STRATEGIES.items() if strategy.in_window]
    assert offered[0] == "active"
    assert 1 < len(offered) < 5


def test_a_strategy_needs_no_learner():
    one = learner()
    one.add(0, [[100.0, 100.0], [200.0, 150.0]], [1, 0])
    one.skip(1, [[50.0, 60.0]])
    one.refit()
    context = QueryContext(
        micrographs=one.micrographs,
        score_maps=[one.score_map(0), one.score_map(1)],
        labelled=one.labels,
        skipped=one.skipped,
        head=one.head,
        posterior=one.posterior,
        rng=np.random.default_rng(1),
    )
    for name in STRATEGIES:
        asked = select_queries(replace(context, rng=np.random.default_rng(1)), 6, name)
        assert asked == one.ask(6, name, np.random.default_rng(1))


def test_unknown_strategy_is_named():
    with pytest.raises(SettingsError, match="guess"):
        learner().ask(10, "guess")
