import csv
import json
import os
import shutil
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import starfile
from blobs import write_micrograph

from activepick.batch import merging
from activepick.batch.outcome import Outcome
from activepick.batch.output import make_output
from activepick.batch.record import RunRecord
from activepick.batch.run import BatchRun
from activepick.batch.watching import find_whole, watch
from activepick.errors import ActivepickError, TableError
from activepick.features.feature_spec import FeatureSpec
from activepick.formats import FORMATS, TableWarning, read_table
from activepick.learning.head import Head
from activepick.learning.head_file import load_head
from activepick.micrograph.discovery import find_micrographs

HEAD = Head(
    np.ones((1, 64)), 0.5, FeatureSpec("resnet8_u32", "0" * 16, (5.0,), 4, "affine", 1), 100.0
)


def outputs(out):
    return {path.name: path.stat().st_mtime_ns for path in sorted(out.rglob("m*_autopick.star"))}


def test_a_second_run_picks_only_new_or_changed_micrographs(pick, folder, tmp_path):
    out = tmp_path / "job"
    assert pick(folder, "--out", out)["kept"] == 0
    first = outputs(out)
    assert len(first) == 4
    assert pick(folder, "--out", out)["kept"] == 4
    assert outputs(out) == first
    write_micrograph(folder / "m1.mrc", 11)
    write_micrograph(folder / "m9.mrc", 9)
    next(out.rglob("m3_autopick.star")).unlink()
    said = pick(folder, "--out", out)
    assert said["kept"] == 2
    assert len(said["micrographs"]) == 5
    second = outputs(out)
    assert {name for name in first if second[name] == first[name]} == {
        "m0_autopick.star",
        "m2_autopick.star",
    }
    assert len(read_table(out / "autopick.star")) == said["picks"] > 10


def test_files_of_missing_micrographs_are_reported_and_removed_on_request(pick, folder, tmp_path):
    boxes = tmp_path / "boxes"
    pick(folder, "--out", boxes, "--format", "box")
    (boxes / "mine.box").write_text("1\t2\t3\t3\n")
    (folder / "m1.mrc").rename(tmp_path / "m1.mrc")
    with pytest.warns(TableWarning, match=r"1 file of an earlier run remains .* \(m1\.box\) "):
        assert pick(folder, "--out", boxes, "--format", "box")["kept"] == 3
    assert (boxes / "m1.box").is_file()
    with pytest.warns(TableWarning, match=r"1 other file was in the folder already \(mine\.box\)"):
        pick(folder, "--out", boxes, "--format", "box", "--overwrite")
    names = ["m0.box", "m2.box", "m3.box", "mine.box"]
    assert sorted(path.name for path in boxes.glob("*.box")) == names
    (tmp_path / "m1.mrc").rename(folder / "m1.mrc")
    assert pick(folder, "--out", boxes, "--format", "box")["kept"] == 3
    assert (boxes / "m1.box").is_file()


def test_other_settings_pick_all_micrographs_again_and_are_recorded(pick, folder, tmp_path):
    out = tmp_path / "p.csv"
    everything = pick(folder, "--out", out)
    assert pick(folder, "--out", out, "--edge-margin", 2)["kept"] == 0
    assert pick(folder, "--out", out, "--edge-margin", 2)["kept"] == 4
    assert pick(folder, "--out", out, "--edge-margin", 2, "--fresh")["kept"] == 0
    assert len(read_table(out)) < everything["picks"]
    settings = json.loads((tmp_path / "p.csv.run" / "settings.json").read_text())
    assert settings["request"]["edge_margin"] == 2
    assert settings["precision"] == "float32"


def test_folder_list_and_star_give_the_same_picks_and_keep_names(pick, folder, tmp_path):
    (tmp_path / "list.txt").write_text("# mine\n" + "".join(f"mics/m{k}.mrc\n" for k in range(4)))
    rows = "".join(f"mics/m{k}.mrc 1\n" for k in range(4))
    (tmp_path / "micrographs.star").write_text(
        f"data_micrographs\n\nloop_\n_rlnMicrographName #1\n_rlnOpticsGroup #2\n{rows}"
    )
    tables = []
    for named in (folder.relative_to(tmp_path), "list.txt", "micrographs.star"):
        pick(named, "--out", "p.csv", "--fresh")
        tables.append((tmp_path / "p.csv").read_bytes())
    assert tables[0] == tables[1] == tables[2]
    assert set(read_table(tmp_path / "p.csv")["micrograph"]) == {f"mics/m{k}.mrc" for k in range(4)}


