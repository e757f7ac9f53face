"""The EM paper's COCO dataset: single concepts of eleven classes, in many settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from bench.api import FORMATS, CocoBuilder, ConceptOptions, UserError, own_templates, rebuild

PAPERS_PROMPTS = 120 * 20 * 8
ORIGIN = "scenebench list 1: the paper's classes and prompts are unpublished"
"""Recorded in every manifest; a change of either list gets a new number."""
CLASSES = (
    "person", "cat", "dog", "horse", "bear", "elephant", "bird", "teddy bear", "car", "bus", "motorcycle",
)  # fmt: skip
"""Eleven classes that are often seen large, whose members differ from each other, and that detectors know well."""
SETTINGS = (
    "in the rain",
    "in a desert",
    "on a grassy field",
    "on a cobblestone street",
    "on a wooden bridge",
    "next to a lake",
    "in front of a brick wall",
    "in front of a Tudor-style house",
    "in a garden full of flowers",
    "in a museum",
)
PROMPTS = (*FORMATS.values(), *(f"a photo of {{tokens}} {setting}" for setting in SETTINGS))
"""Break-A-Scene's ten formats and ten settings more."""


@dataclass(frozen=True)
class Builder:
    """120 concepts of 11 COCO classes, 20 prompts each, 8 pictures of each prompt: 19,200 per method.

    The paper states only these numbers and "randomly selected". Here: one concept per picture, the largest instance
    (not a crowd) of a listed class that covers at least 15 % of the centred square, equally many of each class,
    chosen by a hash of seed and image. The class words and the prompts are our own versioned list, whose version the
    manifest records.
    """

    summary: ClassVar[str] = "single concepts of eleven COCO classes, 20 prompts x 8 pictures; lists are our own"
    source: ClassVar[str] = "Rahman et al. 2024, section 4 (Table 1); classes and prompts unpublished"

    coco: Annotated[Path | None, "folder with annotations/instances_*.json and the pictures"] = None
    split: Annotated[str, "splits to use, such as val2017 (comma-separated); all by default"] = ""
    concepts: Annotated[int, "number of concepts, one per scene"] = 120
    prompts: Annotated[int, "the first so many of the twenty prompts"] = 20
    samples: Annotated[int, "pictures of each prompt"] = 8
    size: Annotated[int, "side of the pictures in pixels"] = 512
    seed: Annotated[int, "seed of the selection"] = 0
    only_present: Annotated[bool, "choose only among images whose picture is in the folder"] = False
    manifest_only: Annotated[bool, "write the manifest alone; needs no pictures"] = False
    from_manifest: Annotated[Path | None, "rebuild the dataset of this manifest; other options are ignored"] = None
    strict: Annotated[bool, "fail if the pool has too few of a class"] = False
    templates: Annotated[str, "your own in place of the prompts: a file, a line each with {tokens}, or such lines"] = ""
    no_masks: Annotated[bool, "give methods no masks: they are for the evaluation alone"] = False

    def build(self, out: Path) -> None:
        """Write the dataset into `out`.

        Raises `UserError` for bad options or data, or an output that holds something else.
        """
        if self.coco is None:
            raise UserError(
                'em-coco needs --coco DIR (in a run: --dataset "em-coco[coco=DIR]") with '
                "annotations/instances_*.json and the pictures; "
                "without COCO: bench build-dataset playroom"
            )
        if self.from_manifest is not None:
            rebuild(self.from_manifest, self.coco, out)
            return
        recipe = CocoBuilder(
            "em-coco",
            self.coco,
            self._options(),
            self.size,
            manifest_only=self.manifest_only,
            strict=self.strict,
            papers_prompts=PAPERS_PROMPTS,
            no_masks=self.no_masks,
        )
        recipe.build(out)

    def _options(self) -> ConceptOptions:
        if not 1 <= self.prompts <= len(PROMPTS):
            raise UserError(f"--prompts {self.prompts}: write 1 to {len(PROMPTS)}")
        own = own_templates(self.templates)
        if own and self.prompts != len(PROMPTS):
            raise UserError(f"--prompts {self.prompts} is of the list, whose place your templates take: leave one out")
        return ConceptOptions(
            concepts=self.concepts,
            classes=",".join(CLASSES),
            prompts="\n".join(own or PROMPTS[: self.prompts]),
            samples=self.samples,
            seed=self.seed,
            origin=f"{ORIGIN}; these prompts are the user's own" if own else ORIGIN,
            split=self.split,
            only_present=self.only_present,
        )
