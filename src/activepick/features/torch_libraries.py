"""Load the shared libraries of PyTorch while other threads run."""

import ctypes
import importlib.util
import os
import sys
from pathlib import Path

__all__ = ["load_torch_libraries"]

# In the order in which PyTorch loads them; the first one makes its symbols global.
_LIBRARIES = ("libtorch_global_deps.so", "libtorch_python.so")


def load_torch_libraries() -> None:
    """Load the shared libraries of PyTorch, before PyTorch is imported in a thread of a window.

    Python holds its global lock while it loads a shared library. For those of PyTorch this takes up
    to two seconds, in which no thread can react to the user. Here, the lock is released. Nothing is
    done where PyTorch is imported already, and on other systems than Linux. If a library cannot be
    loaded, PyTorch raises the error when it is imported.
    """
    if "torch" in sys.modules or not sys.platform.startswith("linux"):
        return
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return
    open_library = ctypes.CDLL(None).dlopen  # functions of ctypes run without the lock
    open_library.argtypes, open_library.restype = [ctypes.c_char_p, ctypes.c_int], ctypes.c_void_p
    for name in _LIBRARIES:
        path = Path(found.origin).parent / "lib" / name
        visible = os.RTLD_GLOBAL if name == _LIBRARIES[0] else os.RTLD_LOCAL
        if path.is_file():
            open_library(os.fsencode(path), os.RTLD_NOW | visible)
