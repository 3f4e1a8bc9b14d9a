import json

import pytest
from blobs import write_micrograph
from typer.testing import CliRunner

from activepick.cli import app

OPTIONS = (
    "--diameter 60 --model resnet8_u32 --working-radius 6 --device cpu --precision float32 "
    "--threshold 0.0001 --json"
)


@pytest.fixture
def folder(tmp_path):
    """Four micrographs."""
    made = tmp_path / "mics"
    made.mkdir()
    for seed in range(4):
        write_micrograph(made / f"m{seed}.mrc", seed)
    return made


@pytest.fixture
def pick(monkeypatch, tmp_path):
    """Run `activepick pick` in this process; return its exit status and output."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, status=0):
        done = CliRunner().invoke(app, ["pick", *map(str, arguments), *OPTIONS.split()])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == status, done.output
        return json.loads(done.stdout[done.stdout.index("{") :])

    return run
