"""Fits on disk: what was learned, as safetensors, with what it cost to learn it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError, safe_open

from bench.core.errors import UserError, one_line
from bench.core.files import write_whole
from bench.run.cost import FIT, Cost

if TYPE_CHECKING:
    import torch


def read_fit(path: Path) -> tuple[dict[str, torch.Tensor], Cost] | None:
    """What was learned and what that took, in whichever start it was; None if the fit is not there.

    Raises `UserError` for a damaged file.
    """
    if not path.is_file():
        return None
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, Cost.from_metadata(FIT, file.metadata() or {})
    except (SafetensorError, OSError, ValueError) as error:
        raise UserError(f"{path} is damaged ({one_line(error)}); delete it: the fit will be made anew") from error


def write_fit(path: Path, state: Mapping[str, torch.Tensor], cost: Cost) -> None:
    """Keep what was learned; raises `UserError` if it cannot be written."""
    from safetensors.torch import save_file  # noqa: PLC0415 - torch is slow to import

    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    write_whole(path, lambda temporary: save_file(tensors, temporary, cost.metadata(FIT)))
