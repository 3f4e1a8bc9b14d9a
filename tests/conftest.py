import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get("ACTIVEPICK_DATA", Path(__file__).parents[2] / "shared" / "data"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real micrographs with published picks."""
    if not DATA.is_dir():
        pytest.skip(f"no real micrographs at {DATA}; set ACTIVEPICK_DATA to their folder")
    return DATA
