"""The device and the precision that networks run in."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bench.core.errors import UserError
from bench.core.text import count

if TYPE_CHECKING:
    import torch

Precision = Literal["auto", "fp32", "bf16", "fp16"]
PRECISIONS = ("fp32", "bf16", "fp16")


@dataclass(frozen=True)
class Hardware:
    """A device and the resolved precision (`fp32`, `bf16` or `fp16`) of forward passes."""

    device: torch.device
    precision: str

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """A context in which forward passes run in this precision; weights stay float32."""
        if self.precision == "fp32":
            return contextlib.nullcontext()
        import torch  # noqa: PLC0415 - slow to import

        return torch.autocast(self.device.type, {"bf16": torch.bfloat16, "fp16": torch.float16}[self.precision])


def resolve(device: str, precision: str) -> Hardware:
    """The hardware that two options name: device `auto` is CUDA if available, else the CPU.

    Precision `auto` is bf16 on a GPU that supports it, else fp16; fp32 on a CPU.

    Raises `UserError` for a device that does not exist and for an unknown precision.
    """
    return Hardware(where := resolve_device(device), resolve_precision(where, precision))


def resolve_device(device: str) -> torch.device:
    """The torch device of `auto`, `cpu`, `cuda` or `cuda:N`."""
    import torch  # noqa: PLC0415 - slow to import

    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
    except RuntimeError:
        raise UserError(f"--device {device} is not known; use auto, cpu, cuda or cuda:N") from None
    if found.type == "cuda" and (found.index or 0) >= torch.cuda.device_count():
        there = torch.cuda.device_count()
        raise UserError(f"--device {device}: this machine has {count(there, 'CUDA device')}; use auto or cpu")
    return found


def resolve_precision(device: torch.device, precision: str) -> str:
    """The precision that `auto` means on this device; others are taken as they are."""
    if precision not in ("auto", *PRECISIONS):
        raise UserError(f"--precision {precision} is not known; use auto, {', '.join(PRECISIONS)}")
    if precision == "fp16" and device.type == "cpu":
        raise UserError("--precision fp16 needs a CUDA device; use fp32 or bf16 on a CPU")
    if precision != "auto":
        return precision
    if device.type != "cuda":
        return "fp32"
    import torch  # noqa: PLC0415 - slow to import

    return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
