"""Colours of the theme, from the palette of a widget."""

from dataclasses import dataclass

from qtpy.QtCore import QEvent
from qtpy.QtGui import QColor, QPalette
from qtpy.QtWidgets import QWidget

__all__ = ["LABEL_PADDING", "Shades", "changes_shades", "mixed", "shades_of"]

# Padding of labels in napari's themes, which `QElidingLabel` does not take into account.
LABEL_PADDING = 14


@dataclass(frozen=True)
class Shades:
    """Colours for drawing.

    Attributes
    ----------
    background, text
        Colours of the theme.
    muted
        Less important text, still readable.
    line
        Axes and frames.
    faint
        Areas that are barely distinct from the background.
    """

    background: QColor
    text: QColor
    muted: QColor
    line: QColor
    faint: QColor

    @property
    def dark(self) -> bool:
        """Whether the theme is light text on a dark background."""
        return self.background.lightnessF() < self.text.lightnessF()


def mixed(one: QColor, other: QColor, share: float) -> QColor:
    """Return a mixture of two colours; `share` is the share of `other`, 0 to 1."""
    return QColor.fromRgbF(
        *(
            (1 - share) * a + share * b
            for a, b in zip(one.getRgbF()[:3], other.getRgbF()[:3], strict=True)
        )
    )


def shades_of(widget: QWidget) -> Shades:
    """Return the current colours of a widget."""
    palette = widget.palette()
    background = palette.color(QPalette.ColorRole.Window)
    text = palette.color(QPalette.ColorRole.WindowText)
    return Shades(
        background=background,
        text=text,
        muted=mixed(background, text, 0.65),
        line=mixed(background, text, 0.35),
        faint=mixed(background, text, 0.1),
    )


def changes_shades(event: QEvent) -> bool:
    """Return whether an event of `changeEvent` may have changed the colours."""
    return event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange)
