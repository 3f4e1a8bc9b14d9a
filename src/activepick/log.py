"""The log file, for the analysis of errors.

Every module logs under its own name (``logging.getLogger(__name__)``), below the logger
``activepick``, which writes to this file.
"""

import logging
import os
import platform
from logging.handlers import RotatingFileHandler
from pathlib import Path

import platformdirs

import activepick
from activepick.files import open_in_place

__all__ = ["log_file", "start_log"]

_BYTES = 1_000_000
_OLD_FILES = 2
_LINE = "%(asctime)s %(levelname)s %(name)s [%(threadName)s] %(message)s"


def log_file() -> Path:
    """Return the path of the log file; it exists after `start_log` was called."""
    folder = platformdirs.user_log_dir("activepick", appauthor=False)
    return Path(folder) / "activepick.log"


def start_log(path: Path | None = None) -> Path:
    """Write the log to a file, in addition to other handlers.

    A new file is started at 1 MB, and the last two are kept. It may be called several times. If
    the file cannot be written, a warning is logged once.

    Parameters
    ----------
    path
        The file; by default `log_file`.

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
        # The handler opens it by name, and would write through a link.
        os.close(open_in_place(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT))
        handler = RotatingFileHandler(
            file, maxBytes=_BYTES, backupCount=_OLD_FILES, encoding="utf-8"
        )
    except OSError as error:
        logger.warning("the log cannot be written: %s: %s", file, error.strerror or error)
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