def test_picks_have_the_optics_groups_of_the_list(pick, folder, tmp_path):
    optics = (
        "data_optics\n\nloop_\n_rlnOpticsGroupName #1\n_rlnOpticsGroup #2\n"
        "_rlnMicrographPixelSize #3\n_rlnVoltage #4\n"
    )
    (tmp_path / "one.star").write_text(
        f"{optics}day1 1 4.0 300\nday2 2 3.2 200\n\n"
        "data_micrographs\n\nloop_\n_rlnMicrographName #1\n_rlnOpticsGroup #2\n"
        "mics/m0.mrc 1\nmics/m1.mrc 2\n"
    )
    (tmp_path / "two.star").write_text(
        f"{optics}day1 1 4.0 300\nday3 2 4.4 300\n\n"
        "data_micrographs\n\nloop_\n_rlnMicrographName #1\n_rlnOpticsGroup #2\n"
        "mics/m2.mrc 2\n"
    )
    said = pick("one.star", "two.star", "mics/m3.mrc", "--out", "p.star")
    blocks = starfile.read(tmp_path / "p.star")
    groups = blocks["optics"].set_index("rlnOpticsGroup")
    assert groups["rlnOpticsGroupName"].to_dict() == {
        1: "day1", 2: "day2", 3: "day3", 4: "opticsGroup4",
    }  # fmt: skip
    assert groups["rlnMicrographPixelSize"].tolist() == [4.0, 3.2, 4.4, 4.0]
    assert groups["rlnVoltage"].tolist()[:3] == [300, 200, 300]
    rows = blocks["particles"]
    assert len(rows) == said["picks"]
    of = rows.groupby("rlnMicrographName")["rlnOpticsGroup"].unique().map(list).to_dict()
    assert of == {f"mics/m{k}.mrc": [k + 1] for k in range(4)}
    entries = (tmp_path / "p.star.run" / "picked.jsonl").read_text().splitlines()
    sizes = [json.loads(line)["pixel_size_angstrom"] for line in entries]
    assert sizes == [4.0, 3.2, 4.4, 4.0]
    # The same micrographs with another given pixel size, which is used.
    pick("one.star", "--out", "q.star", "--pixel-size", 5)
    assert starfile.read(tmp_path / "q.star")["optics"]["rlnMicrographPixelSize"].tolist() == [5, 5]


def test_failures_are_reported_with_reasons_and_retried(pick, folder, tmp_path):
    whole = (folder / "m2.mrc").read_bytes()
    (folder / "m2.mrc").write_bytes(whole[:3000])
    (tmp_path / "list.txt").write_text("mics/m0.mrc\nmics/m2.mrc\nmics/gone.mrc\n")
    said = pick("list.txt", "--out", "p.star", status=2)
    report = tmp_path / "p.star.run" / "failed.csv"
    rows = dict(list(csv.reader(report.open()))[1:])
    assert set(rows) == set(said["failed"]) == {"mics/m2.mrc", "mics/gone.mrc"}
    assert "truncated" in rows["mics/m2.mrc"]
    assert "does not exist" in rows["mics/gone.mrc"]
    assert set(read_table(tmp_path / "p.star")["micrograph"]) == {"mics/m0.mrc"}
    (folder / "m2.mrc").write_bytes(whole)
    shutil.copy(folder / "m3.mrc", folder / "gone.mrc")
    assert pick("list.txt", "--out", "p.star")["kept"] == 1
    assert not report.exists()


