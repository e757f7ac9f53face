"""A backbone's settings, stored in `scenebench.json`: sampler, metrics, and budgets that scale the papers'."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import pydantic
from pydantic import Field

from bench.core.errors import UserError, did_you_mean
from bench.core.limits import LONGEST_SQUARE_SIDE

FILE = "scenebench.json"
SCHEMA = 1
FULL = "full"
"""The default budget: the papers' steps and rates, scaled to the backbone. A backbone may define others."""
Factor = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class Budget:
    """Factors on a paper's training steps, learning rates and number of prior-preservation pictures.

    `handle_learning_rate` is for phases that train the handles alone and for handles with their own rate,
    `weights_learning_rate` for all other rates.
    """

    steps: Factor = 1.0
    handle_learning_rate: Factor = 1.0
    weights_learning_rate: Factor = 1.0
    prior_pictures: Factor = 1.0

    def scaled_steps(self, steps: int) -> int:
        """The paper's number of steps under this budget; at least one, unless the paper's number is zero."""
        return max(1, round(steps * self.steps)) if steps else 0

    def scaled_prior_pictures(self, count: int) -> int:
        """The number of prior-preservation pictures under this budget, at least one."""
        return max(1, round(count * self.prior_pictures))


@dataclass(frozen=True)
class Sampler:
    """How pictures are drawn: DDIM steps and classifier-free guidance (official inference: 50 and 7.5)."""

    steps: Annotated[int, Field(ge=1)] = 50
    guidance: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 7.5

    def check_attention(self, steps: Sequence[int]) -> None:
        """Raise `UserError` for a step of `--attention` that the sampler does not take; the first is 1."""
        if wrong := [step for step in steps if not 1 <= step <= self.steps]:
            raise UserError(f"--attention {wrong[0]}: the sampler takes steps 1 to {self.steps}")


@dataclass(frozen=True)
class BackboneSettings:
    """A backbone's own settings; without a `scenebench.json` they are the papers'.

    `metrics` is the metric preset that knows what this backbone draws; `resolution` the side of its square pictures
    in pixels (None: what the UNet was made for).
    """

    resolution: Annotated[int, Field(ge=8, le=LONGEST_SQUARE_SIDE)] | None = None
    sampler: Sampler = Sampler()
    budgets: Mapping[str, Budget] = field(default_factory=lambda: {FULL: Budget()})
    metrics: str = "paper"

    def budget(self, name: str) -> Budget:
        """The budget of that name, else `full`: a backbone need not define short ones."""
        return self.budgets.get(name) or self.budgets.get(FULL) or Budget()

    def budget_name(self, asked: str | None, recommended: str | None) -> str:
        """The requested budget, else the dataset's recommended one if the backbone has it, else `full`.

        Raises `UserError` if the backbone does not have the requested one.
        """
        if asked is None:
            return recommended if recommended and recommended in self.budgets else FULL
        if asked not in self.budgets:
            hint = did_you_mean(asked, self.budgets)
            raise UserError(f"this backbone has no budget '{asked}'{hint} Known: {', '.join(self.budgets)}")
        return asked

    def with_sampler(self, steps: int | None, guidance: float | None) -> BackboneSettings:
        """A copy with other sampling steps or guidance; None keeps the backbone's own."""
        own = self.sampler
        sampler = Sampler(own.steps if steps is None else steps, own.guidance if guidance is None else guidance)
        return replace(self, sampler=sampler)


def read_settings(folder: Path) -> BackboneSettings:
    """Read a backbone folder's `scenebench.json`; without the file, the papers' settings.

    Raises `UserError` for a damaged file, an unknown schema or an unknown key.
    """
    path = folder / FILE
    if not path.is_file():
        return BackboneSettings()
    try:
        content: Any = json.loads(path.read_bytes())
        found = content.pop("schema", None) if isinstance(content, dict) else None
        if found != SCHEMA:
            raise UserError(f"{path} is of schema {found}, not {SCHEMA}; use the scenebench that wrote it")
        return pydantic.TypeAdapter(BackboneSettings).validate_python(content, extra="forbid")
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UserError(f"{path} is not a valid settings file: {where}: {first['msg'].lower()}") from error
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not valid JSON: {error}") from error
