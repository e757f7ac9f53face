"""The real pictures as a method's results: the upper bound of identity similarity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from bench.api import (
    Dataset,
    FidelityNote,
    PrecomputedImage,
    PrecomputedImages,
    Prompt,
    Scene,
    UserError,
    precomputed_file,
    precomputed_pixels,
)


@dataclass(frozen=True)
class Method(PrecomputedImages):
    """Control: the scene itself for every prompt, or (`redrawn`) its concepts in the prompt's context.

    The scene itself bounds identity similarity from above and shows what a metric gives to a mere copy of the
    input: its prompt similarity is that of a picture which ignores the context. The redrawn concepts are what a
    perfect method would draw; only a dataset that carries reference pictures has them.
    """

    summary: ClassVar[str] = "control, upper bound: the input itself, or its concepts redrawn in the prompt's context"
    source: ClassVar[str] = "OmniGen issue 87 (a copy of the input beats the oracle); Playroom"
    control: ClassVar[bool] = True
    variants: ClassVar[Mapping[str, Mapping[str, Any]]] = {"redrawn": {"pictures": "redrawn"}}
    ledger: ClassVar[tuple[FidelityNote, ...]] = (
        FidelityNote(
            "which picture stands for a prompt of some of the concepts",
            "none",
            "the whole scene, with all its concepts; of a scene of several pictures, that of the subset's first",
            "nothing is cut out or painted over: it is the real picture",
        ),
        FidelityNote(
            "pose of the redrawn concepts",
            "none",
            "another one, at another place and in another size, on the prompt's context",
            "a copy of the pose would measure copying",
        ),
    )

    pictures: Annotated[Literal["scene", "redrawn"], "the scene itself, or the dataset's reference pictures"] = "scene"

    def precomputed(self, dataset: Dataset) -> Mapping[str, Mapping[Prompt, PrecomputedImage]]:
        """The picture of every prompt, by the scene's name.

        Raises `UserError` for redrawn ones if the dataset lacks any.
        """
        if self.pictures == "scene":
            return {scene.name: {prompt: _real(scene, prompt) for prompt in scene.prompts} for scene in dataset.scenes}
        lacking = sum(prompt not in scene.references for scene in dataset.scenes for prompt in scene.prompts)
        if lacking:
            total = sum(len(scene.prompts) for scene in dataset.scenes)
            raise UserError(
                f"real:redrawn needs reference pictures, and dataset {dataset.name} has none for {lacking} of its "
                f"{total} prompts; `bench build-dataset playroom --references` draws them, photos have none"
            )
        return {
            scene.name: {prompt: precomputed_file(file) for prompt, file in scene.references.items()}
            for scene in dataset.scenes
        }


def _real(scene: Scene, prompt: Prompt) -> PrecomputedImage:
    return precomputed_pixels(scene.picture_of(prompt.subset[0]))
