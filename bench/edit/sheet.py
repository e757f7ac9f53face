"""The contact sheet of `bench generate`: the source with its concepts, then a row of samples per text."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from bench.core.scenes import ImageArray, Scene
from bench.edit.inputs import handles
from bench.edit.output import marked

CELL = 256
"""Side of a picture on the sheet in pixels."""
_GAP, _LINE = 10, 22
_COLUMNS = 8
_LETTERS = 7.6
"""Width of a letter of the captions in pixels, on average."""
_INK, _PAPER = (30, 30, 30), "white"


@dataclass(frozen=True, eq=False)
class Row:
    """A caption and the pictures below it, each uint8 [s, s, 3]; more than eight go over several lines."""

    caption: str
    pictures: tuple[ImageArray, ...]


def contact_sheet(scene: Scene, rows: Sequence[Row]) -> bytes:
    """A PNG: the scene's pictures with their concepts outlined, then every row."""
    page = _Page(max(len(scene.pictures), 2, *(len(row.pictures) for row in rows)))
    page.add(
        f"{scene.name}: {handles(scene.concepts)}", [_source(scene, number) for number in range(len(scene.pictures))]
    )
    for row in rows:
        page.add(row.caption, [marked(picture, (), CELL) for picture in row.pictures])
    return page.png()


def _source(scene: Scene, number: int) -> Image.Image:
    masks = [concept.mask for concept in scene.concepts if concept.picture == number]
    return marked(scene.pictures[number], masks, CELL)


class _Page:
    """Strips of a caption and cells, from top to bottom."""

    def __init__(self, columns: int) -> None:
        self._columns = min(columns, _COLUMNS)
        self._width = self._columns * (CELL + _GAP) + _GAP
        self._font = ImageFont.load_default(15)
        self._strips: list[Image.Image] = []

    def add(self, caption: str, cells: Sequence[Image.Image]) -> None:
        lines = textwrap.wrap(caption, int(self._width / _LETTERS)) or [""]
        top = len(lines) * _LINE + _GAP
        down = -(-len(cells) // self._columns)
        strip = Image.new("RGB", (self._width, top + down * (CELL + _GAP)), _PAPER)
        ImageDraw.Draw(strip).multiline_text((_GAP, _GAP // 2), "\n".join(lines), fill=_INK, font=self._font)
        for number, cell in enumerate(cells):
            row, column = divmod(number, self._columns)
            strip.paste(cell, (_GAP + column * (CELL + _GAP), top + row * (CELL + _GAP)))
        self._strips.append(strip)

    def png(self) -> bytes:
        page = Image.new("RGB", (self._width, sum(strip.height for strip in self._strips) + _GAP), _PAPER)
        top = _GAP
        for strip in self._strips:
            page.paste(strip, (0, top))
            top += strip.height
        buffer = io.BytesIO()
        page.save(buffer, "PNG")
        return buffer.getvalue()
