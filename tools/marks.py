"""Numbered marks on pictures of a window, for texts that speak of its parts."""

from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont
from qtpy.QtCore import QPoint
from qtpy.QtWidgets import QWidget

__all__ = ["Mark", "draw_marks", "mark"]

# Seen on dark and on light windows, and none of the colours that the window uses for its marks.
_FILL, _TEXT, _EDGE = (214, 51, 132), (255, 255, 255), (255, 255, 255)
_RADIUS = 11
# The font is drawn several times larger than needed, so that its edges are smooth.
_FINER = 4


@dataclass(frozen=True)
class Mark:
    """A number at a place of a picture, in its pixels."""

    number: int
    x: int
    y: int


def mark(number: int, part: QWidget, window: QWidget, *, dx: float = 0.0, dy: float = 0.5) -> Mark:
    """Put a number on a part of a window.

    Parameters
    ----------
    number
        What is written.
    part, window
        The part, and the window of which the picture is.
    dx, dy
        Where on the part, in shares of its width and height.
    """
    place = part.mapTo(window, QPoint(round(dx * part.width()), round(dy * part.height())))
    return Mark(number, place.x(), place.y())


def draw_marks(picture: Image.Image, marks: list[Mark]) -> Image.Image:
    """Give the picture with the marks drawn on it."""
    layer = Image.new("RGBA", (picture.width * _FINER, picture.height * _FINER))
    draw = ImageDraw.Draw(layer)
    font = ImageFont.load_default(size=round(1.25 * _RADIUS * _FINER))
    for one in marks:
        centre = (one.x * _FINER, one.y * _FINER)
        draw.circle(centre, _RADIUS * _FINER, _FILL, _EDGE, 2 * _FINER)
        draw.text(centre, str(one.number), _TEXT, font, anchor="mm")
    layer = layer.resize(picture.size, Image.Resampling.LANCZOS)
    return Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")
