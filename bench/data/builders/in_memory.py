"""Builds a dataset from scenes in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.core.console import say
from bench.core.errors import UserError
from bench.core.hashing import pixel_hash, scene_digest
from bench.core.limits import size_fault
from bench.core.scenes import Scene
from bench.core.text import count
from bench.data.coco.masks import counts_text
from bench.data.edges import EdgeRecord
from bench.data.manifest import DatasetSpec, Manifest, MaskRecord, Option, SceneRecord
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
    if is_built(out, spec):
        say(f"already built: {out}")
        return
    pictures = {scene.name: scene.picture for scene in scenes}

    def draw(record: SceneRecord) -> RenderedScene:
        picture = pictures[record.name]
        return RenderedScene(picture, pixel_hash(picture))

    manifest = write_dataset(out, Manifest(spec, tuple(_record(scene, size) for scene in scenes)), draw)
    say(f"{count(len(manifest.scenes), 'scene')}, {count(manifest.prompts, 'prompt')} per method")
    say(f"wrote {out}; look at {out / SHEET}")


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
    if scene.picture.shape != (size, size, 3):
        wanted = f"{[size, size, 3]}: square, and of the first scene's size"
        return f"its picture has the shape {list(scene.picture.shape)}, not {wanted}"
    if not scene.concepts:
        return "it has no concept; a scene needs one or more"
    for number, concept in enumerate(scene.concepts):
        if concept.mask.shape != (size, size):
            shapes = f"{list(concept.mask.shape)}, its picture {[size, size]}"
            return f"the mask of concept {number} ('{concept.label}') has the shape {shapes}: make them equal"
        if not concept.mask.any():
            return f"the mask of concept {number} ('{concept.label}') is empty"
    return None


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
    )
