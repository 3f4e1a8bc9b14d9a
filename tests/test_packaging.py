import json
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MANIFEST = (ROOT / "napari.yaml").read_text(encoding="utf-8")

pytestmark = pytest.mark.skipif(
    find_spec("hatch_vcs") is None or not (ROOT / "pyproject.toml").is_file(),
    reason="building needs hatchling, hatch-vcs and the source",
)


def build(source: Path, kind: str, target: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", target]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = target.iterdir()
    return built


def check_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        assert archive.read("activepick/napari.yaml").decode() == MANIFEST
        (scripts,) = (name for name in names if name.endswith("entry_points.txt"))
        assert "napari-activepick = activepick:napari.yaml" in archive.read(scripts).decode()
    assert len(names) == len(set(names))
    assert {"activepick/py.typed", "activepick/icon.svg", "activepick/_napari/widget.py"} <= set(
        names
    )
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {
        "activepick",
        "napari_activepick",
    }


def test_the_wheel_of_a_checkout_contains_the_manifest_once(tmp_path):
    check_wheel(build(ROOT, "wheel", tmp_path))


def test_the_wheel_of_a_source_archive_contains_the_manifest(tmp_path):
    archive = build(ROOT, "sdist", tmp_path / "sdist")
    with tarfile.open(archive) as tar:
        # Python 3.11 has filters only from 3.11.4 on.
        tar.extraction_filter = getattr(tarfile, "data_filter", None)
        tar.extractall(tmp_path)
    (source,) = tmp_path.glob("napari_activepick-*")
    wheel = build(source, "wheel", tmp_path / "wheel")
    check_wheel(wheel)
    assert wheel.name.split("-")[1] == archive.name.removesuffix(".tar.gz").split("-")[1]


@pytest.mark.skipif(shutil.which("git") is None, reason="tags need git")
def test_the_version_comes_from_the_tag_in_checkouts_and_git_archives(tmp_path):
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", ".gitattributes"):
        shutil.copy(ROOT / name, checkout)
    # Where this is itself an archive, git has filled in the file.
    archival = "describe-name: $Format:%(describe:tags=true,match=v[0-9]*)$\n"
    if (ROOT / ".git").exists():
        assert (ROOT / ".git_archival.txt").read_text(encoding="utf-8") == archival
    (checkout / ".git_archival.txt").write_text(archival, encoding="utf-8")

    def git(*arguments: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *who, *arguments], cwd=checkout, check=True, capture_output=True)

    def version(folder: Path) -> str:
        command = [sys.executable, "-m", "hatchling", "version"]
        return subprocess.run(
            command, cwd=folder, check=True, capture_output=True, text=True
        ).stdout.strip()

    def unpacked(name: str) -> Path:
        git("archive", "--output", str(tmp_path / f"{name}.zip"), "HEAD")
        with zipfile.ZipFile(tmp_path / f"{name}.zip") as archive:
            archive.extractall(tmp_path / name)
        return tmp_path / name

    for arguments in ("init", "add .", "commit -m all"):
        git(*arguments.split())
    assert ".dev" in version(checkout)
    archived = unpacked("untagged")
    assert version(archived) == "0.1.0.dev0"
    git("tag", "v7.8.9")
    assert version(checkout) == "7.8.9"
    archived = unpacked("tagged")
    assert version(archived) == "7.8.9"
    (archived / ".git_archival.txt").unlink()
    assert version(archived) == "0.1.0.dev0"


def test_the_installed_package_has_the_manifest_that_its_entry_point_names():
    (entry,) = entry_points(group="napari.manifest", name="napari-activepick")
    package, _, name = entry.value.partition(":")
    (folder,) = find_spec(package).submodule_search_locations
    assert Path(folder, name).read_text(encoding="utf-8") == MANIFEST


def test_links_in_the_description_are_absolute_if_the_project_has_an_address(tmp_path):
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    project = (tmp_path / "pyproject.toml").read_text(encoding="utf-8")
    assert project.count('repository = ""') == 1
    address = "https://example.org/activepick"
    changed = project.replace('repository = ""', f'repository = "{address}/"')
    (tmp_path / "pyproject.toml").write_text(changed, encoding="utf-8")
    command = [sys.executable, "-m", "hatchling", "metadata"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    metadata = json.loads(done.stdout)
    assert metadata["urls"]["Source"] == address
    text = metadata["readme"]["text"]
    assert f"]({address}/raw/main/docs/images/" in text
    assert f"]({address}/blob/main/docs/start.md)" in text
    assert not re.search(r"\]\((?!https://)", text)
