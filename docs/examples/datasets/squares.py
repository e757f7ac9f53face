"""A dataset whose pictures are drawn by its builder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np

from bench.api import (
    Concept,
    Mask,
    PromptPlan,
    Scene,
    handle,
    own_templates,
    parse_formats,
    seed_from,
    template_options,
    write_scenes,
)

COLOURS = {"red": (220, 40, 40), "blue": (40, 60, 220)}


@dataclass(frozen=True)
class Builder:
    """Scenes of two coloured squares on grey, at random places."""

    summary: ClassVar[str] = "two coloured squares on grey"
    source: ClassVar[str] = "docs/api.md"

    scenes: Annotated[int, "how many scenes"] = 4
    formats: Annotated[str, "the first so many of the ten formats, or their names: beach,snow"] = "2"
    seed: Annotated[int, "seed of the places"] = 0
    size: Annotated[int, "side of the pictures in pixels"] = 64
    templates: Annotated[str, "your own in place of the formats: a file, a line each with {tokens}"] = ""

    def build(self, out: Path) -> None:
        own = own_templates(self.templates, self.formats, defaults=("2",))  # what `--templates FILE` fills in
        plan = PromptPlan(own or parse_formats(self.formats), 1, "powerset", self.seed)
        scenes = [self._scene(f"scene{index}", plan) for index in range(self.scenes)]
        write_scenes(out, "squares", scenes, {**template_options(own, self.formats), "seed": self.seed})

    def _scene(self, name: str, plan: PromptPlan) -> Scene:
        picture = np.full((self.size, self.size, 3), 128, np.uint8)
        concepts = []
        for index, (label, colour) in enumerate(COLOURS.items()):
            mask = self._square(seed_from(scene=name, label=label, seed=self.seed))
            picture[mask] = colour
            concepts.append(Concept(f"{label} block", mask, handle(index)))
        return Scene(name, picture, tuple(concepts), plan.prompts(name, len(concepts)))

    def _square(self, seed: int) -> Mask:
        side = self.size // 4
        top, left = np.random.default_rng(seed).integers(0, self.size - side, 2)
        mask = np.zeros((self.size, self.size), np.bool_)
        mask[top : top + side, left : left + side] = True
        return mask
