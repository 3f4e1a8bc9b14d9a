import mrcfile
import numpy as np
import pandas as pd
import pytest

from activepick.errors import MicrographError, TableError
from activepick.formats import TableWarning, read_table, write_table
from activepick.micrograph.discovery import find_micrographs
from activepick.session import Session, Settings
from activepick.session.new_session import new_session_of

CTF = """# version 30001
data_optics
loop_
_rlnOpticsGroup #1
_rlnMicrographPixelSize #2
1 {size}

data_micrographs
loop_
_rlnMicrographName #1
_rlnOpticsGroup #2
_rlnDefocusU #3
_rlnDefocusV #4
MotionCorr/m0.mrc 1 10000 11000
MotionCorr/m1.mrc 1 nan 11000
{more}"""


def image(path, pixel_size=2.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    with mrcfile.new(path) as file:
        file.set_data(np.random.default_rng(0).normal(size=(300, 400)).astype(np.float32))
        file.voxel_size = pixel_size
    return path


@pytest.fixture
def project(tmp_path):
    for k in range(2):
        image(tmp_path / "project" / "MotionCorr" / f"m{k}.mrc")
    return tmp_path / "project"


@pytest.fixture
def session(tmp_path):
    with Session.create(tmp_path / "s", Settings(diameter_angstrom=80)) as one:  # radius 20 px
        yield one


def star(project, size="1.5", more=""):
    path = project / "CtfFind" / "job003" / "micrographs_ctf.star"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(CTF.format(size=size, more=more))
    return path


def test_a_list_of_relion_gives_files_defocus_and_pixel_size(session, project):
    found = new_session_of([star(project)], project)
    assert session.micrographs.add(found.files, found.defocus_angstrom) == [1, 2]
    assert found.pixel_size_angstrom == 1.5
    entries = session.state.micrographs
    assert [entry.name for entry in entries.values()] == ["m0.mrc", "m1.mrc"]
    assert entries[1].defocus_angstrom == 10500
    assert entries[2].defocus_angstrom is None
    assert session.micrographs.path(1) == project / "MotionCorr" / "m0.mrc"


def test_missing_files_of_a_list_are_named(project):
    found = find_micrographs([star(project, more="MotionCorr/gone.mrc 1 9000 9000\n")])
    assert list(found.missing) == ["MotionCorr/gone.mrc"]
    assert [each.path.name for each in found.found] == ["m0.mrc", "m1.mrc"]


def test_lists_of_older_versions_and_without_a_pixel_size_are_read(project):
    path = project / "all.star"
    path.write_text(
        "data_\nloop_\n_rlnMicrographName #1\n_rlnMagnification #2\n_rlnDetectorPixelSize #3\n"
        "MotionCorr/m0.mrc 50000 7\nMotionCorr/m0.mrc 50000 7\n"
    )
    found = new_session_of([path], project)
    assert found.pixel_size_angstrom == pytest.approx(1.4)
    assert found.files == (project / "MotionCorr" / "m0.mrc",)
    path.write_text("data_\nloop_\n_rlnMicrographName #1\nMotionCorr/m1.mrc\n")
    assert new_session_of([path], project).pixel_size_angstrom is None
    path.write_text("data_\nloop_\n_rlnCoordinateX #1\n5\n")
    with pytest.raises(TableError, match="not a list of micrographs"):
        new_session_of([path], project)


@pytest.fixture
def filled(session, project):
    session.micrographs.add(sorted((project / "MotionCorr").iterdir()))
    return session


def table(*rows):
    return pd.DataFrame(rows, columns=["micrograph", "x", "y", "label"])


def test_labels_are_added_and_nothing_is_merged_silently(filled):
    [old] = filled.labels.add(1, [(100, 100)], 1)
    report = filled.labels.import_table(
        table(
            ("MotionCorr/m0.mrc", 93, 100, 1),  # exists already
            ("MotionCorr/m0.mrc", 100, 108, 0),  # contradicts the label
            ("MotionCorr/m0.mrc", 200, 200, 0),
            ("MotionCorr/m0.mrc", 201, 200, 0),  # twice in the table
            ("m1", 100, 100, 1),
            ("m1", 150, 100, 1),  # contradicts the next row
            ("m1", 155, 100, 0),
            ("m1", 250, 100, np.nan),
            ("elsewhere.mrc", 5, 5, 1),
        )
    )
    labels = filled.state.labels
    assert [(m.micrograph, m.x, m.target) for m in labels.values()] == [
        (1, 100, 1),
        (1, 200, 0),
        (2, 100, 1),
    ]
    assert all(labels[i].source == "import" for i in report.added)
    assert report.duplicates == 2
    assert [(c.x, c.label) for c in report.conflicts] == [(100, old), (150, None), (155, None)]
    assert report.unmatched == {"elsewhere.mrc": 1}
    assert report.open == 1
    assert report.replaced == []
    for part in (
        "2 labels were added",
        "2 existed already",
        "3 were not added",
        "1 belongs to a micrograph",
        "1 has no label",
    ):
        assert part in str(report)
    filled.undo()
    assert list(filled.state.labels) == [old]


def test_rows_replace_labels_on_request_in_one_action(filled):
    ids = filled.labels.add(1, [(100, 100), (300, 100)], 1)
    rows = table(("m0", 100, 104, 0), ("m0", 300, 104, 0), ("m0", 302, 98, 1))
    report = filled.labels.import_table(rows, conflicts="replace")
    # The second and the third row contradict each other, so the existing label is kept.
    assert report.replaced == ids[:1]
    assert {(m.x, m.y, m.target) for m in filled.state.labels.values()} == {
        (300, 100, 1),
        (100, 104, 0),
    }
    filled.undo()
    assert list(filled.state.labels) == ids


def test_imported_labels_keep_their_weights(filled, tmp_path):
    rows = table(("m0", 100, 100, 1), ("m0", 200, 100, 0), ("m1", 50, 60, 0))
    write_table(rows.assign(label_weight=[0.25, np.nan, 1.0]), tmp_path / "labels.csv", "csv")
    filled.labels.import_table(read_table(tmp_path / "labels.csv"))
    assert [m.weight for m in filled.state.labels.values()] == [0.25, 1.0, 1.0]
    written = filled.labels.table()
    assert written["label_weight"].tolist() == [0.25, 1.0, 1.0]
    for wrong in (0, 1.5, "much"):
        with pytest.raises(TableError, match=f"label_weight is {wrong}"):
            filled.labels.import_table(rows.assign(label_weight=wrong))


def test_names_that_no_file_has_can_be_assigned(filled):
    rows = table(("grid5", 10, 10, 1))
    assert filled.labels.import_table(rows).added == []
    assert len(filled.labels.import_table(rows, names={"grid5": 2}).added) == 1
    assert [m.micrograph for m in filled.state.labels.values()] == [2]


def test_a_table_without_labels_contains_particles(filled, tmp_path):
    write_table(pd.DataFrame({"micrograph": ["m0"], "x": [5], "y": [6]}), tmp_path / "a.star")
    filled.labels.import_table(read_table(tmp_path / "a.star"))
    assert [m.target for m in filled.state.labels.values()] == [1]


@pytest.mark.parametrize("outside", [(-0.6, 9), (9, -3), (401, 10), (10, 300.5)])
def test_rows_outside_of_their_micrograph_are_left_out_and_counted(filled, outside):
    rows = table(("m0", *outside, 1), ("m0", 9, 9, 1), ("m1", 7, 7, 0), ("elsewhere", 9e4, 9, 1))
    with pytest.warns(TableWarning, match=r"a\.star: 1 of 4 positions lies outside"):
        report = filled.labels.import_table(rows, source="a.star")
    assert [(m.micrograph, m.x, m.y) for m in filled.state.labels.values()] == [
        (1, 9, 9),
        (2, 7, 7),
    ]
    assert report.unmatched == {"elsewhere": 1}


def test_tables_that_do_not_fit_the_session_are_refused(filled, session, tmp_path):
    with pytest.raises(TableError, match="outside of"):
        filled.labels.import_table(table(("m0", 401, 10, 1)))
    with pytest.raises(TableError, match=r"a\.star: 1 of 2 .* outside of"):
        filled.labels.import_table(
            table(("m0", 401, 10, 1), ("m0", 1, 1, 1)), source="a.star", outside="error"
        )
    with pytest.raises(TableError, match="no column y"):
        filled.labels.import_table(pd.DataFrame({"micrograph": ["m0"], "x": [1]}))
    session.micrographs.add([image(tmp_path / "none.mrc", 0)])
    with pytest.raises(MicrographError, match="pixel size"):
        filled.labels.import_table(table(("none", 1, 1, 1)))
    assert filled.state.labels == {}
