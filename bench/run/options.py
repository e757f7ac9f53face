"""What a start is asked for: the backbone and how it draws, and what a run is of. Imports nothing slow."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class BackboneOptions:
    """Which backbone, where it works and how it is trained and drawn with: the same of a run and of an edit.

    None leaves the choice to the backbone (`revision`, `sampling_steps`, `guidance`), or to the dataset (`budget`).
    `device` and `precision` may be `auto`. Everything random derives from `seed`.
    """

    backbone: str
    revision: str | None = None
    device: str = "auto"
    precision: str = "auto"
    budget: str | None = None
    sampling_steps: int | None = None
    guidance: float | None = None
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What the command line asks of a new start, besides the methods.

    `metrics` None leaves the choice to the backbone: the preset that knows what it draws.
    """

    dataset: str
    backbone: BackboneOptions
    metrics: str | None = None


@dataclass(frozen=True, kw_only=True)
class ExecutionOptions:
    """How to work; nothing here can change a result. With `keep_weights` fits outlive their last picture."""

    batch_size: int
    keep_weights: bool
