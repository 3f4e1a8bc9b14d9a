from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from activepick.benchmark.curves import COLUMNS, Dataset, learned_head, learning_curve
from activepick.benchmark.methods import METHODS
from activepick.benchmark.oracle import Oracle, learn, review_patch
from activepick.benchmark.report import summary, write_curves
from activepick.cli.benchmark import run_methods
from activepick.errors import SettingsError
from activepick.features.backbone import load_backbone
from activepick.features.cache import FeatureCache
from activepick.features.engine import FeatureEngine
from activepick.features.extractor import Extractor
from activepick.formats import read_table
from activepick.learning.initial_head import starting_head
from activepick.learning.learner import Learner
from activepick.learning.patches import Patch
from activepick.learning.settings import LearnerSettings
from activepick.learning.strategies.registry import STRATEGIES, Query
from activepick.micrograph import Micrograph
from activepick.simulate import SimulationSettings, simulate_dataset


def test_the_oracle_answers_by_distance_and_skips_in_between():
    oracle = Oracle([np.array([[100.0, 100.0]]), np.empty((0, 2))], [20.0, 20.0])

    def at(distance, micrograph=0):
        return oracle.answer(Query(micrograph, 100 + distance, 100, 0.0))

    assert [at(0), at(10), at(10.1), at(20), at(20.1)] == [1, 1, None, None, 0]
    assert at(0, micrograph=1) == 0


def test_an_oracle_answers_wrongly_with_the_given_probability():
    rng = np.random.default_rng(2)
    truth = [np.array([[100.0, 100.0]])]
    places = [Query(0, *place, 0.0) for place in rng.uniform(60, 140, (4000, 2)).tolist()]
    right = [Oracle(truth, [20.0]).answer(place) for place in places]
    oracles = [Oracle(truth, [20.0], 0.1, seed) for seed in (1, 1, 2)]
    one, again, other = [[oracle.answer(place) for place in places] for oracle in oracles]
    assert one == again != other
    assert [a is None for a in one] == [a is None for a in right]
    pairs = [(a, b) for a, b in zip(one, right, strict=True) if b is not None]
    for answer in (0.0, 1.0):
        wrong = np.mean([a != b for a, b in pairs if b == answer])
        assert 0.07 < wrong < 0.13
    with pytest.raises(SettingsError, match="0 to 1"):
        Oracle(truth, [20.0], 1.5)


def test_an_oracle_corrects_the_picks_of_a_patch():
    truth = np.array([[100.0, 100.0], [160.0, 100.0], [100.0, 190.0], [300.0, 100.0]])
    # Right, beside a centre that is right, beside one that is not, wrong, and outside.
    picks = np.array([[105.0, 100.0], [100, 115], [160, 115], [160, 160], [400, 100]], float)
    patch = Patch(0, 50.0, 50.0, 210.0, 210.0)
    oracle = Oracle([truth, np.empty((0, 2))], [20.0, 20.0])
    found = oracle.correct(patch, picks)
    assert found.removed.tolist() == [False, True, True, True, False]
    assert found.added.tolist() == [[160.0, 100.0], [100.0, 190.0]]
    assert found.clicks == 4  # moving a pick is one
    low = oracle.correct(patch, picks, lambda xy: xy[:, 1] > 120)
    assert low.removed.tolist() == [False, False, False, True, False]
    assert low.added.tolist() == [[100.0, 190.0]]
    empty = oracle.correct(Patch(1, 50.0, 50.0, 210.0, 210.0), picks)
    assert empty.removed.tolist() == [True, True, True, True, False]
    assert (empty.added.shape, empty.clicks) == ((0, 2), 4)
    wrong = Oracle([truth], [20.0], wrong_answers=1.0).correct(patch, picks)
    assert wrong.removed.tolist() == [True, False, False, False, False]
    assert (wrong.added.shape, wrong.clicks) == ((0, 2), 1)


def test_wrong_answers_change_the_curves(data):
    def curve(share):
        return list(
            learning_curve("active", METHODS["active"], data, 0, [20], 10, lambda t: None, share)
        )

    assert curve(0.0)[-1]["ap"] != curve(0.3)[-1]["ap"]
    assert curve(0.3)[-1]["labels"] == 20


