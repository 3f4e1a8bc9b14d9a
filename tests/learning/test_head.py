import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save_file

from activepick.errors import HeadError
from activepick.features.feature_spec import FeatureSpec
from activepick.learning.calibration import Calibration
from activepick.learning.head import Head, TrainingData, pretrained_head, scale_mixture
from activepick.learning.head_file import load_head, save_head

SPEC = FeatureSpec("resnet16_u64", "abc", (7.0, 10.0, 14.0), 4, "affine")


def head(seed=0):
    rng = np.random.default_rng(seed)
    return Head(rng.standard_normal((3, 8)), 0.5, SPEC, 191.0, False, 40, 60, {"name": "gal"})


@given(seed=st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_a_saved_head_is_loaded_unchanged(tmp_path_factory, seed):
    path = tmp_path_factory.mktemp("heads") / "my head.safetensors"
    saved = replace(head(seed), calibration=Calibration(0.7 + seed / 1e4))
    save_head(saved, path)
    loaded = load_head(path)
    assert np.array_equal(loaded.weights, saved.weights)
    assert loaded.bias == saved.bias
    assert loaded.spec == saved.spec
    assert loaded.calibration == saved.calibration
    assert (loaded.diameter_angstrom, loaded.inverted) == (191.0, False)
    assert (loaded.particles, loaded.others, loaded.notes) == (40, 60, {"name": "gal"})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"digest": "xyz", "backbone": "resnet8_u32"}, "resnet16_u64 instead of resnet8_u32"),
        ({"stride": 2}, "stride 4 instead of 2"),
        ({"normalisation": "gmm"}, "normalisation affine instead of gmm"),
        ({"working_radii": (10.0,)}, "working_radii"),
    ],
)
def test_a_head_for_other_features_is_refused_with_the_difference(change, said):
    with pytest.raises(HeadError, match=said):
        head().require(replace(SPEC, **change))


def test_a_network_is_identified_by_its_weights_not_its_name():
    head().require(replace(SPEC, backbone="my copy.sav"))


def test_files_that_are_not_heads_are_named(tmp_path):
    path = tmp_path / "head.safetensors"
    with pytest.raises(HeadError, match="does not exist"):
        load_head(path)
    path.write_text("not safetensors")
    with pytest.raises(HeadError, match=r"head\.safetensors"):
        load_head(path)
    save_file({"weights": np.zeros(3)}, path)
    with pytest.raises(HeadError, match="not a head"):
        load_head(path)
    facts = {"version": 1, "spec": {}}
    save_file({"weights": np.zeros((3, 8))}, path, metadata={"activepick-head": json.dumps(facts)})
    with pytest.raises(HeadError, match="damaged"):
        load_head(path)
    facts = {"version": 99, "activepick": "7.0"}
    both = {"weights": np.zeros((3, 8)), "bias": np.zeros(1)}
    save_file(both, path, metadata={"activepick-head": json.dumps(facts)})
    with pytest.raises(HeadError, match="Update activepick"):
        load_head(path)


def test_truncated_heads_are_refused(tmp_path):
    path = tmp_path / "head.safetensors"
    save_head(head(), path)
    whole = path.read_bytes()
    for size in range(0, len(whole), 37):
        path.write_bytes(whole[:size])
        with pytest.raises(HeadError):
            load_head(path)


def test_non_finite_weights_are_refused(tmp_path):
    path = tmp_path / "head.safetensors"
    save_head(replace(head(), weights=np.full((3, 8), np.nan)), path)
    with pytest.raises(HeadError, match="not finite"):
        load_head(path)


WRONG_NUMBERS = st.one_of(
    st.text(),
    st.booleans(),
    st.integers(max_value=0),
    st.floats(max_value=0),
    st.sampled_from([float("nan"), float("inf"), [], {}, [1.0]]),
)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_wrong_values_are_refused_and_named(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "wrong.safetensors"
    facts = {
        "version": 1,
        "activepick": "0",
        "spec": asdict(FeatureSpec("resnet8_u32", "0" * 16, (5.0,), 4, "affine", 1)),
        "diameter_angstrom": 100.0,
        "inverted": False,
        "particles": 1,
        "others": 0,
        "notes": {},
    }

    def write():
        tensors = {"weights": np.ones((1, 64)), "bias": np.zeros(1)}
        save_file(tensors, path, metadata={"activepick-head": json.dumps(facts)})

    write()
    assert load_head(path).diameter_angstrom == 100
    key = data.draw(st.sampled_from(["diameter_angstrom", "stride", "working_radii", "others"]))
    if key == "diameter_angstrom":
        facts[key] = data.draw(WRONG_NUMBERS)
    elif key == "others":
        facts[key] = data.draw(st.one_of(st.integers(max_value=-1), st.just("many"), st.none()))
    elif key == "stride":
        facts["spec"][key] = data.draw(st.one_of(st.text(), st.integers(max_value=0), st.just(3)))
    else:
        facts["spec"][key] = [data.draw(WRONG_NUMBERS)]
    write()
    # JSON has no infinities, so that a file with one is refused before its values are looked at.
    with pytest.raises(HeadError, match=f"{key}|is not a number"):
        load_head(path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"directions": np.ones((2, 1, 63), np.float32)},
        {"features": np.ones((2, 63), np.float16)},
        {"targets": np.ones(3, np.float16)},
        {"targets": np.full(2, 0.5, np.float16)},
        {"unlabelled": np.ones((5, 63), np.float16)},
        {"label_weights": np.ones(3, np.float16)},
        {"label_weights": np.array([1.0, -0.5], np.float16)},
        {"unlabelled": np.full((5, 64), np.nan, np.float16)},
    ],
)
def test_arrays_of_inconsistent_shapes_are_refused(tmp_path, wrong):
    spec = FeatureSpec("resnet8_u32", "0" * 16, (5.0,), 4, "affine", 1)
    path = tmp_path / "head.safetensors"
    targets = np.array([0.0, 1.0])
    learnt = TrainingData(np.ones((2, 64)), targets, np.zeros((5, 64)), np.array([1.0, 0.25]))
    save_head(Head(np.ones((1, 64)), 0.5, spec, training_data=learnt), path)
    assert load_head(path).training_data.weights.tolist() == [1.0, 0.25]
    with safe_open(path, "numpy") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        metadata = file.metadata()
    save_file({**tensors, **wrong}, path, metadata=metadata)
    with pytest.raises(HeadError):
        load_head(path)
    # Heads of earlier versions have no weights of labels.
    del tensors["label_weights"]
    save_file(tensors, path, metadata=metadata)
    assert load_head(path).training_data.weights.tolist() == [1.0, 1.0]


def test_the_pretrained_head_has_the_classifier_on_one_scale():
    weights = np.arange(8.0)
    first = pretrained_head(SPEC, weights, -0.1, 10.0)
    assert np.array_equal(first.weights[1], weights)
    assert not first.weights[[0, 2]].any()


def test_directions_of_a_mixture_of_scales_have_the_classifier_on_each_scale():
    weights = np.arange(8.0)
    mixture = scale_mixture(pretrained_head(SPEC, weights, 0.0, 10.0), weights)
    assert mixture.directions.shape == (3, 3, 8)
    assert np.array_equal(mixture.directions.sum(axis=0), np.tile(weights, (3, 1)))
