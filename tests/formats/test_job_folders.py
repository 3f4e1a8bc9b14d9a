"""Folders of jobs of RELION and others: which files contain picks, and of which micrographs."""

import warnings
from pathlib import Path

import pandas as pd
import pytest

from activepick.errors import TableError
from activepick.formats import TableWarning, read_folder, read_table, write_folder

JOB_STAR = (
    "\n# version 30001\n\ndata_job\n\n_rlnJobTypeLabel   relion.manualpick\n_rlnJobIsContinue   0"
    "\n\n\n# version 30001\n\ndata_joboptions_values\n\nloop_ \n_rlnJobOptionVariable #1 \n"
    '_rlnJobOptionValue #2 \nangpix  -1 \nfn_in ""\n'
)
PIPELINE = "data_pipeline_general\n\n_rlnPipeLineJobCounter 3\n\ndata_pipeline_processes\n\nloop_\n"
PIPELINE += "_rlnPipeLineProcessName\nManualPick/job004/\n"
MICROGRAPHS = "data_optics\n\nloop_\n_rlnOpticsGroup\n1\n\ndata_micrographs\n\nloop_\n"
MICROGRAPHS += (
    "_rlnMicrographName\nMotionCorr/job002/Movies/m1.mrc\nMotionCorr/job002/Movies/m2.mrc\n"
)
SUMMARY = "data_\n\nloop_\n_rlnMicrographName\n_rlnGroupNumber\nMovies/m1.mrc 1\nMovies/m2.mrc 2\n"


def picks(x: float, *more: str) -> str:
    labels = "".join(f"_{label}\n" for label in ("rlnCoordinateX", "rlnCoordinateY", *more))
    values = " ".join(f"1@Extract/{x:g}.mrcs" if "Image" in m else "Movies/named.mrc" for m in more)
    return f"\n# version 30001\n\ndata_\n\nloop_\n{labels}{x} 20 {values}\n"


def list_of(job: str, suffix: str) -> str:
    rows = "".join(f"MotionCorr/job002/Movies/{m}.mrc {job}/Movies/{m}{suffix}\n" for m in NAMES)
    return (
        "\n# version 30001\n\ndata_coordinate_files # of all\n\nloop_ \n_rlnMicrographName #1 \n"
        f"_rlnMicrographCoordinates #2 \n{rows} \n"
    )


NAMES = ["m1", "m2"]


def job(project: Path, name: str, suffix: str, *labels: str, index: str = "") -> Path:
    """Make a job of RELION with two files of one pick, and the STAR files that lie beside them."""
    folder = project / name
    (folder / "Movies").mkdir(parents=True)
    for number, micrograph in enumerate(NAMES, 1):
        (folder / f"Movies/{micrograph}{suffix}").write_text(picks(number, *labels))
    texts = {"job.star": JOB_STAR, "job_pipeline.star": PIPELINE, "summary.star": SUMMARY}
    texts |= {"micrographs_selected.star": MICROGRAPHS, "RELION_OUTPUT_NODES.star": PIPELINE}
    if index:
        texts[index] = list_of(name, suffix)
    for file, text in texts.items():
        (folder / file).write_text(text)
    (folder / "note.txt").write_text(" ++++ Executing new job\n with the following command(s): \n")
    (folder / ".hidden.star").write_text("data_coordinate_files\n")
    (folder / ".trash").mkdir()
    (folder / ".trash/old.star").write_text(picks(9))
    return folder


@pytest.mark.parametrize(
    ("name", "suffix", "labels", "index"),
    [
        ("AutoPick/job006", "_autopick.star", (), "autopick.star"),
        ("ManualPick/job004", "_manualpick.star", (), "manualpick.star"),
        (
            "Extract/job019",
            "_extract.star",
            ("rlnMicrographName", "rlnImageName"),
            "extractpick.star",
        ),
        ("Import/job003", "_topazpicks.star", (), "coordinates.star"),
    ],
)
def test_a_job_is_read_by_its_list_whatever_the_name_of_the_list(
    tmp_path, name, suffix, labels, index
):
    folder = job(tmp_path, name, suffix, *labels, index=index)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = read_folder(folder)
        pd.testing.assert_frame_equal(table, read_table(folder / index))
    assert table["micrograph"].tolist() == [f"MotionCorr/job002/Movies/{m}.mrc" for m in NAMES]
    assert table["x"].tolist() == [1, 2]
    # A job that was copied out of its project.
    elsewhere = tmp_path / "elsewhere/job"
    elsewhere.parent.mkdir()
    folder.rename(elsewhere)
    pd.testing.assert_frame_equal(read_folder(elsewhere), table)


