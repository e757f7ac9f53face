"""The manifest: everything of a dataset except the pixels; COCO's pictures and it make the dataset."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import pydantic

from bench.core.errors import UserError
from bench.core.files import read_json
from bench.core.geometry import Square
from bench.core.hashing import bytes_hash
from bench.core.limits import LONGEST_SQUARE_SIDE, size_fault
from bench.core.scenes import BACKGROUND, BEHIND, Concept, Mask, Prompt, SoftMask, handle
from bench.data.coco.masks import checked_area, decode
from bench.data.edges import EdgeRecord, edge_fault

SCHEMA = 1
MANIFEST = "manifest.json"
Option: TypeAlias = str | int | bool

_KEYS = {"spec": "identity"}
"""The file's keys of fields with another name here: the keys are hashed, so they never change."""
_FIELDS = {key: field for field, key in _KEYS.items()}
_SAFE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class MaskRecord:
    """A mask as COCO's compressed run lengths; `size` is (height, width)."""

    size: tuple[int, int]
    counts: str


@dataclass(frozen=True)
class LicenceRecord:
    """The licence of a photo."""

    name: str
    url: str


@dataclass(frozen=True)
class PictureRecord:
    """A further picture of a scene, and the indices of the concepts that it shows; fields as in `SceneRecord`."""

    file_name: str
    source_size: tuple[int, int]
    crop: tuple[int, int, int, int]
    shows: tuple[int, ...]
    source_sha256: str = ""
    picture_sha256: str = ""


@dataclass(frozen=True)
class SceneRecord:
    """One scene: its source, its crop, its concepts (in parallel lists) and its prompts.

    `crop` is left, top, right, bottom in the source picture, whose (width, height) is `source_size`. `masks`
    are at the output size. `source_sha256` is the hash of the source's decoded pixels,
    `picture_sha256` that of the resized crop's; both are empty in a manifest made without pictures. `objects`
    are the class words of the things that the concepts are parts of; empty where these are the classes. `more`
    are further pictures; the first one shows every concept that none of them does. `edges` are the grey edges of
    the masks, in parallel to them; empty if none has any.
    With `no_masks` methods are not given the masks: they are for the evaluation alone, or empty where unknown.
    """

    name: str
    split: str
    image_id: int | None
    annotation_ids: tuple[int, ...]
    file_name: str
    source_size: tuple[int, int]
    crop: tuple[int, int, int, int]
    classes: tuple[str, ...]
    masks: tuple[MaskRecord, ...]
    licence: LicenceRecord | None
    url: str
    prompts: tuple[Prompt, ...]
    source_sha256: str = ""
    picture_sha256: str = ""
    objects: tuple[str, ...] = ()
    more: tuple[PictureRecord, ...] = ()
    edges: tuple[EdgeRecord | None, ...] = ()
    no_masks: bool = False

    @property
    def square(self) -> Square:
        """The crop as a square."""
        return square_of(self.crop)

    @property
    def concepts(self) -> tuple[Concept, ...]:
        """The scene's concepts with masks, objects and handles, as `Concept`s."""
        whole = self.objects or self.classes
        return tuple(
            Concept(label, self.mask(number), handle(number), whole[number], self.picture_of(number), self.soft(number))
            for number, label in enumerate(self.classes)
        )

    @property
    def words(self) -> tuple[str, ...]:
        """The word of each concept in texts for scoring, as `Concept.word`, without decoding its mask."""
        pairs = zip(self.classes, self.objects or self.classes, strict=True)
        return tuple(whole if label == BACKGROUND else label for label, whole in pairs)

    def picture_of(self, concept: int) -> int:
        """The index of the picture that shows a concept: 0, or that of one of `more`, from 1."""
        return next((number for number, one in enumerate(self.more, start=1) if concept in one.shows), 0)

    def mask(self, concept: int) -> Mask:
        """The mask of a concept, [size, size]; `read_manifest` has checked that it can be decoded."""
        rle = self.masks[concept]
        return decode({"size": list(rle.size), "counts": rle.counts})

    def soft(self, concept: int) -> SoftMask | None:
        """The mask of a concept with its grey edges, [size, size]; None where it has none."""
        edge = self.edges[concept] if self.edges else None
        return None if edge is None else edge.soft(self.mask(concept))


def square_of(crop: tuple[int, int, int, int]) -> Square:
    """A crop (left, top, right, bottom) as a square."""
    left, top, right, _ = crop
    return Square(left, top, right - left)


@dataclass(frozen=True)
class DatasetSpec:
    """What identifies a dataset: builder (`recipe`), name, side in pixels, options, source files by SHA-256."""

    recipe: str
    name: str
    size: int
    options: Mapping[str, Option]
    sources: Mapping[str, str]

    def differences(self, other: DatasetSpec) -> list[str]:
        """The differences of `other` from this, most important first, as `seed 1 (now 0)`."""
        mine, theirs = self._facts(), other._facts()
        keys = [key for key in mine | theirs if mine.get(key) != theirs.get(key)]
        return [f"{key} {theirs.get(key, '-')} (now {mine.get(key, '-')})" for key in keys]

    def _facts(self) -> dict[str, Option]:
        sources = {f"source {file}": sha256[:12] for file, sha256 in self.sources.items()}
        return {"recipe": self.recipe, "name": self.name, "size": self.size, **self.options, **sources}


