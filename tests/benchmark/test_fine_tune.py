import numpy as np
import pytest
from fine_tune import FineTuning, Labelled, fine_tune

from activepick.features.backbone import load_backbone
from activepick.features.extractor import Extractor


@pytest.fixture(scope="module")
def task():
    """Bright discs are the particles, the opposite of what the network has learnt."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:260, :260]
    pixels = rng.standard_normal((260, 260))
    centres = np.array([(a, b) for a in (60, 130, 200) for b in (60, 130, 200)], float)
    for cx, cy in centres:
        pixels += 2.0 * ((x - cx) ** 2 + (y - cy) ** 2 < 64)
    empty = centres[:-3] + np.array([35.0, 0.0])
    xy = np.concatenate([centres, empty])
    targets = np.repeat([1.0, 0.0], [len(centres), len(empty)])
    return Labelled(pixels.astype(np.float32), xy, targets)


@pytest.mark.parametrize("whole", [False, True])
def test_fine_tuning_learns_the_labels_and_does_not_change_the_original(task, whole):
    backbone = load_backbone("resnet8_u32")
    before = [p.clone() for p in backbone.layers.parameters()]
    epochs = 6 if whole else 40
    settings = FineTuning(whole, epochs=epochs, rate=1e-3 if whole else 1e-2)
    tuned = fine_tune(backbone, [task], settings)

    def separation(network):
        extractor = Extractor(network, stride=1, device="cpu", precision="float32")
        scores = extractor.score(task.pixels, network.weights, network.bias)
        at = scores[task.xy[:, 1].astype(int), task.xy[:, 0].astype(int)]
        return at[task.targets == 1].mean() - at[task.targets == 0].mean()

    assert separation(tuned) > separation(backbone) + 0.5
    assert all((a == b).all() for a, b in zip(before, backbone.layers.parameters(), strict=True))
    same = all((a == b).all() for a, b in zip(before, tuned.layers.parameters(), strict=True))
    assert same == (not whole)
    assert tuned.digest != backbone.digest


def test_fine_tuning_is_repeatable_and_can_be_cancelled(task):
    backbone = load_backbone("resnet8_u32")
    settings = FineTuning(False, epochs=2)
    one, two = (fine_tune(backbone, [task], settings, seed=3) for _ in range(2))
    assert np.array_equal(one.weights, two.weights)

    def cancel(fraction):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fine_tune(backbone, [task], settings, step=cancel)


def test_labels_at_the_border_are_used_for_fine_tuning(task):
    corner = np.array([[259.6, 259.7], [-0.4, 0.0]])
    part = Labelled(task.pixels, corner, np.array([1.0, 0.0]))
    tuned = fine_tune(load_backbone("resnet8_u32"), [part], FineTuning(False, epochs=1))
    assert np.isfinite(tuned.weights).all()
