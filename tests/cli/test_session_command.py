"""`activepick session`: labels and picks in and out, without a window."""

import json
from pathlib import Path

import mrcfile
import numpy as np
import pandas as pd
import pytest
from invoked import invoke

from activepick.formats import read_folder, read_table, write_table
from activepick.scoremap import Peaks
from activepick.session import Session, Settings
from activepick.session.model.state import EMPTY
from activepick.workspace.peak_store import PeakStore
from activepick.workspace.peaks import MicrographPeaks

NAMES = ["a.mrc", "b.mrc", "c.mrc"]


def run(*arguments, fails: str | None = None):
    return invoke("session", *arguments, fails=fails)


@pytest.fixture
def folder(tmp_path) -> Path:
    """A session of three micrographs, labelled; the first two are picked."""
    for k, name in enumerate(NAMES):
        with mrcfile.new(tmp_path / name) as file:
            pixels = np.random.default_rng(k).normal(size=(200, 300))
            file.set_data(pixels.astype(np.float32))
            file.voxel_size = 2.0
    with Session.create(tmp_path / "s", Settings(diameter_angstrom=40)) as session:
        session.micrographs.add([tmp_path / name for name in NAMES])
        session.labels.add(1, [(50, 60), (250, 20)], 1)
        session.labels.add(1, [(100, 110)], 0)
        store = PeakStore(session.folder / "peaks")
        for number in (1, 2):
            found = Peaks(
                xy=np.array([[150.0, 100], [100, 110], [51, 60], [200, 150]], np.float32),
                score=np.array([3.0, 2.0, 1.0, -1.0], np.float32),
                contrast=np.ones(4, np.float32),
                radius_px=10.0,
                shape=(200, 300),
            )
            peaks = MicrographPeaks(number, found, uncertainty=0.5, head="h")
            store.put(session.state.micrographs[number], peaks, on_disk=True)
        return session.folder


def test_session_info_prints_the_contents(folder):
    facts = json.loads(run("info", folder, "--json").stdout)
    assert facts["micrographs"] == 3
    assert (facts["particles"], facts["others"]) == (2, 1)
    assert facts["picks"] == 3 + 3
    assert facts["micrographs_without_picks"] == 1
    assert facts["settings"]["diameter_angstrom"] == 40
    text = run("info", folder).stdout
    assert "particles" in text
    assert "from the files" in text


def test_labels_of_all_kinds_and_empty_positions_are_counted(folder):
    with Session.open(folder) as session:
        session.labels.add(2, [(30, 40)], EMPTY)
        session.kinds.add("proteasome")
        session.labels.add(2, [(130, 40)], 2)
    facts = json.loads(run("info", folder, "--json").stdout)
    assert (facts["particles"], facts["others"]) == (3, 2)


def test_exported_picks_respect_the_labels(folder, tmp_path):
    done = run("export", folder, "--out", tmp_path / "picks.star")
    assert "1 micrograph was never picked (such as c.mrc)" in done.stderr
    table = read_table(tmp_path / "picks.star")
    first = table[table["micrograph"] == "a.mrc"][["x", "y"]].to_numpy().tolist()
    assert sorted(first) == [[51, 60], [150, 100], [250, 20]]
    second = table[table["micrograph"] == "b.mrc"]["x"].tolist()
    assert second == [150, 100, 51]
    run("export", folder, "--out", tmp_path / "boxes", "--to", "box", "--box-size", 30)
    assert len(read_folder(tmp_path / "boxes")) == 6


def test_exported_labels_can_be_imported(folder, tmp_path):
    run("export", folder, "--labels", "--out", tmp_path / "labels.csv")
    labels = read_table(tmp_path / "labels.csv")
    assert labels["label"].tolist() == [1, 1, 0]
    assert "existed already" in run("import", folder, tmp_path / "labels.csv").stdout
    done = run("export", folder, "--labels", "--out", tmp_path / "particles.star")
    assert "only CSV" in done.stderr
    assert len(read_table(tmp_path / "particles.star")) == 2


def test_picks_of_other_programs_are_imported_as_labels_by_micrograph_name(folder, tmp_path):
    theirs = pd.DataFrame(
        {"micrograph": "x/003512089177620345522_b.mrc", "x": [30.0, 90], "y": 9.0}
    )
    write_table(theirs, tmp_path / "theirs.star")
    assert "2 labels were added" in run("import", folder, tmp_path / "theirs.star").stdout
    with Session.open(folder, read_only=True) as session:
        assert [label.x for label in session.state.labels_of(2)] == [30, 90]


def test_picks_of_other_programs_are_imported_as_suggestions(folder, tmp_path):
    theirs = pd.DataFrame({"micrograph": ["b", "q"], "x": [30.0, 9], "y": 9.0})
    write_table(theirs, tmp_path / "theirs.csv")
    done = run("import", folder, tmp_path / "theirs.csv", "--curate")
    assert "1 suggestions" in done.stdout
    assert "q" in done.stderr
    with Session.open(folder) as session:
        (question,) = session.state.questions
        assert (question.micrograph, question.x, question.suggestion) == (2, 30, 1)
        assert len(session.state.labels) == 3
        session.questions.accept_suggestions()
        assert len(session.state.labels) == 4
    write_table(theirs[1:], tmp_path / "other.csv")
    run("import", folder, tmp_path / "other.csv", "--curate", fails="none of its micrographs")


def test_exact_names_for_relion(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("micrographs_ctf.star").write_text(
        "data_micrographs\n\nloop_\n_rlnMicrographName\n"
        + "".join(f"MotionCorr/job002/Movies/{name}\n" for name in NAMES)
    )
    run("export", folder, "--out", "AutoPick/job009", "--micrographs", "micrographs_ctf.star")
    table = read_folder("AutoPick/job009")
    assert set(table["micrograph"]) == {f"MotionCorr/job002/Movies/{n}" for n in NAMES[:2]}
    assert Path("AutoPick/job009/Movies/a_autopick.star").is_file()


def test_a_path_that_is_not_a_session_is_reported(tmp_path):
    run("info", tmp_path / "nothing", fails="nothing")
    run("export", tmp_path, "--out", tmp_path / "o.csv", fails=tmp_path.name)


def test_a_damaged_session_is_repaired(folder):
    journal = folder / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:-1], b"x\n", lines[-1]]))
    run("info", folder, fails="activepick session repair")
    assert "damaged" in run("repair", folder).stderr
    assert json.loads(run("info", folder, "--json").stdout)["particles"] == 2
