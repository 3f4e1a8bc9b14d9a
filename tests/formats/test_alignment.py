"""Angles and shifts of aligned particles follow their positions."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from activepick.errors import TableError
from activepick.formats.alignment import apply_origins, largest_origin_angstrom, mirror_alignment

FLIPS = st.sampled_from(["y", "x", "both"])
ANGLES = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")
# The half turns by which the projection of a map becomes its mirror image.
TURN = {"y": np.diag([1, -1, -1]), "x": np.diag([-1, 1, -1]), "both": np.diag([-1, -1, 1])}


def matrix(rot: float, tilt: float, psi: float) -> np.ndarray:
    """The rotation matrix of RELION's Euler angles in degrees (Euler_angles2matrix)."""
    (ca, cb, cg), (sa, sb, sg) = (f(np.radians([rot, tilt, psi])) for f in (np.cos, np.sin))
    return np.array(
        [
            [cg * cb * ca - sg * sa, cg * cb * sa + sg * ca, -cg * sb],
            [-sg * cb * ca - cg * sa, -sg * cb * sa + cg * ca, sg * sb],
            [sb * ca, sb * sa, cb],
        ]
    )


@settings(max_examples=60, deadline=None)
@given(st.floats(-180, 180), st.floats(1, 179), st.floats(-180, 180), FLIPS)
def test_mirrored_angles_describe_the_mirrored_image(rot, tilt, psi, flip):
    table = pd.DataFrame([[rot, tilt, psi]], columns=ANGLES)
    mirrored = mirror_alignment(table, flip)
    np.testing.assert_allclose(
        matrix(*mirrored.iloc[0]), TURN[flip] @ matrix(rot, tilt, psi), atol=1e-9
    )
    assert (mirrored[["rlnAngleRot", "rlnAnglePsi"]].iloc[0] > -180).all()
    assert (mirrored[["rlnAngleRot", "rlnAnglePsi"]].iloc[0] <= 180).all()
    assert 0 <= mirrored["rlnAngleTilt"][0] <= 180
    back = mirror_alignment(mirrored, flip)
    np.testing.assert_allclose(matrix(*back.iloc[0]), matrix(rot, tilt, psi), atol=1e-9)


