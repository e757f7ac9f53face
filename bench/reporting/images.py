"""Pictures inside a page, as data URIs, and concepts marked in them."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy
from PIL import Image

from bench.core.errors import UserError
from bench.core.images import opened
from bench.core.masks import concept_colour, outline
from bench.core.scenes import Concept, ImageArray, Mask, Scene

AS_IS = 128
"""Pictures up to this side stay as they are, in PNG, and the page enlarges them without smoothing."""
THUMBNAIL = 256
"""Larger ones become WebP of at most this side, so that a page of many scenes stays light."""
_PNG: dict[str, Any] = {"optimize": True}
_WEBP: dict[str, Any] = {"quality": 80, "method": 4}
TAG = (0.45, 0.11)
"""Room for a concept's name on a picture, as shares of the width and the height."""


def file_uri(path: Path) -> str | None:
    """A picture file as a data URI; None if it is missing or damaged."""
    try:
        content = path.read_bytes() if path.is_file() else None
        with opened(path, content) as image:
            if content and image.format == "PNG" and image.mode == "RGB" and max(image.size) <= AS_IS:
                image.verify()  # by the checksums of its chunks: no pixel is decoded
                return _data("png", content)
            image.load()
            return uri(np.asarray(image.convert("RGB"), dtype=np.uint8))
    except UserError:
        return None


def uri(picture: ImageArray) -> str:
    """A picture uint8 [H, W, 3] as a data URI."""
    image = Image.fromarray(picture)
    kind, options = "png", _PNG
    if max(image.size) > AS_IS:
        image.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
        kind, options = "webp", _WEBP
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return _data(kind, buffer.getvalue())


def _data(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def side_by_side(scene: Scene) -> Scene:
    """The scene as one wide picture [H, n W, 3] of all its pictures, each concept's mask where its picture is."""
    if not scene.more:
        return scene
    width = scene.picture.shape[1]
    wide = len(scene.pictures) * width

    def moved(concept: Concept) -> Concept:
        before = concept.picture * width
        mask = np.pad(concept.mask, ((0, 0), (before, wide - width - before)))
        return replace(concept, mask=mask, picture=0)

    picture = np.concatenate(scene.pictures, axis=1)
    return replace(scene, picture=picture, concepts=tuple(map(moved, scene.concepts)), more=())


def with_masks(scene: Scene) -> ImageArray:
    """The scene with every concept outlined in its colour and the rest dimmed; at least 256 pixels per side."""
    times = max(1, -(-THUMBNAIL // scene.picture.shape[0]))
    picture = scene.picture.repeat(times, axis=0).repeat(times, axis=1)
    masks = [concept.mask.repeat(times, axis=0).repeat(times, axis=1) for concept in scene.concepts]
    union = np.any(masks, axis=0)
    shown = np.where(union[:, :, None], picture, (0.4 * picture).astype(np.uint8))
    for index, mask in enumerate(masks):
        shown[outline(mask, max(2, picture.shape[0] // 128))] = concept_colour(index)
    return shown


def centre(mask: Mask) -> tuple[float, float]:
    """The point of a mask farthest from its border, as shares of the width and the height: where its name fits."""
    depth = scipy.ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(np.argmax(depth)), mask.shape)
    return (float(column) + 0.5) / mask.shape[1], (float(row) + 0.5) / mask.shape[0]


def places(masks: Sequence[Mask]) -> list[tuple[float, float]]:
    """Where the names of masks stand: their centres, moved inwards while an earlier name is in the way."""
    taken: list[tuple[float, float]] = []
    for left, top in map(centre, masks):
        place, step = (left, top), TAG[1] if top < 0.5 else -TAG[1]
        while any(abs(place[0] - x) < TAG[0] and abs(place[1] - y) < TAG[1] for x, y in taken):
            place = (left, place[1] + step)
        taken.append(place)
    return taken


@dataclass(frozen=True)
class MarkedConcept:
    """A concept as marked in the scene's picture; its name stands at `left` and `top`, shares of the sides."""

    handle: str
    label: str
    colour: str
    left: float
    top: float


def marked_concepts(scene: Scene) -> tuple[MarkedConcept, ...]:
    """The concepts of a scene, as marked in its picture or, where it has several, in all of them `side_by_side`."""
    concepts = side_by_side(scene).concepts
    return tuple(
        MarkedConcept(concept.handle, concept.label, css_colour(index), *spot)
        for index, (concept, spot) in enumerate(zip(concepts, places([one.mask for one in concepts]), strict=True))
    )


def css_colour(index: int) -> str:
    """The colour of the concept at `index`, for a style sheet."""
    return "rgb({}, {}, {})".format(*concept_colour(index))
