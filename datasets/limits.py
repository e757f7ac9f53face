"""The limitations of Break-A-Scene (section 5, Figure 8) as scenes where each is known by construction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

from bench.api import MANIFEST, Prompt, UserError, parse_formats, read_manifest, write_references, write_scenes
from bench.playroom.world.ground_truth import as_benchmark_scene
from bench.playroom.world.limits import MOST_LONG, MOST_TOYS, LimitSpec, limit_scene, redraw

FURTHEST_TURN = 90
"""Degrees after which an axis comes back to where it was."""


@dataclass(frozen=True)
class Builder:
    """Playroom's toys lit from one side, turned, or many: one limitation a variant, or none by default.

    Prompts: each concept alone, all together, and for each number between as many subsets as there are concepts,
    those that follow each other in a circle: of n concepts n * (n - 1) + 1, each concept equally often. It is
    the powerset for two and three concepts, and 13, 21 and 31 subsets for four, five and six.
    """

    summary: ClassVar[str] = "limitations known by construction: toys lit from one side, turned, up to six"
    source: ClassVar[str] = "Break-A-Scene, section 5 and Figure 8; drawn by Playroom"
    variants: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "lit": {"light": 70},
        "turned": {"turn": 60},
        "crowded": {"toys": "2,3,4,5,6", "formats": "2"},
    }

    scenes: Annotated[int, "how many scenes"] = 30
    toys: Annotated[str, "numbers of toys that the scenes have in turn, 1 to 6: 2 or 4,5,6"] = "2"
    light: Annotated[int, "light from one side of each toy: how much brighter and darker its sides are, in percent"] = 0
    turn: Annotated[int, "degrees by which each toy is turned, clockwise or counter-clockwise; 0: as usual"] = 0
    formats: Annotated[str, "the first so many of the ten formats, or their names: beach,snow"] = "4"
    samples: Annotated[int, "pictures of each prompt"] = 1
    size: Annotated[int, "side of the pictures in pixels"] = 64
    seed: Annotated[int, "seed of the scenes"] = 0
    training_budget: Annotated[str, "the backbone's budget that a run on it uses unless --budget names another"] = (
        "full"
    )

    def build(self, out: Path) -> None:
        """Write the dataset into `out`, with references for `real:redrawn`: the toys as usual, neither lit nor turned.

        Raises `UserError` for bad options or an output that holds something else.
        """
        spec, formats = self._spec(), parse_formats(self.formats)
        worlds = {f"scene-{number:04d}": limit_scene(spec, number) for number in range(self.scenes)}
        bare = [as_benchmark_scene(name, world, self.size) for name, world in worlds.items()]
        scenes = [replace(scene, prompts=self._prompts(formats, len(scene.concepts))) for scene in bare]
        options = {name: value for name, value in asdict(self).items() if name != "training_budget"}
        write_scenes(out, "limits", scenes, options)
        write_references(
            out,
            read_manifest(out / MANIFEST),
            lambda record, prompt: redraw(worlds[record.name], record.name, prompt, self.size),
        )

    def _spec(self) -> LimitSpec:
        numbers = self.toys.split(",")
        toys = tuple(int(number) for number in numbers if number.strip().isdecimal())
        if len(toys) != len(numbers) or not 1 <= min(toys) <= max(toys) <= MOST_TOYS:
            raise UserError(f"--toys {self.toys}: write whole numbers of 1 to {MOST_TOYS}, such as 2 or 4,5,6")
        if not (0 <= self.light <= 100 and 0 <= self.turn <= FURTHEST_TURN):
            raise UserError(f"--light is 0 to 100 percent, --turn 0 to {FURTHEST_TURN} degrees")
        if self.turn and max(toys) > MOST_LONG:
            raise UserError(f"--turn {self.turn}: scenes of turned toys have at most {MOST_LONG}, not {self.toys}")
        if min(self.scenes, self.samples) < 1:
            raise UserError("--scenes and --samples must be at least 1")
        return LimitSpec(self.seed, toys, self.light / 100, self.turn)

    def _prompts(self, formats: Sequence[str], concepts: int) -> tuple[Prompt, ...]:
        return tuple(
            Prompt(template, subset, sample)
            for template in formats
            for subset in circular_subsets(concepts)
            for sample in range(self.samples)
        )


def circular_subsets(concepts: int) -> tuple[tuple[int, ...], ...]:
    """Each concept alone, of every greater number those that follow each other in a circle, and all, each once."""
    runs = (
        tuple(sorted((first + step) % concepts for step in range(number)))
        for number in range(1, concepts + 1)
        for first in range(concepts)
    )
    return tuple(dict.fromkeys(runs))
