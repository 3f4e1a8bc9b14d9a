"""Any file gives a table or one clear error, never a traceback or an incomplete output."""

import io
import pickle
import re
import tempfile
import time
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activepick.errors import ActivepickError, TableError
from activepick.formats import (
    FORMATS,
    read_exposures,
    read_folder,
    read_relion_micrographs,
    read_table,
    write_folder,
    write_table,
)
from activepick.formats.names import match_names
from activepick.formats.star.rows import tokens_of
from activepick.formats.transform import flip_table, scale_table

FIXTURES = Path(__file__).parent / "fixtures"
FILES = [
    *("relion30_particles.star", "relion31_particles.star", "FoilHole_1_automatch.star"),
    *("cryolo/CBOX/TcdA1-0010_frames_sum.cbox", "cryolo/CBOX/old_1.7.cbox"),
    *("eman/boxfiles/mic_0012.box", "eman/info/mic_0012_info.json", "ximdisp.coords"),
    *("topaz_predicted_particles_all_upsampled.txt", "scipion_micrograph_003.pos"),
    *("relion31_particles.star.expected.csv", "relion4/AutoPick/job006/autopick.star"),
]
PICKS = pd.DataFrame({"micrograph": ["a", "b"], "x": [1.0, 2], "y": [3.0, 4], "score": [0.5, 1]})


def some_cs() -> bytes:
    kinds = [("location/micrograph_path", "S8"), ("location/micrograph_shape", "<u4", 2)]
    kinds += [("location/center_x_frac", "<f4"), ("location/center_y_frac", "<f4")]
    buffer = io.BytesIO()
    np.save(buffer, np.array([("a.mrc", (20, 30), 0.5, 0.25)] * 3, dtype=kinds))
    return buffer.getvalue()


CONTENT = {name: (FIXTURES / name).read_bytes() for name in FILES} | {"picks.cs": some_cs()}
NASTY = st.sampled_from(
    [b"\n", b"\r", b"\t", b" ", b'"', b"'", b",", b"_", b"#", b"data_", b"loop_\n", b"nan", b"-",
     b"[", b"{", b"]", b"\\", b"\x00", b"\xe9", b"\xef\xbb\xbf", b"1e999", b"9" * 400,
     b"data_x\n\nloop_\n", b"../../../etc/passwd", b"\xff\xfe", b"(", b"'descr'", b"NaN", b"1_000",
     b"<NA>"]
)  # fmt: skip


@st.composite
def damaged(draw):
    """A file of another program, cut, with bytes put in, taken out and changed, or lines mixed."""
    name = draw(st.sampled_from(sorted(CONTENT)))
    data = CONTENT[name]
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data)))
        match draw(st.integers(0, 4)):
            case 0:
                data = data[:place]
            case 1:
                data = data[:place] + draw(NASTY | st.binary(max_size=4)) + data[place:]
            case 2:
                data = data[:place] + data[place + draw(st.integers(1, 40)) :]
            case 3:
                data = data[:place] + draw(NASTY) + data[place + 1 :]
            case _:
                lines = data.split(b"\n")
                lines.insert(place % len(lines), lines[draw(st.integers(0, len(lines) - 1))])
                data = b"\n".join(lines)
    return name, data


