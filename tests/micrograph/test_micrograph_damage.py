"""Whatever happens to a file, the answer is an image or a sentence."""

import bz2
import gzip
import io
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from activepick.errors import ActivepickError
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
def test_flipped_bytes_and_cut_files(folder, intact, name):
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
