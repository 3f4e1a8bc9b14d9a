"""The name of the processor, which is printed with the results."""

import platform
from pathlib import Path

__all__ = ["processor"]


def processor() -> str:
    """Return the name of the processor, if the system provides it."""
    info = Path("/proc/cpuinfo")
    for line in info.read_text().splitlines() if info.exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "processor"
