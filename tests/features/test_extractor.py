import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from topaz.model.classifier import LinearClassifier
from topaz.model.factory import load_model
from topaz.model.features.resnet import ResNet8

from activepick.errors import BackboneError, SettingsError
from activepick.features import network, tiling
from activepick.features.backbone import PRETRAINED, load_backbone
from activepick.features.extractor import Extractor


def image(height, width, seed=0):
    return np.random.default_rng(seed).standard_normal((height, width)).astype(np.float32)


def topaz_dense(name, pixels):
    """Topaz's own dense features and scores, shapes (C, h, w) and (h, w)."""
    model = load_model(name).eval()
    model.fill()
    with torch.inference_mode():
        features = model.features(torch.from_numpy(pixels)[None, None])
        return features[0].numpy(), model.classifier(features)[0, 0].numpy()


def relative_difference(ours, theirs):
    return np.abs(ours - theirs).max() / np.abs(theirs).max()


@pytest.mark.parametrize("name", PRETRAINED)
def test_features_equal_topaz_dense_network(name):
    pixels = image(61, 86)
    dense, scores = topaz_dense(name, pixels)
    backbone = load_backbone(name)
    for stride in (1, 2, 4):
        extractor = Extractor(backbone, stride=stride, device="cpu", precision="float32")
        # Features and scores are rounded to half precision, which is 5e-4 of each.
        ours = extractor.score(pixels, backbone.weights, backbone.bias)
        assert relative_difference(ours, scores[::stride, ::stride]) < 2e-3
        stored = extractor.extract(pixels).astype(np.float32)
        expected = dense[:, ::stride, ::stride].transpose(1, 2, 0)
        assert np.allclose(stored, expected, rtol=1e-3, atol=1e-4 * dense.max())


def test_float32_features_before_storage_equal_topaz():
    pixels = image(50, 64)
    dense, _ = topaz_dense("resnet16_u64", pixels)
    for stride in (1, 2, 4):
        extractor = Extractor(
            load_backbone(), stride=stride, device="cpu", precision="float32", tile_px=1024
        )
        [(_, _, features)] = extractor._tiles(pixels, 1, None)
        expected = dense[:, ::stride, ::stride].transpose(1, 2, 0)
        assert relative_difference(features.numpy(), expected) < 1e-4


@settings(max_examples=6, deadline=None)
@given(
    height=st.integers(5, 150),
    width=st.integers(5, 150),
    tile=st.sampled_from([16, 50, 64]),
    stride=st.sampled_from([1, 2, 4]),
)
def test_tiles_give_the_result_of_one_pass(height, width, tile, stride):
    pixels = image(height, width, seed=height)
    backbone = load_backbone("resnet8_u32")
    head = backbone.weights, backbone.bias
    whole = Extractor(backbone, stride=stride, device="cpu", precision="float32")
    tiled = Extractor(backbone, stride=stride, device="cpu", precision="float32", tile_px=tile)
    one, many = whole.score(pixels, *head), tiled.score(pixels, *head)
    assert one.shape == (-(-height // stride), -(-width // stride))
    assert relative_difference(many, one) < 2e-3


@pytest.mark.parametrize("stride", [2, 4])
def test_strips_give_the_result_of_one_pass(monkeypatch, stride):
    pixels = image(150, 90)
    backbone = load_backbone("resnet16_u32")
    extractor = Extractor(backbone, stride=stride, device="cpu", precision="float32", tile_px=100)
    whole = extractor.score(pixels, backbone.weights, backbone.bias)
    monkeypatch.setitem(network._STRIP_BYTES, "cpu", 300_000)
    strips = extractor.score(pixels, backbone.weights, backbone.bias)
    assert relative_difference(strips, whole) < 2e-3


def test_batch_norms_are_kept(tmp_path):
    torch.manual_seed(0)
    model = LinearClassifier(ResNet8(units=[8, 8, 8], bn=True)).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for values in (module.weight, module.bias, module.running_mean, module.running_var):
                values.data.uniform_(0.5, 1.5)
    torch.save(model.state_dict(), tmp_path / "mine.pt")
    pixels = image(70, 64)
    extractor = Extractor(load_backbone(tmp_path / "mine.pt"), device="cpu", precision="float32")
    [(_, _, ours)] = extractor._tiles(pixels, 1, None)
    model.fill()
    model.eval()
    with torch.inference_mode():
        theirs = model.features(torch.from_numpy(pixels)[None, None])[0, :, ::4, ::4]
    assert relative_difference(ours.numpy(), theirs.permute(1, 2, 0).numpy()) < 1e-4


@pytest.mark.parametrize("dense", [False, True])
def test_less_memory_means_smaller_tiles(dense):
    edges = [tiling.tile_within(gib * 2**30, 2, dense) for gib in (0.1, 1.2, 2, 4, 1000)]
    assert edges == sorted(edges)
    assert edges[0] == 64
    assert edges[1] < edges[2] < edges[3] < edges[4]
    for wrong in (0, -1, float("nan"), float("inf")):
        with pytest.raises(SettingsError, match="GPU memory"):
            tiling.tile_for(torch.device("cpu"), torch.float32, memory_gib=wrong)


def test_bfloat16_stays_close_to_float32():
    pixels = image(100, 100)
    backbone = load_backbone()
    full = Extractor(backbone, device="cpu", precision="float32").extract(pixels)
    half = Extractor(backbone, device="cpu", precision="bfloat16").extract(pixels)
    assert relative_difference(half.astype(np.float32), full.astype(np.float32)) < 0.03


def test_tiles_are_halved_if_memory_is_short(monkeypatch):
    pixels = image(300, 200)
    backbone = load_backbone("resnet8_u32")
    extractor = Extractor(backbone, device="cpu", precision="float32", tile_px=512)
    expected = extractor.score(pixels, backbone.weights, backbone.bias)
    run = Extractor._run

    def short_of_memory(self, padded, rows, columns, *others):
        if (rows.stop - rows.start) * self.stride > 130:
            raise torch.OutOfMemoryError("out of memory")
        return run(self, padded, rows, columns, *others)

    monkeypatch.setattr(Extractor, "_run", short_of_memory)
    assert np.allclose(
        extractor.score(pixels, backbone.weights, backbone.bias), expected, atol=1e-4
    )
    assert extractor.tile_px < 512

    def no_memory(self, *arguments):
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(Extractor, "_run", no_memory)
    with pytest.raises(BackboneError, match="run on the CPU"):
        extractor.score(pixels, backbone.weights, backbone.bias)


def test_progress_reaches_one_and_can_cancel():
    pixels = image(200, 200)
    extractor = Extractor(
        load_backbone("resnet8_u32"), device="cpu", precision="float32", tile_px=100
    )
    seen = []
    extractor.extract(pixels, seen.append)
    assert seen == sorted(seen)
    assert len(seen) > 4  # within tiles too
    assert seen[-1] == 1

    def cancel(fraction):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extractor.extract(pixels, cancel)


def test_wrong_settings_are_named():
    backbone = load_backbone("resnet8_u32")
    with pytest.raises(SettingsError, match="4, 2 or 1"):
        Extractor(backbone, stride=3)
    with pytest.raises(SettingsError, match="precision"):
        Extractor(backbone, precision="float8")
    with pytest.raises(SettingsError, match="device"):
        Extractor(backbone, device="abacus")
