import json

import mrcfile
import numpy as np
import pandas as pd
import pytest
import starfile
from invoked import invoke
from PIL import Image

from activepick.formats import read_table
from activepick.simulate import SimulationSettings, simulate_dataset

SETTINGS = SimulationSettings(protein="globule", shape=(448, 448), carbon_share=0.0)


@pytest.fixture(scope="module")
def averaged(tmp_path_factory):
    """Averages of all particles of two micrographs, whose defocus and voltage a list says."""
    folder = tmp_path_factory.mktemp("classes")
    data = simulate_dataset(folder / "mics", 2, 0, SETTINGS)
    facts = json.loads(data.summary.read_text())["micrographs"]
    defocus = [1e4 * one["defocus"]["mean_um"] for one in facts]
    names = [str(path) for path in data.micrographs]
    micrographs = pd.DataFrame(
        {
            "rlnMicrographName": names,
            "rlnDefocusU": defocus,
            "rlnDefocusV": defocus,
            "rlnOpticsGroup": 1,
        }
    )
    optics = pd.DataFrame(
        {"rlnOpticsGroup": [1], "rlnOpticsGroupName": ["one"], "rlnVoltage": [300.0]}
    )
    starfile.write({"optics": optics, "micrographs": micrographs}, folder / "list.star")
    done = invoke(
        "classes", data.truth, "--micrographs", folder / "list.star", "--diameter",
        data.diameter_angstrom, "--out", folder / "averages.mrcs", "--count", 4, "--side", 32,
        "--most", 30, "--device", "cpu", "--json",
    )  # fmt: skip
    return folder, data, json.loads(done.stdout), done.stderr


def test_averages_members_and_picture_are_written(averaged):
    folder, data, report, said = averaged
    with mrcfile.open(folder / "averages.mrcs") as file:
        assert file.is_image_stack()
        assert file.data.shape == (len(report["sizes"]), 32, 32)
        assert np.isfinite(file.data).all()
        assert float(file.voxel_size.x) == pytest.approx(1.5 * data.diameter_angstrom / 32)
    assert mrcfile.validate(folder / "averages.mrcs")
    members = starfile.read(folder / "averages.star")
    assert set(members) == {"optics", "particles"}
    counts = members["particles"]["rlnClassNumber"].value_counts()
    assert counts.sum() == data.particles == report["picks"]
    assert report["sizes"] == sorted(report["sizes"], reverse=True)
    found = len(report["sizes"])
    assert 2 <= found <= 4  # classes without members are left out
    assert [counts.get(number, 0) for number in range(1, found + 1)] == report["sizes"]
    assert min(report["sizes"]) > 0
    ours, truth = read_table(folder / "averages.star"), read_table(data.truth)
    pd.testing.assert_frame_equal(
        ours[["x", "y"]].sort_values(["x", "y"], ignore_index=True),
        truth[["x", "y"]].sort_values(["x", "y"], ignore_index=True),
    )
    assert Image.open(folder / "averages.png").width >= found * 64
    assert "phases are not flipped" not in said


def test_classes_are_kept_or_left_out(averaged):
    folder, _data, report, _ = averaged
    first = report["sizes"][0]
    invoke("classes", folder / "averages.star", "--select", "1", "--out", folder / "kept.star")
    kept = read_table(folder / "kept.star")
    assert set(kept["rlnClassNumber"]) == {1}
    invoke("classes", folder / "averages.star", "--reject", "2-4", "--out", folder / "other.csv")
    assert len(read_table(folder / "other.csv")) == len(kept) == first
    done = invoke(
        "classes", folder / "averages.star", "--select", "1, 9", "--out", folder / "kept.star"
    )
    assert "no pick is of class 9" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--select", "0"], "give numbers of classes from 1 to"),
        (["--select", "one"], "give numbers of classes"),
        (["--reject", "4-2"], "give numbers of classes from 1 to"),
        (["--select", "1", "--reject", "2"], "Give either"),
        ([], "Give --micrographs and --diameter"),
    ],
)
def test_errors_say_what_to_do(averaged, arguments, sentence):
    folder, *_ = averaged
    out = folder / "nothing.star"
    invoke("classes", folder / "averages.star", *arguments, "--out", out, fails=sentence)
    assert not out.exists()


def test_picks_without_classes_and_a_wrong_ending_are_refused(averaged):
    folder, data, *_ = averaged
    out = folder / "nothing.star"
    invoke("classes", data.truth, "--select", "1", "--out", out, fails="no column rlnClassNumber")
    invoke("classes", data.truth, "--micrographs", folder / "mics", "--diameter", 180, "--out", out,
           fails="ends in .mrcs")  # fmt: skip
    assert not out.exists()
    before = (folder / "averages.star").read_bytes()
    invoke("classes", folder / "averages.star", "--micrographs", folder / "mics", "--diameter", 180,
           "--out", folder / "averages.mrcs", fails="would replace the picks")  # fmt: skip
    assert (folder / "averages.star").read_bytes() == before
