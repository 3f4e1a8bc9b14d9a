import numpy as np
import pytest
import torch
from topaz.model.classifier import LinearClassifier
from topaz.model.factory import load_model
from topaz.model.features.resnet import ResNet8

from activepick.errors import BackboneError
from activepick.features.backbone import load_backbone
from activepick.features.extractor import Extractor


def test_the_state_dict_of_a_model_gives_the_same_network(tmp_path):
    path = tmp_path / "mine.sav"
    torch.save(load_model("resnet16_u32").state_dict(), path)
    mine, shipped = load_backbone(path), load_backbone("resnet16_u32")
    assert mine.name == "mine.sav"
    assert mine.digest == shipped.digest
    assert np.array_equal(mine.weights, shipped.weights)


def test_a_pickled_model_is_refused_unless_trusted(tmp_path):
    path = tmp_path / "pickled.sav"
    model = load_model("resnet8_u32")
    torch.save(model, path)
    with pytest.raises(BackboneError, match=r"pickled\.sav.*trust its source") as raised:
        load_backbone(path)
    assert raised.value.option == "--trust-model"
    assert load_backbone(path, trust_pickle=True).digest == load_backbone("resnet8_u32").digest


def test_batch_normalised_model_runs_as_in_topaz(tmp_path):
    torch.manual_seed(0)
    model = LinearClassifier(ResNet8(units=16, bn=True)).eval()
    path = tmp_path / "bn.sav"
    torch.save(model.state_dict(), path)
    pixels = np.random.default_rng(0).standard_normal((90, 80)).astype(np.float32)
    backbone = load_backbone(path)
    ours = Extractor(backbone, stride=2, device="cpu", precision="float32").score(
        pixels, backbone.weights, backbone.bias
    )
    model.fill()
    with torch.inference_mode():
        theirs = model(torch.from_numpy(pixels)[None, None])[0, 0].numpy()
    assert np.allclose(ours, theirs[::2, ::2], atol=1e-3 * np.abs(theirs).max())


@pytest.mark.parametrize("content", ["text", "tensor", "other", "pooled", "missing"])
def test_a_file_that_is_not_a_detector_is_named(tmp_path, content):
    path = tmp_path / "model.sav"
    trust = False
    if content == "text":
        path.write_text("these are not the weights")
    elif content == "tensor":
        torch.save(torch.zeros(3), path)
    elif content == "other":
        torch.save(torch.nn.Linear(2, 2).state_dict(), path)
    elif content == "pooled":
        trust = True
        torch.save(LinearClassifier(ResNet8(units=8, bn=False, pooling="max")), path)
    with pytest.raises(BackboneError, match=r"model\.sav"):
        load_backbone(path, trust_pickle=trust)
