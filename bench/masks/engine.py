"""Masks for the picture of a folder: find the concepts, give each pixel to one of them, write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.core.device import resolve_device
from bench.core.errors import UserError
from bench.core.hashing import pixel_hash
from bench.core.scenes import ImageArray, Mask
from bench.data.builders.folder import picture_of, read_upright
from bench.data.builders.remarks import UNLABELLED
from bench.masks.choice import INSTANCE_RULE, OVERLAP_RULE, FoundInstance, chosen, without_overlaps
from bench.masks.models import MaskModel, find_model
from bench.masks.options import Marks, MaskOptions, labels_of
from bench.masks.output import check_free, mask_name, write_masks
from bench.masks.sam import Sam
from bench.masks.sheet import masks_sheet
from bench.masks.words import WORD_MODELS
from bench.scoring.models.availability import check_model
from bench.scoring.models.weights import content


def make_masks(folder: Path, options: MaskOptions) -> list[Path]:
    """Write masks, class words, record and sheet beside the folder's picture; returns the files, the sheet first.

    Raises `UserError` for a bad request or picture, a model that cannot be had, a word that is not known or not found,
    and a folder that has masks; then nothing is written.
    """
    check_free(folder)
    model = find_model(options.model, options.checkpoint, options.detector, options.threshold)
    given = labels_of(folder, options.labels)
    check_request(model, given, options.marks)
    file = picture_of(folder)
    picture = np.array(read_upright(file))  # a copy: torch warns of arrays that cannot be written
    options.marks.check_inside(picture.shape[1], picture.shape[0])
    for source in model.sources.values():
        check_model(source)
    found, counts = _found(model, picture, given, options)
    labels = given or [UNLABELLED] * len(found)
    masks = without_overlaps(labels, [one.mask for one in found])
    record = {
        "picture": file.name,
        "pixels": pixel_hash(picture),
        **_described(model, options.marks),
        "masks": _mask_records(labels, found, counts, masks),
    }
    sheet = masks_sheet(picture, labels, masks, [one.score for one in found])
    return write_masks(folder, given, masks, record, sheet)


def check_request(model: MaskModel, labels: Sequence[str], marks: Marks) -> None:
    """Raise `UserError` unless the model has what it takes: words, or as many marks as there are words."""
    if not model.takes_marks and len(marks):
        raise UserError(f"--model {model.name} searches for words; with --points or --boxes take --model sam")
    if not model.takes_marks and not labels:
        raise UserError("name the concepts: --labels cat,umbrella, or a labels.txt with one class word per line")
    if model.takes_marks and not len(marks):
        raise UserError(
            f"--model {model.name} is told where the concepts are: --points '10,20;50,60' or --boxes "
            "'5,5,30,40;35,10,60,44'; for words take --model grounded-sam"
        )
    if model.takes_marks and labels and len(labels) != len(marks):
        raise UserError(f"{len(marks)} points or boxes for {len(labels)} labels ({', '.join(labels)}): one for each")


def _found(
    model: MaskModel, picture: ImageArray, labels: Sequence[str], options: MaskOptions
) -> tuple[list[FoundInstance], list[int]]:
    """The instance of each concept, and how many of its word there were to choose from (1 at a mark)."""
    device = resolve_device(options.device)
    if model.takes_marks:
        marked = Sam.load(model.checkpoint, device).marked(picture, options.marks)
        return marked, [1] * len(marked)
    words = [label.casefold() for label in labels]
    found = WORD_MODELS[model.kind](model, device).find(picture, words)
    return all_found(labels, chosen(words, found), model), [len(found[word]) for word in words]


def all_found(labels: Sequence[str], choices: Sequence[FoundInstance | None], model: MaskModel) -> list[FoundInstance]:
    """The instances; raises `UserError` naming the words that none was found for, and those that one was."""
    lacking = [label for label, one in zip(labels, choices, strict=True) if one is None]
    there = [f"{label} {one.score:.2f}" for label, one in zip(labels, choices, strict=True) if one is not None]
    if lacking:
        raise UserError(
            f"not found with a score of at least {model.threshold:g}: {', '.join(lacking)} (found: "
            f"{', '.join(there) or 'none'}); nothing was written. Lower --threshold, try another word or --model, or "
            "show where it is: --model sam --points x,y"
        )
    return [one for one in choices if one is not None]


def _described(model: MaskModel, marks: Marks) -> dict[str, Any]:
    """Model, checkpoints with their content, and rules, for the record."""
    checkpoints: Mapping[str, Any] = {
        role: {"checkpoint": source.pinned, "content": content(source), "pinned": source.is_pinned}
        for role, source in model.sources.items()
    }
    searched = {"threshold": model.threshold, "instance_rule": INSTANCE_RULE}
    marked = {"points": [list(group) for group in marks.points], "boxes": list(marks.boxes)}
    return {
        "model": model.name,
        "checkpoints": checkpoints,
        "overlap_rule": OVERLAP_RULE,
        **(marked if model.takes_marks else searched),
    }


def _mask_records(
    labels: Sequence[str], found: Sequence[FoundInstance], counts: Sequence[int], masks: Sequence[Mask]
) -> list[dict[str, Any]]:
    return [
        {
            "file": mask_name(index),
            "label": label,
            "score": round(one.score, 4),
            "candidates": count,
            "pixels": int(np.count_nonzero(mask)),
            "pixels_given_up": one.area - int(np.count_nonzero(mask)),
        }
        for index, (label, one, count, mask) in enumerate(zip(labels, found, counts, masks, strict=True))
    ]
