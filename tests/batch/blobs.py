"""Small micrographs that are created quickly."""

import mrcfile
import numpy as np

PIXEL_SIZE = 4.0


def write_micrograph(path, seed):
    """Write a small micrograph of dark blobs in noise."""
    rng = np.random.default_rng(seed)
    pixels = rng.standard_normal((112, 128)).astype(np.float32)
    y, x = np.mgrid[:112, :128]
    for centre_y, centre_x in rng.uniform(10, 100, (6, 2)):
        pixels -= 3 * np.exp(-((y - centre_y) ** 2 + (x - centre_x) ** 2) / 30).astype(np.float32)
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(pixels)
        file.voxel_size = PIXEL_SIZE
    return path
