"""The sheet to look at: the picture, the picture with its masks outlined, and a line for each mask."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from bench.core.masks import concept_colour, outline
from bench.core.scenes import ImageArray, Mask

_LARGE, _SMALL = 640, 320
"""The longer side of a shown picture is brought to at most and at least so many pixels."""
_GAP, _LINE, _OUTLINE = 12, 22, 3
_DIMMED = 0.45
_INK, _PAPER = (30, 30, 30), (255, 255, 255)


def masks_sheet(picture: ImageArray, labels: Sequence[str], masks: Sequence[Mask], scores: Sequence[float]) -> bytes:
    """A PNG; masks [H, W] of the picture's size. What no mask holds is dimmed, each mask has its number inside."""
    shown = _resized(picture)
    lines = [
        f"mask{index}.png  {label}   score {score:.2f}   {mask.mean():.1%} of the picture"
        for index, (label, mask, score) in enumerate(zip(labels, masks, scores, strict=True))
    ]
    font = ImageFont.load_default(15)
    wide = max(2 * shown.width + _GAP, *(int(font.getlength(line)) + 24 for line in lines))
    page = Image.new("RGB", (wide + 2 * _GAP, shown.height + len(lines) * _LINE + 3 * _GAP), _PAPER)
    page.paste(shown, (_GAP, _GAP))
    page.paste(_marked(shown, masks), (shown.width + 2 * _GAP, _GAP))
    draw = ImageDraw.Draw(page)
    for index, line in enumerate(lines):
        top = shown.height + 2 * _GAP + index * _LINE
        draw.rectangle((_GAP, top + 2, _GAP + 14, top + 16), fill=concept_colour(index), outline=_INK)
        draw.text((_GAP + 24, top), line, fill=_INK, font=font)
    buffer = io.BytesIO()
    page.save(buffer, "PNG")
    return buffer.getvalue()


def _resized(picture: ImageArray) -> Image.Image:
    image = Image.fromarray(picture)
    longer = max(image.size)
    factor = min(max(longer, _SMALL), _LARGE) / longer
    size = (max(round(image.width * factor), 1), max(round(image.height * factor), 1))
    return image.resize(size, Image.Resampling.LANCZOS if factor < 1 else Image.Resampling.NEAREST)


def _marked(shown: Image.Image, masks: Sequence[Mask]) -> Image.Image:
    sized = [np.asarray(Image.fromarray(mask).resize(shown.size, Image.Resampling.NEAREST)) for mask in masks]
    pixels = np.array(shown)
    outside = ~np.logical_or.reduce(sized)
    pixels[outside] = (_DIMMED * pixels[outside]).astype(np.uint8)
    for index, mask in enumerate(sized):
        pixels[outline(mask, _OUTLINE)] = concept_colour(index)
    image = Image.fromarray(pixels)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(20)
    for index, mask in enumerate(sized):
        if mask.any():
            number = _inside(mask), str(index), concept_colour(index), font
            draw.text(*number, anchor="mm", stroke_width=2, stroke_fill=(0, 0, 0))
    return image


def _inside(mask: Mask) -> tuple[int, int]:
    """The pixel (x, y) of a mask that is nearest to its centre of mass."""
    rows, columns = np.nonzero(mask)
    nearest = int(np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2))
    return int(columns[nearest]), int(rows[nearest])
