"""Fits on disk: what was learned, as safetensors, with the seconds that it took."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from bench.errors import UserError
from bench.store import write_whole

FIT_COST = "cost_fit_seconds"


def read_fit(path: Path) -> tuple[dict[str, torch.Tensor], float] | None:
    """What was learned and the seconds it took; None if the fit is not there.

    Raises `UserError` for a damaged file.
    """
    if not path.is_file():
        return None
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, float(file.metadata()[FIT_COST])  # noqa: SIM118
    except SafetensorError as error:
        raise UserError(f"{path} is damaged ({error}); delete it: the fit will be made anew") from error


def write_fit(path: Path, state: Mapping[str, torch.Tensor], seconds: float) -> None:
    """Keep what was learned; raises `UserError` if it cannot be written."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    metadata = {FIT_COST: repr(seconds)}
    write_whole(path, lambda temporary: save_file(tensors, temporary, metadata))