def test_an_interrupted_run_keeps_its_picks_and_can_be_resumed(pick, folder, tmp_path):
    whole = pick(folder, "--out", "p.csv")
    table = read_table(tmp_path / "p.csv")
    # The record of the run above is the start of this one, which is interrupted after two.
    sources = find_micrographs([Path("mics")])
    record = RunRecord(tmp_path / "p.csv.run", {})
    record.start(load_head(tmp_path / "p.csv.run" / "head.safetensors"), {})
    parts = tmp_path / "p.csv.run" / "parts"
    output = make_output(Path("p.csv"), None, 60, {"version": "5", "exposures": None}, parts)

    def picked(todo):
        for index, source in enumerate(todo):
            own = table[table["micrograph"].str.endswith(source.path.name)]
            key = source.micrograph().content_key()
            yield Outcome(index, own[["x", "y", "score"]].to_numpy(), key, 4.0)

    def interrupt(source, outcome):
        if outcome.index == 1:
            raise KeyboardInterrupt

    run = BatchRun(output, record, picked)
    with pytest.raises(KeyboardInterrupt):
        run.run(sources, run.todo(sources.found), interrupt)
    assert set(read_table(tmp_path / "p.csv")["micrograph"]) == {"mics/m0.mrc", "mics/m1.mrc"}
    again = RunRecord(tmp_path / "p.csv.run", {})
    run = BatchRun(output, again, picked)
    todo = run.todo(sources.found)
    assert [source.name for source in todo] == ["mics/m2.mrc", "mics/m3.mrc"]
    summary = run.run(sources, todo, lambda source, outcome: None)
    assert sum(summary.picks.values()) == whole["picks"]


def test_a_micrograph_with_an_incomplete_line_in_the_record_is_picked_again(pick, folder, tmp_path):
    pick(folder, "--out", "p.csv")
    whole = (tmp_path / "p.csv").read_bytes()
    lines = tmp_path / "p.csv.run" / "picked.jsonl"
    lines.write_bytes(lines.read_bytes()[:-20])
    assert pick(folder, "--out", "p.csv")["kept"] == 3
    assert pick(folder, "--out", "p.csv")["kept"] == 4
    assert (tmp_path / "p.csv").read_bytes() == whole


def test_watching_picks_complete_files_only(pick, folder, tmp_path):
    last = (folder / "m3.mrc").read_bytes()
    (folder / "m3.mrc").unlink()

    def microscope():
        time.sleep(0.5)
        with (folder / "late.mrc").open("wb") as file:
            for start in range(0, len(last), 8000):
                file.write(last[start : start + 8000])
                file.flush()
                time.sleep(0.1)

    writing = threading.Thread(target=microscope)
    writing.start()
    said = pick(folder, "--out", "p.csv", "--watch", "--every", 0.2, "--stop-after", 2)
    writing.join()
    assert said["failed"] == {}
    assert {os.path.basename(name) for name in said["micrographs"]} == {
        "m0.mrc", "m1.mrc", "m2.mrc", "late.mrc",
    }  # fmt: skip
    assert read_table(tmp_path / "p.csv")["micrograph"].nunique() == 4


def test_two_micrographs_with_the_same_output_file_are_refused_before_picking(pick, folder):
    (folder / "x").mkdir()
    shutil.copy(folder / "m1.mrc", folder / "M0.mrc")
    with pytest.raises(TableError, match="both be written"):
        pick(folder, "--out", "job", "--format", "csv")


@pytest.mark.parametrize("name", ["star", "csv", "topaz"])
def test_merging_in_pieces_equals_merging_at_once(tmp_path, name):
    tables = [
        pd.DataFrame({"micrograph": f"m{k}.mrc", "x": [1.0, k], "y": 2.5, "score": [k / 3, -1]})
        for k in range(9)
    ]
    tables.insert(0, tables[0].iloc[:0])
    format = FORMATS[name]
    for rows in (1, 5, 1000):
        merging.write_merged(iter(tables), tmp_path / str(rows), format, {}, rows)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "5").read_bytes()
    assert (tmp_path / "1").read_bytes() == (tmp_path / "1000").read_bytes()
    merging.write_merged(iter(tables[:1]), tmp_path / "none", format, {})
    with pytest.raises(ActivepickError):
        merging.write_merged(iter([]), tmp_path / "none", format, {})


@pytest.mark.posix("has file names that are any bytes")
@pytest.mark.parametrize("out", ["p.csv", "p.star", "job"])
def test_a_name_that_no_table_can_contain_leaves_out_one_micrograph(pick, folder, tmp_path, out):
    bad = [b"m\xff.mrc", b"m\n9.mrc", b'm"7.mrc']
    for name in bad:
        shutil.copy(folder / "m0.mrc", os.fsencode(folder) + b"/" + name)
    for kept in (0, 4):
        said = pick(folder, "--out", tmp_path / out, status=2)
        assert said["kept"] == kept
        assert len(said["micrographs"]) == 4
    failed = (tmp_path / f"{out}.run" / "failed.csv").read_text()
    assert failed.count("rename it") == len(bad)
    assert "not valid UTF-8" in failed
    assert "line end" in failed


