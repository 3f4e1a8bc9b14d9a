import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from napari.components import ViewerModel
from napari.layers import Layer, Points
from npe2 import PluginManager

from activepick._napari.io.picks_layers import picks_layers
from activepick._napari.io.picks_writer import write_picks
from activepick.errors import TableError
from activepick.formats import FORMATS, TableWarning, read_table, write_table

NAME = "napari-activepick"


def points(**attributes) -> Points:
    facts = {"micrograph": "mics/a.mrc", "pixel_size_angstrom": 1.5}
    attributes = {"name": "picks", "metadata": facts, "scale": (1.5, 1.5)} | attributes
    return Points(attributes.pop("data", np.array([(2.0, 1.5), (40.0, 30.25)])), **attributes)


def saved(path, *layers: Points) -> pd.DataFrame:
    assert write_picks(str(path), [layer.as_layer_data_tuple() for layer in layers]) == [str(path)]
    return read_table(path)


def test_the_viewer_saves_a_layer_through_the_plugin(tmp_path):
    PluginManager.instance().discover()  # as napari does when its window opens
    viewer = ViewerModel()
    viewer.add_layer(points(features={"score": [0.5, -2.0]}))
    for name in ("p.star", "p.csv", "p.txt"):
        path = tmp_path / name
        assert viewer.layers[0].save(str(path), plugin=NAME) == [str(path)]
        table = read_table(path)
        np.testing.assert_allclose(table[["x", "y"]], [(1.5, 2.0), (30.25, 40.0)])
        np.testing.assert_allclose(table["score"], [0.5, -2.0])
    star = read_table(tmp_path / "p.star")
    assert star["micrograph"].tolist() == ["mics/a.mrc"] * 2
    assert star.attrs["optics"][0]["rlnMicrographPixelSize"] == 1.5


@given(
    rows=st.lists(
        st.tuples(
            st.floats(0, 20_000, width=32),
            st.floats(0, 20_000, width=32),
            st.one_of(st.just(np.nan), st.floats(-100, 100, width=32)),
            st.sampled_from([0, 1]),
        ),
        min_size=1,
        max_size=20,
    ),
    format=st.sampled_from(["star", "csv", "topaz"]),
    scale=st.floats(0.1, 10),
)
@settings(max_examples=30, deadline=None)
def test_a_layer_that_was_read_is_written_unchanged(tmp_path_factory, rows, format, scale):
    table = pd.DataFrame(rows, columns=["x", "y", "score", "label"]).assign(micrograph="a")
    if format != "csv":
        table = table.drop(columns="label")
    folder = tmp_path_factory.mktemp("picks")
    ending = {"star": "star", "csv": "csv", "topaz": "txt"}[format]
    before, after = folder / f"before.{ending}", folder / f"after.{ending}"
    write_table(table, before)
    expected = read_table(before)
    (data,) = picks_layers(expected, before, [])
    layer = Layer.create(*data)
    layer.scale = (scale, scale)
    layer.metadata.pop("pixel_size_angstrom")
    written = saved(after, layer)
    pd.testing.assert_frame_equal(written, expected[written.columns], rtol=1e-12, check_like=True)
    assert set(expected.columns) == set(written.columns)
    assert written.attrs.get("optics") == expected.attrs.get("optics")


@pytest.mark.filterwarnings("ignore::activepick.formats.TableWarning")
@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"cs"}))  # which needs its exposures
def test_every_format_can_be_written_with_boxes_of_the_size_of_the_circles(tmp_path, name):
    layer = points(metadata={"micrograph": "a"}, features={"score": [0.5, -2.0]}, size=22)
    table = saved(tmp_path / f"a{FORMATS[name].extensions[0]}", layer)
    # Some formats have whole pixels only.
    np.testing.assert_allclose(table[["x", "y"]], [(1.5, 2.0), (30.25, 40.0)], atol=0.5)
    assert set(table["micrograph"]) == {"a"}
    assert set(table.get("box_width_px", [22])) == {22}


def test_hidden_points_are_not_written(tmp_path):
    layer = points(features={"score": [1.0, 2.0]}, shown=[False, True])
    assert saved(tmp_path / "p.csv", layer)["score"].tolist() == [2.0]


def test_non_particles_are_written_only_to_csv(tmp_path):
    layer = points(features={"label": [1, 0]})
    assert saved(tmp_path / "p.csv", layer)["label"].tolist() == [1, 0]
    with pytest.warns(TableWarning, match=r"non-particles of the layer .* \(1 point\)"):
        table = saved(tmp_path / "p.star", layer)
    np.testing.assert_allclose(table[["x", "y"]], [(1.5, 2.0)])


def test_layers_of_several_micrographs_make_one_table(tmp_path):
    other = points(name="b", metadata={"micrograph": "b.mrc"}, features={"score": [1.0, 2.0]})
    table = saved(tmp_path / "p.csv", points(), other)
    assert table["micrograph"].value_counts().to_dict() == {"mics/a.mrc": 2, "b.mrc": 2}
    assert table["score"].isna().tolist() == [True, True, False, False]
    with pytest.raises(TableError, match=r"'picks' and 'labels' both belong to mics/a\.mrc"):
        saved(tmp_path / "q.csv", points(), points(name="labels"))
    assert not (tmp_path / "q.csv").exists()


def test_a_layer_without_a_micrograph_is_refused_with_advice(tmp_path):
    with pytest.raises(
        TableError, match=r"""layers\['picks'\]\.metadata\["micrograph"\] = "NAME"""
    ):
        saved(tmp_path / "p.csv", points(metadata={}))


@pytest.mark.parametrize(
    ("moved", "name"),
    [
        ({"scale": (3, 3)}, "scale"),
        ({"translate": (0, 5)}, "translate"),
        ({"rotate": 3}, "rotate"),
        ({"affine": [[1, 0, 4], [0, 1, 0], [0, 0, 1]]}, "affine"),
    ],
)
def test_a_moved_layer_is_written_in_its_own_pixels_with_a_warning(tmp_path, moved, name):
    with pytest.warns(TableWarning, match=f"The {name} of the layer .* differs"):
        table = saved(tmp_path / "p.csv", points(**moved))
    np.testing.assert_allclose(table[["x", "y"]], [(1.5, 2.0), (30.25, 40.0)])


def test_a_layer_that_was_not_moved_is_written_without_a_warning(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        saved(tmp_path / "p.star", points(features={"score": [1.0, 2.0], "id": [7, 8]}))
        saved(tmp_path / "p.csv", points(metadata={"micrograph": "a"}))


def test_three_dimensional_points_are_refused(tmp_path):
    with pytest.raises(TableError, match="3 dimensions"):
        saved(tmp_path / "p.csv", points(data=np.ones((2, 3)), scale=(1, 1, 1)))
