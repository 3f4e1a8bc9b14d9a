import mrcfile
import numpy as np
import pandas as pd
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Layer

from activepick._napari import colours
from activepick._napari.io.micrograph_reader import read_micrographs
from activepick._napari.io.open_micrographs import open_micrographs
from activepick._napari.io.picks_layers import picks_layers
from activepick._napari.io.picks_reader import get_reader
from activepick.errors import TableError
from activepick.formats import TableWarning, read_table, write_table

PICKS = pd.DataFrame(
    {
        "micrograph": ["Movies/grid_07.mrc"] * 3 + ["Movies/grid_08.mrc"] * 2,
        "x": [10.0, 20.25, 150.0, 5.0, 6.0],
        "y": [0.0, 40.0, 95.0, 7.0, 8.0],
        "score": [-1.0, 0.5, 4.0, 1.0, 2.0],
    }
)


def shown(viewer: ViewerModel, path) -> list[Layer]:
    """Open a table as a window does that has these layers."""
    layers = picks_layers(read_table(path), path, open_micrographs(viewer.layers))
    return [Layer.create(*layer) for layer in layers]


@pytest.fixture
def viewer(micrograph_file):
    """A viewer with one micrograph of 96 x 160 pixels of 1.5 Å."""
    viewer = ViewerModel()
    for layer in read_micrographs(str(micrograph_file)):
        viewer._add_layer_from_data(*layer)
    return viewer


@pytest.mark.parametrize("name", ["p.star", "p.csv", "p.tsv", "p.txt"])
def test_only_picks_of_the_open_micrograph_are_shown_at_their_positions(viewer, tmp_path, name):
    write_table(PICKS, tmp_path / name)
    (layer,) = shown(viewer, tmp_path / name)
    image = viewer.layers[0]
    np.testing.assert_allclose(layer.data, PICKS.loc[:2, ["y", "x"]])
    for position in layer.data:
        np.testing.assert_allclose(layer.data_to_world(position), image.data_to_world(position))
    assert layer.units == image.units
    assert layer.features["score"].tolist() == [-1, 0.5, 4]
    assert layer.name == name
    assert layer.metadata["pixel_size_angstrom"] == pytest.approx(1.5)


def test_each_open_micrograph_has_its_own_picks(viewer, micrograph_file, tmp_path):
    other = micrograph_file.with_name("grid_08.mrc")
    other.write_bytes(micrograph_file.read_bytes())
    for layer in read_micrographs(str(other)):
        viewer._add_layer_from_data(*layer)
    write_table(PICKS, tmp_path / "p.csv")
    layers = shown(viewer, tmp_path / "p.csv")
    assert [len(layer.data) for layer in layers] == [3, 2]
    assert [layer.metadata["micrograph"] for layer in layers] == [
        "Movies/grid_07.mrc",
        "Movies/grid_08.mrc",
    ]
    assert len({layer.name for layer in layers}) == 2


def test_picks_have_the_transform_of_a_downsampled_and_moved_image(tmp_path):
    # Sample (0, 0) of the small image is pixel (0, 0) of the micrograph.
    pixels = np.zeros((48, 40), np.float32)
    facts = {"path": "/data/grid_07.mrc", "pixel_size_angstrom": 1.5, "spacing_px": (4.0, 2.0)}
    image = Image(
        pixels, scale=(3.0, 6.0), translate=(100, 7), rotate=30, units="angstrom", metadata=facts
    )
    viewer = ViewerModel()
    viewer.add_layer(image)
    write_table(PICKS, tmp_path / "p.csv")
    (layer,) = shown(viewer, tmp_path / "p.csv")
    for y, x in layer.data:
        np.testing.assert_allclose(layer.data_to_world((y, x)), image.data_to_world((y / 2, x / 4)))


def test_an_image_opened_by_another_reader_is_found_by_its_name(tmp_path):
    viewer = ViewerModel()
    viewer.add_image(np.zeros((96, 160)), name="grid_07", scale=(2, 2))
    write_table(PICKS, tmp_path / "p.csv")
    (layer,) = shown(viewer, tmp_path / "p.csv")
    np.testing.assert_array_equal(layer.scale, 2)
    assert len(layer.data) == 3


def test_a_score_map_is_not_taken_for_a_micrograph(viewer, tmp_path):
    viewer.add_image(np.zeros((24, 40)), name="score map", scale=(6, 6))
    write_table(PICKS.assign(micrograph="score map"), tmp_path / "p.csv")
    with pytest.raises(TableError, match=r"open micrographs are grid_07\.mrc"):
        shown(viewer, tmp_path / "p.csv")


def test_circles_have_the_diameter_of_the_particles(viewer, tmp_path):
    viewer.layers[0].metadata["diameter_angstrom"] = 60.0
    write_table(PICKS, tmp_path / "p.csv")
    (layer,) = shown(viewer, tmp_path / "p.csv")
    np.testing.assert_allclose(layer.size, 40)
    assert (layer.face_color[:, 3] == 0).all()


