"""A session with two kinds of particles, on a simulated mixture, from labels to files."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial import cKDTree
from typer.testing import CliRunner

from activepick.cli.program import app
from activepick.formats import read_table
from activepick.learning.head_file import load_head
from activepick.session import Session, Settings
from activepick.simulate import SimulationSettings, simulate_dataset
from activepick.workspace.initial_head import labels_digest
from activepick.workspace.workspace import Workspace

NAMES = {1: "barrel", 2: "cage"}


@pytest.fixture(scope="module")
def mixture(tmp_path_factory):
    settings = SimulationSettings(shape=(640, 640), mixture=("cage",))
    return simulate_dataset(tmp_path_factory.mktemp("mixture"), 2, 5, settings)


@pytest.fixture
def session(tmp_path, mixture):
    settings = Settings(
        diameter_angstrom=mixture.diameter_angstrom,
        working_radius_px=10,
        working_radii_px=(10, 14),
    )
    with Session.create(tmp_path / "s", settings) as one:
        one.micrographs.add(mixture.micrographs)
        one.kinds.add("cage")
        one.kinds.change(1, name="barrel")
        yield one


def label_all(session, mixture, number=1):
    """Label the particles of a micrograph with their kinds, and positions without one."""
    truth = read_table(mixture.truth)
    own = truth[truth["micrograph"] == mixture.micrographs[number - 1].name]
    xy, kinds = own[["x", "y"]].to_numpy(), own["rlnClassNumber"].to_numpy(int)
    for kind in (1, 2):
        session.labels.add(number, xy[kinds == kind].tolist(), kind)
    empty = np.random.default_rng(0).uniform(30, 610, (400, 2))
    empty = empty[cKDTree(xy).query(empty)[0] > 60][: len(xy)]
    session.labels.add(number, empty.tolist(), 0)
    return xy, kinds


def test_two_kinds_are_labelled_picked_and_exported(
    session, mixture, make_engine, learning, tmp_path
):
    with Workspace(session, make_engine, learning) as workspace:
        workspace.open(1)
        assert set(workspace.predictor.picks(1)["rlnClassNumber"]) == {0}
        xy, kinds = label_all(session, mixture)
        assert not workspace.trainer.up_to_date
        head = workspace.trainer.refit()
        assert head.kinds.name_of == NAMES

        # All labelled particles are picks of their kinds, regardless of the head.
        table = workspace.predictor.picks(1)
        gap, nearest = cKDTree(table[["x", "y"]].to_numpy()).query(xy)
        assert (gap <= 40).all()
        distinct = np.unique(nearest, return_counts=True)[1].max() == 1
        if distinct:
            assert table["rlnClassNumber"].to_numpy()[nearest].tolist() == kinds.tolist()
        assert set(table["class"]) == set(NAMES.values())

        # The head distinguishes the kinds on a micrograph without labels.
        workspace.predictor.predict_all()
        picks = workspace.predictor.known_picks()
        truth = read_table(mixture.truth)
        own = truth[truth["micrograph"] == mixture.micrographs[1].name]
        there = picks[picks["micrograph"] == mixture.micrographs[1].name]
        gap, at = cKDTree(own[["x", "y"]].to_numpy()).query(there[["x", "y"]].to_numpy())
        hit = gap < 37  # a particle radius
        right = own["rlnClassNumber"].to_numpy()[at] == there["rlnClassNumber"].to_numpy()
        assert hit.sum() > 5
        assert right[hit].mean() > 0.6

        counts = workspace.predictor.kind_counts()
        assert counts == picks["rlnClassNumber"].value_counts().to_dict()
        assert sum(counts.values()) == sum(workspace.predictor.counts().values())

        # A threshold of one kind does not change the picks of the other.
        session.kinds.change(2, threshold=0.95)
        fewer = workspace.predictor.known_picks()["rlnClassNumber"].value_counts().to_dict()
        assert fewer[1] == counts[1]
        assert fewer[2] <= counts[2]
        assert workspace.predictor.kind_counts() == fewer
        session.kinds.change(2, threshold=None)

        questions = workspace.questioner.suggest(12, [2])
        assert {q.suggestion for q in questions} & {1, 2}
        session.kinds.change(2, name="proteasome")
        saved = workspace.trainer.save_head(tmp_path / "head.safetensors")
        workspace.predictor.flush()
    assert load_head(saved).kinds.name_of == {1: "barrel", 2: "proteasome"}

    # Stored peaks have kinds, and so has a session that uses the head.
    with Workspace(session, make_engine, learning) as workspace:
        stored = workspace.predictor.known_picks()
        expected = picks.replace({"class": {"cage": "proteasome"}})
        pd.testing.assert_frame_equal(stored, expected)
    other = Session.create(tmp_path / "other", Settings(diameter_angstrom=150))
    with other, Workspace(other, make_engine, learning) as workspace:
        other.micrographs.add(mixture.micrographs)
        workspace.trainer.use_head(saved)
        assert other.state.settings.kind_names == {1: "barrel", 2: "proteasome"}
        workspace.open(2)
        assert set(workspace.predictor.picks(2)["class"]) == {"barrel", "proteasome"}

    # The command line picks the same, and compares by kind.
    out, model = tmp_path / "cli.star", ["--model", "resnet16_u32", "--precision", "float32"]
    command = ["pick", str(mixture.micrographs[1]), "--diameter", str(mixture.diameter_angstrom)]
    arguments = [*command, "--head", str(saved), *model, "--device", "cpu", "--out", str(out)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    written = read_table(out)
    assert len(written) == len(there)
    assert written["rlnClassNumber"].value_counts().to_dict() == (
        there["rlnClassNumber"].value_counts().to_dict()
    )
    known = tmp_path / "truth.csv"
    own.assign(micrograph=written["micrograph"].iloc[0]).to_csv(known, index=False)
    judged = ["evaluate", "--picks", str(out), "--truth", str(known), "--radius", "37"]
    done = CliRunner().invoke(app, [*judged, "--kinds", "rlnClassNumber"])
    assert done.exit_code == 0, done.output
    assert done.stdout.count("AP90") == 3


def test_a_head_with_kinds_is_not_used_after_the_other_kind_is_removed(session):
    session.labels.add(1, [(100, 100)], 1)
    before = labels_digest(session.state)
    session.kinds.change(1, name="complex")
    assert labels_digest(session.state) == before
    session.kinds.remove(2)
    assert labels_digest(session.state) != before
