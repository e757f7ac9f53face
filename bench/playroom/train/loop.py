"""The one training loop: seeded, resumable, bounded by steps or minutes, its losses kept as CSV."""

from __future__ import annotations

import copy
import csv
import math
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from bench.core.files import write_whole

SAVE_SECONDS = 120.0
WARM_UP = 100
EMA_DECAY = 0.999


@dataclass(frozen=True)
class TrainingBudget:
    """When to stop (whichever of `steps` and `minutes` comes first), the batch size and the learning rate."""

    steps: int
    minutes: float
    batch: int
    learning_rate: float
    seed: int
    device: torch.device


@dataclass(frozen=True)
class Draw:
    """The randomness of one step, from seed and step alone, so that a resumed training equals an uninterrupted one."""

    rng: np.random.Generator
    generator: torch.Generator
    batch: int
    device: torch.device

    def normal(self, *shape: int) -> torch.Tensor:
        """Standard normal numbers, drawn on the CPU."""
        return torch.randn(shape, generator=self.generator).to(self.device)


class TrainingTask(Protocol):
    """A model and its losses: `model` holds every trained parameter."""

    @property
    def model(self) -> nn.Module:
        """The networks to train."""
        ...

    def losses(self, draw: Draw) -> dict[str, torch.Tensor]:
        """The losses of one batch; `loss` is minimised, the others are only logged."""
        ...


@dataclass
class State:
    """Everything that is needed to resume a training."""

    model: nn.Module
    ema: nn.Module
    optimiser: torch.optim.Optimizer
    step: int = 0
    seconds: float = 0.0


def train(task: TrainingTask, budget: TrainingBudget, folder: Path) -> None:
    """Train until the budget ends, resuming from `folder`'s state; `task.model` then has averaged weights."""
    task.model.to(budget.device)
    state = _start(task.model, budget)
    resume(state, folder / "state.pt", budget.device)
    resumed = state.step
    began, saved = time.monotonic() - state.seconds, time.monotonic()
    with _log(folder / "losses.csv", state.step) as writer:
        while state.step < budget.steps and state.seconds < 60 * budget.minutes:
            losses = _step(task, state, budget)
            state.seconds = time.monotonic() - began
            writer.write(state, losses)
            if time.monotonic() - saved > SAVE_SECONDS:
                save(state, folder / "state.pt")
                saved = time.monotonic()
    if state.step > resumed:
        save(state, folder / "state.pt")
    task.model.load_state_dict(state.ema.state_dict())
    task.model.cpu().eval()


def plain_attention(device: torch.device) -> AbstractContextManager[object]:
    """On a CPU attention without flash's kernel.

    The denoiser's step is a tenth shorter so, and flash's kernel for bfloat16 fails where torch is told to do without
    AVX-512.
    """
    return sdpa_kernel(SDPBackend.MATH) if device.type == "cpu" else nullcontext()


def save(state: State, path: Path) -> None:
    """Write the state atomically."""
    content = {
        "model": state.model.state_dict(),
        "ema": state.ema.state_dict(),
        "optimiser": state.optimiser.state_dict(),
        "step": state.step,
        "seconds": state.seconds,
    }
    write_whole(path, lambda temporary: torch.save(content, temporary))


def resume(state: State, path: Path, device: torch.device) -> None:
    """Load a saved state, if there is one."""
    if path.is_file():
        content = torch.load(path, map_location=device, weights_only=True)
        state.model.load_state_dict(content["model"])
        state.ema.load_state_dict(content["ema"])
        state.optimiser.load_state_dict(content["optimiser"])
        state.step, state.seconds = content["step"], content["seconds"]


def _start(model: nn.Module, budget: TrainingBudget) -> State:
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=budget.learning_rate, weight_decay=1e-4, fused=True)
    return State(model, copy.deepcopy(model).eval().requires_grad_(False), optimiser)


def _step(task: TrainingTask, state: State, budget: TrainingBudget) -> dict[str, float]:
    for group in state.optimiser.param_groups:
        group["lr"] = budget.learning_rate * _schedule(state, budget)
    torch_rng = torch.Generator().manual_seed(hash((budget.seed, state.step)) % 2**63)
    draw = Draw(np.random.default_rng([budget.seed, state.step]), torch_rng, budget.batch, budget.device)
    state.model.train()
    losses = task.losses(draw)
    state.optimiser.zero_grad()
    torch.autograd.backward(losses["loss"])
    nn.utils.clip_grad_norm_(state.model.parameters(), 1.0)
    state.optimiser.step()
    state.step += 1
    _average(state)
    return {name: float(value.detach()) for name, value in losses.items()}


def _schedule(state: State, budget: TrainingBudget) -> float:
    """Linear warm-up, then a cosine down to 2 % over whatever ends first, steps or minutes."""
    done = min(1.0, max(state.step / budget.steps, state.seconds / (60 * budget.minutes)))
    return min(1.0, (state.step + 1) / WARM_UP) * (0.51 + 0.49 * math.cos(math.pi * done))


@torch.no_grad()
def _average(state: State) -> None:
    """Exponential moving average, shorter while there are few steps to average."""
    decay = min(EMA_DECAY, (state.step + 1) / (state.step + 10))
    for mean, value in zip(state.ema.parameters(), state.model.parameters(), strict=True):
        mean.lerp_(value, 1 - decay)
    for kept, buffer in zip(state.ema.buffers(), state.model.buffers(), strict=True):
        kept.copy_(buffer)


class _log:  # noqa: N801 - used as a context manager
    """Appends a row of losses every 20th step; rows beyond the resumed step are dropped."""

    def __init__(self, path: Path, step: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = list(csv.DictReader(path.open(encoding="utf-8"))) if path.is_file() else []
        self.rows = [row for row in rows if int(row["step"]) <= step]
        self.path = path

    def __enter__(self) -> _log:
        return self

    def __exit__(self, *_: object) -> None:
        self._write()

    def write(self, state: State, losses: dict[str, float]) -> None:
        """Append the losses of this step."""
        if state.step % 20 == 1 or state.step <= 5:
            numbers = {name: f"{value:.5f}" for name, value in losses.items()}
            self.rows.append({"step": str(state.step), "seconds": f"{state.seconds:.0f}", **numbers})
            self._write()

    def _write(self) -> None:
        if self.rows:
            with self.path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, fieldnames=list(self.rows[-1]))
                writer.writeheader()
                writer.writerows(self.rows)
