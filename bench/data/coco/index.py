"""Reads COCO's `instances_*.json` fast and with little memory, and validates it."""

from __future__ import annotations

import contextlib
import gc
import json
import math
import re
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, TypeVar, cast

from bench.core.errors import UserError
from bench.core.limits import size_fault

Polygons: TypeAlias = "tuple[array[float], ...]"
"""Closed outlines x0, y0, x1, y1, ... in pixels, as in COCO."""
Segmentation: TypeAlias = "Polygons | dict[str, Any]"
"""Polygons, or a run-length encoding `{"size": [height, width], "counts": text or list}`."""

_Record = TypeVar("_Record")
_MOST = 2**63
"""Ids and sides are smaller."""
_PREFIX = "instances_"
_OUTSIDE = re.compile(r"^$|\0|^[/\\]|^[A-Za-z]:|(^|[/\\])\.\.([/\\]|$)")


class Annotation(NamedTuple):
    """One annotated instance; a named tuple, as there are 860,001 of them in train2017.

    The `area` and `bbox` fields of the file are not read: both are often wrong.
    """

    id: int
    image_id: int
    category_id: int
    crowd: bool
    segmentation: Segmentation


@dataclass(frozen=True, slots=True)
class Licence:
    """The licence of a photo."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Photo:
    """One image record; (`split`, `id`) identifies it, as two files may use the same ids."""

    id: int
    split: str
    file_name: str
    width: int
    height: int
    licence: Licence | None
    url: str


@dataclass(frozen=True, slots=True)
class Category:
    """A class: its word, and whether it is a thing (all of an instances file are, unless `isthing` is 0)."""

    name: str
    thing: bool


@dataclass(frozen=True)
class Index:
    """One annotation file: its split (`train2017` for `instances_train2017.json`) and content."""

    file: Path
    split: str
    photos: Mapping[int, Photo]
    categories: Mapping[int, Category]
    annotations: Mapping[int, tuple[Annotation, ...]]
    """Annotations by image id, each image's in ascending order of annotation id."""

    def wrong(self, annotation: Annotation, why: str) -> UserError:
        """A `UserError` that names the file and the annotation."""
        return UserError(f"{self.file}: annotation {annotation.id} of image {annotation.image_id} {why}")


def annotation_files(coco: Path, split: str = "") -> tuple[Path, ...]:
    """The files `COCO/annotations/instances_*.json`, or those of the splits in `split` (comma-separated).

    Raises `UserError` if there are none.
    """
    folder = coco / "annotations"
    found = {split_of(file): file for file in sorted(folder.glob(f"{_PREFIX}*.json"))}
    if not found:
        raise UserError(f"{folder} has no instances_*.json; --coco names the folder that holds annotations/")
    wanted = [name.strip() for name in split.split(",") if name.strip()] or list(found)
    for name in wanted:
        if name not in found:
            raise UserError(f"{folder} has no {_PREFIX}{name}.json; its splits are {', '.join(found)}")
    return tuple(found[name] for name in sorted(set(wanted)))


def split_of(file: Path) -> str:
    """The split of an annotation file: `train2017` for `instances_train2017.json`."""
    return file.stem.removeprefix(_PREFIX)


def load_index(file: Path) -> Index:
    """Read one annotation file.

    Raises `UserError`, naming the file and the record, for what is not JSON, not COCO, or refers to ids that
    do not exist.
    """
    with _no_garbage_collection():
        content = _read(file)
        split = split_of(file)
        licences = _licences(content.get("licenses"))
        read = (_photo(file, split, licences, record) for record in content["images"])
        photos = _unique(file, "images", ((photo.id, photo) for photo in read))
        categories = _unique(file, "categories", (_category(file, record) for record in content["categories"]))
        annotations = content["annotations"]
        _check_annotations(file, annotations, photos, categories)
        return Index(file, split, photos, categories, _by_image(annotations))


def points_outside(file_name: str) -> bool:
    """Whether a picture's name is absolute, leads out of its folder, or is empty."""
    return _OUTSIDE.search(file_name) is not None


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Disable garbage collection in the block: searching millions of small live objects for cycles doubles the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_bytes(), object_hook=_compact)
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{file} is not JSON: {error}") from error
    for key in ("images", "annotations", "categories"):
        if not isinstance(content, dict) or not isinstance(content.get(key), list):
            raise UserError(f"{file} is not a COCO instances file: it has no list '{key}'")
    return dict(content)


def _compact(record: dict[str, Any]) -> Any:
    """Shrink an annotation while the file is parsed: polygons become arrays, unused fields are dropped."""
    if "segmentation" not in record or "category_id" not in record:
        return record
    return Annotation(
        record.get("id", -1),
        record.get("image_id", -1),
        record["category_id"],
        bool(record.get("iscrowd", 0)),
        _arrays(record["segmentation"]),
    )


