"""An invisible screen for one process, so that windows of several processes do not meet.

On a screen that processes share, the window of one takes the keyboard from that of another.
"""

import os
import shutil
import subprocess
import sys


class OwnScreen:
    """An X server for this process and those that it starts, where Xvfb is installed."""

    def __init__(self) -> None:
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._server is not None

    def start(self) -> None:
        """Start the server on the first free display, and name it in the environment."""
        program = shutil.which("Xvfb")
        if program is None or not sys.platform.startswith("linux"):
            return
        told, tells = os.pipe()
        size = ["-screen", "0", "1280x1024x24"]
        self._server = subprocess.Popen(
            [program, "-displayfd", str(tells), *size, "-nolisten", "tcp"],
            pass_fds=[tells],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(tells)
        with open(told) as pipe:
            number = pipe.readline().strip()  # written when the server accepts connections
        if not number:
            self.stop()
            return
        os.environ["DISPLAY"] = f":{number}"
        for other in ("WAYLAND_DISPLAY", "XAUTHORITY"):
            os.environ.pop(other, None)

    def stop(self) -> None:
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None
