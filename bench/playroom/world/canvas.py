"""A canvas in unit coordinates: the same calls draw the same picture at any size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

RGB = tuple[int, int, int]
Spot = tuple[float, float]


class Canvas:
    """A square picture; points are (x, y) with (0, 0) the upper left, (1, 1) the lower right corner."""

    def __init__(self, size: int) -> None:
        """A black picture of `size` pixels per side."""
        self.size = size
        self.image = Image.new("RGB", (size, size))
        self.pen = ImageDraw.Draw(self.image, "RGBA")

    def polygon(self, corners: Sequence[Spot], colour: RGB, alpha: float = 1.0) -> None:
        """Fill a polygon."""
        outline = [(x * self.size, y * self.size) for x, y in corners]
        self.pen.polygon(outline, fill=(*colour, round(255 * alpha)))

    def box(self, start: Spot, end: Spot, colour: RGB, alpha: float = 1.0) -> None:
        """Fill the rectangle between two corners."""
        self.polygon([start, (end[0], start[1]), end, (start[0], end[1])], colour, alpha)

    def ellipse(self, centre: Spot, radii: Spot, colour: RGB, alpha: float = 1.0) -> None:
        """Fill an ellipse."""
        (x, y), (wide, high) = centre, radii
        corners = [(v * self.size) for v in (x - wide, y - high, x + wide, y + high)]
        self.pen.ellipse(corners, fill=(*colour, round(255 * alpha)))

    def stroke(self, points: Sequence[Spot], colour: RGB, width: float, alpha: float = 1.0) -> None:
        """Draw a line through the points; `width` in the canvas's unit."""
        line = [(x * self.size, y * self.size) for x, y in points]
        self.pen.line(line, fill=(*colour, round(255 * alpha)), width=max(1, round(width * self.size)))

    def blend(self, top: RGB, bottom: RGB, start: float = 0.0, end: float = 1.0) -> None:
        """Fill the rows from `start` to `end` with a gradient from `top` to `bottom`."""
        first, last = round(start * self.size), round(end * self.size)
        steps = np.linspace(0, 1, max(1, last - first))[:, None]
        rows = (np.array(top) * (1 - steps) + np.array(bottom) * steps).round().clip(0, 255).astype(np.uint8)
        column = Image.fromarray(rows[:, None, :])
        self.image.paste(column.resize((self.size, len(rows)), Image.Resampling.NEAREST), (0, first))

    def shade(self, factor: NDArray[np.float32]) -> None:
        """Multiply the picture with a coarse map [k, k] of factors, enlarged smoothly."""
        large = Image.fromarray(factor).resize((self.size, self.size), Image.Resampling.BICUBIC)
        self.put(np.asarray(self.image, dtype=np.float32) * np.asarray(large)[:, :, None])

    def put(self, pixels: NDArray[np.float32]) -> None:
        """Replace the picture by pixels [size, size, 3] of 0..255, clipped."""
        self.image.paste(Image.fromarray(pixels.round().clip(0, 255).astype(np.uint8)))


def jitter(rng: np.random.Generator, colour: RGB, amount: float = 14.0) -> RGB:
    """The colour with each channel, and all of them together, moved by up to `amount`."""
    moved = np.array(colour) + rng.uniform(-amount, amount) * 0.6 + rng.uniform(-amount, amount, 3) * 0.7
    red, green, blue = (int(v) for v in moved.clip(0, 255))
    return red, green, blue
