import bz2
import gzip
import shutil
import struct
import zlib
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import tifffile
from PIL import Image

from activepick.errors import MicrographError
from activepick.micrograph import EXTENSIONS, Micrograph, has_micrograph_extension
from activepick.micrograph.guard import MicrographWarning

SHAPE = (37, 50)


def image(dtype: str, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 100, shape).astype(dtype)


def write_mrc(path: Path, pixels: np.ndarray, pixel_size: object = 1.5, **header: object) -> Path:
    plain = path.with_name("plain.mrc")
    with mrcfile.new(plain, overwrite=True) as mrc:
        mrc.set_data(pixels)
        mrc.voxel_size = pixel_size
        for field, value in header.items():
            mrc.header[field] = value
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(plain.read_bytes()))
    elif path.suffix == ".bz2":
        path.write_bytes(bz2.compress(plain.read_bytes()))
    else:
        shutil.copy(plain, path)
    return path


@pytest.mark.parametrize("dtype", ["int8", "int16", "float32", "uint16", "float16"])
@pytest.mark.parametrize("ending", ["mrc", "mrcs", "MRC", "mrc.gz", "mrcs.gz", "mrc.bz2"])
def test_mrc_modes_and_extensions_are_read(tmp_path, dtype, ending):
    pixels = image(dtype)
    micrograph = Micrograph(write_mrc(tmp_path / f"a.{ending}", pixels))
    assert micrograph.name == f"a.{ending}"
    assert micrograph.shape == SHAPE
    assert micrograph.pixel_size_angstrom == pytest.approx(1.5)
    read = micrograph.read()
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, pixels)


def test_negative_bytes_are_read_as_signed(tmp_path):
    pixels = image("int8") - np.int8(50)
    np.testing.assert_array_equal(Micrograph(write_mrc(tmp_path / "a.mrc", pixels)).read(), pixels)


def test_bytes_are_unsigned_where_an_imod_header_says_so(tmp_path):
    path = write_mrc(tmp_path / "a.mrc", image("int8"))
    raw = bytearray(path.read_bytes())
    raw[152:160] = b"IMOD\0\0\0\0"
    raw[1024] = 200
    path.write_bytes(raw)
    assert Micrograph(path).read()[0, 0] == 200


def grey(mean, deviation=25.0):
    """Return values of a micrograph in 8 bits, as they are and as signed bytes of the same bits."""
    values = np.random.default_rng(2).normal(mean, deviation, (200, 300)).round()
    unsigned = values.clip(0, 255).astype(np.uint8)
    return unsigned, unsigned.view(np.int8)


@pytest.mark.parametrize("ending", ["mrc", "mrc.gz"])
@pytest.mark.parametrize(
    ("low", "high"), [(0, 255), (3.0, 218.0), (0, 0), (0, -1), (np.nan, np.nan), (0, 1e30)]
)
def test_unsigned_bytes_without_a_flag_are_detected_from_header_or_values(
    tmp_path, recwarn, low, high, ending
):
    unsigned, bits = grey(128)
    path = write_mrc(tmp_path / f"a.{ending}", bits, dmin=low, dmax=high)
    np.testing.assert_array_equal(Micrograph(path).read(), unsigned)
    assert not [w for w in recwarn if w.category is MicrographWarning]


@pytest.mark.parametrize(("low", "high"), [(-100, 100), (0, 0), (0, 127)])
def test_signed_bytes_are_detected_without_a_complete_header(tmp_path, recwarn, low, high):
    values = (grey(128)[0].astype(int) - 128).astype(np.int8)
    path = write_mrc(tmp_path / "a.mrc", values, dmin=low, dmax=high)
    np.testing.assert_array_equal(Micrograph(path).read(), values)
    assert not [w for w in recwarn if w.category is MicrographWarning]


def test_bytes_that_contradict_their_header_are_read_by_value_with_a_warning(tmp_path):
    unsigned, bits = grey(128)
    path = write_mrc(tmp_path / "a.mrc", bits, dmin=-128, dmax=127)
    with pytest.warns(MicrographWarning, match=r"a\.mrc: its bytes are read as unsigned"):
        np.testing.assert_array_equal(Micrograph(path).read(), unsigned)


@pytest.mark.parametrize(("low", "high", "dtype"), [(0, 0, np.int8), (0, 255, np.uint8)])
def test_ambiguous_bytes_give_a_warning_unless_the_header_decides(
    tmp_path, recwarn, low, high, dtype
):
    bits = np.random.default_rng(0).integers(0, 256, (200, 300), np.uint8).view(np.int8)
    path = write_mrc(tmp_path / "a.mrc", bits, dmin=low, dmax=high)
    np.testing.assert_array_equal(Micrograph(path).read(), bits.view(dtype))
    told = [str(w.message) for w in recwarn if w.category is MicrographWarning]
    assert len(told) == (dtype == np.int8)
    assert all("16 bits" in sentence for sentence in told)


