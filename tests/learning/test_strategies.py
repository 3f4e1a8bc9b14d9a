import numpy as np
import pytest
from scipy.spatial.distance import cdist
from test_queries import learner

from activepick.learning.strategies.kmeans_plus_plus import kmeans_plus_plus


def rows_at(one, queries):
    return np.concatenate([one.micrographs[q.micrograph].at([(q.x, q.y)]) for q in queries])


def answer(one, queries):
    for query in queries:
        one.add(query.micrograph, [(query.x, query.y)], [float(query.score > 0)])


def test_kmeans_plus_plus_covers_separate_groups():
    rng = np.random.default_rng(0)
    centres = 100 * np.eye(5)
    rows = np.repeat(centres, 30, axis=0) + rng.standard_normal((150, 5))
    chosen = kmeans_plus_plus(rows, np.ones(150), 5, rng)
    assert set(chosen // 30) == set(range(5))
    assert len(kmeans_plus_plus(rows[:3], np.ones(3), 9, rng)) == 3
    assert len(set(kmeans_plus_plus(np.zeros((6, 2)), np.zeros(6), 6, rng))) == 6


def test_badge_queries_are_uncertain_and_diverse():
    one = learner(micrographs=3)
    badge, plain = (one.ask(12, s, np.random.default_rng(0)) for s in ("badge", "uncertain"))

    def nearest(queries):
        rows = rows_at(one, queries)
        return (cdist(rows, rows) + np.diag(np.full(len(rows), np.inf))).min(axis=1).mean()

    assert nearest(badge) > nearest(plain)
    every = one.ask(10_000, "top")
    assert np.mean([abs(q.score) for q in badge]) < np.mean([abs(q.score) for q in every])


def test_typical_queries_have_closer_neighbours_than_others():
    one = learner(micrographs=2)
    every = rows_at(one, one.ask(10_000, "top"))

    def closeness(queries):
        return np.sort(cdist(rows_at(one, queries), every), axis=1)[:, 1:21].mean()

    typical = closeness(one.ask(8, "typical", np.random.default_rng(0)))
    assert typical < closeness(one.ask(10_000, "top"))


def test_typical_first_continues_with_uncertain_queries():
    one = learner()
    first = one.ask(10, "typical-first", np.random.default_rng(0))
    assert first == one.ask(10, "typical", np.random.default_rng(0))
    answer(one, first)
    second = one.ask(10, "typical-first", np.random.default_rng(0))
    assert second == one.ask(10, "active", np.random.default_rng(0))


def test_range_queries_sample_the_scores_evenly():
    one = learner(micrographs=3)
    scores = np.array([q.score for q in one.ask(10_000, "top")])
    likely = scores[scores > np.log(0.1 / 0.9)]
    drawn = [q.score for q in one.ask(10, "range", np.random.default_rng(1))]
    strata = np.array_split(likely, 10)
    for score, stratum in zip(drawn, strata, strict=True):
        reach = 1e-9 + np.ptp(likely) / 10
        assert stratum.min() - reach <= score <= stratum.max() + reach
    assert drawn == sorted(drawn, reverse=True)


@pytest.mark.parametrize("batch", [1, 5, 10])
def test_every_fifth_mixed_query_is_over_the_range_of_scores(batch):
    one, rng = learner(micrographs=3), np.random.default_rng(0)
    unsure = sorted(abs(q.score) for q in one.ask(10_000, "top"))
    far = 0
    for _ in range(40 // batch):
        queries = one.ask(batch, "mixed", rng)
        assert len(queries) == batch
        assert len({(q.micrograph, q.x, q.y) for q in queries}) == batch
        far += sum(abs(q.score) > unsure[len(unsure) // 2] for q in queries)
        for query in queries:
            one.skip(query.micrograph, (query.x, query.y))
    assert 2 <= far <= 16
