"""Descriptors of crops, and their means by class."""

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from activepick.classes.crops import CropScale
from activepick.classes.descriptor_means import log_density, mean_descriptors
from activepick.classes.descriptors import describe, network_features
from activepick.classes.directions import DIMENSIONS, directions, save_directions
from activepick.features.backbone import load_backbone
from activepick.features.extractor import Extractor
from activepick.micrograph import Micrograph
from activepick.simulate import SimulationSettings, simulate_micrograph, write_mrc


def ignore(fraction: float) -> None:
    pass


def test_features_of_a_crop_are_those_of_the_network_at_its_centre():
    rng = np.random.default_rng(0)
    crops = rng.normal(size=(3, 48, 48)).astype(np.float32)
    found = network_features(torch.from_numpy(crops), 16.0, ignore).numpy()
    y, x = np.mgrid[:48, :48] - 24
    outside = np.hypot(x, y) >= 18
    extractor = Extractor(load_backbone("resnet8_u64"), device="cpu")
    for crop, own in zip(crops, found, strict=True):
        image = (crop[outside].mean() - crop) / crop[outside].std()
        wanted = extractor.extract(image, orientations=4)[6, 6].astype(np.float32)
        assert np.abs(own - wanted).max() < 0.05 * np.abs(wanted).max()


def test_descriptors_do_not_depend_on_the_side_and_contrast_of_crops():
    y, x = np.mgrid[:64, :64] - 32
    crop = np.exp(-((x / 12.0) ** 2) - (y / 6.0) ** 2) + 0.1 * np.cos(x / 3) * np.cos(y / 5)
    plain = torch.from_numpy(crop[None].astype(np.float32))
    narrow = plain[:, 2:62, 2:62]
    first = describe(plain, 16.0, ignore)
    assert first.shape == (1, DIMENSIONS)
    assert (describe(5 * plain + 3, 16.0, ignore) - first).abs().max() < 0.3
    turned = torch.rot90(narrow[:, 1:, 1:], 1, (1, 2))
    turned = torch.nn.functional.pad(turned, (1, 0, 1, 0))
    straight = torch.nn.functional.pad(narrow[:, 1:, 1:], (1, 0, 1, 0))
    gap = describe(turned, 16.0, ignore) - describe(straight, 16.0, ignore)
    assert gap.abs().max() < 0.3


def test_descriptors_distinguish_particles_from_empty_ice(tmp_path):
    # A named protein; the directions are computed from random ones.
    simulation = SimulationSettings(protein="barrel", shape=(768, 768), crowding=(0.2, 0.2))
    micrograph = simulate_micrograph(simulation, 7, carbon=False)
    write_mrc(micrograph, tmp_path / "one.mrc")
    rng, radius = np.random.default_rng(0), simulation.radius_px
    truth = micrograph.truth[["x", "y"]].to_numpy()
    others = np.concatenate([truth, micrograph.contaminants[["x", "y"]].to_numpy(float)])
    empty = rng.uniform(radius, 768 - radius, (4000, 2))
    gaps = np.hypot(*(empty[:, None] - others).transpose(2, 0, 1)).min(1)
    empty = empty[gaps > 1.2 * radius][: len(truth)]
    scale = CropScale(simulation.diameter_angstrom)
    crops = scale.crops(
        Micrograph(tmp_path / "one.mrc"),
        np.concatenate([truth, empty]),
        1e4 * micrograph.defocus.mean_um,
        simulation.microscope,
    )
    found = describe(torch.from_numpy(crops), scale.radius_px, ignore).numpy()
    is_particle = np.arange(len(found)) < len(truth)
    ends = [found[one][::2].mean(0) for one in (is_particle, ~is_particle)]
    nearer = np.linalg.norm(found - ends[0], axis=1) < np.linalg.norm(found - ends[1], axis=1)
    held_out = np.concatenate(
        [(nearer == is_particle)[one][1::2] for one in (is_particle, ~is_particle)]
    )
    assert len(empty) >= 20
    assert held_out.mean() > 0.8


def test_directions_are_written_and_read(tmp_path):
    assert directions().shape == (load_backbone("resnet8_u64").channels, DIMENSIONS)
    save_directions(directions(), tmp_path / "same.safetensors")
    [read] = load_file(tmp_path / "same.safetensors").values()
    np.testing.assert_array_equal(read, directions())


def test_mean_descriptors_of_classes_are_near_the_mean_of_all_if_there_are_few_members():
    values = torch.tensor([[0.0], [0.0], [8.0], [8.0]])
    of_class = torch.tensor([[1.0, 0], [1, 0], [0, 1], [0, 1]])
    means = mean_descriptors(values, of_class)
    # Five more crops at the mean of all crops, 4.
    assert means[:, 0].tolist() == pytest.approx([20 / 7, 36 / 7])
    density = log_density(values, means)
    assert density[0, 0] - density[0, 1] == pytest.approx((36**2 - 20**2) / 49 / 4)
