"""cryoSPARC's group files, which name the dataset of each slot."""

from pathlib import Path

import numpy as np
import pytest

from activepick.errors import TableError
from activepick.formats import read_exposures, read_folder, read_table, write_table
from activepick.micrograph.discovery import find_micrographs

GROUP = """created: 2021-03-05 20:27:48.853063
group:
  description: Particles that were selected
  name: particles
  title: Particles
  type: particle
results:
{slots}version: v4.4.0
"""
SLOT = "  {name}:\n    metafile: {file}\n    num_items: 2\n    type: particle.{name}\n"


def group(folder: Path, **files: str) -> Path:
    slots = "".join(SLOT.format(name=name, file=file) for name, file in files.items())
    path = folder / "J9_particles.csg"
    path.write_text(GROUP.format(slots=slots))
    return path


def dataset(path: Path, **fields: tuple[str, list[object]]) -> None:
    kinds = [(name.replace("__", "/"), kind) for name, (kind, _) in fields.items()]
    rows = list(zip(*(values for _, values in fields.values()), strict=True))
    with path.open("wb") as file:
        np.save(file, np.array(rows, dtype=kinds), allow_pickle=False)


def locations(path: Path) -> None:
    dataset(
        path,
        location__micrograph_path=("S20", [b">J1/imported/a.mrc"] * 2),
        location__micrograph_shape=("2<u4", [(200, 100)] * 2),
        location__center_x_frac=("<f4", [0.25, 0.5]),
        location__center_y_frac=("<f4", [0.5, 0.75]),
    )


@pytest.mark.parametrize("quote", ["'", '"'])
def test_picks_are_in_the_dataset_with_the_locations(tmp_path, quote):
    locations(tmp_path / "J9_passthrough.cs")
    files = {"blob": f"{quote}>other.cs{quote}", "location": f"{quote}>J9_passthrough.cs{quote}"}
    table = read_table(group(tmp_path, **files))
    assert table["micrograph"].tolist() == ["J1/imported/a.mrc"] * 2
    assert table[["x", "y"]].to_numpy().tolist() == [[25, 100], [50, 150]]
    # In the folder of the job the datasets are read, and none of them twice.
    assert len(read_folder(tmp_path, "cs")) == len(read_folder(tmp_path)) == 2


def test_exposures_are_in_the_dataset_with_the_micrographs(tmp_path):
    dataset(
        tmp_path / "e.cs",
        uid=("<u8", [7]),
        micrograph_blob__path=("S20", [b">J1/imported/a.mrc"]),
        micrograph_blob__shape=("2<u4", [(200, 100)]),
    )
    path = group(tmp_path, ctf="'>ctf.cs'", micrograph_blob="'>e.cs'")
    assert read_exposures(path).uids.tolist() == [7]
    assert list(find_micrographs([path]).missing) == ["J1/imported/a.mrc"]


def test_a_group_without_the_dataset_names_the_file_that_is_needed(tmp_path):
    with pytest.raises(TableError, match=r"group file of cryoSPARC that refers to gone\.cs"):
        read_table(group(tmp_path, location="'>gone.cs'"))
    with pytest.raises(TableError, match=r"without the slot location \(it has blob\)"):
        read_table(group(tmp_path, blob="'>p.cs'"))
    with pytest.raises(TableError, match="without the slot micrograph_blob"):
        read_exposures(group(tmp_path, blob="'>p.cs'"))


def test_picks_without_scores_have_no_scores_after_a_round_trip(tmp_path):
    locations(tmp_path / "p.cs")
    table = read_table(tmp_path / "p.cs")
    assert "score" not in table
    with_uid = table.assign(**{"location/micrograph_uid": 7})
    write_table(with_uid, tmp_path / "q.cs")
    assert "score" not in read_table(tmp_path / "q.cs")
    write_table(with_uid.assign(score=[0.0, 2.0]), tmp_path / "q.cs")
    assert read_table(tmp_path / "q.cs")["score"].tolist() == [0, 2]
