import os
import sys

import numpy as np
import pytest

pytestmark = pytest.mark.skipif(
    sys.platform.startswith("linux") and not os.environ.get("DISPLAY"),
    reason="a window needs a screen: run it under xvfb-run",
)


def test_a_micrograph_is_shown_as_it_lies_in_the_file(make_napari_viewer, micrograph_file):
    viewer = make_napari_viewer(show=True)
    (layer,) = viewer.open(str(micrograph_file), plugin="napari-activepick")
    assert layer.data.shape == (96, 160)
    np.testing.assert_allclose(layer.scale, 1.5)
    shown = viewer.screenshot(canvas_only=True, flash=False)[..., :3].mean(axis=2)
    height, width = shown.shape
    # The image's first rows and columns, the bright ones, are at the top left of the window.
    rows, columns = np.nonzero(shown > 0.9 * shown.max())
    assert rows.mean() < height / 2
    assert columns.mean() < width / 2
    assert shown[height // 2, width // 2] < 0.5 * shown.max()