def test_a_job_without_its_list_is_read_by_its_file_names(tmp_path):
    folder = job(tmp_path, "AutoPick/job006", "_autopick.star")
    with pytest.warns(
        TableWarning, match=r"left out, since they are not tables of picks: note\.txt"
    ):
        table = read_folder(folder)
    assert table["micrograph"].tolist() == ["Movies/m1", "Movies/m2"]
    (folder / "note.txt").unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pd.testing.assert_frame_equal(read_folder(folder), table)
        (folder / "autopick.star").write_text(list_of("AutoPick/job006", "_autopick.star"))
        above = read_folder(folder.parent)
    assert above["micrograph"].tolist() == ["job006/Movies/m1", "job006/Movies/m2"]


def test_a_list_of_relion_3_is_read_without_its_micrographs(tmp_path):
    folder = job(tmp_path, "AutoPick/job006", "_autopick.star")
    (folder / "note.txt").unlink()
    (folder / "coords_suffix_autopick.star").write_text("CtfFind/job003/micrographs_ctf.star\n")
    with pytest.warns(TableWarning, match="named after the files of picks"):
        assert read_folder(folder)["micrograph"].tolist() == ["Movies/m1", "Movies/m2"]


def test_a_list_of_relion_3_is_refused_if_all_its_files_are_missing(tmp_path):
    folder = job(tmp_path, "AutoPick/job006", "_autopick.star")
    (tmp_path / "CtfFind/job003").mkdir(parents=True)
    names = "".join(f"Movies/{name}.mrc\n" for name in ("c", "d"))
    text = f"data_\n\nloop_\n_rlnMicrographName #1\n{names}"
    (tmp_path / "CtfFind/job003/micrographs_ctf.star").write_text(text)
    (folder / "coords_suffix_autopick.star").write_text("CtfFind/job003/micrographs_ctf.star\n")
    with pytest.raises(TableError, match=r"none of the 2 micrographs .*c_autopick\.star"):
        read_folder(folder)


@pytest.mark.parametrize("extension", ["star", "box"])
def test_picks_that_gautomatch_rejected_are_left_out(tmp_path, extension):
    rows = "10 20 30 30\n" if extension == "box" else picks(10)
    for kind in ("automatch", "nonunique", "rejected"):
        (tmp_path / f"m1_{kind}.{extension}").write_text(rows)
    (tmp_path / f"m2_rejected.{extension}").write_text(rows)  # a micrograph of that name
    with pytest.warns(TableWarning, match=rf"m1_nonunique\.{extension}, m1_rejected"):
        assert read_folder(tmp_path)["micrograph"].tolist() == ["m1", "m2_rejected"]


def test_the_particles_of_an_extraction_are_read_once(tmp_path):
    folder = job(tmp_path, "Extract/job019", "_extract.star", "rlnMicrographName", "rlnImageName")
    (folder / "note.txt").unlink()
    whole = folder / "particles.star"
    whole.write_text(
        picks(5, "rlnMicrographName", "rlnImageName").replace("data_", "data_particles")
    )
    assert read_folder(folder)["x"].tolist() == [5]
    whole.unlink()
    assert read_folder(folder)["x"].tolist() == [1, 2]


