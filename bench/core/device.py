"""The device and the precision that networks run in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from bench.core.errors import UserError
from bench.core.text import count

if TYPE_CHECKING:
    import torch

Precision = Literal["auto", "fp32", "bf16", "fp16"]
PRECISIONS = ("fp32", "bf16", "fp16")
Memory = Literal["default", "low"]
MEMORY: tuple[Memory, ...] = ("default", "low")
"""How fits use the device's memory; `low` computes activations twice and keeps Adam's moments in host memory."""


@dataclass(frozen=True)
class Hardware:
    """A device, the resolved precision (`fp32`, `bf16` or `fp16`) of forward passes, and how fits use its memory."""

    device: torch.device
    precision: str
    memory: Memory = "default"

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """A context in which forward passes run in this precision; weights stay float32."""
        if self.precision == "fp32":
            return contextlib.nullcontext()
        import torch  # noqa: PLC0415 - slow to import

        return torch.autocast(self.device.type, {"bf16": torch.bfloat16, "fp16": torch.float16}[self.precision])

    def drawing(self) -> contextlib.AbstractContextManager[object]:
        """`autocast` for passes that draw pictures, in the `drawing_precision`."""
        return Hardware(self.device, drawing_precision(self.precision)).autocast()

    def upload(self, tensor: torch.Tensor) -> torch.Tensor:
        """A CPU tensor on the device; a GPU's queue is not waited for, as it is with a copy from pageable memory."""
        if self.device.type != "cuda":
            return tensor.to(self.device)
        return tensor.pin_memory().to(self.device, non_blocking=True)

    def computing(self) -> contextlib.AbstractContextManager[object]:
        """A context for all work on this hardware, backward passes included: in fp32 without TF32."""
        return full_fp32() if self.precision == "fp32" else contextlib.nullcontext()


def drawing_precision(precision: str) -> str:
    """The precision in which pictures are drawn: fp16 for bf16, as the official inference.

    Guidance of 7.5 amplifies rounding tenfold. Root mean square error of Playroom's guided predictions against fp32
    (24 noises, 95 % intervals): bf16 .0443 +- .0019; bf16 with the output convolution and the guidance in fp32
    .0403 +- .0020; fp16 .0054 +- .0002. Fits keep bf16, whose range needs no loss scaling.
    """
    return "fp16" if precision == "bf16" else precision


@contextlib.contextmanager
def full_fp32() -> Iterator[None]:
    """While the block runs, float32 matrix products and convolutions on a GPU are not rounded to TF32."""
    import torch  # noqa: PLC0415 - slow to import

    switches: tuple[Any, ...] = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [switch.allow_tf32 for switch in switches]
    for switch in switches:
        switch.allow_tf32 = False
    try:
        yield
    finally:
        for switch, allowed in zip(switches, before, strict=True):
            switch.allow_tf32 = allowed


def resolve(device: str, precision: str, memory: str = "default") -> Hardware:
    """The hardware that the options name: device `auto` is CUDA if available, else the CPU.

    Precision `auto` is bf16 on a GPU that has it in hardware, else fp16; fp32 on a CPU.

    Raises `UserError` for a device that does not exist, an unknown precision and an unknown use of memory.
    """
    if memory not in MEMORY:
        raise UserError(f"--memory {memory} is not known; use {' or '.join(MEMORY)}")
    where = resolve_device(device)
    return Hardware(where, resolve_precision(where, precision), "low" if memory == "low" else "default")


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

    with torch.cuda.device(device):  # the query is about the current one
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"


def use_threads(number: int) -> None:
    """Let torch compute with so many threads in this process from now on; 0 leaves them to it."""
    if number:
        import torch  # noqa: PLC0415 - slow to import

        torch.set_num_threads(number)