def test_big_endian_mrc_files_are_read(tmp_path):
    path = tmp_path / "a.mrc"
    pixels = image(">f4")
    with mrcfile.new(path) as mrc:
        mrc.set_data(pixels)
        mrc.voxel_size = 2.0
    assert mrcfile.open(path).header.mode.dtype.byteorder == ">"
    np.testing.assert_array_equal(Micrograph(path).read(), pixels)
    assert Micrograph(path).pixel_size_angstrom == pytest.approx(2.0)


@pytest.mark.parametrize(("position", "value"), [(208, b"\0\0\0\0"), (212, b"\0\0\0\0")])
def test_mrc_files_without_map_id_or_with_a_wrong_machine_stamp_are_read(tmp_path, position, value):
    pixels = image("float32")
    path = write_mrc(tmp_path / "a.mrc", pixels)
    raw = bytearray(path.read_bytes())
    raw[position : position + 4] = value
    path.write_bytes(raw)
    np.testing.assert_array_equal(Micrograph(path).read(), pixels)


def test_a_machine_stamp_of_the_other_byte_order_is_accepted(tmp_path):
    pixels = image("float32")
    path = write_mrc(tmp_path / "a.mrc", pixels)
    raw = bytearray(path.read_bytes())
    raw[212:214] = b"\x11\x11"
    path.write_bytes(raw)
    np.testing.assert_array_equal(Micrograph(path).read(), pixels)


def test_mrc_files_with_an_extended_header_and_trailing_bytes_are_read(tmp_path):
    path = tmp_path / "a.mrc"
    pixels = image("int16")
    with mrcfile.new(path) as mrc:
        mrc.set_data(pixels)
        mrc.set_extended_header(np.frombuffer(b"x" * 768, "V1"))
    with path.open("ab") as file:
        file.write(b"rest")
    np.testing.assert_array_equal(Micrograph(path).read(), pixels)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "float32", "float64"])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_tiff_files_are_read(tmp_path, dtype, compression, byteorder):
    pixels = image(dtype)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels, compression=compression, byteorder=byteorder)
    np.testing.assert_array_equal(Micrograph(path).read(), pixels)


@pytest.mark.parametrize("compression", ["lzw", "packbits", "lzma", "zstd", "deflate"])
@pytest.mark.parametrize("predictor", [False, True])
def test_compressed_tiff_files_are_read(tmp_path, compression, predictor):
    pixels = image("uint16")
    path = tmp_path / "a.tif"
    can_predict = compression != "packbits"
    tifffile.imwrite(path, pixels, compression=compression, predictor=predictor and can_predict)
    np.testing.assert_array_equal(Micrograph(path).read(), pixels)


@pytest.mark.parametrize("options", [{}, {"tile": (64, 64)}, {"rowsperstrip": 16}])
def test_jpeg_compression_within_a_tiff_is_read(tmp_path, options):
    y, x = np.mgrid[:100, :120]
    pixels = (128 + 60 * np.sin(x / 9) * np.cos(y / 7)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pixels, compression="jpeg", **options)
    found = Micrograph(tmp_path / "a.tif").read()
    assert found.shape == pixels.shape
    assert np.abs(found - pixels).max() < 10


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("compression", [None, "lzw"])
def test_large_values_are_bright_whatever_the_photometric_tag(tmp_path, dtype, compression):
    pixels = np.arange(600).reshape(20, 30).astype(dtype)
    options = {"compression": compression, "photometric": "miniswhite"}
    tifffile.imwrite(tmp_path / "a.tif", pixels, **options)
    found = Micrograph(tmp_path / "a.tif").read().astype(float)
    assert np.ptp(found + pixels) == 0


def test_a_small_copy_within_a_tiff_is_ignored(tmp_path):
    pixels = np.arange(600, dtype=np.uint16).reshape(20, 30)
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(pixels)
        file.write(pixels[::4, ::4], subfiletype=1)
    np.testing.assert_array_equal(Micrograph(tmp_path / "a.tif").read(), pixels)


def test_colour_tables_are_refused(tmp_path):
    colours = np.zeros((3, 256), np.uint16)
    pixels = np.arange(600).reshape(20, 30).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="palette", colormap=colours)
    with pytest.raises(MicrographError, match="colour"):
        Micrograph(tmp_path / "a.tif").read()


