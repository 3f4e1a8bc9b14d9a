"""Files as other programs write them give the positions that are meant."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from activepick.formats import (
    FORMATS,
    TableWarning,
    choose_format,
    read_exposures,
    read_folder,
    read_relion_micrographs,
    read_table,
    write_folder,
    write_table,
)

FIXTURES = Path(__file__).parent / "fixtures"
EXPECTED = sorted(FIXTURES.rglob("*.expected.csv"))
NAMES = [path.relative_to(FIXTURES).as_posix().removesuffix(".expected.csv") for path in EXPECTED]


def expected(name: str) -> pd.DataFrame:
    return pd.read_csv(FIXTURES / f"{name}.expected.csv", dtype={"micrograph": str})


def assert_as_expected(table: pd.DataFrame, name: str, atol: float = 1e-3) -> None:
    wanted = expected(name)
    assert table["micrograph"].tolist() == wanted["micrograph"].tolist()
    assert ("score" in table) == ("score" in wanted)
    for column in wanted.columns.drop("micrograph"):
        np.testing.assert_allclose(table[column], wanted[column], atol=atol)


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("cryosparc")])
def test_positions_in_files_of_other_programs_are_read(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_as_expected(read_table(FIXTURES / name), name)


def test_positions_in_files_of_cryosparc_are_read(cs_picks):
    table = read_table(cs_picks)
    assert_as_expected(table, "cryosparc_picks.json")
    assert table["uid"].dtype == np.uint64
    assert table["uid"].tolist() == [17211204913240843276, 4034919220417302122]
    assert table["pick_stats/power"].tolist() == [812.5, 651.25]


def test_exposures_contain_names_sizes_and_groups(exposures):
    known = read_exposures(exposures)
    assert known.uids.tolist() == [3512089177620345522, 9223372036854775999]
    assert known.shapes.tolist() == [[3710, 3838]] * 2
    names = pd.Series(["14sep05c_00024sq_00003hl_00002es.frames.mrc"])
    assert known.match(names)[names[0]] == known.names[0]


def test_a_list_of_micrographs_contains_names_and_optics_groups():
    star = FIXTURES / "relion4/CtfFind/job003/micrographs_ctf.star"
    known = read_relion_micrographs(star)
    assert [name[-20:] for name in known.names] == ["00021_frameImage.mrc", "00022_frameImage.mrc"]
    table = pd.DataFrame({"micrograph": list(known.names), "x": 1.0, "y": 2.0})
    table = known.with_optics(table)
    assert table["rlnOpticsGroup"].tolist() == [1, 2]
    assert [group["rlnOpticsGroup"] for group in table.attrs["optics"]] == [1, 2]
    assert table.attrs["optics"][0]["rlnMicrographPixelSize"] == 0.885


def test_other_keys_of_an_info_file_of_eman_are_kept(tmp_path):
    path = tmp_path / "mic_0012_info.json"
    path.write_bytes((FIXTURES / "eman/info/mic_0012_info.json").read_bytes())
    table = read_table(path)
    assert table["eman_mode"].tolist() == ["manual", "auto_local"]
    write_table(table[:1].assign(x=7.0), path)
    assert '"ctf_frame"' in path.read_text()
    assert '"quality": 5' in path.read_text()
    assert read_table(path)[["x", "y"]].to_numpy().tolist() == [[7, 210]]


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("cryosparc")])
@pytest.mark.filterwarnings("ignore::activepick.formats.TableWarning")
def test_files_of_other_programs_survive_a_round_trip_in_their_format(name, tmp_path):
    chosen = choose_format(FIXTURES / name)
    table = read_table(FIXTURES / name)
    write_folder(table, tmp_path / "out", chosen.name)
    back = read_folder(tmp_path / "out", chosen.name)
    whole = chosen.name in ("box", "coords", "xmipp")
    np.testing.assert_allclose(
        back[["x", "y"]], expected(name)[["x", "y"]], atol=0.5 if whole else 1e-3
    )
    kept = {"rlnAnglePsi", "rlnClassNumber", "rlnCtfMaxResolution", "rlnImageName", "EstWidth"}
    for column in kept & set(table.columns):
        assert back[column].tolist() == table[column].tolist()


def test_every_field_of_cryosparc_survives(cs_picks, tmp_path):
    table = read_table(cs_picks)
    write_table(table, tmp_path / "again.cs")
    before, after = np.load(cs_picks), np.load(tmp_path / "again.cs")
    assert set(after.dtype.names) == set(before.dtype.names)
    for name in before.dtype.names:
        assert after[name].dtype.kind == before[name].dtype.kind
        np.testing.assert_array_equal(after[name], before[name])
    write_table(table, tmp_path / "picks.csv")
    write_table(read_table(tmp_path / "picks.csv"), tmp_path / "third.cs")
    for name in ("uid", "location/micrograph_uid", "location/micrograph_shape"):
        np.testing.assert_array_equal(np.load(tmp_path / "third.cs")[name], before[name])


def test_picks_get_the_uids_of_the_exposures(exposures, tmp_path):
    short = "14sep05c_00024sq_00003hl_00005es.frames"
    picks = pd.DataFrame({"micrograph": short, "x": [0.0, 3837], "y": [3709.0, 1], "score": 1.0})
    write_table(picks, tmp_path / "p.cs", exposures=exposures)
    fields = np.load(tmp_path / "p.cs", allow_pickle=False)
    assert set(fields["location/micrograph_uid"].tolist()) == {9223372036854775999}
    assert set(fields["location/exp_group_id"].tolist()) == {2}
    assert len(set(fields["uid"].tolist())) == 2
    assert {"pick_stats/ncc_score", "pick_stats/power", "pick_stats/template_idx"} <= set(
        fields.dtype.names
    )
    back = read_table(tmp_path / "p.cs")
    np.testing.assert_allclose(back[["x", "y"]], picks[["x", "y"]], atol=1e-3)
    assert back["micrograph"][0].endswith(f"{short}_patch_aligned_doseweighted.mrc")


def test_every_dropped_column_is_reported():
    """Formats that drop a column say its name, all of them."""
    table = pd.DataFrame({"micrograph": ["a"], "x": [1.0], "y": [2.0], "my column": [3]})
    table = table.assign(box_width_px=9, box_height_px=9)
    table["location/micrograph_uid"] = 1
    for side in (0, 1):
        table[f"location/micrograph_shape[{side}]"] = 9
    for chosen in FORMATS.values():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            list(chosen.render(table, Path("a")))
        said = [str(w.message) for w in caught if w.category is TableWarning]
        assert any("my column" in text for text in said) == (chosen.name != "csv")
