"""The options shared by all commands that load a backbone."""

from __future__ import annotations

from typing import Annotated

import typer

from bench.cli.option_groups import OptionGroup
from bench.core import defaults
from bench.core.checkpoints import BACKBONES
from bench.core.errors import UserError
from bench.run.options import BackboneOptions

_KNOWN = ", ".join(BACKBONES)

Backbone = Annotated[str, typer.Option(help=f"{_KNOWN}, a hub id or a folder of Stable Diffusion 1.x/2.x")]
Revision = Annotated[str | None, typer.Option(help="the hub revision of the backbone")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N")]
Precision = Annotated[str, typer.Option(help="auto, fp32, fp16, or bf16, in which fits run and fp16 draws")]
Memory = Annotated[
    str, typer.Option(help="default, or low: longer fits in less of the device's memory, equal up to rounding")
]
Budget = Annotated[
    str | None,
    typer.Option(
        help="one of the backbone's budgets of training steps; by default the one the dataset recommends, or full"
    ),
]
SamplingSteps = Annotated[int | None, typer.Option(min=1, help="DDIM steps; by default the backbone's")]
Guidance = Annotated[float | None, typer.Option(min=0, help="guidance scale; by default the backbone's")]
Seed = Annotated[int, typer.Option(min=0, help="everything random derives from it")]
BatchSize = Annotated[
    int,
    typer.Option(
        min=1,
        help="pictures drawn at once; changes pictures by rounding alone (by 1/255 in less than 0.02 % of values)",
    ),
]
Attention = Annotated[
    str | None,
    typer.Option(metavar="STEPS", help="also show where each handle looks before these sampling steps, as 5,10,20"),
]


def attention_steps(text: str | None) -> tuple[int, ...]:
    """The distinct sampling steps in a text such as `5,10,20`, ascending."""
    try:
        return tuple(sorted({int(part) for part in (text or "").split(",") if part.strip()}))
    except ValueError:
        raise UserError(f"--attention {text}: write sampling steps with commas, for example 5,10,20") from None


OPTIONS = OptionGroup(
    BackboneOptions,
    {
        "backbone": Backbone,
        "revision": Revision,
        "device": Device,
        "precision": Precision,
        "memory": Memory,
        "budget": Budget,
        "sampling_steps": SamplingSteps,
        "guidance": Guidance,
        "seed": Seed,
    },
    {"backbone": defaults.BACKBONE},
)
"""What `BackboneOptions` are made of."""
