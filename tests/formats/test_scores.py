"""The meaning of scores is known for each format, and kept in conversions."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activepick.errors import SettingsError
from activepick.formats import FORMATS, TableWarning, read_folder, read_table, write_folder
from activepick.formats import write_table as write
from activepick.formats.scores import (
    from_probability,
    keep_scores,
    score_meaning,
    to_probability,
    with_meaning,
)

PICKS = pd.DataFrame(
    {"micrograph": ["a", "a", "b"], "x": [10.0, 20, 30], "y": [30.0, 40, 50], "score": [-2.5, 0, 7]}
)
FOM = "_rlnAutopickFigureOfMerit"
STAR = f"data_\n\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n{FOM}\n1 2 0.5\n3 4 1.5\n"
POS = "# XMIPP_STAR_1 *\n#\ndata_particles\nloop_\n_xcoor\n_ycoor\n_cost\n1 2 0.5\n3 4 1.5\n"
WITH_SCORES = [entry.name for entry in FORMATS.values() if entry.score_meaning != "none"]


def through(table: pd.DataFrame, name: str, folder, **options) -> pd.DataFrame:
    """Write a folder or a file, and read it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TableWarning)
        if FORMATS[name].one_micrograph:
            write_folder(table, folder / name, name, **options)
            return read_folder(folder / name, name)
        path = folder / f"picks{FORMATS[name].extensions[0]}"
        write(table, path, name, **options)
        return read_table(path, name)


def options_of(name: str, exposures) -> dict:
    return {"cs": {"exposures": exposures}, "cbox": {"box_size": 20}}.get(name, {})


@pytest.fixture
def two_exposures(tmp_path):
    kinds = [("uid", "<u8"), ("micrograph_blob/path", "S20"), ("micrograph_blob/shape", "<u4", 2)]
    path = tmp_path / "exposures.cs"
    with path.open("wb") as file:
        np.save(file, np.array([(1, "J1/a.mrc", (90, 90)), (2, "J1/b.mrc", (90, 90))], kinds))
    return path


@pytest.mark.parametrize("name", [name for name in WITH_SCORES if name != "box"])
def test_log_odds_survive_a_round_trip(name, tmp_path, two_exposures):
    back = through(PICKS, name, tmp_path, **options_of(name, two_exposures))
    assert score_meaning(back) == "log-odds"
    assert np.allclose(back["score"], PICKS["score"], atol=1e-5)


