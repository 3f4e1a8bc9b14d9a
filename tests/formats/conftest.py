from pathlib import Path

import pytest
from described_cs import make_cs

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture
def exposures(tmp_path) -> Path:
    """The .cs of two exposures of 3838 x 3710 pixels."""
    return make_cs(FIXTURES / "cryosparc_exposures.json", tmp_path / "exposures.cs")


@pytest.fixture
def cs_picks(tmp_path) -> Path:
    """Picks of a template picker."""
    return make_cs(FIXTURES / "cryosparc_picks.json", tmp_path / "picks.cs")
