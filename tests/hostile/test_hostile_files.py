"""Any content of a file gives a result or a clear error, in little memory, and has no side
effect."""

import contextlib
import json
import os
import pickle
import shutil
import socket
import struct
import tracemalloc
import warnings
import zlib
from functools import partial
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from activepick.batch.output import make_output
from activepick.errors import ActivepickError
from activepick.features.cache import FeatureCache
from activepick.features.feature_spec import FeatureSpec
from activepick.formats import FORMATS, read_relion_micrographs, read_table
from activepick.learning.head import Head
from activepick.learning.head_file import load_head, save_head
from activepick.log import start_log
from activepick.micrograph import Micrograph
from activepick.micrograph.discovery import find_micrographs
from activepick.micrograph.extensions import EXTENSIONS
from activepick.session import Session, Settings

MEGABYTES = 64


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("hostile")


def outcome(work):
    """Return a result or an error for users; anything else, or too much memory, fails the test."""
    tracemalloc.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return work()
    except ActivepickError as error:
        return error
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < MEGABYTES * 2**20


def examples(count):
    return settings(max_examples=count, deadline=None, derandomize=True)


def mutated(raw):
    """Bytes of a file of which some are others, cut off, doubled or moved."""
    edit = st.tuples(st.integers(0, max(0, len(raw) - 1)), st.binary(max_size=12), st.booleans())

    def apply(edits, cut):
        data = bytearray(raw)
        for position, new, insert in edits:
            data[position : position if insert else position + len(new)] = new
        return bytes(data[:cut])

    cuts = st.one_of(st.none(), st.none(), st.integers(0, len(raw)))
    return st.builds(apply, st.lists(edit, max_size=6), cuts)


numbers = st.one_of(
    st.integers(-2, 70),
    st.sampled_from([0, 1, -1, 2**15, 65536, 65537, 2**19, 2**31 - 1, -(2**31)]),
)


@examples(150)
@given(st.lists(numbers, min_size=10, max_size=10), numbers, st.sampled_from("<>"))
def test_damaged_mrc_headers_give_an_image_or_an_error(folder, words, symmetry, order):
    header = bytearray(1024)
    struct.pack_into(f"{order}10i", header, 0, *words)
    struct.pack_into(f"{order}i", header, 92, symmetry)
    header[208:212] = b"MAP "
    path = folder / "a.mrc"
    path.write_bytes(bytes(header) + np.random.default_rng(0).bytes(5000))
    outcome(lambda: Micrograph(path, 2.0).read())


@pytest.mark.parametrize("suffix", [".mrc", ".tif"])
def test_a_header_that_claims_a_terabyte_is_refused(folder, suffix):
    path = folder / f"terabyte{suffix}"
    if suffix == ".mrc":
        with mrcfile.new(path, overwrite=True) as file:
            file.set_data(np.ones((4, 4), np.float32))
        raw = bytearray(path.read_bytes())
        struct.pack_into("<2i", raw, 0, 524_288, 524_288)
        path.write_bytes(raw)
    else:
        tifffile.imwrite(path, np.ones((4, 4), np.float32))
        with tifffile.TiffFile(path, mode="r+") as tiff:
            for tag in ("ImageWidth", "ImageLength"):
                page = tiff.pages.first
                page.tags[tag].overwrite(524_288, dtype="I")
    for claimed in (False, True):
        if claimed:  # a sparse file of the claimed length
            os.truncate(path, 2**40)
        assert isinstance(outcome(lambda: Micrograph(path, 2.0).read()), ActivepickError)
    path.unlink()


@pytest.mark.posix("has pipes with names")
def test_pipes_and_devices_are_refused_without_waiting(folder):
    pipe = folder / "pipe.mrc"
    os.mkfifo(pipe)
    error = outcome(lambda: Micrograph(pipe, 2.0).read())
    assert "not a file" in str(error)


@examples(60)
@given(st.data())
def test_damaged_tiff_files_give_an_image_or_an_error(folder, data):
    kind = data.draw(st.sampled_from([{}, {"bigtiff": True}, {"compression": "zlib"}]))
    tifffile.imwrite(folder / "a.tif", np.arange(400, dtype=np.uint16).reshape(20, 20), **kind)
    raw = (folder / "a.tif").read_bytes()
    (folder / "a.tif").write_bytes(data.draw(mutated(raw)))
    outcome(lambda: Micrograph(folder / "a.tif", 2.0).read())


