"""CLiC's automatic source masks in a scene: what its pictures of one object have in common. Imports no torch."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from bench.core.errors import UserError
from bench.core.masks import iou_with_truth
from bench.core.scenes import Mask, Scene
from bench.diffusion.backbone.resize import fit_mask, fit_resolution
from bench.plugins.method import FitRecords, MethodContext

_log = logging.getLogger(__name__)


def check_shared(scene: Scene) -> None:
    """Raise `UserError`, one line, if two concepts of one picture are parts of one object: they share one region.

    Warns of an object that one picture alone shows.
    """
    for word, concepts in _by_object(scene).items():
        pictures = {scene.concepts[index].picture for index in concepts}
        if len(pictures) < len(concepts):
            raise UserError(
                f"{scene.name}: two concepts of one picture are parts of '{word}', and what pictures have in common is "
                "one region: give masks, or write different words into objects.txt"
            )
        if len(pictures) == 1:
            _log.warning(
                "%s: one picture alone shows '%s', so its automatic mask is what the picture shows of it; CLiC finds "
                "what several pictures of a scene have in common",
                scene.name,
                word,
            )


def with_shared_masks(scene: Scene, context: MethodContext, steps: int) -> tuple[Scene, MethodContext]:
    """The scene at the backbone's resolution with the mask found for each concept, and the context to learn it in.

    For each object, w* is trained on all pictures that show it (`shared_regions`); `steps` of training are to follow,
    and are reported to the same `on_step`. The backbone is restored. Raises `UserError` as `check_shared` does.
    """
    from bench.diffusion.editing.common_region import SharedConcept, shared_regions  # noqa: PLC0415 - imports torch
    from bench.diffusion.editing.roi_matching import STEPS  # noqa: PLC0415

    check_shared(scene)
    each = context.backbone.settings.budget(context.budget).scaled_steps(STEPS)
    objects = _by_object(scene)
    total = each * len(objects) + steps
    resized = fit_resolution(scene, context.backbone.resolution)
    masks: dict[int, Mask] = {}
    for number, (word, concepts) in enumerate(objects.items()):
        context.backbone.restore()
        shared = SharedConcept(
            [resized.picture_of(index) for index in concepts], word, context.budget, context.fit_seed
        )
        found = shared_regions(context.backbone, shared, _from(context, number * each, total).on_step)
        masks |= dict(zip(concepts, found, strict=True))
    context.backbone.restore()
    marked = (replace(concept, mask=masks[index], soft=None) for index, concept in enumerate(resized.concepts))
    return replace(resized, concepts=tuple(marked)), _from(context, total - steps, total)


def _from(context: MethodContext, before: int, total: int) -> MethodContext:
    """The context with progress that begins after `before` of `total` steps."""
    return replace(context, on_step=lambda done, _total: context.on_step(before + done, total))


def mask_records(found: Scene, given: Scene) -> FitRecords:
    """A row per concept with the IoU of the mask found and the one given, NaN where that is empty, as of step 0."""
    side = found.picture.shape[0]
    pairs = zip(found.concepts, given.concepts, strict=True)
    ious = [iou_with_truth(one.mask, fit_mask(true.mask, side)) for one, true in pairs]
    return [
        {"step": 0, "concept": index, "label": concept.label, "estimated": True, "iou": iou, "iou_without_crf": iou}
        for index, (concept, iou) in enumerate(zip(found.concepts, ious, strict=True))
    ]


def _by_object(scene: Scene) -> dict[str, Sequence[int]]:
    """The indices of the concepts by the object that they are parts of."""
    words = [concept.object for concept in scene.concepts]
    return {word: [index for index, one in enumerate(words) if one == word] for word in dict.fromkeys(words)}
