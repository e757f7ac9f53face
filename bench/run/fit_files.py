"""Fits on disk: the learned tensors as safetensors, with the cost of the fit as metadata."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError, safe_open

from bench.core.errors import UserError, one_line
from bench.core.files import write_whole
from bench.run.cost import FIT, Cost

if TYPE_CHECKING:
    import torch

_LOSSES = "losses"
_SYSTEM_ERROR = re.compile(r"os error (\d+)")


def read_fit(path: Path) -> tuple[dict[str, torch.Tensor], Cost] | None:
    """The learned tensors and the cost of learning them; None if there is no such file.

    Raises `UserError` for a damaged file.
    """
    if not path.is_file():
        return None
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, Cost.from_metadata(FIT, file.metadata() or {})
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(path, error) from error


def begun_losses(path: Path) -> str:
    """The losses that a fit which was begun has logged so far, as text; empty for one that logged none.

    Raises `UserError` for a damaged file.
    """
    try:
        with safe_open(path, "pt") as file:
            return str((file.metadata() or {}).get(_LOSSES, ""))
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> UserError:
    return UserError(f"{path} is damaged ({one_line(error)}); delete it: the fit will be computed again")


def write_fit(path: Path, state: Mapping[str, torch.Tensor], cost: Cost, losses: str = "") -> None:
    """Write the learned tensors, their cost, and the losses logged so far; raises `UserError` if that fails."""
    from safetensors.torch import save_file  # noqa: PLC0415 - torch is slow to import

    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    metadata = cost.metadata(FIT) | ({_LOSSES: losses} if losses else {})

    def save(temporary: Path) -> None:
        try:
            save_file(tensors, temporary, metadata)
        except SafetensorError as error:  # tells the system's errors, as of a full disk, by words alone
            if number := _SYSTEM_ERROR.search(str(error)):
                raise OSError(int(number[1]), os.strerror(int(number[1]))) from error
            raise

    write_whole(path, save)