STAR = b"""
# version 30001

data_optics

loop_
_rlnOpticsGroupName #1
_rlnOpticsGroup #2
_rlnMicrographPixelSize #3
opticsGroup1 1 1.77

data_particles

loop_
_rlnCoordinateX #1
_rlnCoordinateY #2
_rlnAutopickFigureOfMerit #3
_rlnMicrographName #4
_rlnOpticsGroup #5
10.5 20.25 -0.5 MotionCorr/job002/a.mrc 1
30.5 40.25 0.5 "MotionCorr/job002/b c.mrc" 1
"""


@examples(150)
@given(mutated(STAR))
def test_damaged_star_files_give_a_table_or_an_error(folder, text):
    path = folder / "a.star"
    path.write_bytes(text)
    outcome(lambda: read_table(path))
    outcome(lambda: read_relion_micrographs(path))
    outcome(lambda: find_micrographs([path]))


@pytest.mark.parametrize("name", ["a" * 5000, "/dev/zero", "../../../../etc/passwd", "/", "~"])
def test_names_in_lists_that_are_not_micrographs_are_refused(folder, name):
    star, text = folder / "list.star", folder / "list.txt"
    star.write_text(f"data_\nloop_\n_rlnMicrographName #1\n{name}\n")
    text.write_text(f"{name}\n")
    for path in (star, text):
        for source in outcome(lambda path=path: find_micrographs([path])).found:
            assert isinstance(outcome(lambda s=source: s.micrograph().read()), ActivepickError)


names = st.one_of(
    st.sampled_from(
        ["../x.mrc", "/etc/passwd", "../../../../x", "a/../../b.mrc", "..", "/", ".", "link/a.mrc"]
    ),
    st.text(st.characters(exclude_characters='"\n\r', exclude_categories=["Cs", "Cc"]), min_size=1),
    st.text("a", min_size=300, max_size=5000),
)


@pytest.mark.posix("makes links for everybody")
@examples(40)
@given(st.lists(names, min_size=1, max_size=3, unique=True), st.sampled_from(sorted(FORMATS)))
def test_no_name_writes_outside_the_output_folder(tmp_path_factory, listed, format):
    here = tmp_path_factory.mktemp("out")
    (here / "elsewhere").mkdir()
    out = here / "job"
    out.mkdir()
    (out / "link").symlink_to(here / "elsewhere")
    before = set(here.rglob("*"))
    picks = np.array([[5.0, 6.0, 1.0]])

    def write():
        wanted = {"version": "5", "exposures": here, "box_size": 10}
        output = make_output(out, format, 20.0, wanted, here / "parts")
        output.expect(listed)
        for name in listed:
            output.write(name, picks, 2.0)

    if format != "cs":  # which requires the names of cryoSPARC
        with contextlib.suppress(OSError):
            outcome(write)
    new = set(here.rglob("*")) - before
    assert all(path.resolve().is_relative_to(out.resolve()) for path in new)
    assert not list((here / "elsewhere").iterdir())
    shutil.rmtree(here)


@pytest.fixture(scope="module")
def head_bytes(folder):
    spec = FeatureSpec("resnet8_u32", "0" * 16, (5.0,), 4, "affine", 1)
    save_head(Head(np.ones((1, 64)), 0.5, spec, 100.0), folder / "head.safetensors")
    return (folder / "head.safetensors").read_bytes()


@examples(100)
@given(st.data())
def test_damaged_heads_give_a_clear_error(folder, head_bytes, data):
    path = folder / "b.safetensors"
    path.write_bytes(data.draw(mutated(head_bytes)))
    outcome(lambda: load_head(path))


@examples(60)
@given(
    st.sampled_from(["version", "spec", "diameter_angstrom", "particles", "notes"]),
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.text(),
        st.sampled_from([[], {}, [[[]]], {"backbone": 3}, "9" * 400]),
    ),
)
def test_heads_with_damaged_metadata_give_a_clear_error(folder, head_bytes, key, value):
    length = struct.unpack("<Q", head_bytes[:8])[0]
    facts = json.loads(json.loads(head_bytes[8 : 8 + length])["__metadata__"]["activepick-head"])
    facts[key] = value
    path = folder / "c.safetensors"
    tensors = {"weights": np.ones((1, 64)), "bias": np.zeros(1)}
    save_file(tensors, path, metadata={"activepick-head": json.dumps(facts)})
    outcome(lambda: load_head(path))