def test_tiled_tiff_files_are_read(tmp_path):
    pixels = image("uint16")
    tifffile.imwrite(tmp_path / "a.tiff", pixels, tile=(16, 16))
    np.testing.assert_array_equal(Micrograph(tmp_path / "a.tiff").read(), pixels)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_png_files_are_read(tmp_path, dtype):
    pixels = image(dtype)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    np.testing.assert_array_equal(Micrograph(tmp_path / "a.png").read(), pixels)


def test_jpeg_files_are_read(tmp_path):
    pixels = image("uint8")
    Image.fromarray(pixels).save(tmp_path / "a.jpg", quality=95)
    assert np.abs(Micrograph(tmp_path / "a.jpg").read() - pixels).max() < 20


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P"])
def test_a_colour_image_with_equal_channels_is_read_as_grey(tmp_path, mode):
    pixels = image("uint8")
    Image.fromarray(pixels).convert(mode).save(tmp_path / "a.png")
    np.testing.assert_array_equal(Micrograph(tmp_path / "a.png").read(), pixels)


def test_a_large_png_is_read(tmp_path, recwarn):
    # Pillow warns from 89 million pixels on.
    pixels = np.random.default_rng(0).integers(0, 2, (8000, 12000), np.uint8)
    pixels[5, 7] = 1
    picture = Image.fromarray(255 * pixels).convert("1", dither=Image.Dither.NONE)
    picture.save(tmp_path / "a.png", compress_level=1)
    micrograph = Micrograph(tmp_path / "a.png")
    assert micrograph.shape == (8000, 12000)
    assert micrograph.read()[5, 7] > 0
    assert not recwarn.list


def test_extensions_of_micrographs_are_recognised():
    assert has_micrograph_extension(Path("a.b.MRC.GZ"))
    assert not has_micrograph_extension(Path("a.gz"))
    assert not has_micrograph_extension(Path("a.eer"))
    assert ".mrc" in EXTENSIONS


def mrc_bytes(tmp_path: Path, pixels: np.ndarray, **header: object) -> bytes:
    return write_mrc(tmp_path / "source.mrc", pixels, **header).read_bytes()


def make_missing(folder):
    return folder / "a.mrc"


def make_missing_of_unknown_kind(folder):
    return folder / "a.xyz"


def make_folder(folder):
    (folder / "a.mrc").mkdir()
    return folder / "a.mrc"


def writer(name, content):
    def make(folder):
        path = folder / name
        path.write_bytes(content(folder) if callable(content) else content)
        return path

    make.__name__ = name
    return make


def mrc(pixels=None, cut=None, **header):
    default = image("float32") if pixels is None else pixels
    return lambda folder: mrc_bytes(folder, default, **header)[:cut]


def with_value(value):
    pixels = image("float32")
    pixels[20, 3] = value
    return pixels


def tiff(pixels, cut=None, **options):
    def content(folder):
        tifffile.imwrite(folder / "source.tif", pixels, **options)
        return (folder / "source.tif").read_bytes()[:cut]

    return content


def picture(name, pixels, cut=None):
    def content(folder):
        Image.fromarray(pixels).save(folder / name)
        return (folder / name).read_bytes()[:cut]

    return content


def png_that_claims(width, height):
    def content(folder):
        raw = bytearray(picture("source.png", image("uint8"))(folder))
        raw[16:24] = struct.pack(">II", width, height)
        raw[29:33] = struct.pack(">I", zlib.crc32(raw[12:29]))
        return bytes(raw)

    return content


def tiff_that_claims(side):
    def content(folder):
        tifffile.imwrite(folder / "source.tif", image("uint16"))
        with tifffile.TiffFile(folder / "source.tif", mode="r+") as file:
            file.pages[0].tags["ImageLength"].overwrite(side)
            file.pages[0].tags["ImageWidth"].overwrite(side)
        return (folder / "source.tif").read_bytes()

    return content


