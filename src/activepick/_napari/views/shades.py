"""Colours of the theme, read from a widget's palette."""

from dataclasses import dataclass

from qtpy.QtCore import QEvent
from qtpy.QtGui import QColor, QPalette
from qtpy.QtWidgets import QWidget

__all__ = ["LABEL_PADDING", "Shades", "changes_shades", "mixed", "shades_of"]

# What napari's themes leave free around the text of a label, which `QElidingLabel` does not count.
LABEL_PADDING = 14


@dataclass(frozen=True)
class Shades:
    """What a view draws with.

    Attributes
    ----------
    background, text
        Of the theme.
    muted
        Text that is not important; still readable.
    line
        Axes and frames.
    faint
        Areas that just stand out from the background.
    """

    background: QColor
    text: QColor
    muted: QColor
    line: QColor
    faint: QColor

    @property
    def dark(self) -> bool:
        """Whether text is light on dark."""
        return self.background.lightnessF() < self.text.lightnessF()


def mixed(one: QColor, other: QColor, share: float) -> QColor:
    """Mix two colours; `share` is that of `other`, from 0 to 1."""
    return QColor.fromRgbF(
        *(
            (1 - share) * a + share * b
            for a, b in zip(one.getRgbF()[:3], other.getRgbF()[:3], strict=True)
        )
    )


def shades_of(widget: QWidget) -> Shades:
    """Give the colours of a widget as its theme has them now."""
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
    """Say whether an event for `changeEvent` may have changed the colours."""
    return event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange)
