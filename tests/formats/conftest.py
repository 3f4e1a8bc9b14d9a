import json
from pathlib import Path

import numpy as np
import pytest

FIXTURES = Path(__file__).parent / "fixtures"


def make_cs(description: Path, target: Path) -> Path:
    """Make the .cs file that a JSON file describes."""
    told = json.loads(description.read_text())
    fields = [(name, kind, *map(tuple, shape)) for name, kind, *shape in told["fields"]]
    rows = [tuple(tuple(v) if isinstance(v, list) else v for v in row) for row in told["rows"]]
    with target.open("wb") as file:
        np.save(file, np.array(rows, dtype=fields), allow_pickle=False)
    return target


@pytest.fixture
def exposures(tmp_path) -> Path:
    """The .cs of two exposures of 3838 x 3710 pixels."""
    return make_cs(FIXTURES / "cryosparc_exposures.json", tmp_path / "exposures.cs")


@pytest.fixture
def cs_picks(tmp_path) -> Path:
    """Picks of a template picker."""
    return make_cs(FIXTURES / "cryosparc_picks.json", tmp_path / "picks.cs")
