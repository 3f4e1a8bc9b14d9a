"""Warnings of many files are given once for those that are alike, with their number."""

import threading
import warnings

import numpy as np
import pandas as pd
import pytest

from activepick.formats import (
    FORMATS,
    PickFolder,
    TableWarning,
    read_picks,
    read_table,
    write_folder,
    write_table,
)
from activepick.formats.table_warnings import CollectedWarnings, joined_warnings, warn_table

# No format but CSV can hold a column of this name.
STRANGE = "strange name"
FOLDER_FORMATS = [name for name in FORMATS if name not in ("csv", "cs")]


def picks(name: str, count: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(len(name))
    frame = pd.DataFrame(rng.uniform(20, 90, (count, 2)), columns=["x", "y"])
    return frame.assign(
        micrograph=name, score=0.5, box_width_px=9, box_height_px=9, **{STRANGE: "s"}
    )


def told(action) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        action()
    return [str(one.message) for one in caught if isinstance(one.message, TableWarning)]


@pytest.mark.parametrize("name", FOLDER_FORMATS)
def test_a_dropped_column_is_reported_once_for_a_folder(name, tmp_path):
    names = [f"m{k}.mrc" for k in range(7)]

    def one_by_one():
        folder = PickFolder(tmp_path / "single", name, names)
        for micrograph in names:
            folder.write(micrograph, picks(micrograph))
        folder.finish()

    def at_once():
        whole = pd.concat([picks(micrograph) for micrograph in names])
        write_folder(whole, tmp_path / "whole", name)

    for write in (one_by_one, at_once):
        [message] = [text for text in told(write) if "strange" in text]
        # STAR files of a folder are written together, so the folder is named instead of a file.
        several = "" if name == "star" else "(the same in 6 other files)"
        assert message.endswith(several)


def test_each_dropped_column_has_its_own_warning(tmp_path):
    folder = PickFolder(tmp_path, "coords", ["a", "b", "c"])

    def write():
        folder.write("a", picks("a")[["micrograph", "x", "y", "score"]])
        folder.write("b", picks("b")[["micrograph", "x", "y"]])
        folder.write("c", picks("c")[["micrograph", "x", "y", STRANGE]])
        folder.finish()

    first, second = told(write)
    assert "score" in first
    assert "strange" in second


def test_files_in_latin_1_are_reported_once(tmp_path):
    for k in range(5):
        (tmp_path / f"n{k}.csv").write_bytes(
            f"micrograph,x,y\ngr\xfc{k}.mrc,1,2\n".encode("latin-1")
        )
    [message] = told(lambda: read_picks(tmp_path))
    assert "latin-1" in message
    assert "(the same in 4 other files)" in message


def test_particles_named_after_their_stacks_are_reported_once(tmp_path):
    head = "data_\nloop_\n_rlnImageName\n_rlnCoordinateX\n_rlnCoordinateY\n"
    for k in range(4):
        (tmp_path / f"p{k}.star").write_text(f"{head}1@Extract/m{k}.mrcs 5 6\n")
    [message] = told(lambda: read_picks(tmp_path))
    assert "named after rlnImageName" in message
    assert "(the same in 3 other files)" in message


def test_files_in_the_list_of_a_job_are_reported_once(tmp_path):
    rows = ""
    for k in range(3):
        (tmp_path / f"m{k}_pick.star").write_text(
            "data_\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n5 6\n"
            "data_other\nloop_\n_rlnStrange\n1\n2\n"
        )
        rows += f"m{k}.mrc {tmp_path}/m{k}_pick.star\n"
    index = tmp_path / "manualpick.star"
    index.write_text(
        "data_coordinate_files\nloop_\n_rlnMicrographName\n_rlnMicrographCoordinates\n" + rows
    )
    [message] = told(lambda: read_table(index))
    assert "data_other" in message
    assert "(the same in 2 other files)" in message


def test_the_warning_for_one_file_does_not_mention_others(tmp_path):
    [message] = told(lambda: write_table(picks("a"), tmp_path / "a.coords"))
    assert "the same" not in message


def test_a_file_that_is_read_again_counts_once():
    collected = CollectedWarnings()
    for _ in range(3):
        with collected:
            warn_table("odd", file="a")
    [warning] = collected.joined()
    assert (str(warning), warning.more) == ("a: odd", 0)


def test_joined_warnings_can_be_joined_again():
    collected = CollectedWarnings()
    with collected:
        for place in "xy":
            with joined_warnings():
                for k in range(3):
                    warn_table(f"line {k}", file=f"{place}{k}", kind="line", option="--it")
    [warning] = collected.joined()
    assert str(warning) == "x0: line 0 (the same in 5 other files)"
    assert warning.option == "--it"


def test_warnings_of_other_threads_are_not_collected():
    found = []

    def warn_elsewhere():
        found.extend(told(lambda: warn_table("elsewhere")))

    collected = CollectedWarnings()
    with collected:
        thread = threading.Thread(target=warn_elsewhere)
        thread.start()
        thread.join()
    assert found == ["elsewhere"]
    assert not collected.joined()


def test_warnings_before_an_error_are_emitted():
    def fail():
        with joined_warnings():
            warn_table("half", file="a")
            raise ValueError

    def act():
        with pytest.raises(ValueError):  # noqa: PT011
            fail()

    assert told(act) == ["a: half"]


def test_a_warning_points_to_the_calling_code(tmp_path):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        write_table(picks("a"), tmp_path / "a.coords")
    assert caught[0].filename == __file__
