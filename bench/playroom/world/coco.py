"""Playroom's pool of scenes with toys to be learned, written as ordinary COCO (a JSON file and PNGs)."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as rle

from bench.core.errors import UserError
from bench.core.files import whole_folder
from bench.core.leftovers import scratch_folder
from bench.core.limits import check_side
from bench.playroom.world.confusion import Shared, closer, sharing
from bench.playroom.world.limits import fewer, lit, turned
from bench.playroom.world.scene import RENDERER, ToyScene, draw, sample_scene
from bench.playroom.world.toys import CLASSES

SPLIT = "playroom"
"""The split's name: pictures lie in `playroom/`, annotations in `annotations/instances_playroom.json`."""

_SHARES = {2: 0.4, 3: 0.3, 4: 0.3, 5: 0.3, 6: 0.3}
"""How often a picture holds so many toys, before the pool is confined to some of these numbers."""

Json = dict[str, Any]


@dataclass(frozen=True)
class CocoSpec:
    """A pool of scenes: number of pictures, seed, pixels per side, and numbers of toys (2 to 6).

    `light` in [0, 1] and `turn` in degrees are those of `bench.playroom.world.limits`, 0 as usual. With `equal_size`
    the toys of all scenes are as large, and lie, as in scenes of the most toys, so that their number alone differs.
    `shared` and `closer` in [0, 1) are those of `bench.playroom.world.confusion`.
    """

    pictures: int = 300
    seed: int = 0
    size: int = 128
    toys: tuple[int, ...] = (2, 3, 4)
    light: float = 0.0
    turn: float = 0.0
    equal_size: bool = False
    shared: Shared = ""
    closer: float = 0.0


def pool_scene(spec: CocoSpec, image_id: int) -> ToyScene:
    """The scene of picture `image_id` (from 1): toys of an appearance that training never sees.

    It depends on the specification (but for pictures and size) and the id alone, so that any picture's ground truth
    can be drawn again.
    """
    rng = np.random.default_rng((spec.seed, image_id))
    shares = np.array([_SHARES[number] for number in spec.toys])
    count = int(rng.choice(spec.toys, p=shares / shares.sum()))
    scene = sample_scene(rng, appearance="unseen", count=max(spec.toys) if spec.equal_size else count)
    if spec.equal_size:
        scene = fewer(scene, count, rng)
    scene = sharing(scene, spec.shared, rng)
    if spec.closer:
        scene = closer(scene, spec.closer)
    if spec.light:
        scene = lit(scene, spec.light, image_id, rng)
    return turned(scene, spec.turn, image_id, rng) if spec.turn else scene


def write_coco(folder: Path, spec: CocoSpec) -> None:
    """Write the pool into `folder`, atomically.

    `annotations/instances_playroom.json` holds info, licenses, images, annotations (compressed RLE of the
    visible pixels, area, bbox, iscrowd 0) and categories; `playroom/000000000001.png` and so on the pictures.

    Raises UserError where the folder already has content or cannot be written.
    """
    check_side(spec.size)
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise UserError(f"{folder} already exists: choose another folder, or remove it first")
    with whole_folder(folder) as building:
        _build(building, spec)


@contextlib.contextmanager
def scratch_coco(spec: CocoSpec) -> Iterator[Path]:
    """The pool in a temporary folder, removed when the block ends; raises as `write_coco` does."""
    with scratch_folder() as scratch:
        write_coco(scratch / "coco", spec)
        yield scratch / "coco"


def _build(folder: Path, spec: CocoSpec) -> None:
    """Write pictures and annotations into an empty folder."""
    (folder / SPLIT).mkdir()
    (folder / "annotations").mkdir()
    images: list[Json] = []
    annotations: list[Json] = []
    for image_id in range(1, spec.pictures + 1):
        scene = pool_scene(spec, image_id)
        drawing = draw(scene, spec.size)
        name = f"{image_id:012d}.png"
        Image.fromarray(drawing.picture).save(folder / SPLIT / name)
        images.append({"id": image_id, "license": 1, "file_name": name, "height": spec.size, "width": spec.size})
        for toy, visible in zip(scene.toys, drawing.masks, strict=True):
            if visible.any():
                number = len(annotations) + 1
                annotations.append(_annotation((number, image_id), toy.identity.class_name, visible))
    content = {**_header(spec), "images": images, "annotations": annotations, "categories": _categories()}
    (folder / "annotations" / f"instances_{SPLIT}.json").write_text(json.dumps(content), encoding="utf-8")


def _header(spec: CocoSpec) -> Json:
    """The info and licenses of the file; without dates, so that equal pools are equal files."""
    about = f"Playroom, drawn toys: seed {spec.seed}, {spec.pictures} pictures of {spec.size} px"
    unusual = {name: getattr(spec, name) for name in ("light", "turn", "equal_size", "shared", "closer")}
    about += "".join(f", {name} {value}" for name, value in unusual.items() if value)
    licence = {"id": 1, "name": "CC0 1.0", "url": "https://creativecommons.org/publicdomain/zero/1.0/"}
    return {"info": {"description": about, "version": f"renderer {RENDERER}"}, "licenses": [licence]}


def _categories() -> list[Json]:
    """The classes as categories 1, 2, and so on."""
    return [{"id": number, "name": name, "supercategory": "toy"} for number, name in enumerate(CLASSES, 1)]


def _annotation(ids: tuple[int, int], class_name: str, visible: NDArray[np.bool_]) -> Json:
    """One instance, for (its own id, its picture's id) and its visible pixels [S, S]."""
    code = rle.encode(np.asfortranarray(visible.astype(np.uint8)))
    counts = code["counts"]  # bytes, which JSON has no form for
    text = counts.decode("ascii") if isinstance(counts, bytes) else counts
    return {
        "id": ids[0],
        "image_id": ids[1],
        "category_id": CLASSES.index(class_name) + 1,
        "segmentation": {"size": [int(v) for v in code["size"]], "counts": text},
        "area": float(visible.sum()),
        "bbox": [float(v) for v in rle.toBbox(code)],
        "iscrowd": 0,
    }
