from pathlib import Path

import mrcfile
import numpy as np
import pytest


@pytest.fixture
def micrograph_file(tmp_path: Path) -> Path:
    """Give a micrograph with bright pixels at the start of its first rows, of 1.5 Å."""
    pixels = np.random.default_rng(0).normal(0, 1, (96, 160)).astype(np.float32)
    pixels[:24, :40] += 20
    path = tmp_path / "grid_07.mrc"
    with mrcfile.new(path, data=pixels) as file:
        file.voxel_size = 1.5
    return path
