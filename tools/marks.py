"""Numbered marks on screenshots."""

from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont
from qtpy.QtCore import QPoint
from qtpy.QtWidgets import QWidget

__all__ = ["Mark", "draw_marks", "mark"]

# Visible on dark and light windows, and different from all colours of the window.
_FILL, _TEXT, _EDGE = (214, 51, 132), (255, 255, 255), (255, 255, 255)
_RADIUS = 11
# Marks are drawn several times larger and down-sampled, so that their edges are smooth.
_FINER = 4


@dataclass(frozen=True)
class Mark:
    """A number at a position of a screenshot, in pixels."""

    number: int
    x: int
    y: int


def mark(number: int, part: QWidget, window: QWidget, *, dx: float = 0.0, dy: float = 0.5) -> Mark:
    """Return a mark on a part of a window.

    Parameters
    ----------
    number
        The number.
    part, window
        The part, and the window that the screenshot shows.
    dx, dy
        Position on the part as shares of its width and height.
    """
    position = part.mapTo(window, QPoint(round(dx * part.width()), round(dy * part.height())))
    return Mark(number, position.x(), position.y())


def draw_marks(picture: Image.Image, marks: list[Mark]) -> Image.Image:
    """Return a picture with marks drawn on it."""
    layer = Image.new("RGBA", (picture.width * _FINER, picture.height * _FINER))
    draw = ImageDraw.Draw(layer)
    font = ImageFont.load_default(size=round(1.25 * _RADIUS * _FINER))
    for one in marks:
        centre = (one.x * _FINER, one.y * _FINER)
        draw.circle(centre, _RADIUS * _FINER, _FILL, _EDGE, 2 * _FINER)
        draw.text(centre, str(one.number), _TEXT, font, anchor="mm")
    layer = layer.resize(picture.size, Image.Resampling.LANCZOS)
    return Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")
