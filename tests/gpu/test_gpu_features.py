"""Features on a GPU against those of the processor in single precision."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from activepick.errors import BackboneError
from activepick.features import extractor as extractor_module
from activepick.features import layers
from activepick.features.backbone import load_backbone
from activepick.features.extractor import Extractor
from activepick.features.torch_transforms import TorchTransforms
from activepick.micrograph.fourier_crop import fourier_crop

# Largest relative error of features, by precision.
ERROR = {"float32": 1e-3, "float16": 1e-2, "bfloat16": 2e-2}


def image(height, width, seed=0):
    """Noise with blobs, of mean 0 and standard deviation 1."""
    numbers = np.random.default_rng(seed)
    blobs = gaussian_filter(numbers.standard_normal((height, width)), 5)
    pixels = numbers.standard_normal((height, width)) - 3 * blobs / blobs.std()
    return (pixels / pixels.std()).astype(np.float32)


def relative_error(ours, expected):
    ours, expected = ours.astype(np.float64), expected.astype(np.float64)
    return np.linalg.norm(ours - expected) / np.linalg.norm(expected)


@pytest.fixture(scope="module")
def backbone():
    return load_backbone()


@pytest.fixture(scope="module")
def expected(backbone):
    """Features on the processor in single precision, by stride and orientations."""
    known = {}

    def compute(stride, orientations):
        if (stride, orientations) not in known:
            plain = Extractor(backbone, stride=stride, device="cpu", precision="float32")
            known[stride, orientations] = plain.extract(image(96, 121), orientations=orientations)
        return known[stride, orientations]

    return compute


@pytest.mark.parametrize("precision", ERROR)
@pytest.mark.parametrize(("stride", "orientations"), [(4, 1), (4, 2), (4, 8), (2, 1), (1, 1)])
@pytest.mark.parametrize("is_fused", [True, False])
def test_features_equal_those_of_the_processor(
    device, backbone, expected, precision, stride, orientations, is_fused, monkeypatch
):
    if not is_fused:
        monkeypatch.setattr(layers, "_fused_is_right", lambda device, dtype: False)
    extractor = Extractor(backbone, stride=stride, device=device, precision=precision)
    ours = extractor.extract(image(96, 121), orientations=orientations)
    wanted = expected(stride, orientations)
    assert ours.shape == wanted.shape
    error = relative_error(ours, wanted)
    print(f"{precision} stride {stride} orientations {orientations}: error {error:.1e}")
    assert error < ERROR[precision]


def test_the_fused_form_is_accurate_in_half_precision(cuda):
    assert layers._fused_is_right(cuda, torch.float16)
    assert layers._fused_is_right(cuda, torch.bfloat16)


@pytest.mark.parametrize("precision", ERROR)
@pytest.mark.parametrize("stride", [4, 1])
def test_tiles_equal_one_pass(device, backbone, precision, stride):
    pixels = image(400, 330)
    head = backbone.weights, backbone.bias
    one = Extractor(backbone, stride=stride, device=device, precision=precision, tile_px=512)
    tiled = Extractor(backbone, stride=stride, device=device, precision=precision, tile_px=96)
    whole, parts = one.score(pixels, *head), tiled.score(pixels, *head)
    assert relative_error(parts, whole) < ERROR[precision] / 2
    assert relative_error(tiled.extract(pixels), one.extract(pixels)) < ERROR[precision] / 2


@pytest.mark.parametrize("sizes", [[(120, 160)], [(96, 128), (136, 182), (900, 1000)]])
@pytest.mark.parametrize("shape", [(600, 801), (601, 800)])
def test_resampling_equals_that_of_the_processor(device, shape, sizes):
    pixels = 1000 + image(*shape)
    expected = fourier_crop([pixels[:200], pixels[200:]], shape, sizes)
    transforms = TorchTransforms(torch.device(device))
    ours = fourier_crop([pixels[:200], pixels[200:]], shape, sizes, transforms)
    for mine, other, size in zip(ours, expected, sizes, strict=True):
        assert mine.shape == size
        assert mine.dtype == np.float32
        assert np.abs(mine - other).max() < 5e-4


def test_two_threads_give_the_same_results_as_one(device, backbone):
    extractor = Extractor(backbone, device=device, tile_px=256)
    images = [image(300 + 8 * k, 400, seed=k) for k in range(8)]
    head = backbone.weights, backbone.bias
    alone = [extractor.score(pixels, *head, orientations=2) for pixels in images]
    with ThreadPoolExecutor(2) as pool:
        together = list(
            pool.map(lambda pixels: extractor.score(pixels, *head, orientations=2), images)
        )
    for one, other in zip(alone, together, strict=True):
        assert relative_error(other, one) < 1e-3


def test_little_memory_means_small_tiles_and_the_same_features(cuda, backbone):
    pixels = image(3000, 3000)
    head = backbone.weights, backbone.bias
    expected = Extractor(backbone, device="cuda", memory_gib=20).score(pixels, *head)
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    try:
        small = Extractor(backbone, device="cuda", memory_gib=1.5)
        scores = small.score(pixels, *head)
        taken = torch.cuda.max_memory_reserved() / 2**30
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    print(f"1.5 GiB allowed: tiles of {small.tile_px} px, {taken:.2f} GiB taken")
    assert taken <= 1.5
    assert small.tile_px < 2048
    assert relative_error(scores, expected) < 1e-3


def test_an_error_for_lack_of_memory_halves_the_tiles(cuda, backbone):
    pixels = image(2500, 2500)
    head = backbone.weights, backbone.bias
    extractor = Extractor(backbone, device="cuda", tile_px=2500)
    expected = extractor.score(pixels, *head)
    extractor.release()
    torch.cuda.empty_cache()
    total = torch.cuda.mem_get_info()[1]
    try:
        torch.cuda.set_per_process_memory_fraction(0.6 * 2**30 / total)
        scores = extractor.score(pixels, *head)
        assert extractor.tile_px < 2500
        extractor.release()
        torch.cuda.set_per_process_memory_fraction(2**20 / total)
        with pytest.raises(BackboneError, match="run on the CPU"):
            extractor.score(pixels, *head)
        with pytest.raises(BackboneError, match="run on the CPU"):
            Extractor(backbone, device="cuda")
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert relative_error(scores, expected) < 1e-3
    assert np.isfinite(extractor.score(pixels[:300, :300], *head)).all()


def test_memory_is_released_and_allocated_again(cuda, backbone):
    extractor = Extractor(backbone, device="cuda")
    pixels = image(1000, 1000)
    first = extractor.score(pixels, backbone.weights, backbone.bias)
    extractor.release()
    assert torch.cuda.memory_allocated() < 2**20
    again = extractor.score(pixels, backbone.weights, backbone.bias)
    assert relative_error(again, first) < 1e-3


def test_batches_of_rows_do_not_change_features(device, backbone, monkeypatch):
    pixels = image(500, 320)
    extractor = Extractor(backbone, device=device)
    expected = extractor.extract(pixels, orientations=2)
    monkeypatch.setattr(extractor_module, "_BLOCK_ROWS_GPU", 7)
    monkeypatch.setattr(extractor_module, "_BLOCK_ROWS", {"cpu": 7})
    assert np.array_equal(extractor.extract(pixels, orientations=2), expected)
