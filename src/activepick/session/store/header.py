"""Read and write `session.json`: the format, version and initial settings of a session."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import activepick
from activepick.atomic import replacing
from activepick.errors import SessionError
from activepick.files import read_whole
from activepick.json_text import parse_json

__all__ = ["HEADER", "JOURNAL", "SCHEMA_VERSION", "new_header", "read_header", "write_header"]

HEADER = "session.json"
JOURNAL = "journal.jsonl"
FORMAT = "activepick-session"
SCHEMA_VERSION = 1


def new_header(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the header of a new session; later changes of the settings are in the journal."""
    return {
        "format": FORMAT,
        "schema_version": SCHEMA_VERSION,
        "activepick": activepick.__version__,
        "settings": dict(settings),
    }


def write_header(folder: Path, header: Mapping[str, Any]) -> None:
    """Write the header atomically."""
    with replacing(folder / HEADER) as temporary:
        temporary.write_text(json.dumps(header, indent=2) + "\n", encoding="utf-8")


def read_header(folder: Path) -> dict[str, Any]:
    """Read the header of a session.

    Raises
    ------
    SessionError
        If the folder is not a session, its header is damaged, or it has another schema version.
    """
    path = folder / HEADER
    try:
        header = parse_json(read_whole(path))
        known = header["format"] == FORMAT
        version, settings = header["schema_version"], header["settings"]
        if not (type(version) is int and isinstance(settings, dict)):
            raise TypeError
    except FileNotFoundError:
        raise SessionError(
            f"{folder} is not a session: there is no {HEADER} in it. Give the folder that ends in "
            ".activepick."
        ) from None
    except OSError as error:
        raise SessionError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError):
        raise SessionError(
            f"{path} is damaged: restore it from a backup; the labels are in {JOURNAL} beside it."
        ) from None
    if not known:
        raise SessionError(f"{path} does not belong to a session of activepick.")
    if version != SCHEMA_VERSION:
        writer = str(header.get("activepick", "of an unknown version"))[:40]
        age, remedy, option = (
            ("newer", "Update activepick to open it.", "")
            if version > SCHEMA_VERSION
            else (
                "older",
                f"Export its labels with activepick {writer}, and import them into a new session.",
                "activepick session export --labels",
            )
        )
        raise SessionError(
            f"{folder} was written by activepick {writer} with session schema {version}, which is "
            f"{age} than schema {SCHEMA_VERSION} of this activepick ({activepick.__version__}). "
            f"{remedy}",
            option=option,
        )
    return dict(header)
