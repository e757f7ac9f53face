"""Pastes the masked concepts on a generated background: identity without composition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bench.api import (
    BackboneLimits,
    DrawJob,
    FidelityNote,
    FitState,
    ImageArray,
    MethodContext,
    Prompt,
    Request,
    Scene,
    UserError,
    draw,
    fit_mask,
    fit_resolution,
)


@dataclass(frozen=True)
class Method:
    """Control: the base model draws the prompt's context, and the subset's concepts are pasted where they stood.

    Nothing is learned. Identity is nearly that of the scene, and the context is right: a method is better only by
    pose, light and place that fit the context, which no metric here measures fully.
    """

    summary: ClassVar[str] = "control: the masked concepts pasted on a background that the base model draws"
    source: ClassVar[str] = "a control of this benchmark; no paper reports it"
    control: ClassVar[bool] = True
    ledger: ClassVar[tuple[FidelityNote, ...]] = (
        FidelityNote(
            "text of the background",
            "Break-A-Scene's code has 'a photo at the beach' as the class prompt of prior preservation",
            "the template without its concepts, likewise: 'a photo at the beach'",
            "class words would draw a second cat beside the pasted one",
        ),
        FidelityNote(
            "place and size of the concepts",
            "none",
            "as in the scene",
            "a rule for moving them would be a method of its own",
        ),
        FidelityNote(
            "edge of the concepts",
            "none",
            "the mask as it is, not blurred",
            "the metrics cut along it as well",
        ),
    )

    def check_scene(self, scene: Scene, limits: BackboneLimits) -> None:
        """Raise `UserError` if a mask is empty at the backbone's resolution: nothing could be pasted."""
        for concept in scene.concepts:
            if not fit_mask(concept.mask, limits.resolution).any():
                raise UserError(f"{scene.name}: the mask of '{concept.label}' is empty, so copy-paste cannot paste it")

    def fit(self, scene: Scene, context: MethodContext) -> FitState:
        """Learn nothing.

        Raises `UserError` if a mask is empty: nothing could be pasted.
        """
        for concept in fit_resolution(scene, context.backbone.resolution).concepts:
            if not concept.mask.any():
                raise UserError(f"{scene.name}: the mask of '{concept.label}' is empty, so copy-paste cannot paste it")
        context.on_step(1, 1)
        return {}

    def generate(
        self,
        state: FitState,  # noqa: ARG002 - the protocol's
        scene: Scene,
        requests: Sequence[Request],
        context: MethodContext,
    ) -> Iterator[ImageArray]:
        """Draw the requested backgrounds and paste the concepts, in order, uint8 [H, W, 3]."""
        small = fit_resolution(scene, context.backbone.resolution)
        jobs = [DrawJob(scene.text_of_background(request.prompt), request.noise_seed) for request in requests]
        backgrounds = draw(context.backbone, jobs, context.batch_size)
        for request, background in zip(requests, backgrounds, strict=True):
            yield pasted(background, small, request.prompt)


def pasted(background: ImageArray, scene: Scene, prompt: Prompt) -> ImageArray:
    """The background uint8 [side, side, 3] with the prompt's concepts of a scene of the same side on it."""
    picture = background
    for index in prompt.subset:
        inside = scene.concepts[index].mask[:, :, None]
        picture = np.where(inside, scene.picture_of(index), picture)
    return picture
