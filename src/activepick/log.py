"""The log: what happened, for when something went wrong.

Every module logs under its own name (``logging.getLogger(__name__)``), and so below the logger
``activepick``, whose file this is.
"""

import contextlib
import logging
import platform
from logging.handlers import RotatingFileHandler
from pathlib import Path

import platformdirs

import activepick
from activepick.files import check_readable

__all__ = ["log_file", "start_log"]

_BYTES = 1_000_000
_OLD_FILES = 2
_LINE = "%(asctime)s %(levelname)s %(name)s [%(threadName)s] %(message)s"


def log_file() -> Path:
    """Return the path of the log, which is there once `start_log` was called."""
    folder = platformdirs.user_log_dir("activepick", appauthor=False)
    return Path(folder) / "activepick.log"


def start_log(path: Path | None = None) -> Path:
    """Write the log from now on, in addition to what is logged elsewhere.

    The file is followed by a new one at 1 MB, and the two before it are kept. Calling this again
    is no error. Where the file cannot be written this is said once, and all else goes on.

    Parameters
    ----------
    path
        Another file than `log_file`.

    Returns
    -------
    Path
        The file.
    """
    file = log_file() if path is None else Path(path)
    logger = logging.getLogger("activepick")
    if any(Path(getattr(known, "baseFilename", "")) == file for known in logger.handlers):
        return file
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            check_readable(file)
        handler = RotatingFileHandler(
            file, maxBytes=_BYTES, backupCount=_OLD_FILES, encoding="utf-8"
        )
    except OSError as error:
        logger.warning("no log is written: %s: %s", file, error.strerror or error)
        return file
    handler.setFormatter(logging.Formatter(_LINE))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.info(
        "activepick %s, Python %s, %s",
        activepick.__version__,
        platform.python_version(),
        platform.platform(),
    )
    return file
