"""The base model with plain class words: the result without learning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from bench.api import DrawJob, FidelityNote, FitState, ImageArray, MethodContext, Request, Scene, draw


@dataclass(frozen=True)
class Method:
    """Control: nothing is learned; prompts are drawn with class words in place of handles."""

    summary: ClassVar[str] = "control: the base model with class words, nothing learned"
    source: ClassVar[str] = "a control of this benchmark; Break-A-Scene's prompts (B.2) with class words"
    control: ClassVar[bool] = True
    ledger: ClassVar[tuple[FidelityNote, ...]] = (
        FidelityNote(
            "words",
            "none",
            "the text that prompt similarity is measured with: 'a photo of a cat and an umbrella at the beach'",
            "the best that text alone can ask for; a method that learns well keeps this prompt similarity",
        ),
    )

    def fit(self, scene: Scene, context: MethodContext) -> FitState:  # noqa: ARG002 - the protocol's
        """Learn nothing."""
        context.on_step(1, 1)
        return {}

    def generate(
        self,
        state: FitState,  # noqa: ARG002 - the protocol's
        scene: Scene,
        requests: Sequence[Request],
        context: MethodContext,
    ) -> Iterator[ImageArray]:
        """Draw the requested pictures from class words, in order, uint8 [H, W, 3]."""
        jobs = [DrawJob(scene.text_with_classes(request.prompt), request.noise_seed) for request in requests]
        yield from draw(context.backbone, jobs, context.batch_size)
