"""A line, a circle and a patch that are drawn on top of the image, without layers of napari."""

from collections.abc import Sequence
from typing import NamedTuple

from qtpy.QtCore import QEvent, QObject, QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPainterPath, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QWidget

from activepick._napari import colours
from activepick._napari.layers import Layers
from activepick._napari.navigation import Navigation
from activepick.learning.patches import Patch

__all__ = ["LINE_PX", "CanvasOverlay"]

# Width of thin lines in pixels of the screen.
LINE_PX = 3.0
# A wide line is translucent, so that the image below it can be seen.
_OPACITY = 0.4

# The image outside of a patch is darkened.
_SHADE = 0.45

Position = tuple[float, float]


class _ShownPatch(NamedTuple):
    """A patch with its picks: positions and diameter in original pixels, and colours."""

    patch: Patch
    particles: Sequence[tuple[Position, str]]
    removed: Sequence[Position]
    diameter_px: float


class CanvasOverlay(QWidget):
    """Draw a line, a circle and a patch on top of the canvas of the viewer.

    napari needs a quarter of a second to add a layer and half a second to remove it, which is too
    long for a line that follows the mouse.

    Parameters
    ----------
    layers
        Layers of the shown micrograph.
    navigation
        Converts positions to the screen.

    Attributes
    ----------
    line
        Corners (x, y) of the line, in original pixels; empty if none is shown.
    circle
        Diameter and centre (x, y) of the circle, in original pixels; None if none is shown.
    patch
        The patch under review with its picks; None if none is shown.
    """

    def __init__(self, layers: Layers, navigation: Navigation) -> None:
        super().__init__()
        self._layers, self._navigation = layers, navigation
        self.line: list[Position] = []
        self._width_px = LINE_PX
        self.circle: tuple[float, Position] | None = None
        self.patch: _ShownPatch | None = None
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hide()

    def attach(self, canvas: QWidget) -> None:
        """Cover a canvas, also when its size changes."""
        if self.parent() is not canvas:
            self.setParent(canvas)
            canvas.installEventFilter(self)
            self._show_or_hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the size of the canvas."""
        if event.type() == QEvent.Type.Resize and isinstance(watched, QWidget):
            self.setGeometry(watched.rect())
        return False

    def show_line(self, line: Sequence[Position], width_px: float = LINE_PX) -> None:
        """Show a line.

        Parameters
        ----------
        line
            Corners (x, y) in original pixels.
        width_px
            Width in pixels of the screen.
        """
        self.line, self._width_px = list(line), width_px
        self._show_or_hide()

    def hide_line(self) -> None:
        """Remove the line."""
        self.line = []
        self._show_or_hide()

    def show_circle(self, diameter_px: float, centre: Position) -> None:
        """Show a circle with a diameter and a centre (x, y) in original pixels."""
        self.circle = diameter_px, centre
        self._show_or_hide()

    def hide_circle(self) -> None:
        """Remove the circle."""
        self.circle = None
        self._show_or_hide()

    def show_patch(
        self,
        patch: Patch,
        particles: Sequence[tuple[Position, str]],
        removed: Sequence[Position],
        diameter_px: float,
    ) -> None:
        """Show a patch with its picks.

        Parameters
        ----------
        patch
            The patch, which gets a frame.
        particles
            Positions (x, y) of particles in original pixels, with their colours.
        removed
            Positions (x, y) of removed picks in original pixels.
        diameter_px
            Particle diameter in original pixels.
        """
        self.patch = _ShownPatch(patch, particles, removed, diameter_px)
        self._show_or_hide()

    def hide_patch(self) -> None:
        """Remove the patch."""
        self.patch = None
        self._show_or_hide()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw what is shown; Qt also calls this method when the canvas below is redrawn."""
        if not self._navigation.is_flat:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.patch is not None:
            self._draw_patch(painter, self.patch)
        if self.line:
            colour = QColor(colours.EXCLUDED)
            if self._width_px > LINE_PX:
                colour.setAlphaF(_OPACITY)
            painter.setPen(_pen(colour, self._width_px))
            painter.drawPolyline(QPolygonF(self._on_screen(self.line)))
        if self.circle is not None:
            diameter_px, centre = self.circle
            radius = diameter_px / 2 / self._layers.screen_px
            painter.setPen(_pen(QColor(colours.CURRENT), LINE_PX))
            painter.drawEllipse(self._on_screen([centre])[0], radius, radius)
        painter.end()

    def _draw_patch(self, painter: QPainter, shown: _ShownPatch) -> None:
        patch = shown.patch
        corners = self._on_screen([(patch.left, patch.top), (patch.right, patch.bottom)])
        frame, outside = QRectF(*corners).normalized(), QPainterPath()
        outside.addRect(QRectF(self.rect()))
        outside.addRect(frame)  # by the odd-even rule it is a hole
        painter.fillPath(outside, QColor.fromRgbF(0.0, 0.0, 0.0, _SHADE))
        painter.setPen(_pen(QColor(colours.CURRENT), LINE_PX))
        painter.drawRect(frame)
        radius = shown.diameter_px / 2 / self._layers.screen_px
        removed = [(position, colours.NOT_PARTICLE) for position in shown.removed]
        circles = [*removed, *shown.particles]
        centres = self._on_screen([position for position, _ in circles]) if circles else []
        for centre, (_, colour) in zip(centres, circles, strict=True):
            painter.setPen(_pen(QColor(colour), LINE_PX))
            painter.drawEllipse(centre, radius, radius)
        # Crosses distinguish removed picks also without colours.
        painter.setPen(_pen(QColor(colours.NOT_PARTICLE), LINE_PX))
        for centre in centres[: len(removed)]:
            arm = radius / 2
            for x, y in ((arm, arm), (arm, -arm)):
                painter.drawLine(centre - QPointF(x, y), centre + QPointF(x, y))

    def _show_or_hide(self) -> None:
        canvas = self.parent()
        shown = self.line or self.circle is not None or self.patch is not None
        if isinstance(canvas, QWidget) and shown:
            self.setGeometry(canvas.rect())
            self.show()
            self.lower()  # below messages, which it would make darker
            self.update()
        else:
            self.hide()

    def _on_screen(self, positions: Sequence[Position]) -> list[QPointF]:
        return [QPointF(x, y) for x, y in self._navigation.on_screen(positions).tolist()]


def _pen(colour: QColor, width_px: float) -> QPen:
    return QPen(
        colour,
        width_px,
        Qt.PenStyle.SolidLine,
        Qt.PenCapStyle.RoundCap,
        Qt.PenJoinStyle.RoundJoin,
    )
