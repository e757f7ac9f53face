"""Pictures of other scenes as a method's results: the lower bound of identity similarity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from bench.api import (
    Dataset,
    FidelityNote,
    ImageArray,
    PrecomputedImage,
    PrecomputedImages,
    Prompt,
    Scene,
    UserError,
    precomputed_pixels,
    seed_from,
)


@dataclass(frozen=True)
class Method(PrecomputedImages):
    """Control: for every prompt the picture of another scene of the dataset, with the same classes if there is one.

    Its identity similarity is due to the class alone, not to the individual.
    """

    summary: ClassVar[str] = "control, lower bound: another scene of the dataset, of the same classes where possible"
    source: ClassVar[str] = "a control of this benchmark; no paper reports it"
    control: ClassVar[bool] = True
    ledger: ClassVar[tuple[FidelityNote, ...]] = (
        FidelityNote(
            "which other scene",
            "none",
            "one of those that show the most of the prompt's classes in one picture, by a hash of scene and prompt",
            "a concept whose class is not there has no identity similarity; another individual of the class is the "
            "hardest lower bound",
        ),
        FidelityNote(
            "samples of one prompt",
            "none",
            "each of them draws its own scene; two may draw the same",
            "as a method's samples do",
        ),
    )

    def precomputed(self, dataset: Dataset) -> Mapping[str, Mapping[Prompt, PrecomputedImage]]:
        """The picture of every prompt, by the scene's name.

        Raises `UserError` if there is no other scene.
        """
        if len(dataset.scenes) < 2:
            raise UserError(f"other-scene needs a dataset of two scenes or more; {dataset.name} has one")
        return {
            scene.name: {prompt: precomputed_pixels(_other(dataset.scenes, scene, prompt)) for prompt in scene.prompts}
            for scene in dataset.scenes
        }


def _other(scenes: Sequence[Scene], own: Scene, prompt: Prompt) -> ImageArray:
    """A picture of another scene among those that show the most classes of the prompt."""
    wanted = {own.concepts[index].label for index in prompt.subset}
    pictures = [
        (len(wanted & {scene.concepts[index].label for index in shown}), picture)
        for scene in scenes
        if scene is not own
        for picture, shown in zip(scene.pictures, scene.concepts_by_image, strict=True)
    ]
    most = max(shared for shared, _ in pictures)
    among = [picture for shared, picture in pictures if shared == most]
    drawn = seed_from(
        other=own.name, template=prompt.template, subset=prompt.subset, sample=prompt.sample, among=len(among)
    )
    return among[drawn % len(among)]
