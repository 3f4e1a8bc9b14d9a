"""Files in the variants of many programs are read correctly, or refused with a clear message."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import starfile
from described_cs import make_cs

from activepick.errors import TableError
from activepick.formats import TableWarning, read_exposures, read_folder, read_table, write_table
from activepick.formats.boxes import BOX_COLUMNS

FIXTURES = Path(__file__).parent / "fixtures"


def save(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def cs_of(path: Path, rows: int = 3, **fields) -> Path:
    """Write a dataset of cryoSPARC; two underscores in a name stand for a slash."""
    columns = {name.replace("__", "/"): np.asarray(values) for name, values in fields.items()}
    array = np.zeros(rows, [(name, v.dtype, v.shape[1:]) for name, v in columns.items()])
    for name, values in columns.items():
        array[name] = values
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=False)
    return path


def locations(paths: list[bytes], **more) -> dict:
    n = len(paths)
    return {
        "uid": np.arange(1, n + 1, dtype=np.uint64),
        "location__micrograph_path": np.array(paths),
        "location__micrograph_uid": np.arange(11, n + 11, dtype=np.uint64),
        "location__micrograph_shape": np.array([[3710, 3838]] * n, np.uint32),
        "location__center_x_frac": np.full(n, 0.5, np.float32),
        "location__center_y_frac": np.full(n, 0.25, np.float32),
        **more,
    }


# CSV -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        "micrograph,x,y\na,1,2\n# in between\nb,3,4\n",
        "micrograph,x,y # in pixels\na,1,2 # sure, or not\nb,3,4\n",
        '# first\n"micrograph","x","y"\n"a",1,2\n#c,9,9\n"b",3,4\n',
        "micrograph;x;y\na;1,0;2\n# d;9;9\nb;3;4\n",
        "image_name\tx_coord\ty_coord\na\t1\t2\n#\nb\t3\t4\n",
    ],
)
def test_comments_are_not_rows(tmp_path, content):
    table = read_table(save(tmp_path, "m.csv", content))
    assert table[["micrograph", "x", "y"]].to_numpy().tolist() == [["a", 1, 2], ["b", 3, 4]]


@pytest.mark.parametrize(
    "content",
    [
        "X-Coordinate,Y-Coordinate,Class,Diameter\n100.5,20,1,120\n3,4,1,120\n",  # CryoPPP
        "index,axis-0,axis-1\n0.0,20,100.5\n1.0,4,3\n",  # napari's points
        "axis-0,axis-1,axis-2\n0,20,100.5\n0,4,3\n",  # of a stack with one image
        "sep=;\r\nx;y\r\n100,5;20\r\n3;4\r\n",  # Excel, with decimal commas
        "SEP=,\nx,y\n100.5,20\n3,4\n",
        "x,y\r\n100.5,20\r\n3,4\r\n,\r\n,\r\n",  # Excel, with rows that were emptied
        "x\ty\n100.5\t20\n3\t4\n".encode("utf-16"),  # Excel's Unicode text
        "# of Monday\n# checked\nx,y\n100.5,20\n3,4\n",
        "# x,y\n100.5,20\n3,4\n",  # numpy.savetxt
        "#,x,y\n1,100.5,20\n2,3,4\n",
        "x (px),y (px)\n100.5,20\n3,4\n",
        "X [pixels],Y [pixels]\n100.5,20\n3,4\n",
        "x_px\ty_px\n100.5\t20\n3\t4\n",
        "Position X,Position Y\n100.5,20\n3,4\n",
        " X , Y \n 100.5, 20\n 3, 4\n",
        '"x","y"\n"100.5","20"\n"3","4"\n',
        "x,y,slice\n100.5,20,1\n3,4,1\n",
        "\ufeffx,y\n100.5,20\n3,4\n",
    ],
)  # fmt: skip
def test_a_table_without_names_belongs_to_the_micrograph_of_its_file_name(tmp_path, content):
    path = save(tmp_path, "mic_1.csv", content)
    for table in (read_table(path), read_folder(tmp_path, "csv")):
        assert table["micrograph"].tolist() == ["mic_1"] * 2
        assert table[["x", "y"]].to_numpy().tolist() == [[100.5, 20], [3, 4]]
    assert read_table(path).attrs["micrograph_from_file_name"] is True


def test_files_of_any_extension_are_recognised_by_their_header(tmp_path):
    assert read_table(save(tmp_path, "a.dat", "x,y\n1,2\n"))["x"].tolist() == [1]
    # napari opens its points itself.
    with pytest.raises(TableError, match="do not show the format"):
        read_table(save(tmp_path, "b.dat", "index,axis-0,axis-1\n0,1,2\n"))


def test_folders_of_tables_without_names_name_micrographs_after_files(tmp_path):
    for name in ("m1", "m2"):
        save(tmp_path, f"{name}.csv", f"X-Coordinate,Y-Coordinate\n{name[1]},2\n")
    table = read_folder(tmp_path, "csv")
    assert table["micrograph"].tolist() == ["m1", "m2"]
    assert table["x"].tolist() == [1, 2]


@pytest.mark.parametrize(
    "column",
    ["Micrographs Filename", "mic_name", "Micrograph_path", "file path", "taken from"],
)
def test_a_column_of_file_names_names_the_micrographs(tmp_path, column):
    path = save(tmp_path, "all.csv", f"{column},x,y,Diameter\na.mrc,1,2,9\nm/b.mrc,3,4,9\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TableWarning)
        assert read_table(path)["micrograph"].tolist() == ["a.mrc", "m/b.mrc"]


def test_a_column_that_may_contain_names_is_refused_rather_than_ignored(tmp_path):
    path = save(tmp_path, "all.csv", "my_mic_no,x,y\nfirst,1,2\nsecond,3,4\n")
    with pytest.raises(TableError, match="my_mic_no varies"):
        read_table(path)


def test_image_columns_name_micrographs_if_there_are_no_other_names(tmp_path):
    rows = "000001@Extract/a.mrcs,1,2\n000002@Extract/a.mrcs,3,4\n000001@Extract/b.mrcs,5,6\n"
    path = save(tmp_path, "p.csv", f"rlnImageName,rlnCoordinateX,rlnCoordinateY\n{rows}")
    with pytest.warns(TableWarning, match="named after rlnImageName"):
        table = read_table(path)
    assert table["micrograph"].tolist() == ["Extract/a.mrcs"] * 2 + ["Extract/b.mrcs"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("x,y,slice\n1,2,1\n3,4,2\n", "slice varies"),
        ("axis-0,axis-1,axis-2\n0,2,3\n1,4,5\n", "axis-0 varies"),
        ("x,y,micrograph_id\n1,2,7\n3,4,8\n", "micrograph_id varies"),
        # Columns in other units are not used.
        ("x (Å),y (Å)\n1,2\n", r"no column for micrograph and x and y \(found: x \(Å\)"),
        ("x_nm,y_nm\n1,2\n", "no column for"),
        ("micrograph,x_angstrom,y_angstrom\na,1,2\n", "no column for x and y"),
        ("index,shape-type,vertex-index,axis-0,axis-1\n0,rectangle,0,1,2\n", "corners of napari"),
    ],
)
def test_tables_of_several_images_or_in_other_units_are_refused(tmp_path, content, message):
    with pytest.raises(TableError, match=message):
        read_table(save(tmp_path, "a.csv", content))


def test_lost_optics_groups_are_reported(tmp_path):
    table = pd.DataFrame({"micrograph": ["a"], "x": [1.0], "y": [2.0], "rlnOpticsGroup": [1]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_table(table, tmp_path / "plain.csv")
        table.attrs["optics"] = [{"rlnOpticsGroup": 1, "rlnOpticsGroupName": "opticsGroup1"}]
        write_table(table, tmp_path / "plain.csv")
    table.attrs["optics"] = [{"rlnOpticsGroup": 1, "rlnVoltage": 300.0}]
    for name in ("a.csv", "a.txt", "a.coords"):
        with pytest.warns(TableWarning, match=r"cannot store optics groups \(rlnVoltage\)"):
            write_table(table, tmp_path / name)


# EMAN ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.box", "a.coords"])
def test_comments_after_numbers_are_ignored(tmp_path, name):
    sides = "" if name == "a.coords" else " 0 0"
    path = save(tmp_path, name, f"# mine\n90 190{sides} # good\n7 8{sides}\n")
    assert read_table(path)[["x", "y"]].to_numpy().tolist() == [[90, 190], [7, 8]]


def test_numbers_with_commas_are_not_a_heading(tmp_path):
    with pytest.raises(TableError, match="line 1: 1 value; a line of coordinates is x and y"):
        read_table(save(tmp_path, "a.coords", "10,20\n"))
    assert len(read_table(save(tmp_path, "a.coords", "x y\n10 20\n"))) == 1


def test_boxes_may_have_scores_classes_and_further_columns(tmp_path):
    table = read_table(save(tmp_path, "a.box", "90 190 20 20 0.75 2 9.5\n0 0 20 20 0.5 1 8.5\n"))
    assert table[["x", "y"]].to_numpy().tolist() == [[100, 200], [10, 10]]
    assert table["score"].tolist() == [0.75, 0.5]
    assert table["rlnClassNumber"].tolist() == [2, 1]
    assert table["box_7"].tolist() == [9.5, 8.5]


@pytest.mark.parametrize("fifth", ["-3", "-3.0"])
def test_marks_of_eman_are_not_scores(tmp_path, fifth):
    table = read_table(save(tmp_path, "a.box", f"90 190 20 20 {fifth}\n0 0 20 20 {fifth}\n"))
    assert "score" not in table
    table = read_table(save(tmp_path, "a.box", f"90 190 20 20 {fifth}\n0 0 20 20 0.5\n"))
    assert table["score"].isna().tolist() == [True, False]


def test_log_odds_of_minus_one_are_scores(tmp_path):
    table = read_table(save(tmp_path, "a.box", "90 190 20 20 -1\n0 0 20 20 0.5\n9 9 20 20 -2\n"))
    assert table["score"].tolist() == [-1, 0.5, -2]


def test_a_box_without_a_size_has_its_centre_in_the_corner(tmp_path):
    table = read_table(save(tmp_path, "a.box", "100 200 0 0\n7 8 0 0\n"))
    assert table[["x", "y"]].to_numpy().tolist() == [[100, 200], [7, 8]]
    assert not set(BOX_COLUMNS) & set(table.columns)
    with pytest.raises(TableError, match="give a box size"):
        write_table(table, tmp_path / "b.box")
    table = read_table(save(tmp_path, "a.box", "100 200 0 0\n90 190 20 20\n"))
    assert table["x"].tolist() == [100, 100]
    assert table["box_width_px"].isna().tolist() == [True, False]


def test_boxes_of_a_tilted_pair_are_read(tmp_path):
    boxes = '"boxes_rct": [[10, 20, "manual"], [30, 40, "manual"]]'
    table = read_table(save(tmp_path, "a_info.json", f"{{{boxes}}}"))
    assert table["x"].tolist() == [10, 30]
    both = save(tmp_path, "b_info.json", f'{{"boxes": [[1, 2, "manual"]], {boxes}}}')
    with pytest.warns(TableWarning, match="boxes_rct"):
        assert read_table(both)["x"].tolist() == [1]


# Xmipp -----------------------------------------------------------------------------------------

XMD = "# XMIPP_STAR_1 *\n#\n"


def test_metadata_of_particles_name_their_micrographs(tmp_path):
    rows = "Runs/a.mrc 1 2\nRuns/b.mrc 3 4\n"
    named = f"{XMD}data_noname\nloop_\n _micrograph\n _xcoor\n _ycoor\n{rows}"
    assert read_table(save(tmp_path, "p.xmd", named))["micrograph"].tolist() == [
        "Runs/a.mrc",
        "Runs/b.mrc",
    ]
    images = named.replace("_micrograph", "_image").replace("Runs", "1@Runs")
    with pytest.warns(TableWarning, match="named after image"):
        table = read_table(save(tmp_path, "q.xmd", images))
    assert table["micrograph"].tolist() == ["Runs/a.mrc", "Runs/b.mrc"]


def test_blocks_of_one_micrograph_each_have_its_name(tmp_path):
    block = "data_{}\nloop_\n _xcoor\n _ycoor\n 1 2\n"
    table = read_table(save(tmp_path, "p.xmd", XMD + block.format("mic_1") + block.format("mic_2")))
    assert table["micrograph"].tolist() == ["mic_1", "mic_2"]
    # Manual and automatic picks of one micrograph.
    both = XMD + block.format("particles") + block.format("particles_auto")
    assert read_table(save(tmp_path, "m.pos", both))["micrograph"].tolist() == ["m", "m"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("_image\n _id\n a 1\n", "images without positions"),
        ("_micrograph\n a\n", "micrographs"),
    ],
)
def test_metadata_without_positions_are_described(tmp_path, columns, message):
    with pytest.raises(TableError, match=message):
        read_table(save(tmp_path, "p.xmd", f"{XMD}data_\nloop_\n {columns}"), "xmipp")


# cryoSPARC -------------------------------------------------------------------------------------


def test_the_arrow_in_paths_of_exported_jobs_is_removed(tmp_path):
    paths = [b">J1/a.mrc", b"J1/b.mrc"]
    fields = locations(paths, blob__path=np.array([b">J2/x.mrc", b">J2/y.mrc"]))
    path = cs_of(tmp_path / "p.cs", 2, **fields)
    table = read_table(path)
    assert table["micrograph"].tolist() == ["J1/a.mrc", "J1/b.mrc"]
    assert table["blob/path"].tolist() == ["J2/x.mrc", "J2/y.mrc"]
    for name in ("p.csv", "p.star", "q.cs"):
        write_table(table, tmp_path / name)
        assert b">J" not in (tmp_path / name).read_bytes()


def test_the_folder_of_a_job_is_read_without_exposures_and_particle_images(tmp_path):
    picks = locations([b"J1/a.mrc", b"J1/b.mrc", b"J1/b.mrc"])
    cs_of(tmp_path / "picked_particles.cs", **picks)
    blobs = {"uid": picks["uid"], "micrograph_blob__path": picks["location__micrograph_path"]}
    cs_of(tmp_path / "picked_micrographs.cs", **blobs)
    cs_of(tmp_path / "P_selected.cs", uid=picks["uid"], blob__path=np.array([b"J1/a.mrcs"] * 3))
    with pytest.warns(TableWarning, match=r"without positions: P_selected\.cs, picked_micrographs"):
        assert len(read_folder(tmp_path)) == 3
    cs_of(tmp_path / "picked_excluded.cs", **{**picks, "uid": picks["uid"] + np.uint64(10)})
    with pytest.raises(TableError, match=r"J1/a\.mrc are in picked_excluded\.cs and in picked"):
        read_folder(tmp_path)
    for name in ("picked_particles.cs", "picked_excluded.cs"):
        (tmp_path / name).unlink()
    with pytest.raises(TableError, match="positions; these are in the passthrough file"):
        read_folder(tmp_path)


def test_exposures_of_exported_jobs_and_without_dose_weighting_are_read(tmp_path):
    for blob in ("micrograph_blob", "micrograph_blob_non_dw"):
        fields = {
            "uid": np.arange(2, dtype=np.uint64),
            f"{blob}__path": np.array([b">J1/a.mrc", b">J1/b.mrc"]),
            f"{blob}__shape": np.array([[30, 40]] * 2, np.uint32),
            f"{blob}__psize_A": np.array([1.5, 1.5], np.float32),
        }
        known = read_exposures(cs_of(tmp_path / "e.cs", 2, **fields))
        assert known.names == ("J1/a.mrc", "J1/b.mrc")
        assert known.shapes.tolist() == [[30, 40]] * 2
        assert known.pixel_sizes_angstrom.tolist() == [1.5, 1.5]
        with pytest.raises(TableError, match="exposures, not picks"):
            read_table(tmp_path / "e.cs")


def test_particles_without_positions_name_the_passthrough_file(tmp_path):
    uid = np.arange(3, dtype=np.uint64)
    fields = {"uid": uid, "blob__path": np.array([b"J9/a.mrc"] * 3), "alignments2D__class": uid}
    with pytest.raises(TableError, match=r"particles without their positions.*passthrough"):
        read_table(cs_of(tmp_path / "p.cs", **fields))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "run_data.star",
            "_rlnImageName\n_rlnClassNumber\n1@a.mrcs 1\n",
            "particle images without",
        ),
        ("classes.star", "_rlnReferenceImage\n_rlnClassDistribution\n1@a.mrcs 1\n", "classes"),
        ("micrographs.star", "_rlnMicrographName\na.mrc\n", "list of micrographs"),
        ("other.star", "_rlnVoltage\n300\n", "another kind of table"),
        ("p.csv", "rlnImageName,class\n1@a.mrcs,2\n", "particle images without positions"),
    ],
)
def test_tables_without_positions_are_described(tmp_path, name, content, message):
    text = content if name.endswith(".csv") else f"data_particles\n\nloop_\n{content}"
    with pytest.raises(TableError, match=message):
        read_table(save(tmp_path, name, text))


def test_exposure_groups_are_optics_groups_of_relion(tmp_path):
    paths = [b"J1/a.mrc", b"J1/b.mrc", b"J1/c.mrc"]
    more = {
        "location__exp_group_id": np.array([4, 7, 4], np.uint32),
        "location__micrograph_psize_A": np.array([1.06, 0.53, 1.06], np.float32),
        "ctf__accel_kv": np.array([300, 200, 300], np.float32),
    }
    table = read_table(cs_of(tmp_path / "p.cs", **locations(paths, **more)))
    write_table(table, tmp_path / "p.star")
    blocks = starfile.read(tmp_path / "p.star")
    assert blocks["particles"]["rlnOpticsGroup"].tolist() == [4, 7, 4]
    optics = blocks["optics"].set_index("rlnOpticsGroup")
    assert optics["rlnMicrographPixelSize"].to_dict() == {4: 1.06, 7: 0.53}
    assert optics["rlnVoltage"].to_dict() == {4: 300, 7: 200}
    # Different pixel sizes within a group become separate groups.
    table["location/exp_group_id"] = 0
    write_table(table, tmp_path / "q.star")
    blocks = starfile.read(tmp_path / "q.star")
    assert blocks["particles"]["rlnOpticsGroup"].tolist() == [2, 1, 2]
    assert blocks["optics"]["rlnMicrographPixelSize"].tolist() == [0.53, 1.06]


def test_scores_and_power_of_the_picker_are_kept(cs_picks, tmp_path):
    table = read_table(cs_picks)
    write_table(table, tmp_path / "p.cs")
    power = np.load(tmp_path / "p.cs")["pick_stats/power"]
    assert power.tolist() == [812.5, 651.25]


# Tomograms and filaments ------------------------------------------------------------------------

CBOX = "data_global\n\n_cbox_format_version 1.0\n\ndata_cryolo\n\nloop_\n_CoordinateX\n"
CBOX += "_CoordinateY\n_CoordinateZ\n_Width\n_Height\n_Confidence\n"
VERTICES = "\ndata_filament_vertices\n\nloop_\n_filamentid\n_CoordinateX\n_CoordinateY\n0 1 2\n"
INCLUDE = "\ndata_cryolo_include\n\nloop_\n_slice_index\n"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.cbox", f"{CBOX}1 2 0 9 9 0.5\n1 2 7 9 9 0.5\n", "tomograms are not supported"),
        ("a.cbox", f"{CBOX}1 2 7 9 9 0.5\n{INCLUDE}0\n1\n2\n", "tomograms are not supported"),
        ("a.cbox", f"{CBOX}_filamentid\n1 2 0 9 9 0.5 0\n", "filaments are not supported"),
        ("a.cbox", f"{CBOX}1 2 0 9 9 0.5\n{VERTICES}", "filaments are not supported"),
        ("a.box", "1 2 9 9 -1\n5 6 9 9 -2\n", "filaments are not supported"),
        ("a.box", "1 2 9 9 0.5\n1 2 9 9 -1\n5 6 9 9 -2\n", "filaments are not supported"),
        ("a.box", "1 2 9 9 -1\n3 4 9 9 0\n5 6 9 9 -2\n", "filaments are not supported"),
        ("a.box", "#helix: (1, 2),(5, 6),9\n1 2 9 9\n", "filaments are not supported"),
        ("a.coords", "#helix: (1, 2),(5, 6),9\n1 2\n", "filaments are not supported"),
        ("a.csv", "micrograph,x,y,rlnHelicalTubeID\na,1,2,1\n", "filaments are not supported"),
        ("a.csv", "micrograph,x,y,filament_id\na,1,2,0\n", "filaments are not supported"),
        ("a.csv", "micrograph,x,y,z\na,1,2,3\na,1,2,4\n", "tomograms are not supported"),
        ("a.csv", "rlnTomoName,x,y\nTS_1,1,2\n", "tomograms are not supported"),
        ("a.txt", "image_name\tx_coord\ty_coord\tz_coord\na\t1\t2\t3\na\t1\t2\t4\n", "tomograms"),
        ("a_info.json", '{"boxes_3d": [[1, 2, 3, "tomobox"]]}', "tomograms are not supported"),
        ("a.pos", f"{XMD}data_\nloop_\n_xcoor\n_ycoor\n_zcoor\n1 2 3\n1 2 4\n", "tomograms"),
    ],
)  # fmt: skip
def test_tomograms_and_filaments_are_refused_in_every_format(tmp_path, name, content, message):
    save(tmp_path, name, content)
    with pytest.raises(TableError, match=message):
        read_table(tmp_path / name)
    save(tmp_path, f"b{name[1:]}", content)
    with pytest.raises(TableError, match=message):
        read_folder(tmp_path, {".txt": "topaz", ".csv": "csv"}.get(Path(name).suffix))


def test_filaments_of_cryosparc_are_refused(tmp_path):
    fields = locations([b"J1/a.mrc"] * 2, filament__filament_uid=np.array([5, 6], np.uint64))
    with pytest.raises(TableError, match="filaments are not supported"):
        read_table(cs_of(tmp_path / "p.cs", 2, **fields))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.cbox", f"{CBOX}1 2 <NA> 9 9 0.5\n1 2 <NA> 9 9 0.5\n{INCLUDE}"),
        ("a.cbox", f"{CBOX}_filamentid\n1 2 0 9 9 0.5 <NA>\n1 2 0 9 9 0.5 <NA>\n{INCLUDE}0\n"),
        ("a.csv", "micrograph,x,y,z,rlnHelicalTubeID\na,1,2,3,0\na,1,2,3,0\n"),
    ],
)
def test_tables_with_empty_columns_of_tomograms_and_filaments_are_read(tmp_path, name, content):
    assert len(read_table(save(tmp_path, name, content))) == 2


def test_the_fixture_of_exposures_is_read(tmp_path):
    path = make_cs(FIXTURES / "cryosparc_exposures.json", tmp_path / "e.cs")
    assert read_exposures(path).groups.tolist() == [1, 2]
