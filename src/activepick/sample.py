"""Sample data: simulated micrographs that are the same on every computer.

``truth.star`` beside them contains the true particles.
"""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from itertools import count
from pathlib import Path

import platformdirs

import activepick
from activepick.errors import SessionError
from activepick.files import read_whole
from activepick.json_text import parse_json
from activepick.session import Session, checked_settings
from activepick.simulate import SimulationSettings, simulate_dataset

__all__ = ["sample_micrographs", "sample_session"]

_MICROGRAPHS = 6
_SEED = 0
_SUMMARY = "simulation.json"

# Called with the number of micrographs that are done and their total number.
ReportDone = Callable[[int, int], None]


def sample_micrographs(
    folder: Path | None = None,
    progress: ReportDone | None = None,
    settings: SimulationSettings | None = None,
) -> Path:
    """Simulate the sample unless it exists; this takes some seconds.

    Parameters
    ----------
    folder
        Folder of the samples; by default in the user's cache folder, whose files can be deleted
        at any time.
    progress
        Called with the number of micrographs that are done, and their total number, before the
        first and after each micrograph.
    settings
        Settings of the simulation.

    Returns
    -------
    Path
        The folder of the micrographs, with ``truth.star`` and ``simulation.json``.

    Raises
    ------
    OSError
        If the folder cannot be written to.
    """
    chosen = settings or SimulationSettings()
    facts = json.dumps([activepick.__version__, _MICROGRAPHS, _SEED, asdict(chosen)])
    name = hashlib.blake2b(facts.encode(), digest_size=6).hexdigest()
    home = platformdirs.user_cache_path("activepick") if folder is None else Path(folder)
    target = home / "sample" / name
    # The summary is written last: if it is there, so is everything else.
    if _summary(target) is None or len(_images(target)) != _MICROGRAPHS:
        simulate_dataset(target, _MICROGRAPHS, _SEED, chosen, progress=progress)
    return target


def sample_session(
    folder: Path | None = None,
    progress: ReportDone | None = None,
    settings: SimulationSettings | None = None,
) -> Path:
    """Return the existing session of the sample, or create one.

    Parameters
    ----------
    folder
        Folder of sessions and samples; by default the user's own folders.
    progress, settings
        As in `sample_micrographs`.

    Returns
    -------
    Path
        The folder of the session. If an existing session is open elsewhere, damaged, or of
        another sample, it is not changed, and a new one is created beside it.

    Raises
    ------
    SessionError, OSError
        If nothing can be written.
    """
    source = sample_micrographs(folder, progress, settings)
    home = platformdirs.user_data_path("activepick") if folder is None else Path(folder)
    for number in count(1):
        session = home / f"sample{'' if number == 1 else f' {number}'}.activepick"
        if not session.exists():
            return _created(session, source)
        if _usable(session, source):
            return session
    raise AssertionError


def _images(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.mrc"))


def _summary(source: Path) -> tuple[float, dict[str, float]] | None:
    """Return the diameter and the defocus in Å of each micrograph by name; None if damaged."""
    try:
        facts = parse_json(read_whole(source / _SUMMARY))
        micrographs = facts["micrographs"]
        defocus = {str(m["micrograph"]): 1e4 * float(m["defocus"]["mean_um"]) for m in micrographs}
        return float(facts["diameter_angstrom"]), defocus
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _created(session: Path, source: Path) -> Path:
    summary = _summary(source)
    if summary is None:
        raise SessionError(f"{source / _SUMMARY} cannot be read: delete its folder and try again.")
    diameter, defocus = summary
    with Session.create(session, checked_settings({"diameter_angstrom": diameter})) as new:
        new.micrographs.add([source / name for name in defocus], list(defocus.values()))
    return session


def _usable(session: Path, source: Path) -> bool:
    try:
        with Session.open(session) as old:
            entries = old.state.micrographs.values()
            return {e.absolute for e in entries} == {
                os.path.abspath(image) for image in _images(source)
            } and not old.micrographs.check()
    except SessionError:
        return False


if __name__ == "__main__":
    sample_session()
