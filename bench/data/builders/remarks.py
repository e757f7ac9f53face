"""What a builder of one's own pictures says of them: missing class words, crops and enlargements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from bench.core.geometry import Square
from bench.core.scenes import Mask
from bench.core.text import count, some
from bench.data.manifest import PictureRecord, SceneRecord, square_of

UNLABELLED = "object"
"""The class word of a concept if there is no `labels.txt`."""
LABELS = "labels.txt"
"""The file of the concepts' class words, one per line in the masks' order; optional."""
LEAST_CUT = 0.01
"""Share of a mask outside the crop from which on it is told."""
_MOST = 6
"""Pictures that are told one by one."""


def label_remarks(scenes: Iterable[SceneRecord]) -> Iterator[str]:
    """One line that names the scenes without class words; none if all have them."""
    unlabelled = [scene.name for scene in scenes if UNLABELLED in scene.classes]
    if unlabelled:
        yield (
            f"no {LABELS} in {some(unlabelled)}: every concept there is called '{UNLABELLED}', a word that segmenters "
            f"do not know, so identity and detection will have no value; write one class word per mask into {LABELS}"
        )


def cut_remark(file: Path, mask: Mask, square: Square) -> str:
    """One line if the crop to a square cuts off a part of a mask; empty if less than a hundredth."""
    cut = 1 - mask[square.rows, square.columns].sum() / max(1, mask.sum())
    return f"{file.name} loses {cut:.0%} of its pixels to the crop: {file.parent}" if cut >= LEAST_CUT else ""


def crop_remarks(pictures: Iterable[tuple[str, SceneRecord | PictureRecord]], size: int) -> Iterator[str]:
    """One line for each picture, given by its name, that is cropped, or enlarged to `size` pixels; then a count."""
    changes = [f"{name} {told}" for name, record in pictures if (told := _change(record, size))]
    yield from changes[:_MOST]
    if len(changes) > _MOST:
        yield f"{count(len(changes) - _MOST, 'more picture')} cropped or enlarged likewise"


def _change(record: SceneRecord | PictureRecord, size: int) -> str:
    """How a picture is changed: `640 x 480: the middle 480 x 480 is used`; empty if it is only made smaller."""
    (width, height), side = record.source_size, square_of(record.crop).side
    cropped = "" if width == height else f"the middle {side} x {side} is used"
    enlarged = f"enlarged to {size} x {size}" if side < size else ""
    told = ", ".join(filter(None, (cropped, enlarged)))
    return f"{width} x {height}: {told}" if told else ""
