"""Break-A-Scene's rules over Playroom's drawn toys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from bench.api import (
    FEWEST_CONCEPTS,
    MANIFEST,
    CocoBuilder,
    Crop,
    PromptScheme,
    SceneOptions,
    UserError,
    own_templates,
    parse_mix,
    read_manifest,
    write_references,
)
from bench.playroom.world.coco import CocoSpec, scratch_coco
from bench.playroom.world.confusion import Shared
from bench.playroom.world.redrawing import Redrawing
from bench.playroom.world.toys import UNSEEN_MOTIFS

QUICK_FORMATS = "2"
FURTHEST_TURN = 90
"""Degrees after which a long axis comes back to where it was."""
LIMITATION: Mapping[str, Any] = {
    "scenes": 10,
    "mix": "1,0,0",
    "formats": QUICK_FORMATS,
    "samples": 1,
    "pool": 100,
    "references": True,
}
"""Of the variants that show a limitation of learning from one picture (Break-A-Scene, section 5 and Figure 8)."""
CONFUSION: Mapping[str, Any] = {**LIMITATION, "scenes": 12}
"""Of the variants whose toys are easily taken for each other."""


@dataclass(frozen=True)
class Builder:
    """Draws Playroom's pool as COCO files and applies Break-A-Scene's rules to it."""

    summary: ClassVar[str] = "drawn toys of an appearance that the base model never saw: needs no data"
    source: ClassVar[str] = "Playroom; rules of Break-A-Scene, B.2"
    variants: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "quick": {
            "scenes": 6,
            "mix": "1,0,0",
            "formats": QUICK_FORMATS,
            "samples": 1,
            "pool": 60,
            "references": True,
            "training_budget": "quick",
        },
        "lit": {**LIMITATION, "light": 70},
        "turned": {**LIMITATION, "turn": 20, "coverage": 8},
        "crowded": {**LIMITATION, "mix": "1,1,1,1,1", "coverage": 4, "equal_size": True},
        "same-class": {**CONFUSION, "shared": "class"},
        "same-palette": {**CONFUSION, "shared": "palette"},
        "same-look": {**CONFUSION, "shared": "look"},
        "overlapping": {**CONFUSION, "closer": 45, "coverage": 8},
    }

    scenes: Annotated[int, "how many scenes"] = 50
    mix: Annotated[str, "shares of scenes with 2, 3 and 4 concepts, or with 2 to 6: 1,1,1,1,1"] = "30,15,5"
    coverage: Annotated[int, "least share of the picture that a concept covers, in percent"] = 15
    equal_size: Annotated[bool, "toys of all scenes as small as in those of the most, so that only numbers differ"] = (
        False
    )
    light: Annotated[int, "light from one side of each toy: how much brighter and darker its sides are, in percent"] = 0
    turn: Annotated[int, "degrees by which each toy is turned, clockwise or counter-clockwise; 0: as usual"] = 0
    shared: Annotated[Shared, "what a scene's toys have in common: class, palette, or look (palette and motif)"] = ""
    closer: Annotated[int, "how far toys are moved towards each other, in percent of the way; they overlap"] = 0
    formats: Annotated[str, "the first so many of the ten formats, or their names: beach,snow"] = "10"
    samples: Annotated[int, "pictures of each prompt"] = 2
    pool: Annotated[int, "how many pictures are drawn to choose from"] = 300
    size: Annotated[int, "side of the pictures in pixels"] = 64
    seed: Annotated[int, "seed of the toys, the selection and random prompts"] = 0
    crop: Annotated[Crop, "centred square, or the one that keeps most of the concepts"] = "center"
    prompts: Annotated[PromptScheme, "all formats and subsets (B.2), or random ones (section 4.1)"] = "powerset"
    background: Annotated[str, "add what the toys leave as a concept, and call it so in texts for scoring: place"] = ""
    strict: Annotated[bool, "fail if the pool cannot supply the mix"] = False
    references: Annotated[bool, "also draw each scene's toys in every format's context, for real:redrawn"] = False
    no_masks: Annotated[bool, "give methods no masks: they are for the evaluation alone"] = False
    training_budget: Annotated[str, "the backbone's budget that a run on it uses unless --budget names another"] = (
        "full"
    )
    templates: Annotated[str, "your own in place of the formats: a file, a line each with {tokens}, or such lines"] = ""

    def build(self, out: Path) -> None:
        """Write the dataset into `out`.

        Raises `UserError` for bad options or an output that holds something else.
        """
        options = SceneOptions(
            scenes=self.scenes,
            mix=self.mix,
            formats=self.formats,
            samples=self.samples,
            seed=self.seed,
            crop=self.crop,
            prompts=self.prompts,
            templates=own_templates(self.templates, self.formats, ("10", QUICK_FORMATS)),
            coverage=self.coverage,
            repeated_classes=self.shared == "class",
        )
        with scratch_coco(self._spec) as coco:
            CocoBuilder(
                "playroom",
                coco,
                options,
                self.size,
                strict=self.strict,
                no_masks=self.no_masks,
                background=self.background,
            ).build(out)
        if self.references and not (options.templates or self.background):  # Playroom knows no context but its own
            write_references(out, read_manifest(out / MANIFEST), Redrawing(self._spec).draw)

    @property
    def _spec(self) -> CocoSpec:
        if not (0 <= self.light <= 100 and 0 <= self.turn <= FURTHEST_TURN):
            raise UserError(f"--light is 0 to 100 percent, --turn 0 to {FURTHEST_TURN} degrees")
        if not 0 <= self.closer < 100:
            raise UserError("--closer is 0 to 99 percent")
        if self.shared:
            self._check_shared()
        return CocoSpec(
            pictures=self.pool,
            seed=self.seed,
            size=self.size,
            toys=self._toys(),
            light=self.light / 100,
            turn=self.turn,
            equal_size=self.equal_size,
            shared=self.shared,
            closer=self.closer / 100,
        )

    def _check_shared(self) -> None:
        """Raise `UserError` for options by which toys cannot have something in common."""
        if self.light or self.turn:
            raise UserError(f"--shared {self.shared} goes with neither --light nor --turn: they replace toys by others")
        if (most := max(self._toys())) > len(UNSEEN_MOTIFS):
            raise UserError(
                f"--shared {self.shared} needs a motif of its own for each toy of a scene, and there are "
                f"{len(UNSEEN_MOTIFS)}: leave scenes of {most} concepts out of --mix"
            )

    def _toys(self) -> tuple[int, ...]:
        """The numbers of toys per picture that the mix needs: scenes of two concepts are drawn with two toys."""
        return tuple(number for number, share in enumerate(parse_mix(self.mix), FEWEST_CONCEPTS) if share)
