"""Builds a dataset from scenes in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np

from bench.core.console import say
from bench.core.errors import UserError
from bench.core.hashing import pixel_hash, scene_digest
from bench.core.limits import size_fault
from bench.core.scenes import Mask, Scene
from bench.core.text import count
from bench.data.coco.masks import counts_text
from bench.data.edges import EdgeRecord
from bench.data.manifest import MANIFEST, DatasetSpec, Manifest, MaskRecord, Option, SceneRecord, read_manifest
from bench.data.writer import SHEET, RenderedScene, is_built, write_dataset


def write_scenes(out: Path, name: str, scenes: Sequence[Scene], options: Mapping[str, Option]) -> None:
    """Write a dataset of scenes of one picture each, all square and of one size, with their prompts.

    `name` is the dataset's and, in the manifest, the recipe's; `options` are recorded. An equal dataset in `out` stays.

    Raises `UserError` for invalid scenes, or if `out` holds something else.
    """
    size = _size(scenes)
    if fault := size_fault(size, size):
        raise UserError(f"{scenes[0].name} {fault}")
    spec = DatasetSpec(name, name, size, dict(options), {scene.name: scene_digest(scene) for scene in scenes})
    records = tuple(_record(scene, size) for scene in scenes)
    if is_built(out, spec):
        _check_same(out, records)
        say(f"already built: {out}")
        return
    pictures = {scene.name: scene.picture for scene in scenes}

    def draw(record: SceneRecord) -> RenderedScene:
        picture = pictures[record.name]
        return RenderedScene(picture, pixel_hash(picture))

    manifest = write_dataset(out, Manifest(spec, records), draw)
    say(f"{count(len(manifest.scenes), 'scene')}, {count(manifest.prompts, 'prompt')} per method")
    say(f"wrote {out}; look at {out / SHEET}")


def _check_same(out: Path, records: Sequence[SceneRecord]) -> None:
    """Raise `UserError` unless the dataset in `out`, of scenes with equal content, has these records in this order."""
    built = (replace(one, source_sha256="", picture_sha256="") for one in read_manifest(out / MANIFEST).scenes)
    for before, now in zip(built, records, strict=True):
        if different := [one.name for one in fields(now) if getattr(before, one.name) != getattr(now, one.name)]:
            told = f"scene '{now.name}' differs in its {different[0]}"
            raise UserError(f"{out} holds another dataset: {told}. Choose another --out, or remove it")


def _size(scenes: Sequence[Scene]) -> int:
    """The common side of all pictures and masks in pixels; raises `UserError` for invalid scenes."""
    if not scenes or len({scene.name for scene in scenes}) != len(scenes):
        raise UserError("a dataset needs scenes with unique names")
    size = int(scenes[0].picture.shape[0])
    for scene in scenes:
        if fault := _fault(scene, size):
            raise UserError(f"{scene.name}: {fault}")
    return size


def _fault(scene: Scene, size: int) -> str | None:
    """What is wrong with a scene whose picture and masks should be `size` x `size`; None if nothing is."""
    if scene.more:
        return f"it has {count(1 + len(scene.more), 'picture')}; a scene in memory has one"
    if scene.picture.dtype != np.uint8:
        return f"its picture is of {scene.picture.dtype}; make it uint8, 0 to 255"
    if scene.picture.shape != (size, size, 3):
        wanted = f"{[size, size, 3]}: square, and of the first scene's size"
        return f"its picture has the shape {list(scene.picture.shape)}, not {wanted}"
    if not scene.concepts:
        return "it has no concept; a scene needs one or more"
    faults = (
        f"the mask of concept {number} ('{concept.label}') {fault}"
        for number, concept in enumerate(scene.concepts)
        if (fault := _mask_fault(concept.mask, size))
    )
    return next(faults, None)


def _mask_fault(mask: Mask, size: int) -> str | None:
    """What is wrong with a mask that should be `size` x `size`; None if nothing is."""
    if mask.dtype.kind not in "biu":
        return f"is of {mask.dtype}; make it bool"
    if mask.shape != (size, size):
        return f"has the shape {list(mask.shape)}, its picture {[size, size]}: make them equal"
    return None if mask.any() else "is empty"


def _record(scene: Scene, size: int) -> SceneRecord:
    classes = tuple(concept.label for concept in scene.concepts)
    objects = tuple(concept.object for concept in scene.concepts)
    edges = tuple(EdgeRecord.of(concept.soft) for concept in scene.concepts)
    return SceneRecord(
        name=scene.name,
        split="",
        image_id=None,
        annotation_ids=(),
        file_name="",
        source_size=(size, size),
        crop=(0, 0, size, size),
        classes=classes,
        masks=tuple(MaskRecord((size, size), counts_text(concept.mask)) for concept in scene.concepts),
        licence=None,
        url="",
        prompts=scene.prompts,
        objects=() if objects == classes else objects,
        edges=edges if any(edges) else (),
        no_masks=scene.no_masks,
    )
