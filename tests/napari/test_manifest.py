import subprocess
import sys
from pathlib import Path

import pytest
from napari.components import ViewerModel
from npe2 import PluginManager, PluginManifest

from activepick.formats import FORMATS

NAME = "napari-activepick"


def test_the_manifest_is_valid_for_npe2():
    command = [sys.executable, "-m", "npe2", "validate", NAME]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "valid" in done.stdout


def test_every_command_of_the_manifest_exists():
    manifest = PluginManifest.from_distribution(NAME)
    manifest.validate_imports()
    assert manifest.contributions.commands


@pytest.mark.parametrize(
    "name", ["a.mrc", "a.MRC", "a.mrcs", "a.mrc.gz", "a.mrcs.gz", "a.mrc.bz2", "a.mrcs.bz2"]
)
def test_npe2_finds_the_reader_of_mrc_files(name):
    manager = PluginManager()
    manager.register(PluginManifest.from_distribution(NAME))
    readers = [reader.command for reader in manager.iter_compatible_readers([name])]
    assert readers == ["napari-activepick.read_micrograph"]


def test_npe2_opens_and_saves_tables_of_all_formats():
    endings = {ending for format in FORMATS.values() for ending in format.extensions}
    contributions = PluginManifest.from_distribution(NAME).contributions
    (reader,) = (r for r in contributions.readers if r.command == f"{NAME}.read_picks")
    assert set(reader.filename_patterns) >= {f"*{ending}" for ending in endings}
    (writer,) = contributions.writers
    assert set(writer.filename_extensions) >= endings - {".cs"}
    assert writer.filename_extensions[0] == ".star"


def test_a_viewer_opens_files_and_samples_with_the_plugin(micrograph_file: Path):
    PluginManager.instance().discover()  # as napari does when its window opens
    viewer = ViewerModel()
    (image,) = viewer.open(str(micrograph_file), plugin=NAME)
    assert image.source.reader_plugin == NAME
    viewer.layers.clear()
    viewer.open_sample(NAME, "simulated-micrograph")
    assert [layer.name for layer in viewer.layers] == ["simulated micrograph", "true particles"]
