"""The background of a scene as one more of its concepts (Break-A-Scene, 4.2, "Background extraction")."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.core.errors import UserError
from bench.core.scenes import BACKGROUND
from bench.data.coco.masks import counts_text
from bench.data.manifest import MaskRecord, SceneRecord
from bench.data.prompts import PromptPlan


def with_background(record: SceneRecord, word: str, plan: PromptPlan) -> SceneRecord:
    """A scene of one picture with what its concepts leave as the last one, called `word` in texts, and its prompts.

    Raises `UserError` if they leave nothing.
    """
    left = ~np.any([record.mask(number) for number in range(len(record.masks))], axis=0)
    if not left.any():
        raise UserError(f"{record.name}: its concepts cover the whole picture, so there is no background; leave it out")
    classes = (*record.classes, BACKGROUND)
    return replace(
        record,
        classes=classes,
        masks=(*record.masks, MaskRecord((left.shape[0], left.shape[1]), counts_text(left))),
        edges=(*record.edges, None) if record.edges else (),
        objects=(*(record.objects or record.classes), word),
        prompts=plan.prompts_of(record.name, classes),
    )
