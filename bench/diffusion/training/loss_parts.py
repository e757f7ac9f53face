"""The named losses of a training step under way."""

from __future__ import annotations

import torch
from torch import Tensor


class LossParts:
    """Collects the losses of a step's samples by name; detached, and without waiting for their device."""

    def __init__(self) -> None:
        self._found: dict[str, list[Tensor]] = {}

    def add(self, name: str, loss: Tensor) -> None:
        """Add the loss of a sample, a scalar."""
        self._found.setdefault(name, []).append(loss.detach())

    def take(self) -> dict[str, Tensor]:
        """The mean of each loss over the step's samples, scalars; the next step begins without any."""
        found, self._found = self._found, {}
        return {name: each[0] if len(each) == 1 else torch.stack(each).mean() for name, each in found.items()}