@dataclass(frozen=True)
class Manifest:
    """A dataset's specification and scenes."""

    spec: DatasetSpec
    scenes: tuple[SceneRecord, ...]

    @property
    def has_pictures(self) -> bool:
        """Whether it was made with the pictures, so that it has their hashes."""
        return all(scene.picture_sha256 for scene in self.scenes)

    @property
    def prompts(self) -> int:
        """The number of pictures that a method draws for the dataset."""
        return sum(len(scene.prompts) for scene in self.scenes)

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of specification and scenes."""
        return _digest(_content(self))

    def encode(self) -> bytes:
        """The bytes of the manifest's file: keys are sorted, so equal manifests are equal bytes."""
        content = {"schema": SCHEMA, "sha256": self.sha256, **_content(self)}
        return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def read_manifest(path: Path) -> Manifest:
    """Read a manifest and check it.

    Raises `UserError` if it is missing, damaged, edited, of an unknown schema, or has an invalid scene.
    """
    content = read_json(path, SCHEMA)
    stated = content.pop("sha256", None)
    try:
        fields = {_FIELDS.get(name, name): value for name, value in content.items()}
        manifest = pydantic.TypeAdapter(Manifest).validate_python(fields)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UserError(f"{path} is not a manifest of a dataset: {place}: {first['msg'].lower()}") from None
    if _digest(content) != stated:
        raise UserError(f"{path} was changed after it was written (its hash does not match); get it again")
    check_manifest(path, manifest)
    return manifest


def check_manifest(path: Path, manifest: Manifest) -> None:
    """Raise `UserError` for a manifest that no dataset can have; `path` is its file, or where it is to be written."""
    size = manifest.spec.size
    if not 0 < size <= LONGEST_SQUARE_SIDE:
        raise UserError(f"{path} has size {size}: its pictures may have 1 to {LONGEST_SQUARE_SIDE:,} pixels per side")
    names = [scene.name for scene in manifest.scenes]
    if len(set(names)) != len(names) or not names:
        raise UserError(f"{path} is not a manifest of a dataset: it has no scenes, or two of one name")
    for scene in manifest.scenes:
        why = _fault(scene, manifest.spec.size)
        if why is not None:
            raise UserError(f"{path}: scene '{scene.name}' {why}")


def _content(manifest: Manifest) -> dict[str, Any]:
    """The manifest's fields; rare ones only if not empty, so that the hash of other manifests does not change."""
    content = {_KEYS.get(name, name): value for name, value in asdict(manifest).items()}
    for scene in content["scenes"]:
        for rare in ("objects", "more", "edges", "no_masks"):
            if not scene[rare]:
                del scene[rare]
    return content


def _digest(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return bytes_hash(text.encode())


def _fault(scene: SceneRecord, size: int) -> str | None:
    """A description of what is wrong with a scene, or None; a manifest may be written by others."""
    if _SAFE_NAME.fullmatch(scene.name) is None:
        return "has a name that is not safe as a file name"
    if not scene.classes or len(scene.classes) != len(scene.masks):
        return "does not have one mask per class"
    if scene.objects and len(scene.objects) != len(scene.classes):
        return "does not have one object per class"
    if any(prompt.template.count("{tokens}") != 1 or not _is_subset(prompt, scene) for prompt in scene.prompts):
        return "has a prompt that does not fit its concepts"
    return _picture_fault(scene) or _mask_fault(scene, size) or edge_fault(scene.edges, len(scene.masks), size)


def _picture_fault(scene: SceneRecord) -> str | None:
    for width, height in (scene.source_size, *(one.source_size for one in scene.more)):
        if fault := size_fault(width, height):
            return f"has a source that {fault}"
    crops = [(scene.crop, scene.source_size), *((one.crop, one.source_size) for one in scene.more)]
    if not all(_is_square(crop, size) for crop, size in crops):
        return "has a crop that is not a square inside its picture"
    if scene.more and not _are_shared_out(scene):
        return "has a concept in two pictures, or a picture without one"
    return None


def _is_square(crop: tuple[int, int, int, int], size: tuple[int, int]) -> bool:
    left, top, right, bottom = crop
    width, height = size
    return 0 <= left < right <= width and 0 <= top < bottom <= height and right - left == bottom - top


def _are_shared_out(scene: SceneRecord) -> bool:
    """Whether every picture shows a concept, and every concept is in one picture."""
    shown = [concept for one in scene.more for concept in one.shows]
    known = range(len(scene.classes))
    return (
        all(one.shows for one in scene.more)
        and len(set(shown)) == len(shown) < len(known)
        and all(concept in known for concept in shown)
    )


def _is_subset(prompt: Prompt, scene: SceneRecord) -> bool:
    indices = prompt.subset
    return (
        bool(indices)
        and list(indices) == sorted(set(indices))
        and indices[0] >= 0
        and indices[-1] < len(scene.classes)
        and (BEHIND not in prompt.template or _has_both([scene.classes[index] for index in indices]))
    )


def _has_both(labels: Sequence[str]) -> bool:
    """Whether one is the background's, which has a place in the template, and one is not."""
    return 0 < labels.count(BACKGROUND) < len(labels)


def _mask_fault(scene: SceneRecord, size: int) -> str | None:
    for number, rle in enumerate(scene.masks):
        if rle.size != (size, size):
            return f"has a mask {number} of size {rle.size}, not {size} x {size}"
        try:
            if not checked_area({"size": list(rle.size), "counts": rle.counts}) and not scene.no_masks:
                return f"has an empty mask {number}"
        except ValueError as error:
            return f"{error} in mask {number}"
    return None
