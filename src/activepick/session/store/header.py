"""`session.json`: what a folder has to say before its journal can be read."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import activepick
from activepick.atomic import replacing
from activepick.errors import SessionError

__all__ = ["HEADER", "JOURNAL", "SCHEMA_VERSION", "new_header", "read_header", "write_header"]

HEADER = "session.json"
JOURNAL = "journal.jsonl"
FORMAT = "activepick-session"
SCHEMA_VERSION = 3


def new_header(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Make the header of a new session; later changes of the settings are in the journal."""
    return {
        "format": FORMAT,
        "schema_version": SCHEMA_VERSION,
        "activepick": activepick.__version__,
        "settings": dict(settings),
    }


def write_header(folder: Path, header: Mapping[str, Any]) -> None:
    """Write the header, whole or not at all."""
    with replacing(folder / HEADER) as temporary:
        temporary.write_text(json.dumps(header, indent=2) + "\n", encoding="utf-8")


def read_header(folder: Path) -> dict[str, Any]:
    """Read the header of a session of this or an older version.

    Raises
    ------
    SessionError
        When the folder is no session, its header is damaged, or it is from a newer version.
    """
    path = folder / HEADER
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
        known = header["format"] == FORMAT
        version = int(header["schema_version"])
        dict(header["settings"])
    except FileNotFoundError:
        raise SessionError(
            f"{folder} is not a session: there is no {HEADER} in it. Give the folder that ends in "
            ".activepick."
        ) from None
    except OSError as error:
        raise SessionError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError):
        raise SessionError(
            f"{path} is damaged: put back a copy of it; the labels are in {JOURNAL} beside it."
        ) from None
    if not known:
        raise SessionError(f"{path} does not belong to a session of activepick.")
    if version > SCHEMA_VERSION:
        raise SessionError(
            f"{folder} was written by activepick {header.get('activepick')} (schema {version}), "
            f"which is newer than this one ({activepick.__version__}, schema {SCHEMA_VERSION}). "
            "Update activepick to open it."
        )
    return dict(header)
