"""Square crops of a picture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Square:
    """A square window in pixels: its upper left corner and its side."""

    left: int
    top: int
    side: int

    @property
    def right(self) -> int:
        """The column just past its right edge."""
        return self.left + self.side

    @property
    def bottom(self) -> int:
        """The row just past its lower edge."""
        return self.top + self.side

    @property
    def rows(self) -> slice:
        """A slice of the rows of an image [height, width, ...]."""
        return slice(self.top, self.bottom)

    @property
    def columns(self) -> slice:
        """A slice of the columns of an image [height, width, ...]."""
        return slice(self.left, self.right)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom, as Pillow has it."""
        return self.left, self.top, self.right, self.bottom


def centred_square(width: int, height: int) -> Square:
    """The largest centred square: its offset on the long side is floor((long - short) / 2)."""
    side = min(width, height)
    return Square((width - side) // 2, (height - side) // 2, side)