def test_picks_are_coloured_by_score_or_label(viewer, tmp_path):
    write_table(PICKS.assign(score=[3.0, np.nan, 1.0, 0, 0]), tmp_path / "p.csv")
    (layer,) = shown(viewer, tmp_path / "p.csv")
    brightness = layer.border_color[:, :3].sum(axis=1)
    assert brightness[0] > brightness[2]
    assert (layer.border_color[:, 3] == 1).all()
    labels = PICKS.drop(columns="score").assign(label=[1, 0, None, 1, 1])
    write_table(labels, tmp_path / "l.csv")
    (layer,) = shown(viewer, tmp_path / "l.csv")
    wanted = Layer.create(
        layer.data,
        {"border_color": [colours.PARTICLE, colours.NOT_PARTICLE, colours.SKIPPED]},
        "points",
    )
    np.testing.assert_allclose(layer.border_color, wanted.border_color, atol=1e-6)


def test_a_point_added_by_hand_has_no_score(viewer, tmp_path):
    write_table(PICKS, tmp_path / "p.csv")
    (layer,) = shown(viewer, tmp_path / "p.csv")
    layer.add((3, 4))
    assert layer.features["score"].isna().tolist() == [False, False, False, True]


def test_a_table_of_one_micrograph_is_shown_without_an_open_micrograph(tmp_path):
    write_table(PICKS[:3], tmp_path / "p.star", pixel_size_angstrom=1.5)
    (layer,) = shown(ViewerModel(), tmp_path / "p.star")
    assert len(layer.data) == 3
    np.testing.assert_allclose(layer.scale, 1.5)
    write_table(PICKS, tmp_path / "p.star")
    with pytest.raises(TableError, match=r"2 micrographs.*Open one of them"):
        shown(ViewerModel(), tmp_path / "p.star")


def test_ambiguous_tables_are_refused_with_a_message(viewer, tmp_path):
    write_table(PICKS.assign(micrograph="other.mrc"), tmp_path / "p.csv")
    with pytest.raises(TableError, match=r"other\.mrc.*open micrographs are grid_07\.mrc"):
        shown(viewer, tmp_path / "p.csv")
    write_table(PICKS.replace({"Movies/grid_07.mrc": "grid_07"}), tmp_path / "p.csv")
    for name in ("a/grid_07.mrc", "b/grid_07.mrc"):
        viewer.add_image(np.zeros((9, 9)), metadata={"path": name})
    with pytest.raises(TableError, match="matches several"):
        shown(viewer, tmp_path / "p.csv")
    (tmp_path / "p.csv").write_text("micrograph,x,y\n")
    with pytest.raises(TableError, match="no picks"):
        shown(viewer, tmp_path / "p.csv")


def test_a_table_without_names_belongs_to_the_only_open_micrograph(viewer, tmp_path):
    (tmp_path / "best.star").write_text(
        "data_\n\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n1 2\n3 4\n5 6\n"
    )
    with pytest.warns(TableWarning, match=r"grid_07\.mrc, the only one"):
        (layer,) = shown(viewer, tmp_path / "best.star")
    assert len(layer.data) == 3


def test_picks_outside_are_left_out_and_reported(viewer, tmp_path):
    write_table(PICKS[:3].assign(x=[1, 159.4, 640]), tmp_path / "p.csv")
    with pytest.warns(TableWarning, match=r"1 of 3 positions lies outside.*160 x 96"):
        (layer,) = shown(viewer, tmp_path / "p.csv")
    assert layer.data[:, 1].tolist() == [1, 159.4]


def test_only_tables_of_picks_are_read(tmp_path):
    cases = {
        "points.csv": ("index,axis-0,axis-1\n0,1,2\n", False),
        "picks.csv": ("micrograph,x,y\na,1,2\n", True),
        "numbers.csv": ("1,2,3,4\n", False),
        "notes.txt": ("image processing\n", False),
        "topaz.txt": ("image_name\tx_coord\ty_coord\na\t1\t2\n", True),
        "cut.star": ("data_particles\nloop_\n", True),
    }
    for name, (text, _) in cases.items():
        (tmp_path / name).write_text(text)
    assert {n: get_reader(str(tmp_path / n)) is not None for n in cases} == {
        name: taken for name, (_, taken) in cases.items()
    }
    assert get_reader([str(tmp_path / "picks.csv"), str(tmp_path / "points.csv")]) is None
    assert get_reader(str(tmp_path / "missing.csv")) is None


def test_names_with_folders_distinguish_two_open_micrographs(tmp_path):
    viewer = ViewerModel()
    for folder, size in (("a", 1.0), ("b", 2.0)):
        path = tmp_path / folder / "same.mrc"
        path.parent.mkdir()
        with mrcfile.new(
            path, data=np.random.default_rng(0).normal(size=(32, 32)).astype("f4")
        ) as f:
            f.voxel_size = size
        for layer in read_micrographs(str(path)):
            viewer._add_layer_from_data(*layer)
    table = pd.DataFrame({"micrograph": ["b/same.mrc"], "x": [3.0], "y": [4.0]})
    write_table(table, tmp_path / "p.csv")
    (layer,) = shown(viewer, tmp_path / "p.csv")
    np.testing.assert_allclose(layer.scale, 2)
