"""The output of an edit: a folder with the pictures, a grid of them and a record, written atomically; its name."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from bench.core.errors import UserError
from bench.core.files import read_json, whole_folder
from bench.core.images import mask_png, picture_png
from bench.core.masks import concept_colour, outline
from bench.core.scenes import ImageArray, Mask, Scene

SCHEMA = 2
RECORD, GRID, MASK = "edit.json", "grid.png", "mask"
RESULT = "step-size-"
"""Prefix of a result's file name, before its step size of the guidance; `region-1-` stands before that of a step."""
_CELL, _GAP, _LINE, _OUTLINE = 256, 8, 20, 3


def output_name(words: Sequence[str], key: str) -> str:
    """A folder's name from words, as method, source and target, and the beginning of the output's key."""
    safe = ("".join(letter if letter.isalnum() or letter in "._" else "-" for letter in word) for word in words)
    return "-".join((*(word.strip("-.") for word in safe), key[:6]))


def is_made(folder: Path, key: str) -> bool:
    """Whether the folder already holds this edit; False if it does not exist.

    Raises `UserError` if it holds anything else: an edit is never overwritten.
    """
    if not folder.exists():
        return False
    if (folder / RECORD).is_file() and read_json(folder / RECORD, SCHEMA).get("key") == key:
        return True
    raise UserError(f"{folder} is there already and holds another edit; give this one another --name")


def write_edit(
    folder: Path,
    record: Mapping[str, Any],
    scene: Scene,
    target: ImageArray,
    masks: Sequence[Mask],
    results: Mapping[str, Sequence[ImageArray]],
) -> None:
    """Write each result as `NAME.png`, the region as `mask.png`, the grid and the record.

    A result is the picture after each of the regions. Of several, those before the last are `region-1-NAME.png`, ...,
    and the regions `mask-1.png`, ...

    Raises `UserError` if the folder cannot be written; then nothing is written.
    """
    files = {f"{name}.png": picture_png(picture) for name, picture in _named(results).items()}
    names = [MASK] if len(masks) == 1 else [f"{MASK}-{number}" for number, _ in enumerate(masks, 1)]
    files |= {f"{name}.png": mask_png(mask) for name, mask in zip(names, masks, strict=True)}
    text = json.dumps({"schema": SCHEMA, **record}, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    with whole_folder(folder) as building:
        for name, content in {**files, GRID: grid(scene, target, masks, _named(results))}.items():
            (building / name).write_bytes(content)
        (building / RECORD).write_text(text, encoding="utf-8")


def _named(results: Mapping[str, Sequence[ImageArray]]) -> dict[str, ImageArray]:
    """Every picture under the name of its file, those of a result in the order in which they were made."""
    named: dict[str, ImageArray] = {}
    for name, (*steps, last) in results.items():
        named |= {f"region-{number}-{name}": picture for number, picture in enumerate(steps, 1)}
        named[name] = last
    return named


def grid(scene: Scene, target: ImageArray, masks: Sequence[Mask], results: Mapping[str, ImageArray]) -> bytes:
    """A PNG: the source with its concepts, the target with its regions, then each result, with captions."""
    concepts = [one.mask for one in scene.concepts if one.picture == 0]
    cells = {"source": marked(scene.picture, concepts, _CELL), "target": marked(target, masks, _CELL)}
    cells |= {name: marked(picture, [], _CELL) for name, picture in results.items()}
    page = Image.new("RGB", (len(cells) * (_CELL + _GAP) + _GAP, _CELL + _LINE + 2 * _GAP), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(14)
    for number, (name, cell) in enumerate(cells.items()):
        left = _GAP + number * (_CELL + _GAP)
        draw.text((left, _GAP), name, fill="black", font=font)
        page.paste(cell, (left, _GAP + _LINE))
    buffer = io.BytesIO()
    page.save(buffer, "PNG")
    return buffer.getvalue()


def pictures_of(folder: Path) -> Sequence[Path]:
    """The edit's picture files: the grid, the results by step size, those after each region before, the regions."""
    pictures = sorted(sorted(folder.glob(f"*{RESULT}*.png")), key=lambda file: float(file.stem.partition(RESULT)[2]))
    results = [file for file in pictures if file.name.startswith(RESULT)]
    steps = [file for file in pictures if file not in results]
    return (folder / GRID, *results, *steps, *sorted(folder.glob(f"{MASK}*.png")))


def marked(picture: ImageArray, masks: Sequence[Mask], side: int) -> Image.Image:
    """A picture at `side` pixels with masks outlined in their colours; a small one is enlarged without smoothing."""
    image = Image.fromarray(np.ascontiguousarray(picture))
    smooth = Image.Resampling.LANCZOS if max(image.size) > side else Image.Resampling.NEAREST
    pixels = np.array(image.resize((side, side), smooth))
    for index, mask in enumerate(masks):
        large = np.asarray(Image.fromarray(mask).resize((side, side), Image.Resampling.NEAREST))
        pixels[outline(large, _OUTLINE)] = concept_colour(index)
    return Image.fromarray(pixels)
