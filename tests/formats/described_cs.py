"""Files of cryoSPARC made from a description in JSON, as binary files cannot be read in a diff."""

import json
from pathlib import Path

import numpy as np


def make_cs(description: Path, target: Path) -> Path:
    """Make the .cs file that a JSON file describes."""
    told = json.loads(description.read_text())
    fields = [(name, kind, *map(tuple, shape)) for name, kind, *shape in told["fields"]]
    rows = [tuple(tuple(v) if isinstance(v, list) else v for v in row) for row in told["rows"]]
    with target.open("wb") as file:
        np.save(file, np.array(rows, dtype=fields), allow_pickle=False)
    return target
