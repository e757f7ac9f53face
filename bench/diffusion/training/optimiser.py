"""The optimiser of a phase, and one that needs little memory: moments on the host, steps in the backward pass."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from bench.core.device import Memory
from bench.diffusion.training.recipe import Optimiser

MOMENTS = ("exp_avg", "exp_avg_sq")
"""Adam's state of the size of a parameter; its count of steps is a single number and stays where it is."""

Group = dict[str, Any]
Make = Callable[[Sequence[Group]], torch.optim.Optimizer]


def make_optimiser(
    parameters: Iterable[nn.Parameter] | Iterable[Group], optimiser: Optimiser, learning_rate: float, memory: Memory
) -> torch.optim.Optimizer | HostMomentsAdam:
    """The recipe's optimiser over tensors, or over groups of them as torch's optimisers take them."""
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[optimiser.kind]
    make: Make = partial(kind, lr=learning_rate, betas=optimiser.betas, weight_decay=optimiser.weight_decay, fused=True)
    whole = make(list(parameters))  # type: ignore[arg-type]
    return HostMomentsAdam(make, whole.param_groups) if memory == "low" else whole


class HostMomentsAdam:
    """Adam or AdamW whose moments are on the device only while their parameter makes its step.

    The arithmetic is that of one optimiser over all parameters, since Adam treats each by itself. `make` makes the
    optimiser of one parameter, whose group may have settings of its own. It has what `torch.amp.GradScaler` uses of an
    optimiser.
    """

    def __init__(self, make: Make, groups: Sequence[Group], host: str = "cpu") -> None:
        self.param_groups = list(groups)
        self.host = torch.device(host)
        self.optimisers = {
            parameter: make([{**group, "params": [parameter]}]) for group in groups for parameter in group["params"]
        }

    def step(self) -> None:
        """Make the step of every parameter that has a gradient."""
        for parameter in self.optimisers:
            if parameter.grad is not None:
                self.step_one(parameter)

    def step_one(self, parameter: nn.Parameter) -> None:
        """Make the step of one parameter."""
        optimiser = self.optimisers[parameter]
        state: dict[str, Any] = optimiser.state[parameter]
        _move(state, parameter.device)
        optimiser.step()
        _move(state, self.host)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Delete the gradients, or set them to 0."""
        for optimiser in self.optimisers.values():
            optimiser.zero_grad(set_to_none=set_to_none)


def _move(state: dict[str, Any], place: torch.device) -> None:
    for name in MOMENTS:
        if name in state:
            state[name] = _moved(state[name], place)


def _moved(tensor: Tensor, place: torch.device) -> Tensor:
    """The tensor in that place; in host memory it is pinned, so that it goes back at the bus's full speed."""
    if tensor.device.type == "cuda" and place.type == "cpu":
        return torch.empty_like(tensor, device=place, pin_memory=True).copy_(tensor)
    return tensor.to(place)


@contextlib.contextmanager
def stepping_in_backward(parameters: Iterable[nn.Parameter], step: Callable[[nn.Parameter], None]) -> Iterator[None]:
    """While the block runs, a parameter makes its step as soon as its gradient is whole, which is then deleted.

    So the gradients of all parameters never exist at once. Not for gradients that are scaled, clipped by their common
    norm, or accumulated over several backward passes.
    """

    # Any: the library annotates the hook's argument as a tensor.
    def act(parameter: Any) -> None:
        step(parameter)
        parameter.grad = None

    with contextlib.ExitStack() as stack:
        for parameter in parameters:
            hook = parameter.register_post_accumulate_grad_hook(act)  # type: ignore[no-untyped-call]
            stack.callback(hook.remove)
        yield