def picked_without_network(todo):
    for index, found in enumerate(todo):
        try:
            found.micrograph().read()
        except ActivepickError as error:
            yield Outcome(index, failure=str(error))
            continue
        yield Outcome(index, np.array([[5.0, 6, 1]]), found.micrograph().content_key(), 4.0)


@pytest.fixture(params=["job", "p.csv"])
def rerun(request, tmp_path):
    """Run a whole run over what a path means, without a network: its summary."""

    def run(path):
        out = request.param
        record = RunRecord(tmp_path / f"{out}.run", {})
        output = make_output(
            tmp_path / out, None, 60.0, {"version": "5", "exposures": None}, record.parts
        )
        batch = BatchRun(output, record, picked_without_network)
        micrographs = find_micrographs([path])
        todo = batch.todo(micrographs.found)
        record.start(HEAD, {})
        return batch.run(micrographs, todo, lambda *_: None)

    run.out = request.param
    return run


def test_picks_of_a_micrograph_that_was_damaged_later_are_removed(tmp_path, folder, rerun):
    out = rerun.out
    assert len(rerun(folder).picks) == 4
    if out == "job":
        (next(tmp_path.rglob("m2_autopick.star"))).write_text("edited by hand")
    for name in ("m1.mrc", "m2.mrc"):
        (folder / name).write_bytes(b"garbage" * 1000)
    said = rerun(folder)
    assert len(said.picks) == said.kept == 2
    left = {path.name for path in tmp_path.rglob("m?_autopick.star")}
    expected = {"m0_autopick.star", "m2_autopick.star", "m3_autopick.star"}
    assert left == (expected if out == "job" else set())
    if out == "p.csv":
        assert len(list((tmp_path / "p.csv.run" / "parts").iterdir())) == 2


def picks_of(tmp_path, out):
    if out == "p.csv":
        return {Path(name).name for name in read_table(tmp_path / out)["micrograph"]}
    return {f"{path.name[:2]}.mrc" for path in tmp_path.rglob("m?_autopick.star")}


def test_picks_of_a_listed_micrograph_that_was_deleted_are_removed(tmp_path, folder, rerun):
    listed = tmp_path / "list.txt"
    listed.write_text("".join(f"mics/m{k}.mrc\n" for k in range(4)))
    rerun(listed)
    (folder / "m3.mrc").unlink()
    said = rerun(listed)
    assert list(said.failed) == ["mics/m3.mrc"]
    assert picks_of(tmp_path, rerun.out) == {"m0.mrc", "m1.mrc", "m2.mrc"}
    write_micrograph(folder / "m3.mrc", 3)
    assert len(rerun(listed).picks) == 4


def test_watching_waits_for_an_incomplete_list(tmp_path, folder):
    path = tmp_path / "micrographs.star"
    whole = "data_micrographs\n\nloop_\n_rlnMicrographName #1\n_rlnOpticsGroup #2\n"
    whole += "".join(f"mics/m{k}.mrc 1\n" for k in range(4))
    within_the_last_name = whole.index("m3.mrc") + 3
    cuts = iter([0, 40, len(whole), within_the_last_name, 10, len(whole), len(whole)])
    said = []

    def find():
        path.write_text(whole[: next(cuts, len(whole))])
        return find_micrographs([path], may_be_empty=True)

    assert len(find_whole(find, said.append, every=0.01).found) == 4
    rounds = list(watch(find, said.append, every=0.01, stop_after=0.05))
    assert {found.name for seen in rounds for found in seen.found} == {
        f"mics/m{k}.mrc" for k in range(4)
    }
    assert not any(seen.missing for seen in rounds)
    assert len(said) >= 2
    assert all("waiting for the whole list" in sentence for sentence in said)


def test_watching_ends_if_a_list_stays_damaged(tmp_path):
    path = tmp_path / "micrographs.star"
    path.write_text("no list")
    with pytest.raises(TableError, match="no data_ block"):
        find_whole(partial(find_micrographs, [path]), print, every=0.01, give_up_after=0.05)