def dataset(folder, count, shape):
    """Simulated micrographs, half of them to learn from."""
    simulated = simulate_dataset(folder / "mics", count, 0, SimulationSettings(shape=shape))
    truth = read_table(simulated.truth)
    micrographs = [Micrograph(path) for path in simulated.micrographs]
    engine = FeatureEngine(
        Extractor(load_backbone(), device="cpu"),
        simulated.diameter_angstrom,
        cache=FeatureCache(folder / "cache"),
    )
    centres = [truth.loc[truth.micrograph == m.name, ["x", "y"]].to_numpy() for m in micrographs]
    return Dataset(micrographs, centres, engine, train=count // 2)


def learner_of(data):
    head = starting_head(data.engine, data.micrographs[:2])
    radii = head.spec.working_radii
    return Learner([data.engine.features(file, radii) for file in data.micrographs[:2]], head)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return dataset(tmp_path_factory.mktemp("simulated"), 4, (700, 640))


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """For features of every pixel, which take sixteen times as long."""
    return dataset(tmp_path_factory.mktemp("small"), 2, (420, 400))


def test_learning_from_the_oracle_is_better_than_the_pretrained_detector(data, tmp_path):
    rows = pd.DataFrame(
        [
            row
            for name in ("topaz", "active", "supervised")
            for row in learning_curve(name, METHODS[name], data, 0, [10, 40], 10)
        ]
    )
    assert list(rows.columns) == COLUMNS
    ap = rows.set_index(["method", "labels"])["ap"]
    assert ap["topaz", 0] == ap["topaz", 40] == ap["active", 0]
    assert ap["active", 40] > ap["topaz", 40] + 0.03
    assert rows.loc[rows.method == "supervised", "ap"].item() > ap["topaz", 0]
    table, plot = write_curves(rows, tmp_path)
    assert np.allclose(pd.read_csv(table)["ap"], rows["ap"], atol=1e-5)
    assert plot.read_bytes().startswith(b"\x89PNG")
    mean = summary(pd.concat([rows, rows.assign(seed=1, ap=rows["ap"] + 0.1)]))
    assert np.allclose(mean["spread"], 0.05)
    assert set(mean["seeds"]) == {2}


def test_patches_are_compared_by_clicks(data):
    rows = list(learning_curve("patch", METHODS["patch"], data, 0, [10, 20, 40], 10))
    assert [row["clicks"] for row in rows] == [0, 10, 20, 40]
    assert rows[-1]["ap"] > rows[0]["ap"] + 0.03
    assert rows[-1]["labels"] > 40  # correct picks are labelled without a click
    learner = learner_of(data)
    oracle = Oracle(data.truth[:2], [part.radius_px for part in learner.micrographs])
    assert review_patch(learner, oracle, most=1) == 0  # a patch is reviewed completely
    assert not sum(map(len, learner.labels))
    clicks = review_patch(learner, oracle, most=1000)
    assert review_patch(learner_of(data), oracle, most=clicks - 1) == 0
    assert len(learner.targets[0]) + len(learner.targets[1]) >= clicks - 1


def test_curves_and_the_final_head_are_reproducible(data):
    runs = [list(learning_curve("active", METHODS["active"], data, 1, [10], 5)) for _ in range(2)]
    assert [row["ap"] for row in runs[0]] == [row["ap"] for row in runs[1]]
    head = learned_head(METHODS["active"], data, 1, 10, 5)
    assert head.particles == runs[0][-1]["positives"]
    assert head.particles + head.others == 10


def test_each_seed_trains_on_other_micrographs_and_evaluates_on_the_rest(data):
    splits = [data.split(seed) for seed in range(2)]
    assert splits == [([0, 1], [2, 3]), ([2, 3], [0, 1])]


def test_a_progress_step_can_cancel_a_run(data):
    def cancel(text):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(learning_curve("active", METHODS["active"], data, 0, [10], 10, cancel))


@pytest.mark.parametrize("train", [0, 4, 9])
def test_impossible_splits_are_refused(data, train):
    with pytest.raises(SettingsError, match="at least one"):
        Dataset(data.micrographs, data.truth, data.engine, train)


def test_the_published_method_uses_dense_features_at_its_own_scale(small):
    rows = list(learning_curve("paper", METHODS["paper"], small, 0, [10], 10))
    assert [row["labels"] for row in rows] == [0, 10]
    assert not rows[0]["ap"] > 0.1  # the head of zeros gives all positions the same score
    assert rows[1]["ap"] > 0.3


def test_the_published_method_at_the_chosen_scale_starts_from_the_pretrained_head(small):
    [before, after] = learning_curve("", METHODS["paper-scaled"], small, 0, [10], 10)
    [topaz, *_] = learning_curve("", replace(METHODS["topaz"], orientations=1), small, 0, [10], 10)
    assert before["ap"] == pytest.approx(topaz["ap"], abs=0.1)  # dense, but the same scores
    assert after["labels"] == 10
    assert after["ap"] > 0.3


def test_each_strategy_is_a_method_and_each_variant_names_a_strategy():
    for name in STRATEGIES:
        assert METHODS[name].strategy == name
        assert METHODS[name].summary == STRATEGIES[name].summary
        assert METHODS[name].settings == LearnerSettings()
    for method in METHODS.values():
        assert method.strategy is None or method.strategy in STRATEGIES


def test_rows_are_on_disk_after_each_run(data, tmp_path):
    with pytest.raises(KeyError, match="unknown"):
        run_methods(data, ["topaz", "random", "unknown"], [5], 5, 2, tmp_path)
    rows = pd.read_csv(tmp_path / "curve.csv")
    runs = rows.groupby(["method", "seed"], sort=False)["labels"].agg(list)
    done = [(name, seed) for name in ("topaz", "random") for seed in (0, 1)]
    assert dict(runs) == {key: [0, 5] for key in done}


def test_skips_are_counted_but_not_as_labels(data):
    rows = list(learning_curve("entropy", METHODS["entropy"], data, 0, [20, 40], 10))
    assert [row["labels"] for row in rows] == [0, 20, 40]
    skips = [row["skips"] for row in rows]
    assert skips[0] == 0 < skips[1] <= skips[2]


def test_particles_outside_their_image_do_not_stop_a_run(data):
    truth = [np.concatenate([xy, [[-20.0, 30.0]]]) for xy in data.truth]
    some = Dataset(data.micrographs, truth, data.engine, data.train)
    [row] = learning_curve("supervised", METHODS["supervised"], some, 0, [10], 10)
    assert row["positives"] == sum(len(xy) for xy in data.truth[:2])


def test_positions_near_the_border_are_not_asked_picked_or_counted(data):
    reach = 2 * data.micrographs[0].radius_px(data.engine.diameter_angstrom)
    height, width = data.micrographs[0].shape

    def inner(xy):
        return ((xy >= reach) & (xy <= [width - 1 - reach, height - 1 - reach])).all(axis=1)

    # A table without particles near the border, as some published ones.
    kept = [xy[inner(xy)] for xy in data.truth]
    assert sum(map(len, kept)) < sum(map(len, data.truth))
    results = {}
    for name, truth in (("all", data.truth), ("inner", kept)):
        for margin in (0.0, 2.0):
            some = replace(data, truth=truth, edge_margin=margin)
            [row, _] = learning_curve("topaz", METHODS["topaz"], some, 0, [10], 10)
            results[name, margin] = row["ap"]
    assert results["all", 2.0] == results["inner", 2.0]
    assert results["inner", 0.0] < results["inner", 2.0] - 0.05
    some = replace(data, edge_margin=2.0)
    [row] = learning_curve("supervised", METHODS["supervised"], some, 0, [10], 10)
    assert row["positives"] == sum(map(len, kept[:2]))

    learner = learner_of(data)
    oracle = Oracle(data.truth[:2], [part.radius_px for part in learner.micrographs])
    assert learn(learner, oracle, 40, "random", np.random.default_rng(0), edge_margin=2.0) == 40
    assert all(inner(xy).all() for xy in (*learner.labels, *learner.skipped))
    with pytest.raises(SettingsError, match="--edge-margin -1"):
        replace(data, edge_margin=-1.0)


def test_a_run_ends_when_the_stopping_rule_is_met(data, monkeypatch):
    def run(stop):
        return list(learning_curve("random", METHODS["random"], data, 0, [30], 5, stop=stop))

    monkeypatch.setattr("activepick.learning.stopping.LITTLE", 2.0)  # any change is below the limit
    first, last = run(stop=True)
    assert (first["changed"], first["settled"]) == (None, False)
    # The first round cannot be compared; two more meet the rule.
    assert (last["labels"], last["settled"]) == (15, True)
    assert 0 < last["changed"] < 1
    assert [row["labels"] for row in run(stop=False)] == [0, 30]
    monkeypatch.setattr("activepick.learning.stopping.LITTLE", 0.0)
    assert not run(stop=True)[-1]["settled"]
