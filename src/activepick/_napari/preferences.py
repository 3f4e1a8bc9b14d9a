"""Values that the widget remembers between sessions."""

import json
import logging
from copy import deepcopy
from pathlib import Path
from typing import Any

import platformdirs

from activepick.atomic import replacing
from activepick.files import read_whole
from activepick.json_text import parse_json

__all__ = ["Preferences"]

_log = logging.getLogger(__name__)


class Preferences:
    """Store small values by name in a JSON file.

    A damaged file is treated as empty. If the file cannot be written, values are kept until the
    program ends. Windows that are open at the same time share the file; the last value is kept.

    Parameters
    ----------
    path
        The file; by default `preferences.json` in the user's configuration folder.
    """

    def __init__(self, path: Path | None = None) -> None:
        folder = platformdirs.user_config_dir("activepick", appauthor=False)
        self._path = Path(folder) / "preferences.json" if path is None else Path(path)
        self._values = self._read()

    def get(self, name: str, default: Any = None) -> Any:
        """Return a value.

        Parameters
        ----------
        name
            Name of the value.
        default
            Returned if there is no value, or if its type is another one, as in a file that was
            edited by hand.
        """
        value = self._values.get(name, default)
        kind = (int, float) if type(default) is float else type(default)
        fits = default is None or isinstance(value, kind)
        if not fits or (isinstance(value, bool) and not isinstance(default, bool | None)):
            return default
        return deepcopy(value)

    def set(self, name: str, value: Any) -> None:
        """Store a value.

        Parameters
        ----------
        name
            Name of the value.
        value
            A value that can be represented in JSON.
        """
        if name in self._values and self._values[name] == value:
            return
        self._values[name] = deepcopy(value)
        try:
            # Another window may have written other values in the meantime.
            together = {**self._read(), name: value}
            with replacing(self._path) as temporary:
                temporary.write_text(json.dumps(together, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            _log.warning(
                "preferences cannot be stored: %s: %s", self._path, error.strerror or error
            )

    def _read(self) -> dict[str, Any]:
        try:
            values = parse_json(read_whole(self._path))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            _log.warning("preferences cannot be read: %s: %s", self._path, error)
            return {}
        return values if isinstance(values, dict) else {}
