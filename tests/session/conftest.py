from pathlib import Path

import pytest

from activepick.session import Session, Settings


@pytest.fixture
def files(tmp_path) -> list[Path]:
    folder = tmp_path / "data" / "micrographs"
    folder.mkdir(parents=True)
    paths = [folder / f"m{k}.mrc" for k in range(3)]
    for k, path in enumerate(paths):
        path.write_bytes(bytes([k]) * 300_000)
    return paths


@pytest.fixture
def session(tmp_path, files):
    one = Session.create(tmp_path / "data" / "work", Settings(diameter_angstrom=180))
    one.add_micrographs(files)
    assert one.flush()
    yield one
    one.close(abandon=True)
