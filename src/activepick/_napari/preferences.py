"""What the widget remembers from one time to the next, apart from any session."""

import json
import logging
from copy import deepcopy
from pathlib import Path
from typing import Any

import platformdirs

from activepick.atomic import replacing

__all__ = ["Preferences"]

_log = logging.getLogger(__name__)


class Preferences:
    """Small values by name, kept in a JSON file.

    They are conveniences: a damaged file counts as an empty one, and where the file cannot be
    written they last as long as the program. Windows that are open at the same time share the
    file; of a value that both set, the later one stays.

    Parameters
    ----------
    path
        The file; None for the one of this user.
    """

    def __init__(self, path: Path | None = None) -> None:
        folder = platformdirs.user_config_dir("activepick", appauthor=False)
        self._path = Path(folder) / "preferences.json" if path is None else Path(path)
        self._values = self._read()

    def get(self, name: str, default: Any = None) -> Any:
        """Give a value.

        Parameters
        ----------
        name
            What it is called.
        default
            Given where there is none, or one of another type: somebody may have edited the file.
        """
        value = self._values.get(name, default)
        kind = (int, float) if type(default) is float else type(default)
        fits = default is None or isinstance(value, kind)
        if not fits or (isinstance(value, bool) and not isinstance(default, bool | None)):
            return default
        return deepcopy(value)

    def set(self, name: str, value: Any) -> None:
        """Keep a value.

        Parameters
        ----------
        name
            What it is called.
        value
            Of the types that JSON has.
        """
        if name in self._values and self._values[name] == value:
            return
        self._values[name] = deepcopy(value)
        try:
            # Another window may have written others since.
            together = {**self._read(), name: value}
            with replacing(self._path) as temporary:
                temporary.write_text(json.dumps(together, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            _log.warning("preferences are not kept: %s: %s", self._path, error.strerror or error)

    def _read(self) -> dict[str, Any]:
        try:
            values = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            _log.warning("preferences are not read: %s: %s", self._path, error)
            return {}
        return values if isinstance(values, dict) else {}