def test_several_lists_or_iterations_are_refused_without_a_choice(tmp_path):
    folder = job(tmp_path, "AutoPick/job006", "_autopick.star", index="autopick.star")
    (folder / "again.star").write_text(list_of("AutoPick/job006", "_autopick.star"))
    with pytest.raises(TableError, match=r"several lists .* again\.star, autopick\.star"):
        read_folder(folder)
    rounds = tmp_path / "Class2D/job010"
    rounds.mkdir(parents=True)
    (rounds / "run_it025_model.star").write_text(PIPELINE)
    for number in ("000", "025"):
        (rounds / f"run_it{number}_data.star").write_text(picks(7, "rlnMicrographName"))
    with pytest.raises(TableError, match=r"run_it025_data\.star, the last one"):
        read_folder(rounds)
    (rounds / "run_it000_data.star").unlink()
    assert read_folder(rounds)["x"].tolist() == [7]


def test_missing_files_of_a_list_are_left_out_and_counted(tmp_path):
    folder = job(tmp_path, "AutoPick/job006", "_autopick.star", index="autopick.star")
    (folder / "Movies/m1_autopick.star").unlink()
    with pytest.warns(TableWarning, match=r"line 9: .*m1_autopick\.star .* 1 of 2 files left"):
        assert read_folder(folder)["x"].tolist() == [2]
    (folder / "Movies/m2_autopick.star").unlink()
    with pytest.raises(TableError, match=r"m1_autopick\.star .* keep the folders"):
        read_folder(folder)


def test_star_files_without_positions_are_named_or_refused(tmp_path):
    (tmp_path / "classes.star").write_text("data_classes\n\nloop_\n_rlnReferenceImage\n1@a.mrcs\n")
    (tmp_path / "job.star").write_text(JOB_STAR)
    with pytest.raises(TableError, match="no STAR file with positions"):
        read_folder(tmp_path)
    (tmp_path / "a.star").write_text(picks(3))
    with pytest.warns(TableWarning, match=r"without positions: classes\.star"):
        assert read_folder(tmp_path)["micrograph"].tolist() == ["a"]
    (tmp_path / "b.star").write_text("data_\n\nloop_\n_rlnCoor")
    with pytest.raises(TableError, match=r"b\.star"):
        read_folder(tmp_path)


def test_boxes_beside_files_of_other_formats_are_read(tmp_path):
    (tmp_path / "a.box").write_text("10\t20\t30\t30\n")
    (tmp_path / "curve.csv").write_text("loss,epoch\n1,2\n")
    (tmp_path / "settings.json").write_text('{"threshold": 0.3}')
    (tmp_path / "README.txt").write_text("Picked with care.\n")
    with pytest.warns(TableWarning, match=r"README\.txt, curve\.csv, settings\.json"):
        assert read_folder(tmp_path)["micrograph"].tolist() == ["a"]


PICKS = pd.DataFrame(
    {"micrograph": ["x/a.mrc", "y/a.mrc", "y/b.mrc"], "x": [1.0, 2, 3], "y": 4.0, "score": 0.5}
)


@pytest.mark.parametrize("name", ["topaz", "star"])
def test_equal_names_in_two_folders_are_two_micrographs(tmp_path, name):
    write_folder(PICKS, tmp_path / "out", name, ending=".star" if name == "star" else None)
    if name == "topaz":
        with pytest.warns(TableWarning, match="1 micrograph has the same name in several folders"):
            back = read_folder(tmp_path / "out")
        assert back["micrograph"].tolist() == ["x/a", "y/a", "b"]
    else:
        back = read_folder(tmp_path / "out")
        assert back["micrograph"].tolist() == ["x/a", "y/a", "y/b"]
    assert back["x"].tolist() == [1, 2, 3]


def test_names_in_star_files_of_two_folders_are_distinguished_and_paths_kept(tmp_path):
    for place in "xy":
        (tmp_path / place).mkdir()
        text = picks(1, "rlnMicrographName")
        (tmp_path / place / "1.star").write_text(text.replace("Movies/named", "a"))
        (tmp_path / place / "2.star").write_text(text)
    (tmp_path / "3.star").write_text(picks(1, "rlnMicrographName").replace("Movies/named", "a"))
    with pytest.warns(TableWarning, match="put in front"):
        names = read_folder(tmp_path)["micrograph"].tolist()
    assert sorted(names) == ["Movies/named.mrc", "Movies/named.mrc", "a.mrc", "x/a.mrc", "y/a.mrc"]
