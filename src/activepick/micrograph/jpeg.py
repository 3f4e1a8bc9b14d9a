"""Bounds on JPEG data, checked before they are decoded."""

from pathlib import Path

from activepick.errors import MicrographError

__all__ = ["check_scans", "claimed_size"]

# Progressive files have about ten scans.
_MOST_SCANS, _MOST_SCANNED_PX = 30, 2**30
# Markers without a length behind them, and those of frames, which state the size.
_ALONE = {0x01, *range(0xD0, 0xD9)}
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN, _END = 0xDA, 0xD9


def check_scans(path: Path, data: bytes, pixels: int) -> None:
    """Check that JPEG data do not have so many scans that decoding would take very long.

    Parameters
    ----------
    path
        The file, for messages.
    data
        The JPEG data.
    pixels
        How many pixels the image has.

    Raises
    ------
    MicrographError
        For more scans than programs write.
    """
    # In compressed pixels 0xFF is always followed by 0, so that they contain no markers.
    scans = data.count(b"\xff\xda")
    if scans > _MOST_SCANS or (scans > 1 and scans * pixels > _MOST_SCANNED_PX):
        raise MicrographError(
            f"{path} is a JPEG file with {scans} scans, which no program writes: it is damaged, "
            "convert it again."
        )


def claimed_size(data: bytes) -> tuple[int, int] | None:
    """Return height and width that JPEG data claim; None where they claim none before the pixels.

    Parameters
    ----------
    data
        The JPEG data.
    """
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # filled up
            place += 1
        elif marker in _ALONE:
            place += 2
        elif marker in _FRAMES and place + 9 <= len(data):
            return (
                int.from_bytes(data[place + 5 : place + 7], "big"),
                int.from_bytes(data[place + 7 : place + 9], "big"),
            )
        elif marker in (_START_OF_SCAN, _END):
            break
        else:
            place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return None