def test_mirroring_by_matrices_mirrors_the_projection():
    """Sums of points along z stand for projections of a map."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(50, 3))
    for flip, signs in (("y", (1, -1)), ("x", (-1, 1)), ("both", (-1, -1))):
        a = matrix(*rng.uniform(0, 180, 3))
        image, mirrored = points @ a.T, points @ (TURN[flip] @ a).T
        np.testing.assert_allclose(mirrored[:, :2], image[:, :2] * signs, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=3, max_size=3), FLIPS)
def test_poses_of_cryosparc_are_mirrored_in_the_same_way(vector, flip):
    columns = [f"alignments3D/pose[{axis}]" for axis in range(3)]
    mirrored = mirror_alignment(pd.DataFrame([vector], columns=columns), flip)
    # cryoSPARC's vector is that of the transposed matrix of RELION (pyem, geom.expmap).
    before = Rotation.from_rotvec(vector).as_matrix().T
    after = Rotation.from_rotvec(mirrored.iloc[0].tolist()).as_matrix().T
    np.testing.assert_allclose(after, TURN[flip] @ before, atol=1e-9)


def test_columns_of_the_alignment_are_mirrored():
    table = pd.DataFrame(
        {
            "rlnOriginXAngst": [3.0, -1],
            "rlnOriginYAngst": [5.0, 2],
            "rlnOriginXPriorAngst": 1.0,
            "rlnAnglePsi": [30.0, -999],
            "rlnDefocusAngle": [20.0, 170],
            "rlnAngleTilt": 0.0,
            "rlnAngleRot": 0.0,
            "alignments2D/pose": [0.5, -0.5],
            "alignments2D/shift[1]": [1.0, 2],
            "rlnClassNumber": [1, 2],
        }
    )
    table.attrs["optics"] = [{"rlnOpticsGroup": 1, "rlnBeamTiltX": 0.5, "rlnBeamTiltY": -0.25}]
    found = mirror_alignment(table, "y")
    assert found["rlnOriginXAngst"].tolist() == [3, -1]
    assert found["rlnOriginYAngst"].tolist() == [-5, -2]
    assert found["rlnOriginXPriorAngst"].tolist() == [1, 1]
    assert found["rlnAnglePsi"].tolist() == [-30, -999]
    assert found["rlnDefocusAngle"].tolist() == [160, 10]
    # 2D classes without a tilt have no opposite side.
    assert found["rlnAngleTilt"].tolist() == found["rlnAngleRot"].tolist() == [0, 0]
    assert found["alignments2D/pose"].tolist() == pytest.approx([-0.5, 0.5])
    assert found["alignments2D/shift[1]"].tolist() == [-1, -2]
    assert found["rlnClassNumber"].tolist() == [1, 2]
    assert found.attrs["optics"] == [
        {"rlnOpticsGroup": 1, "rlnBeamTiltX": 0.5, "rlnBeamTiltY": 0.25}
    ]
    assert table.attrs["optics"][0]["rlnBeamTiltY"] == -0.25
    found = mirror_alignment(table, "x")
    assert found["rlnOriginXAngst"].tolist() == [-3, 1]
    assert found["rlnAnglePsi"].tolist() == [150, -999]
    found = mirror_alignment(table, "both")
    assert found["rlnAnglePsi"].tolist() == [-150, -999]
    assert found["rlnDefocusAngle"].tolist() == [20, 170]
    assert found[["rlnOriginXAngst", "rlnOriginYAngst"]].to_numpy().tolist() == [[-3, -5], [1, -2]]
    assert mirror_alignment(table, "none") is table


def particles(**columns) -> pd.DataFrame:
    return pd.DataFrame({"micrograph": "a", "x": [100.0, 200], "y": [300.0, 400], **columns})


def test_origins_in_angstrom_are_subtracted_in_pixels_of_the_micrograph():
    table = particles(rlnOriginXAngst=[3.0, -6], rlnOriginYAngst=[1.5, 0], rlnOpticsGroup=[1, 2])
    table.attrs["optics"] = [
        {"rlnOpticsGroup": 1, "rlnMicrographPixelSize": 1.5, "rlnImagePixelSize": 3.0},
        {"rlnOpticsGroup": 2, "rlnMicrographPixelSize": 3.0, "rlnImagePixelSize": 3.0},
    ]
    assert largest_origin_angstrom(table) == 6
    centred = apply_origins(table)
    assert centred[["x", "y"]].to_numpy().tolist() == [[98, 299], [202, 400]]
    assert not centred[["rlnOriginXAngst", "rlnOriginYAngst"]].to_numpy().any()
    assert largest_origin_angstrom(centred) == 0
    # A given pixel size takes precedence.
    assert apply_origins(table, 0.5)["x"].tolist() == [94, 212]


def test_origins_in_pixels_use_the_pixel_size_of_the_particle_images():
    table = particles(rlnOriginX=[2.0, -1], rlnOriginY=[0.0, 4])
    with pytest.raises(TableError, match="particle images"):
        apply_origins(table, 1.0)
    assert largest_origin_angstrom(table) == 0
    table = table.assign(rlnDetectorPixelSize=6.0, rlnMagnification=20000)  # 3 Å
    with pytest.raises(TableError, match="give it in Å"):
        apply_origins(table.assign(rlnImageName=["1@a.mrcs", "2@a.mrcs"]))
    # Without images the pixels in the rows are those of the micrographs.
    assert apply_origins(table)[["x", "y"]].to_numpy().tolist() == [[98, 300], [201, 396]]
    assert apply_origins(table, 1.5)[["x", "y"]].to_numpy().tolist() == [[96, 300], [202, 392]]


def test_shifts_of_cryosparc_are_subtracted():
    names = {"alignments3D/shift[0]": [2.0, 0], "alignments3D/shift[1]": [0.0, -4]}
    sizes = {"alignments3D/psize_A": 2.0, "location/micrograph_psize_A": 1.0}
    centred = apply_origins(particles(**names, **sizes))
    assert centred[["x", "y"]].to_numpy().tolist() == [[96, 300], [200, 408]]
    assert not centred[list(names)].to_numpy().any()


def test_without_shifts_positions_are_not_changed():
    with pytest.raises(TableError, match="no shifts"):
        apply_origins(particles(), 1.0)
    assert largest_origin_angstrom(particles()) == 0