def _arrays(shape: Any) -> Any:
    """Polygons as arrays; anything else is unchanged, so that the check reports it with the annotation's id."""
    if not isinstance(shape, list):
        return shape
    try:
        return tuple([array("d", outline) for outline in shape])
    except (TypeError, OverflowError):  # a number of 400 digits is no coordinate
        return shape


def _licences(records: object) -> dict[Any, Licence]:
    usable = [record for record in records if isinstance(record, dict)] if isinstance(records, list) else []
    known = [record for record in usable if isinstance(record.get("id"), int | str)]
    return {record["id"]: Licence(_text(record.get("name", "")), _text(record.get("url", ""))) for record in known}


def _photo(file: Path, split: str, licences: Mapping[Any, Licence], record: Any) -> Photo:
    try:
        photo = Photo(
            id=_whole(record["id"]),
            split=split,
            file_name=_text(record["file_name"]),
            width=_whole(record["width"], least=1),
            height=_whole(record["height"], least=1),
            licence=licences.get(record.get("license")),
            url=_text(record.get("flickr_url") or record.get("coco_url") or ""),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        named = record.get("id") if isinstance(record, dict) else record
        raise UserError(f"{file} is not COCO: image {named!r:.80} has no usable {error}") from None
    if fault := size_fault(photo.width, photo.height):
        raise UserError(f"{file}: image {photo.id} {fault}")
    if points_outside(photo.file_name):
        raise UserError(f"{file}: image {photo.id} has file_name '{photo.file_name}', outside the image folder")
    return photo


def _category(file: Path, record: Any) -> tuple[int, Category]:
    try:
        return _whole(record["id"]), Category(_text(record["name"]), bool(record.get("isthing", 1)))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UserError(f"{file} is not COCO: category {record!r:.80} has no usable {error}") from None


def _whole(value: Any, least: int = 0) -> int:
    if not isinstance(value, int) or not least <= value < _MOST:
        raise ValueError(f"whole number: {value!r:.40}")
    return value


def _text(value: Any) -> str:
    """The value as text that can be written; half of a character (a lone surrogate) becomes its escape."""
    return str(value).encode("utf-8", "backslashreplace").decode()


def _unique(file: Path, kind: str, records: Iterator[tuple[int, _Record]]) -> dict[int, _Record]:
    unique: dict[int, _Record] = {}
    for number, record in records:
        if unique.setdefault(number, record) is not record:
            raise UserError(f"{file}: two {kind} have the id {number}")
    return unique


def _check_annotations(
    file: Path, annotations: list[Any], photos: Mapping[int, Photo], categories: Mapping[int, Category]
) -> None:
    seen: set[int] = set()
    for annotation in annotations:
        why = _fault(annotation, photos, categories)
        if why is None and annotation.id in seen:
            why = "has the id of another one"
        if why is not None:
            named = annotation.id if isinstance(annotation, Annotation) else f"{annotation!r:.80}"
            raise UserError(f"{file}: annotation {named} {why}")
        seen.add(annotation.id)


def _fault(annotation: Any, photos: Mapping[int, Photo], categories: Mapping[int, Category]) -> str | None:
    """A description of what is wrong with an annotation, or None."""
    if not isinstance(annotation, Annotation):
        return "has no segmentation or category_id: this is not an instances file"
    own, image, category, _, shape = cast("tuple[Any, ...]", annotation)
    if not isinstance(own, int) or own < 0:
        return "has no whole number as id"
    photo = photos.get(image) if isinstance(image, int) else None
    if photo is None:
        return f"belongs to image {image}, which is not in the file"
    if not isinstance(category, int) or category not in categories:
        return f"has category {category}, which is not among the file's categories"
    return _shape_fault(shape, photo)


def _shape_fault(shape: Any, photo: Photo) -> str | None:
    if isinstance(shape, tuple):
        if any(len(outline) % 2 or not math.isfinite(sum(outline)) for outline in shape):
            return "has a polygon that is not pairs of finite numbers"
        return None
    if not isinstance(shape, dict) or not isinstance(shape.get("counts"), str | list):
        return "has a segmentation that is neither polygons nor a run-length encoding"
    if shape.get("size") != [photo.height, photo.width]:
        size = [photo.height, photo.width]
        return f"has a run-length encoding of size {shape.get('size')}, its image's is {size} (height, width)"
    return None


def _by_image(annotations: list[Annotation]) -> dict[int, tuple[Annotation, ...]]:
    grouped: dict[int, list[Annotation]] = {}
    for annotation in annotations:
        grouped.setdefault(annotation.image_id, []).append(annotation)
    return {image: tuple(sorted(group, key=lambda one: one.id)) for image, group in grouped.items()}
