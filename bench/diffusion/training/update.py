"""One optimiser over the parameters that a phase trains."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from bench.diffusion.training.optimiser import HostMomentsAdam, make_optimiser, stepping_in_backward
from bench.diffusion.training.recipe import Optimiser
from bench.plugins.backbone import Backbone


class Update:
    """One optimiser over a phase's parameters; in fp16 the loss is scaled against underflow.

    `parameters` are tensors, or groups of them as torch's optimisers take them.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter] | Iterable[dict[str, Any]],
        optimiser: Optimiser,
        learning_rate: float,
        backbone: Backbone,
    ) -> None:
        self._clip = optimiser.clip
        self._optimiser = make_optimiser(parameters, optimiser, learning_rate, backbone.hardware.memory)
        self._optimiser.zero_grad(set_to_none=True)
        scaled = backbone.hardware.precision == "fp16"
        self._scaler = torch.amp.GradScaler(backbone.device.type, enabled=scaled)

    def __call__(self, loss: Tensor) -> None:
        """Make one optimiser step on `loss`."""
        with self.in_backward():
            self.gather(loss)
        self.step()

    def in_backward(self) -> contextlib.AbstractContextManager[None]:
        """Around a step's only backward pass: it steps inside, where memory is to be saved and nothing forbids it."""
        if self._clip is None and not self._scaler.is_enabled() and isinstance(self._optimiser, HostMomentsAdam):
            return stepping_in_backward(self._parameters(), self._optimiser.step_one)
        return contextlib.nullcontext()

    def gather(self, loss: Tensor) -> None:
        """Accumulate the gradient of `loss` for the next step."""
        torch.autograd.backward(self.scaled(loss))

    def scaled(self, loss: Tensor) -> Tensor:
        """The loss as its gradient is taken: scaled against underflow in fp16, as it is in any other precision."""
        scaled: Tensor = self._scaler.scale(loss)
        return scaled

    def step(self) -> None:
        """Make one optimiser step with the accumulated gradient."""
        # Any: the scaler is annotated with torch's class and uses what both optimisers have
        optimiser: Any = self._optimiser
        if self._clip is not None:
            self._scaler.unscale_(optimiser)
            nn.utils.clip_grad_norm_(self._parameters(), self._clip)
        self._scaler.step(optimiser)
        self._scaler.update()
        self._optimiser.zero_grad(set_to_none=True)

    def _parameters(self) -> list[nn.Parameter]:
        return [parameter for group in self._optimiser.param_groups for parameter in group["params"]]
