"""The options of runs and of backbones. Imports nothing slow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.run.plan import Unit


@dataclass(frozen=True, kw_only=True)
class BackboneOptions:
    """Backbone, device, precision, budget, sampler and seed: the same options for a run and an edit.

    None leaves the choice to the backbone (`revision`, `sampling_steps`, `guidance`), or to the dataset (`budget`).
    `device` and `precision` may be `auto`. Everything random derives from `seed`.
    """

    backbone: str
    revision: str | None = None
    device: str = "auto"
    precision: str = "auto"
    memory: str = "default"
    budget: str | None = None
    sampling_steps: int | None = None
    guidance: float | None = None
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The options of `bench run`, besides the methods and those of the backbone.

    `metrics` None leaves the choice to the backbone: the preset that knows what it draws. `scenes` and `limit` say
    which units the start is about (`bench.run.select_units.select_units`), `shard` of these every N-th, as `3/8`.
    `templates` are the user's own, for a builder; none leave them to it. `threads` is what torch computes with on a
    CPU; None leaves it to what the run began with, else to torch, or where the start has `workers` to the backbone.
    `attention` are sampling steps, from 1, before which the handles' attention maps are recorded; no picture depends on
    them. `tuned` are hashes of the files that settings of the methods came from. `cohort` is the most scenes whose fits
    are begun together (None: as the run began, or `bench.core.defaults.COHORT`).
    """

    dataset: str
    backbone: BackboneOptions
    metrics: str | None = None
    scenes: str | None = None
    limit: int | None = None
    templates: tuple[str, ...] = ()
    attention: tuple[int, ...] = ()
    tuned: tuple[str, ...] = ()
    shard: str | None = None
    threads: int | None = None
    workers: bool = False
    cohort: int | None = None


def tell_nobody(_unit: Unit) -> None:
    """Nobody wants to know of units that are done."""


@dataclass(frozen=True, kw_only=True)
class ExecutionOptions:
    """How to execute; nothing here can change a result. With `keep_weights` fits are kept after their last picture.

    `track` names the tracker that the run is logged to. `on_done` is called for each unit that is done, in the process
    that was started.
    """

    batch_size: int
    keep_weights: bool
    track: str | None = None
    on_done: Callable[[Unit], None] = tell_nobody
