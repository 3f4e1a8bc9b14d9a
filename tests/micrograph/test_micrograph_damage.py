"""Any damage to a file gives an image or a message."""

import bz2
import gzip
import io
import os
import tracemalloc
from pathlib import Path

import imagecodecs
import mrcfile
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from activepick.errors import ActivepickError, MicrographError
from activepick.micrograph import Micrograph

PIXELS = np.random.default_rng(0).integers(0, 100, (40, 48))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("damaged")


@pytest.fixture(scope="module")
def intact(folder) -> dict[str, bytes]:
    with mrcfile.new(folder / "a.mrc") as mrc:
        mrc.set_data(PIXELS.astype(np.float32))
        mrc.voxel_size = 2.0
    tifffile.imwrite(folder / "a.tif", PIXELS.astype(np.uint16))
    tifffile.imwrite(folder / "b.tif", PIXELS.astype(np.uint16), compression="zlib")
    png, jpeg = io.BytesIO(), io.BytesIO()
    Image.fromarray(PIXELS.astype(np.uint16)).save(png, "png")
    Image.fromarray(PIXELS.astype(np.uint8)).save(jpeg, "jpeg")
    plain = (folder / "a.mrc").read_bytes()
    return {
        "a.mrc": plain,
        "a.mrc.gz": gzip.compress(plain),
        "a.mrc.bz2": bz2.compress(plain),
        "a.tif": (folder / "a.tif").read_bytes(),
        "b.tif": (folder / "b.tif").read_bytes(),
        "a.png": png.getvalue(),
        "a.jpg": jpeg.getvalue(),
    }


def image_or_message(path: Path) -> np.ndarray | str:
    try:
        return Micrograph(path, 2.0).working_images(20.0, [10.0], "gmm")[0].pixels
    except ActivepickError as error:
        return str(error)


@pytest.mark.parametrize(
    "name", ["a.mrc", "a.mrc.gz", "a.mrc.bz2", "a.tif", "b.tif", "a.png", "a.jpg"]
)
def test_damaged_and_truncated_files_give_an_image_or_an_error(folder, intact, name):
    raw = intact[name]

    @settings(max_examples=40, deadline=None, derandomize=True)
    @given(
        st.lists(
            st.tuples(
                st.one_of(st.integers(0, min(300, len(raw) - 1)), st.integers(0, len(raw) - 1)),
                st.integers(0, 255),
            ),
            max_size=8,
        ),
        st.one_of(st.none(), st.integers(0, len(raw))),
    )
    def damage(changes, cut):
        damaged = bytearray(raw)
        for position, value in changes:
            damaged[position] = value
        path = folder / f"damaged-{name}"
        path.write_bytes(damaged[:cut])
        outcome = image_or_message(path)
        if isinstance(outcome, str):
            assert path.name in outcome
        else:
            assert np.isfinite(outcome).all()

    damage()


def rewritten(path, **tags):
    """Change tags of a TIFF file; a text as it is."""
    with tifffile.TiffFile(path, mode="r+") as tiff:
        for name, value in tags.items():
            tiff.pages.first.tags[name].overwrite(value)


def memory_of_reading(path):
    tracemalloc.start()
    try:
        with pytest.raises(MicrographError) as caught:
            Micrograph(path, 2.0).read()
        return str(caught.value), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_tile_that_is_larger_than_its_image_is_not_decoded(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PIXELS.astype(np.uint16), compression="zlib", tile=(64, 64))
    rewritten(path, TileWidth=65_536, TileLength=65_536)
    message, memory = memory_of_reading(path)
    assert "has tiles of 65536 x 65536" in message
    assert memory < 2**24


@pytest.mark.parametrize("compression", ["zlib", "lzw", "zstd", "lzma"])
@pytest.mark.parametrize("rows", [1, 2**31 - 1])
def test_strips_that_expand_beyond_the_image_need_little_memory(tmp_path, compression, rows):
    path = tmp_path / "a.tif"
    small = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)
    tifffile.imwrite(path, small, compression=compression, rowsperstrip=64)
    encode = getattr(imagecodecs, f"{compression}_encode")
    data = encode(bytes(2**25))
    start = path.stat().st_size
    with path.open("ab") as file:
        file.write(data)
    rewritten(path, StripOffsets=start, StripByteCounts=len(data), RowsPerStrip=rows)
    _, memory = memory_of_reading(path)
    assert memory < 2**24


def test_a_small_compressed_file_of_a_huge_image_is_refused(tmp_path):
    with mrcfile.new(tmp_path / "a.mrc") as file:
        file.set_data(np.tile(np.array([1, 2], np.int8), (10_000, 5_000)))
    path = tmp_path / "a.mrc.gz"
    path.write_bytes(gzip.compress((tmp_path / "a.mrc").read_bytes(), 1))
    assert "truncated or damaged" in memory_of_reading(path)[0]


def test_a_tiff_with_compression_for_pictures_is_refused(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PIXELS.astype(np.uint8), compression="jpeg2000")
    assert "write it again with LZW" in memory_of_reading(path)[0]


def test_a_jpeg_within_a_tiff_must_have_the_size_of_the_tiff(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PIXELS.astype(np.uint8), compression="jpeg")
    large = imagecodecs.jpeg8_encode(np.zeros((3000, 3000), np.uint8))
    start = path.stat().st_size
    with path.open("ab") as file:
        file.write(large)
    rewritten(path, StripOffsets=start, StripByteCounts=len(large))
    message, memory = memory_of_reading(path)
    assert "a JPEG image of 3000 x 3000 pixels, but its header" in message
    assert memory < 2**22


@pytest.mark.posix("has pipes with names")
def test_a_tiff_never_opens_files_that_it_names(tmp_path):
    os.mkfifo(tmp_path / "pipe.tif")
    path = tmp_path / "a.tif"
    tifffile.imwrite(tmp_path / "b.ome.tif", np.zeros((2, 30, 40), np.uint16))
    xml = tifffile.TiffFile(tmp_path / "b.ome.tif").ome_metadata
    xml = xml.replace('IFD="0"', 'IFD="0" FirstT="0"').replace(
        '<TiffData IFD="0" FirstT="0" PlaneCount="2"/>',
        '<TiffData IFD="0" PlaneCount="2"><UUID FileName="pipe.tif">'
        "urn:uuid:00000000-0000-0000-0000-000000000000</UUID></TiffData>",
    )
    assert "pipe.tif" in xml
    pixels = np.arange(1200, dtype=np.uint16).reshape(30, 40)
    tifffile.imwrite(path, pixels, description=xml, metadata=None)
    assert np.array_equal(Micrograph(path, 2.0).read(), pixels)


def test_a_jpeg_of_a_thousand_passes_is_refused(tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(PIXELS.astype(np.uint8)).save(path, progressive=True)
    assert Micrograph(path, 2.0).read().shape == PIXELS.shape
    raw = path.read_bytes()
    last = raw.rindex(b"\xff\xda")
    path.write_bytes(raw[:last] + raw[last:-2] * 1000 + raw[-2:])
    assert "which no program writes" in memory_of_reading(path)[0]
