"""The interface of metrics: the columns that they declare, the features that they need, and `score`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, TypeAlias, runtime_checkable

from bench.core.scenes import ImageArray, Prompt, Scene

Grain: TypeAlias = Literal["picture", "concept", "prompt"]
"""What one value describes: a picture, a concept that a picture should show, or all samples of one prompt."""
Feature: TypeAlias = Literal["segments", "clip", "identity", "lpips"]
"""What metrics share, computed once per picture: segments of the objects, CLIP embeddings, embeddings of the objects by
the preset's identity model, and the LPIPS network."""
Value: TypeAlias = float | int | bool | str | list[float] | None
"""A cell of the table; NaN or None where there is no value."""


@dataclass(frozen=True)
class Column:
    """A column of `scores.parquet` that a metric fills.

    `better` says in which direction a value is better; None for a column that is recorded but not compared, such as
    the reason of a missing value. Compared columns appear in intervals, tests and reports, as `label`. `range` are
    the smallest and largest possible value; intervals are clipped to it. With `pooled` a scene's mean is over
    the rows (picture and concept) with a value, else over its pictures, each the mean of its concepts. `reason` names
    the column, if there is one, that says why a value is missing. `grain` is set by the engine to the metric's.
    """

    name: str
    description: str
    better: Literal["higher", "lower"] | None = None
    range: tuple[float, float] = (-math.inf, math.inf)
    unit: str = ""
    source: str = ""
    label: str = ""
    pooled: bool = False
    grain: Grain = "picture"
    reason: str = ""

    def __post_init__(self) -> None:
        if not self.label:
            object.__setattr__(self, "label", self.name.replace("_", "-"))

    @property
    def higher_is_better(self) -> bool:
        """Whether a higher value is better."""
        return self.better != "lower"


@dataclass(frozen=True, eq=False)
class PictureJob:
    """A picture, uint8 [H, W, 3], drawn for `prompt` of `scene`; its size may differ from the scene's.

    `unit` tells whose picture it is where pictures of several methods are scored in one call.
    """

    scene: Scene
    prompt: Prompt
    picture: ImageArray
    unit: str = ""


class Metric(Protocol):
    """A drop-in of `bench/metrics/`: a frozen dataclass called `Metric`, whose fields are its configuration."""

    grain: ClassVar[Grain]
    needs: ClassVar[tuple[Feature, ...]]
    columns: ClassVar[tuple[Column, ...]]

    def score(self, batch: Any) -> Sequence[Mapping[str, Value]]:
        """The values of its columns for a `bench.scoring.batch.ScoringBatch`, in order.

        One mapping per picture (`batch.jobs`), per prompted concept (`batch.concepts`) or per prompt
        (`batch.prompts`), as the grain says.
        """
        ...


@runtime_checkable
class DependsOnPreset(Protocol):
    """A metric whose columns depend on the preset of its models."""

    def columns_of(self, preset: Mapping[str, Any]) -> tuple[Column, ...]:
        """Its columns under a preset, given as the preset's `describe()` has it."""
        ...
