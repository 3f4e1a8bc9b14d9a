import pandas as pd
import pytest
from kept_rows import KeptRows


def test_rows_of_a_run_are_reused_when_a_script_is_started_again(tmp_path):
    columns, run = ["set", "share", "ap"], ("set", "share")
    kept = KeptRows(tmp_path / "new", columns, run)
    assert not kept.has("a", 0.1)
    shares = [0.1 + 0.2, 1 / 3]
    for share in shares:
        kept.add(pd.DataFrame([("a", share, 0.5), ("a", share, 0.6)], columns=columns))
    again = KeptRows(tmp_path / "new", columns, run)
    assert all(again.has("a", share) for share in shares)
    assert not again.has("a", 0.31)
    assert not again.has("b", shares[0])
    # The order of columns in the file is that of its first line.
    again.add(pd.DataFrame({"ap": [0.7], "set": ["b"], "share": [0.0]}))
    assert again.has("b", 0.0)
    assert again.read()["ap"].tolist() == [0.5, 0.6, 0.5, 0.6, 0.7]


def test_a_table_of_an_earlier_version_ends_the_script_with_advice(tmp_path):
    old = "set,ap,speed\na,0.5,1\n"
    (tmp_path / "rows.csv").write_text(old)
    with pytest.raises(SystemExit) as end:
        KeptRows(tmp_path, ["set", "clicks", "ap"], ("set",))
    assert "missing: clicks; unknown: speed" in str(end.value)
    assert "--out" in str(end.value)
    assert (tmp_path / "rows.csv").read_text() == old