@pytest.mark.parametrize(
    "name", [name for name in WITH_SCORES if name not in ("box", "topaz", "cbox")]
)
def test_numbers_of_other_programs_survive_a_round_trip(name, tmp_path, two_exposures):
    numbers = with_meaning(PICKS.copy(), "number")
    back = through(numbers, name, tmp_path, **options_of(name, two_exposures))
    assert score_meaning(back) == "number"
    assert np.allclose(back["score"], PICKS["score"], atol=1e-5)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.star", STAR),
        ("a.star", STAR.replace(FOM, f"{FOM} # NCC")),
        ("a.pos", POS),
        ("a.box", "1 2 30 30 0.5\n3 4 30 30 1.5\n"),
        ("a_info.json", '{"boxes": [[1, 2, "auto_local", 0.5], [3, 4, "manual", 1.5]]}'),
        ("a.csv", "micrograph,x,y,fom\na,1,2,0.5\na,3,4,1.5\n"),
        ("a.csv", "micrograph,x,y,rlnAutopickFigureOfMerit\na,1,2,0.5\na,3,4,1.5\n"),
    ],
)  # fmt: skip
def test_scores_of_other_programs_are_never_treated_as_log_odds(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    table = read_table(tmp_path / name)
    assert table["score"].tolist() == [0.5, 1.5]
    assert score_meaning(table) == "number"
    assert score_meaning(read_folder(tmp_path)) == "number"


def test_scores_of_cryosparc_are_numbers(cs_picks):
    assert score_meaning(read_table(cs_picks)) == "number"


def test_the_confidence_of_cryolo_is_a_probability(tmp_path):
    (tmp_path / "a.cbox").write_text("1 2 30 30 0.5\n3 4 30 30 0.75\n")
    table = read_table(tmp_path / "a.cbox")
    assert score_meaning(table) == "log-odds"
    assert table["score"].tolist() == pytest.approx([0, np.log(3)])
    assert keep_scores(table, threshold=0.7)["x"].tolist() == [18]


@pytest.mark.parametrize(
    ("scores", "confidences"), [([0.1, 0.9, 0.4], [0.1, 0.9, 0.4]), ([3.5, 0.2, -1], None)]
)
def test_numbers_of_other_programs_are_confidences_only_between_0_and_1(
    scores, confidences, tmp_path
):
    numbers = with_meaning(PICKS.assign(micrograph="a", score=scores), "number")
    with pytest.warns(TableWarning, match="not probabilities"):
        write(numbers, tmp_path / "a.cbox", box_size=20)
    back = read_table(tmp_path / "a.cbox")
    if confidences is None:
        assert score_meaning(back) == "number"
        assert back["score"].tolist() == scores
    else:
        assert to_probability(back["score"]).tolist() == pytest.approx(confidences)


def test_numbers_written_to_topaz_files_give_a_warning(tmp_path):
    with pytest.warns(TableWarning, match="Topaz reads them as log-odds"):
        write(with_meaning(PICKS.copy(), "number"), tmp_path / "a.txt")


def test_scores_of_two_meanings_in_a_folder_are_numbers(tmp_path):
    write_folder(PICKS, tmp_path, "star")
    assert score_meaning(read_folder(tmp_path)) == "log-odds"
    (tmp_path / "autopick.star").unlink()
    assert score_meaning(read_folder(tmp_path)) == "log-odds"
    (tmp_path / "c_autopick.star").write_text(STAR)
    assert score_meaning(read_folder(tmp_path)) == "number"


def test_tables_without_scores_have_none(tmp_path):
    assert score_meaning(PICKS.drop(columns="score")) == "none"
    assert score_meaning(PICKS.assign(score=np.nan)) == "none"
    (tmp_path / "a.coords").write_text("1 2 3.5\n")
    assert score_meaning(read_table(tmp_path / "a.coords")) == "none"


@given(st.lists(st.floats(-30, 30), max_size=9))
def test_log_odds_and_probabilities_are_inverse(scores):
    assert np.allclose(from_probability(to_probability(scores)), scores, atol=1e-3)
    assert np.isfinite(from_probability([0, 1])).all()
    assert np.isnan(from_probability([np.nan])).all()


def test_a_threshold_keeps_scores_that_reach_it():
    table = PICKS.assign(score=[np.nan, 0, 7])
    assert keep_scores(table) is table
    assert keep_scores(table, threshold=0.5)["x"].tolist() == [20, 30]
    assert keep_scores(table, threshold=0)["x"].tolist() == [20, 30]
    assert keep_scores(table, threshold=1)["x"].tolist() == []
    assert keep_scores(table, min_score=0.1)["x"].tolist() == [30]
    numbers = with_meaning(table.copy(), "number")
    assert keep_scores(numbers, min_score=0)["x"].tolist() == [20, 30]
    with pytest.raises(SettingsError, match="between 0 and 7"):
        keep_scores(numbers, threshold=0.5)
    with pytest.raises(SettingsError, match="not a probability"):
        keep_scores(table, threshold=5)
    with pytest.raises(SettingsError, match="no scores"):
        keep_scores(table.drop(columns="score"), min_score=0)


@pytest.mark.parametrize("column", ["confidence", "Probability", "conf", "prob"])
def test_confidences_in_a_csv_become_log_odds(tmp_path, column):
    path = tmp_path / "a.csv"
    path.write_text(f"micrograph,x,y,{column}\na,1,2,0.5\na,3,4,0.9\na,5,6,\n")
    table = read_table(path)
    assert score_meaning(table) == "log-odds"
    assert np.allclose(table["score"], [0, np.log(9), np.nan], equal_nan=True)
    path.write_text(f"micrograph,x,y,{column}\na,1,2,50\na,3,4,0.9\n")  # probably percentages
    table = read_table(path)
    assert score_meaning(table) == "number"
    assert table["score"].tolist() == [50, 0.9]


@pytest.mark.parametrize("column", ["ncc", "figure_of_merit", "FOM", "Cross-Correlation"])
def test_other_columns_of_scores_in_a_csv_are_numbers(tmp_path, column):
    path = tmp_path / "a.csv"
    path.write_text(f"micrograph,x,y,{column}\na,1,2,0.5\na,3,4,0.9\n")
    table = read_table(path)
    assert score_meaning(table) == "number"
    assert table["score"].tolist() == [0.5, 0.9]


@pytest.mark.parametrize("ending", [".csv", ".txt"])
def test_log_odds_that_look_like_probabilities_are_reported(tmp_path, ending):
    names = {".csv": "micrograph,x,y,score", ".txt": "image_name\tx_coord\ty_coord\tscore"}
    separator = "\t" if ending == ".txt" else ","
    path = tmp_path / f"a{ending}"

    def save(scores):
        rows = [separator.join(("a", "1", "2", str(score))) for score in scores]
        path.write_text("\n".join([names[ending], *rows]) + "\n")

    save(np.linspace(0.01, 0.99, 30))
    with pytest.warns(TableWarning, match="between 0 and 1, as probabilities are"):
        assert score_meaning(read_table(path)) == "log-odds"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for scores in (np.linspace(-1, 0.99, 30), [0.1, 0.2, 0.3], np.ones(30)):
            save(scores)
            assert len(read_table(path)) == len(scores)