COLOURS = np.stack([image("uint8"), image("uint8") + 100, image("uint8")], axis=-1)
STACK = np.zeros((3, *SHAPE), np.float32)
BAD = [
    (make_missing, "does not exist"),
    (make_missing_of_unknown_kind, "does not exist"),
    (make_folder, "is a folder"),
    *((writer(f"a{ending}", b""), "is empty") for ending in EXTENSIONS),
    (writer("a.eer", b"II*\0"), "motion correction"),
    (writer("a.dm4", b"1234"), "convert it to MRC"),
    (writer("a.txt", b"1234"), "unknown extension"),
    (writer("a", b"1234"), "unknown extension"),
    (writer("a.gz", b"1234"), "unknown extension"),
    (writer("a.mrc", tiff(image("uint8"))), "is a TIFF file by its content"),
    (writer("b.mrc", lambda f: gzip.compress(mrc()(f))), "is a gzip file by its content"),
    (writer("a.tif", mrc()), "is a MRC file by its content"),
    (writer("a.png", b"some text"), "is not a PNG file"),
    (writer("a.jpg", picture("s.png", image("uint8"))), "is a PNG file by its content"),
    (writer("a.mrc.gz", mrc()), "is a MRC file by its content"),
    (writer("c.mrc", b"some text " * 300), "is not an MRC file"),
    (writer("d.mrc", b"short"), "truncated"),
    (writer("e.mrc", mrc(cut=1024 + 100)), "truncated"),
    (writer("f.mrc", mrc(cut=-1)), "truncated"),
    (writer("g.mrc", mrc(nx=60000, ny=60000, nz=1)), "no micrograph has"),
    (writer("h.mrc", mrc(nx=30000, ny=30000, nz=1)), "truncated"),
    (writer("i.mrc", mrc(nx=-5)), "not an MRC file"),
    (writer("j.mrc", mrc(mode=9)), "not an MRC file"),
    (writer("k.mrc", mrc(mode=4)), "Fourier transform"),
    (writer("l.mrc", mrc(mode=101)), "4-bit"),
    (writer("m.mrc", mrc(nsymbt=2**31 - 1)), "truncated"),
    (writer("a.mrcs", mrc(STACK)), "stack of 3"),
    (writer("b.mrc.gz", lambda f: gzip.compress(mrc()(f))[:-500]), "truncated or damaged"),
    (writer("c.mrc.gz", lambda f: gzip.compress(mrc(cut=2000)(f))), "truncated or damaged"),
    (writer("d.mrc.gz", lambda f: gzip.compress(mrc(nx=30000, ny=30000)(f))), "30000 x 30000"),
    (writer("e.mrc.gz", b"\x1f\x8b" + b"no gzip at all"), "cannot be read"),
    (writer("a.mrc.bz2", lambda f: bz2.compress(mrc()(f))[:-500]), "truncated or damaged"),
    (writer("b.mrc.bz2", b"BZhno bzip at all"), "cannot be read"),
    (writer("n.mrc", mrc(with_value(np.nan))), "contains NaN"),
    (writer("o.mrc", mrc(with_value(np.inf))), "contains infinite"),
    (writer("p.mrc", mrc(with_value(-np.inf))), "contains infinite"),
    (writer("q.mrc", mrc(with_value(1e30))), "values up to 1e\\+30"),
    (writer("r.mrc", mrc(np.full(SHAPE, 3, np.float32))), "is constant"),
    (writer("b.tif", tiff(image("uint16"), cut=-500)), "truncated"),
    (writer("c.tif", tiff(image("uint16"), cut=6)), "a\\.tif|c\\.tif"),
    (writer("d.tif", tiff(image("uint16"), cut=-100, compression="zlib")), "truncated"),
    (writer("e.tif", tiff(STACK, photometric="minisblack")), "stack of 3"),
    (writer("f.tif", tiff(STACK, imagej=True)), "stack of 3"),
    (writer("g.tif", tiff(COLOURS, photometric="rgb")), "colour"),
    (writer("h.tif", tiff(image("complex64"))), "complex"),
    (writer("i.tif", tiff_that_claims(65000)), "no micrograph has"),
    (writer("j.tif", tiff_that_claims(30000)), "30000 x 30000"),
    (writer("b.png", picture("s.png", image("uint8"), cut=-400)), "truncated"),
    (writer("c.png", picture("s.png", image("uint8"), cut=20)), "c\\.png"),
    (writer("d.png", picture("s.png", COLOURS)), "colour"),
    (writer("e.png", png_that_claims(2**30, 2**30)), "no micrograph has"),
    (writer("f.png", png_that_claims(30000, 30000)), "30000 x 30000"),
    (writer("b.jpg", picture("s.jpg", image("uint8"), cut=-400)), "truncated"),
    (writer("c.jpg", picture("s.jpg", COLOURS)), "colour"),
]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # mrcfile, about what it is told to write
@pytest.mark.parametrize(("make", "message"), BAD, ids=[make.__name__ for make, _ in BAD])
def test_an_error_names_the_invalid_file(tmp_path, make, message):
    path = make(tmp_path)
    with pytest.raises(MicrographError, match=message) as error:
        Micrograph(path).read()
    assert str(path) in str(error.value)
    with pytest.raises(MicrographError, match=message):
        Micrograph(path, 1.0).working_images(20.0, [10])


def test_an_unreadable_file_is_reported(tmp_path):
    path = write_mrc(tmp_path / "a.mrc", image("int8"))
    path.chmod(0)
    try:
        path.open("rb").close()
        pytest.skip("this user may read everything")
    except PermissionError:
        pass
    with pytest.raises(MicrographError, match="permission denied"):
        _ = Micrograph(path).shape