@pytest.fixture(scope="module")
def session_folder(folder):
    with Session.create(folder / "s", Settings(diameter_angstrom=100)) as session:
        session.micrographs.add([__file__])
        for k in range(4):
            session.labels.add(1, [(k, k)], k % 2)
        session.undo()
    return session.folder


@examples(60)
@given(st.data())
def test_damaged_session_journals_give_a_clear_error(session_folder, data):
    name = data.draw(st.sampled_from(["journal.jsonl", "journal.jsonl", "session.json"]))
    path = session_folder / name
    raw = path.read_bytes()
    lines = data.draw(mutated(raw)).split(b"\n")
    if name == "journal.jsonl" and data.draw(st.booleans()):
        # Damage with a valid checksum.
        lines = [
            b'{"sum":"%08x",%s' % (zlib.crc32(line[18:]), line[18:]) if len(line) > 18 else line
            for line in lines
        ]
    other = session_folder.parent / "mutated.activepick"
    shutil.rmtree(other, ignore_errors=True)
    shutil.copytree(session_folder, other)
    (other / name).write_bytes(b"\n".join(lines))

    def read():
        with Session.open(other, read_only=True) as session:
            return len(session.state.labels)

    outcome(read)


class Bomb:
    """Leaves a mark where it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


@pytest.mark.parametrize(
    "name",
    ["a.mrc", "a.tif", "a.star", "a.csv", "a.cs", "a.box", "a.safetensors", "a.npy", "a.sav"],
)
def test_nothing_is_unpickled(tmp_path, name):
    mark = tmp_path / "exploded"
    path = tmp_path / name
    plain = pickle.dumps(Bomb(mark))
    np.save(tmp_path / "array.npy", np.array([Bomb(mark)], object), allow_pickle=True)
    from activepick.features.backbone import load_backbone

    for raw in (plain, (tmp_path / "array.npy").read_bytes()):
        path.write_bytes(raw)
        for read in (
            lambda: Micrograph(path, 2.0).read(),
            lambda: read_table(path),
            lambda: load_head(path),
            lambda: load_backbone(path),
            lambda: find_micrographs([path]),
        ):
            outcome(read)
    with pytest.raises(ValueError, match="allow_pickle"):
        np.load(tmp_path / "array.npy", allow_pickle=False)
    assert not mark.exists()
    pickle.loads(plain)
    assert mark.exists()


CS_FIELDS = {
    "uid": "<u8",
    "location/micrograph_path": "S20",
    "location/micrograph_shape": ("<u4", (2,)),
    "location/center_x_frac": "<f4",
    "location/center_y_frac": "<f4",
    "pick_stats/ncc_score": "<f4",
    "pick_stats/power": "<f4",
    "micrograph_blob/path": "S20",
    "micrograph_blob/shape": ("<u4", (2,)),
    "micrograph_blob/psize_A": "<f4",
    "ctf/df1_A": "<f4",
    "ctf/exp_group_id": "<u4",
}
ODD_TYPES = ["S3", "U2", "S0", "f8", "i1", "?", ("f4", (3,)), ("f4", (2, 2)), ("S2", (2,))]
ODD_TYPES += [("f4", (0,)), ("f4", (100_000,)), "O", "c8", "M8[s]", "V4"]


@examples(150)
@given(
    st.dictionaries(st.sampled_from(sorted(CS_FIELDS)), st.sampled_from(ODD_TYPES), max_size=3),
    st.lists(st.sampled_from(sorted(CS_FIELDS)), max_size=2),
    st.integers(0, 3),
    st.sampled_from([0, 1, np.nan, np.inf, -1e30]),
)
def test_fields_of_cryosparc_of_any_type_give_a_table_or_an_error(
    folder, changed, dropped, rows, value
):
    path = folder / "a.cs"
    fields = {k: v for k, v in {**CS_FIELDS, **changed}.items() if k not in dropped}
    array = np.zeros(rows, [(k, *v) if isinstance(v, tuple) else (k, v) for k, v in fields.items()])
    for name in fields:
        with contextlib.suppress(ValueError, TypeError, OverflowError), np.errstate(all="ignore"):
            array[name] = value
    np.save(path.with_suffix(".npy"), array, allow_pickle=True)
    path.with_suffix(".npy").replace(path)
    outcome(lambda: read_table(path))
    outcome(lambda: find_micrographs([path]))


@pytest.mark.parametrize("kind", ["S0", "V0", ("f4", (0,))])
def test_a_header_that_claims_a_billion_rows_is_refused(folder, kind):
    path = folder / "empty.cs"
    kinds = np.dtype([("uid", *kind) if isinstance(kind, tuple) else ("uid", kind)])
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file,
            {"descr": kinds.descr, "fortran_order": False, "shape": (10**9,)},
        )
    assert isinstance(outcome(lambda: read_table(path)), ActivepickError)


@pytest.mark.parametrize("damage", [b"", b"x" * 200, "cut", "flip", "shape", "nan", "pickle"])
def test_damaged_parts_of_a_run_are_picked_again(tmp_path, damage):
    wanted = {"version": "5", "exposures": None}
    output = make_output(tmp_path / "p.csv", None, 20.0, wanted, tmp_path / "p.csv.run" / "parts")
    picks = np.array([[5.0, 6.0, 1.0]])
    for name in ("a.mrc", "b.mrc"):
        output.write(name, picks, 2.0)
    first, _ = sorted((tmp_path / "p.csv.run" / "parts").iterdir())
    raw = first.read_bytes()
    arrays = {"shape": np.zeros(3), "nan": picks * np.nan, "pickle": np.array([{}], object)}
    if isinstance(damage, bytes):
        first.write_bytes(damage)
    elif damage in arrays:
        with first.open("wb") as file:
            np.save(file, arrays[damage], allow_pickle=True)
    else:
        first.write_bytes(raw[:-3] if damage == "cut" else raw.replace(b"f8", b"f9"))
    assert sorted([output.has("a.mrc"), output.has("b.mrc")]) == [False, True]
    assert not output.has("never.mrc")


@pytest.mark.posix("has pipes with names")
@pytest.mark.parametrize("kind", ["pipe", "device", "socket"])
def test_no_command_waits_for_a_path_that_is_not_a_file(tmp_path, session_folder, kind):
    from activepick.features.backbone import load_backbone

    def put(path):
        path.unlink(missing_ok=True)
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "device":
            path.symlink_to("/dev/zero")
        else:
            with socket.socket(socket.AF_UNIX) as end, contextlib.chdir(path.parent):
                end.bind(path.name)

    for format in FORMATS.values():
        for ending in (*format.extensions, *format.shared_extensions):
            put(tmp_path / f"a{ending}")
            read = partial(read_table, tmp_path / f"a{ending}")
            assert isinstance(outcome(read), ActivepickError)
    for name in ("b.star", "b.cs", "b.txt"):
        put(tmp_path / name)
        assert isinstance(outcome(partial(find_micrographs, [tmp_path / name])), ActivepickError)
    for ending in EXTENSIONS:
        put(tmp_path / f"c{ending}")
        read = Micrograph(tmp_path / f"c{ending}", 2.0)
        assert isinstance(outcome(read.read), ActivepickError)
        assert isinstance(outcome(read.content_key), ActivepickError)
    put(tmp_path / "d")
    assert isinstance(outcome(lambda: load_head(tmp_path / "d")), ActivepickError)
    assert isinstance(outcome(lambda: load_backbone(tmp_path / "d")), ActivepickError)
    assert "it is a pipe or a device" in str(outcome(lambda: load_backbone(tmp_path / "d")))
    cache, values = FeatureCache(tmp_path / "cache"), np.ones((2, 2))
    cache.get("key", lambda: values)
    [stored] = cache.folder.iterdir()
    put(stored)
    assert np.array_equal(cache.get("key", lambda: values), values)
    assert stored.is_file()
    for name in ("session.json", "journal.jsonl", "lock"):
        copy = tmp_path / f"{name}.activepick"
        shutil.copytree(session_folder, copy)
        put(copy / name)
        assert isinstance(outcome(partial(Session.open, copy)), ActivepickError)
    copy = tmp_path / "heads.activepick"
    shutil.copytree(session_folder, copy)
    (copy / "heads").mkdir()
    (copy / "heads" / "good.safetensors").write_bytes(b"head")
    put(copy / "heads" / "head.safetensors")
    with Session.open(copy) as session:
        second = session.save_copy(tmp_path / "second")
    assert [path.name for path in (second / "heads").iterdir()] == ["good.safetensors"]
    assert start_log(tmp_path / "d") == tmp_path / "d"
