"""The options about workers."""

from __future__ import annotations

from typing import Annotated

import typer

from bench.cli.option_groups import OptionGroup
from bench.run.worker_options import WorkerOptions

Workers = Annotated[
    str | None,
    typer.Option(
        metavar="N",
        help="processes that fit, draw and score at once, by Ray; auto: as many as there are GPUs, or cores",
    ),
]
Ray = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="take workers from a running Ray cluster: its head's address, or auto"),
]
Gpus = Annotated[float | None, typer.Option(min=0.01, help="GPUs of each worker, by default 1; 0.5 puts two on one")]

OPTIONS = OptionGroup(WorkerOptions, {"workers": Workers, "ray": Ray, "gpus_per_worker": Gpus}, {})
"""What `WorkerOptions` are made of."""
