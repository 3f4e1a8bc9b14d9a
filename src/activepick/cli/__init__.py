"""The command line: a thin face on the library.

Each command is a module of its own. What needs PyTorch is imported inside the commands, so that
help and errors about arguments come at once.
"""

from activepick.cli.main import app, main

__all__ = ["app", "main"]
