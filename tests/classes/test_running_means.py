import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from activepick.classes.frequencies import resized
from activepick.classes.running_means import RunningMeans

SIDE = 8


def batch(of_class: list[list[float]], value: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Sums of crops that all have one value, and the probabilities of their classes."""
    probability = torch.tensor(of_class)
    return probability.sum(0)[:, None, None] * torch.full((1, SIDE, SIDE), value), probability


def test_the_first_batch_represents_all_crops():
    means = RunningMeans(2, SIDE, 100, torch.device("cpu"))
    means.add(*batch([[1.0, 0.0], [0.5, 0.5]], 3.0))
    torch.testing.assert_close(means.weight, torch.tensor([75.0, 25.0]))
    torch.testing.assert_close(means.sums[0] / means.weight[0], torch.full((SIDE, SIDE), 3.0))
    assert means.share == 0.02


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 10), st.integers(20, 200))
def test_later_batches_update_the_means_and_keep_the_total_weight(each, crops):
    means = RunningMeans(1, SIDE, crops, torch.device("cpu"))
    values = []
    for value in (0.0, *[1.0] * 20):
        means.add(*batch([[1.0]] * each, value))
        values.append(float(means.sums[0, 0, 0] / means.weight[0]))
    np.testing.assert_allclose(means.weight.numpy(), [crops], rtol=1e-4)
    assert values == sorted(values)
    assert values[-1] > 0.9
    assert each / crops <= means.share <= 1


def test_empty_and_duplicate_classes_are_replaced_by_crops_of_the_largest_class():
    means = RunningMeans(4, SIDE, 100, torch.device("cpu"))
    of_class = [[0.9, 0.1, 0.0, 0.0]] * 6 + [[0.0, 1.0, 0.0, 0.0]] * 2 + [[0.0, 0.0, 0.5, 0.5]] * 4
    means.add(*batch(of_class, 1.0))
    rng = np.random.default_rng(0)
    first, second, third = torch.from_numpy(rng.normal(size=(3, SIDE, SIDE)).astype(np.float32))
    before = float(means.weight.sum())
    # The last two references are the same, and the classes of the others differ.
    references = torch.stack([first, second, third, third])
    [(number, row)] = means.replacements(references, torch.tensor(of_class), rng)
    assert number in (2, 3)
    assert row < 6
    assert means.weight[0] == means.weight[number]
    means.set_mean(number, first)
    torch.testing.assert_close(means.sums[number] / means.weight[number], first)
    assert float(means.weight.sum()) < before + 1e-3


def test_white_noise_keeps_its_standard_deviation_when_images_are_reduced():
    noise = torch.from_numpy(np.random.default_rng(1).normal(size=(200, 32, 32)).astype(np.float32))
    small = resized(noise, 16)
    # The highest frequency of the small images is left out.
    assert 0.85 < float(small.std()) < 1.0
    torch.testing.assert_close(resized(resized(small, 32), 16), small)
