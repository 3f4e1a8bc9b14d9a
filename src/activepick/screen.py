"""Check whether a window can be opened.

Qt aborts the program if there is no display, and a window without OpenGL stays black. Both are
detected beforehand in a separate process.
"""

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec

__all__ = ["screen_problem"]

# Lowest version of OpenGL with which napari can display images.
_LEAST_OPENGL = (2, 1)
_SECONDS = 60.0
_BINDINGS = ("PyQt6", "PySide6", "PyQt5", "PySide2")
_PACKAGES = (
    "libegl1 libgl1 libglib2.0-0 libdbus-1-3 libfontconfig1 libxkbcommon-x11-0 libxcb-cursor0 "
    "libxcb-icccm4 libxcb-keysyms1 libxcb-shape0"
)
_INSTALL = f"On Debian and Ubuntu: sudo apt-get install {_PACKAGES}"
_ELSEWHERE = (
    "Start it on your own computer, log in to this one with ssh -X, or use its remote "
    "desktop (VNC, NoMachine, Open OnDemand). activepick pick does not need a window."
)


def screen_problem() -> str | None:
    """Return the reason why no window can be opened, and what to do.

    Returns
    -------
    str or None
        Message for the user; None if a window can be opened.
    """
    if not any(find_spec(name) for name in _BINDINGS):
        return "Qt is not installed: pip install 'napari-activepick[all]'."
    wanted = os.environ.get("QT_QPA_PLATFORM", "")
    if sys.platform.startswith("linux") and not wanted and not _display():
        return (
            "There is no display for the window: neither DISPLAY nor WAYLAND_DISPLAY is set. "
            f"{_ELSEWHERE}"
        )
    command = [sys.executable, "-P", "-m", "activepick._napari.screen_probe"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_SECONDS
        )
    except subprocess.TimeoutExpired:
        return f"The display {_display()} does not answer. {_ELSEWHERE}"
    if done.returncode:
        return _failure(done.stderr)
    # Qt may have written other lines before this one.
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return _opengl_problem(found["platform"], found["opengl"])


def _display() -> str:
    return os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY") or ""


def _failure(stderr: str) -> str:
    """Return a message for the error output that Qt or Python wrote."""
    if library := re.search(r"ImportError: (lib\S+?):", stderr):
        return f"Qt cannot start because the library {library[1]} is missing. {_INSTALL}"
    if refused := re.search(r"could not connect to display (\S*)", stderr):
        where = refused[1] or _display()
        return f"The display {where} cannot be reached or refuses the connection. {_ELSEWHERE}"
    if unknown := re.search(r'Could not find the Qt platform plugin "(.*?)"', stderr):
        return f"Qt has no platform plugin {unknown[1]!r}: unset QT_QPA_PLATFORM."
    if "Could not load the Qt platform plugin" in stderr:
        return f"Qt cannot open a window, probably because a library is missing. {_INSTALL}"
    lines = [line for line in stderr.splitlines() if line.strip()]
    return f"Qt cannot start: {lines[-1].strip() if lines else 'no reason was given'}. {_INSTALL}"


def _opengl_problem(platform: str, version: list[int] | None) -> str | None:
    if version is not None and tuple(version) >= _LEAST_OPENGL:
        return None
    if platform in ("offscreen", "minimal"):
        return (
            f"QT_QPA_PLATFORM={platform} has no display and no OpenGL, which napari needs to show "
            "images: unset this variable."
        )
    has = "no OpenGL" if version is None else f"only OpenGL {version[0]}.{version[1]}"
    least = ".".join(map(str, _LEAST_OPENGL))
    return (
        f"This display has {has}, and napari needs {least} to show images. Install the driver of "
        "the graphics card, or Mesa, which works without one (Debian and Ubuntu: sudo apt-get "
        "install libgl1-mesa-dri libegl1 libgl1). If you use ssh -X, try a remote desktop, "
        "VirtualGL, or LIBGL_ALWAYS_SOFTWARE=1."
    )
