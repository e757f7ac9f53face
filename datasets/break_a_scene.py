"""Break-A-Scene's dataset, rebuilt from COCO."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from bench.api import CocoBuilder, Crop, PromptScheme, SceneOptions, UserError, own_templates, rebuild

PAPERS_PROMPTS = 5400


@dataclass(frozen=True)
class Builder:
    """Filters COCO by the paper's rules, with a deterministic selection (the authors lost theirs)."""

    summary: ClassVar[str] = "scenes of two to four distinct things from COCO, each at least 15 % of the picture"
    source: ClassVar[str] = "Break-A-Scene, section 4.1 and B.2"

    coco: Annotated[Path | None, "folder with annotations/instances_*.json and the pictures"] = None
    split: Annotated[str, "splits to use, such as val2017 (comma-separated); all by default"] = ""
    scenes: Annotated[int, "how many scenes"] = 50
    mix: Annotated[str, "shares of scenes with 2, 3 and 4 concepts"] = "30,15,5"
    formats: Annotated[str, "the first so many of the ten formats, or their names: beach,snow"] = "10"
    samples: Annotated[int, "pictures of each prompt"] = 2
    size: Annotated[int, "side of the pictures in pixels"] = 512
    seed: Annotated[int, "seed of the selection and of random prompts"] = 0
    crop: Annotated[Crop, "centred square, or the one that keeps most of the concepts"] = "center"
    prompts: Annotated[PromptScheme, "all formats and subsets (B.2), or random ones (section 4.1)"] = "powerset"
    background: Annotated[str, "add what the concepts leave as one more, called so in texts for scoring: place"] = ""
    only_present: Annotated[bool, "choose only among images whose picture is in the folder"] = False
    manifest_only: Annotated[bool, "write the manifest alone; needs no pictures"] = False
    from_manifest: Annotated[Path | None, "rebuild the dataset of this manifest; other options are ignored"] = None
    repeated_classes: Annotated[bool, "also take several concepts of one class, which are confused most easily"] = False
    strict: Annotated[bool, "fail if the pool cannot supply the mix"] = False
    templates: Annotated[str, "your own in place of the formats: a file, a line each with {tokens}, or such lines"] = ""
    no_masks: Annotated[bool, "give methods no masks: they are for the evaluation alone"] = False

    def build(self, out: Path) -> None:
        """Write the dataset into `out`.

        Raises `UserError` for bad options or data, or an output that holds something else.
        """
        if self.coco is None:
            raise UserError(
                'break-a-scene needs --coco DIR (in a run: --dataset "break-a-scene[coco=DIR]") with '
                "annotations/instances_*.json and the pictures; "
                "without COCO: bench build-dataset playroom"
            )
        if self.from_manifest is not None:
            rebuild(self.from_manifest, self.coco, out)
            return
        recipe = CocoBuilder(
            "break-a-scene",
            self.coco,
            self._options(),
            self.size,
            manifest_only=self.manifest_only,
            strict=self.strict,
            papers_prompts=PAPERS_PROMPTS,
            no_masks=self.no_masks,
            background=self.background,
        )
        recipe.build(out)

    def _options(self) -> SceneOptions:
        return SceneOptions(
            scenes=self.scenes,
            mix=self.mix,
            formats=self.formats,
            samples=self.samples,
            seed=self.seed,
            crop=self.crop,
            prompts=self.prompts,
            split=self.split,
            only_present=self.only_present,
            templates=own_templates(self.templates, self.formats),
            repeated_classes=self.repeated_classes,
        )
