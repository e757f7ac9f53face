"""The contact sheet: an overview of every scene's picture with tinted masks and class words."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from bench.core.masks import outline
from bench.core.scenes import ImageArray, Mask
from bench.data.manifest import SceneRecord

_SIDE, _GAP, _LINE = 224, 14, 18
_COLUMNS = 6
_COLOURS = ((230, 40, 40), (30, 110, 250), (20, 160, 60), (235, 150, 0), (160, 50, 200), (0, 160, 170))
_INK, _PAPER = (30, 30, 30), (255, 255, 255)
_TINT = 0.35


class ContactSheet:
    """A grid of `pictures` cells, filled in order."""

    def __init__(self, pictures: int) -> None:
        self._columns = min(_COLUMNS, max(pictures, 1))
        rows = math.ceil(pictures / self._columns)
        cell = (_SIDE + _GAP, _SIDE + 3 * _LINE + _GAP)
        self._cell = cell
        self._page = Image.new("RGB", (self._columns * cell[0] + _GAP, rows * cell[1] + _GAP), _PAPER)
        self._font = ImageFont.load_default(13)
        self._added = 0

    def add(self, record: SceneRecord, picture: ImageArray, number: int = 0) -> None:
        """Add the next picture: a scene's own, or one of its further ones by number, from 1."""
        shown = [concept for concept in range(len(record.classes)) if record.picture_of(concept) == number]
        left = _GAP + self._added % self._columns * self._cell[0]
        top = _GAP + self._added // self._columns * self._cell[1]
        self._added += 1
        self._page.paste(_marked(record, picture, shown), (left, top))
        draw = ImageDraw.Draw(self._page)
        draw.text((left, top + _SIDE + 2), record.name, fill=_INK, font=self._font)
        across, line = 0.0, 1
        for concept in shown:
            label = record.classes[concept]
            wide = draw.textlength(label, font=self._font) + 18
            if across and across + wide > _SIDE:
                across, line = 0.0, line + 1
            place = (left + across, top + _SIDE + 4 + line * _LINE)
            draw.rectangle((place[0], place[1] + 2, place[0] + 10, place[1] + 12), fill=_colour(concept))
            draw.text((place[0] + 14, place[1]), label, fill=_INK, font=self._font)
            across += wide + 8

    def png(self) -> bytes:
        """The sheet encoded as PNG."""
        buffer = io.BytesIO()
        self._page.save(buffer, "PNG")
        return buffer.getvalue()


def _colour(number: int) -> tuple[int, int, int]:
    return _COLOURS[number % len(_COLOURS)]


def _marked(record: SceneRecord, picture: ImageArray, shown: Sequence[int]) -> Image.Image:
    """The picture at the cell's size with each mask of its concepts tinted and outlined in its colour."""
    image = Image.fromarray(picture).resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    pixels = np.asarray(image).astype(np.float32)
    masks = {concept: _resized(record.mask(concept)) for concept in shown}
    for concept, mask in masks.items():
        pixels[mask] = (1 - _TINT) * pixels[mask] + _TINT * np.array(_colour(concept), dtype=np.float32)
    for concept, mask in masks.items():
        pixels[outline(mask, 2)] = _colour(concept)
    return Image.fromarray(pixels.round().astype(np.uint8))


def _resized(mask: Mask) -> Mask:
    image = Image.fromarray(mask.astype(np.uint8) * 255).resize((_SIDE, _SIDE), Image.Resampling.NEAREST)
    return np.asarray(image, dtype=np.uint8) > 0