def read_safely(path: Path, read=read_table) -> pd.DataFrame | None:
    """Read a file; any error that is not for users fails the test."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return read(path)
        except TableError as error:
            said = str(error)
    assert path.name in said or path.parent.name in said
    assert len(said) < 3000
    return None


@settings(max_examples=150, deadline=None)
@given(damaged())
def test_a_damaged_file_gives_a_table_or_one_error(case):
    name, data = case
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, Path(name).name)
        path.write_bytes(data)
        table = read_safely(path)
        read_safely(path, read_relion_micrographs)
        if path.suffix == ".cs":
            read_safely(path, read_exposures)
    if table is not None:
        assert {"micrograph", "x", "y"} <= set(table.columns)
        assert np.isfinite(table[["x", "y"]].to_numpy(float)).all()
        assert (table[["x", "y"]].to_numpy(float) >= -0.5).all()


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(FORMATS)), st.binary(max_size=200))
def test_any_bytes_read_as_any_format_give_a_table_or_an_error(name, data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"a{FORMATS[name].extensions[0]}")
        path.write_bytes(data)
        read_safely(path, lambda path: read_table(path, name))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.box", "10\t20\t30\t30\n10\t20\t30\n", "line 2: 3 values"),
        ("a.box", "10\t20\t30\t30\n1o\t20\t30\t30\n", "line 2: '1o' is not a number"),
        ("a.box", "10\t20\t30\t30\n\n# c\n10\t20\t0\t30\n", "line 4: a box of 0 x 30"),
        ("a.box", "10 20 30 30 -1\n50 60 30 30 -2\n", "line 1: these are ends of filaments"),
        ("a.box", "nan 20 30 30\n", "line 1: x is nan"),
        ("a.box", "1 " * 1_000_000, "line 1: 1000000 values"),
        ("a.coords", "x y density\n1 2\n3\n", "line 3: 1 value"),
        ("a.coords", "1 2\nthree 4\n", "line 2: 'three' is not a number"),
        ("a.coords", "1e9 4\n", "line 1: x is 1e"),
        ("a.cbox", "data_cryolo\n\nloop_\n_CoordinateX\n_CoordinateY\n1 2\n", "_Width"),
        ("a.cbox", "data_other\n\nloop_\n_a\n1\n", "no block data_cryolo"),
        ("a.cbox", "1 2 3\n", "line 1: 3 values"),
        ("a.cbox", "1 2 30 30 1.5\n", "line 1: _Confidence is '1.5'"),
        ("a_info.json", '{"boxes": [[1, 2, "manual"], [3]]}', "box 2"),
        ("a_info.json", '{"boxes": [\n[1, 2,\n', "line 3: not JSON"),
        ("a_info.json", '{"boxes": [[1e400, 2, "manual"]]}', "box 1"),
        ("a_info.json", '{"boxes_3d": [[1, 2, 3]], "boxes": []}', "tomogram"),
        ("a_info.json", "[" * 100_000, "JSON"),
        ("a.pos", "# XMIPP_STAR_1 *\n\ndata_x\nloop_\n_xcoor\n1\n", "_ycoor"),
        ("a.pos", CONTENT["scipion_micrograph_003.pos"].replace(b"520", b"5Z0"), "line 15: x is"),
        ("a.cs", b"\x95CSDAT\x10\x00\x00\x00{}", "compressed format"),
        ("a.cs", b"PK\x03\x04", "not a .cs file"),
        ("a.cs", some_cs()[:-9], "truncated"),
        ("a.cs", some_cs()[:40], "damaged"),
    ],
)  # fmt: skip
def test_errors_give_the_file_and_the_line(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(TableError, match=message) as caught:
        read_table(path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 600 + len(str(path))


class Bomb:
    def __reduce__(self):
        return Path.touch, (Path("unpickled"),)


def test_no_pickle_is_ever_loaded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fields = np.zeros(2, [("uid", "<u8"), ("location/micrograph_path", "O")])
    fields["location/micrograph_path"] = Bomb()
    with open("a.cs", "wb") as file:
        np.save(file, fields, allow_pickle=True)
    Path("b.cs").write_bytes(pickle.dumps(Bomb()))
    for name, message in (("a.cs", "never loaded"), ("b.cs", "not a .cs file")):
        for read in (read_table, read_exposures):
            with pytest.raises(TableError, match=message):
                read(Path(name))
    assert not Path("unpickled").exists()


def test_a_file_that_claims_to_be_huge_is_refused_quickly(tmp_path):
    header = some_cs().replace(b"'shape': (3,)", b"'shape': (300000000000,)")
    (tmp_path / "a.cs").write_bytes(header)
    with pytest.raises(TableError, match="damaged"):
        read_table(tmp_path / "a.cs")


@pytest.mark.parametrize("name", sorted(FORMATS))
@pytest.mark.filterwarnings("ignore::activepick.formats.TableWarning")
def test_an_invalid_table_does_not_change_existing_files(name, tmp_path, monkeypatch):
    chosen = FORMATS[name]
    folder = tmp_path / "out"
    bad = PICKS.assign(y=[3.0, float("nan")], box_width_px=9, box_height_px=9)
    path = folder / f"a{chosen.extensions[0]}"
    folder.mkdir()
    path.write_bytes(b"{}")
    with pytest.raises(TableError):
        write_table(bad, path, name)
    with pytest.raises(TableError):
        write_folder(bad, folder, name)
    if name in ("box", "cbox", "cs"):
        with pytest.raises(TableError, match=r"box size|exposures"):
            write_folder(PICKS, folder, name)
    assert [p.name for p in folder.iterdir()] == [path.name]
    assert path.read_bytes() == b"{}"


def test_a_full_disk_leaves_no_incomplete_file(tmp_path):
    def progress(done: int, total: int) -> None:
        if done == 1:
            raise OSError(28, "No space left on device")

    with pytest.raises(TableError, match="No space left"):
        write_folder(PICKS, tmp_path / "out", "star", progress=progress)
    assert list((tmp_path / "out").iterdir()) == []


def test_folders_without_picks_or_with_several_formats_are_refused(tmp_path):
    with pytest.raises(TableError, match="no files of picks"):
        read_folder(tmp_path)
    write_folder(PICKS, tmp_path, "topaz")
    (tmp_path / "x.box").write_text("1\t2\t3\t3\n")
    with pytest.raises(TableError, match=r"\.box, \.txt"):
        read_folder(tmp_path)
    assert len(read_folder(tmp_path, "topaz")) == 2
    (tmp_path / "file").write_text("")
    with pytest.raises(TableError, match="this is a file"):
        write_folder(PICKS, tmp_path / "file", "star")


STAR = "data_particles\n\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n_rlnMicrographName #3\n"
WIDE = "micrograph,x,y," + ",".join(f"c{k}" for k in range(20_000))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.star", STAR + "1 2 " + "'a " * 15_000),
        ("a.star", STAR + ' "a' * 20_000),
        ("a.star", STAR + ' "a' * 10_000 + " 'b" * 10_000 + " # "),
        ("a.star", STAR + "1 " * 4_000_000),
        ("a.star", STAR + "1 2 a\n" + "1 " * 4_000_000),
        ("a.star", "data_\nloop_\n" + "".join(f"_a{k}\n" for k in range(20_000)) + "1 " * 20_000),
        ("a.csv", WIDE + "\n" + "1," * 20_002 + "1\n"),
        ("a.csv", ";".join(["a"] * 200_000)),
        ("a_info.json", '{"a":' * 100_000),
        ("a.csg", "results:\n  location:\n    metafile: " + "a" + " " * 100_000 + "\x1fb"),
        ("a.csg", "results:\n  location:\n    metafile: a" + " " * 200_000 + "b"),
        ("a_info.json", '{"boxes": ' + "[" * 100_000),
        *((name, " \n" * 50_000 + "x") for name in ("a.csv", "a.cbox", "a.star", "a.pos", "a.txt")),
        ("a.star", "".join(f"{STAR}_c{k}\n1 2 a {k}\n\n" for k in range(500))),
    ],
)
def test_unusual_files_need_little_time_and_memory(tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content)
    tracemalloc.start()
    start = time.process_time()
    with pytest.raises(TableError):
        read_table(path)
    took, memory = time.process_time() - start, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert took < 4  # memory is traced, which takes a multiple of the time
    assert memory < 2**28


@pytest.mark.filterwarnings("ignore::activepick.formats.TableWarning")
def test_tables_with_the_same_columns_are_read_together(tmp_path):
    (tmp_path / "a.star").write_text("".join(f"{STAR}{k} 2 m{k}.mrc\n\n" for k in range(5000)))
    start = time.process_time()
    table = read_table(tmp_path / "a.star")
    assert time.process_time() - start < 2
    assert table["x"].tolist() == list(range(5000))
    assert table["micrograph"].tolist() == [f"m{k}.mrc" for k in range(5000)]


def test_names_that_no_file_can_have_need_little_time():
    long = ["a_" * 50_000, "a" + "_dw" * 50_000]
    start = time.process_time()
    assert match_names([*long, "a_picks"], ["a.mrc", *(f"{n}.mrc" for n in long)]) == {
        "a_picks": "a.mrc"
    }
    assert match_names([long[0]], [long[0]]) == {long[0]: long[0]}
    assert time.process_time() - start < 2


@pytest.mark.parametrize("letter", [0x110000, 0xFFFFFFFF, 0xD800])
def test_texts_that_are_not_unicode_are_refused(tmp_path, letter):
    kinds = [("location/micrograph_path", "<U4"), ("location/micrograph_shape", "<u4", 2)]
    kinds += [("location/center_x_frac", "<f4"), ("location/center_y_frac", "<f4")]
    rows = np.zeros(2, kinds)
    rows.view(np.uint32)[1] = letter
    with (tmp_path / "a.cs").open("wb") as file:
        np.save(file, rows)
    with pytest.raises(TableError, match="not valid Unicode"):
        read_table(tmp_path / "a.cs")


ODD = [
    "9" * 400,
    "-" + "9" * 400,
    "1e999",
    "nan",
    "abc",
    "-1",
    "0",
    "1e-320",
    "1" + "0" * 30,
    "inf",
]
PIXEL_SIZES = ["rlnMicrographPixelSize", "rlnDetectorPixelSize", "rlnMicrographOriginalPixelSize"]
STAR_COLUMNS = [
    *(*PIXEL_SIZES, "rlnMagnification", "rlnOpticsGroup", "rlnDefocusU", "rlnCoordinateZ"),
    *("rlnHelicalTubeID", "rlnAnglePsi", "rlnAngleTilt", "rlnOriginXAngst", "rlnOriginX"),
]
CSV_COLUMNS = [
    *("location/exp_group_id", "location/micrograph_psize_A", "location/micrograph_shape[0]"),
    *("location/micrograph_shape[1]", "ctf/cs_mm", "alignments3D/pose[0]", "width", "height"),
    *("alignments3D/pose[1]", "alignments3D/pose[2]", "alignments2D/shift[0]"),
]
ODD_OPTICS = [*PIXEL_SIZES, "rlnVoltage", "rlnBeamTiltX", "rlnImageSize", "rlnOpticsGroup"]


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    st.data(),
    st.sampled_from(["b.star", "b.csv", "b.box", "b.cbox", "b.cs"]),
    st.sampled_from(["4", "3.0"]),
)
@pytest.mark.filterwarnings("ignore")
def test_invalid_values_in_numeric_columns_give_a_table_or_an_error(
    tmp_path_factory, data, name, version
):
    """What no number is stays as it is, or is refused; it never ends a conversion otherwise."""
    folder = tmp_path_factory.getbasetemp()
    star = data.draw(st.booleans())
    columns = data.draw(
        st.lists(st.sampled_from(STAR_COLUMNS if star else CSV_COLUMNS), unique=True, max_size=6)
    )
    values = st.sampled_from([*ODD, "1", "2.5"])
    rows = [["5", "6", "a.mrc", *(data.draw(values) for _ in columns)] for _ in range(3)]
    if star:
        optics = data.draw(st.lists(st.sampled_from(ODD_OPTICS), unique=True, max_size=3))
        groups = "".join(" ".join(data.draw(values) for _ in optics) + "\n" for _ in range(2))
        text = "data_optics\nloop_\n" + "".join(f"_{tag}\n" for tag in optics) + groups
        text = (text + "\n" if optics else "") + STAR + "".join(f"_{tag}\n" for tag in columns)
        text += "".join(" ".join(row) + "\n" for row in rows)
    else:
        text = (
            "\n".join(",".join(row) for row in [["x", "y", "micrograph", *columns], *rows]) + "\n"
        )
    path = folder / ("odd.star" if star else "odd.csv")
    path.write_text(text)
    options = {"version": version} if name == "b.star" else {}
    options |= {"box_size": 20} if name in ("b.box", "b.cbox") else {}
    shapes = {"a.mrc": (100, 100)}
    for change in (
        lambda table: table,
        lambda table: scale_table(table, 2),
        lambda table: flip_table(table, shapes, "y"),
        lambda table: flip_table(table, shapes, "both"),
    ):
        try:
            write_table(change(read_table(path)), folder / name, **options)
        except ActivepickError as error:
            assert str(error)  # noqa: PT017 - it may also be written
    try:
        read_relion_micrographs(path)
    except TableError as error:
        assert str(error)  # noqa: PT017 - it may also be a list


@given(st.lists(st.sampled_from(["a", '"', "'", " ", "\t", "#", '"a b"', "'c'"]), max_size=12))
def test_quoted_values_are_read_as_by_the_grammar(parts):
    row = "".join(parts)
    grammar = re.compile(r"""(?<![^ \t])(?:"(.*?)"|'(.*?)')(?![^ \t])|([^ \t]+)""")
    expected = []
    for match in grammar.finditer(row):
        if (match[3] or "").startswith("#"):
            break
        expected.append(match[1] or match[2] or match[3] or "")
    assert tokens_of(row) == expected
