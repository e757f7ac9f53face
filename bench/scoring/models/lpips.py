"""LPIPS diversity: the mean LPIPS of all pairs of the samples of one prompt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import lpips
import numpy as np
import torch
from lpips import LPIPS
from numpy.typing import NDArray
from torch import Tensor

from bench.core.scenes import ImageArray
from bench.scoring.models.lpips_networks import load_lpips
from bench.scoring.models.sources import LpipsSource


@dataclass(frozen=True)
class Diversity:
    """The mean LPIPS of the pairs of one prompt's samples; if `value` is NaN, `reason` says why, else it is ''."""

    value: float
    reason: str


class LpipsDiversity:
    """An LPIPS network; every picture goes through its trunk once, regardless of the number of its pairs."""

    def __init__(self, model: LPIPS, batch_size: int = 8) -> None:
        self._model = model
        self._device = next(model.parameters()).device
        self._batch_size = batch_size

    @classmethod
    def load(cls, source: LpipsSource, device: torch.device, batch_size: int = 8) -> LpipsDiversity:
        """Load a preset's network; raises `UserError` if that fails."""
        return cls(load_lpips(source, device), batch_size)

    def diversity(self, samples: Sequence[ImageArray]) -> Diversity:
        """The mean LPIPS over all pairs of the samples of one prompt (Visual Concept EM, Table 1): at least 0.

        8 samples are 28 pairs, as in the paper. One sample has no pair, and LPIPS compares pictures of one size.
        """
        if len(samples) < 2:
            return Diversity(math.nan, "one sample: there is no pair to compare")
        if len({sample.shape for sample in samples}) > 1:
            return Diversity(math.nan, "the samples differ in size")
        return Diversity(float(self.pairs(samples).mean()), "")

    @torch.inference_mode()
    def pairs(self, pictures: Sequence[ImageArray]) -> NDArray[np.float64]:
        """LPIPS of every pair of N pictures of one size, in the order of `itertools.combinations`: [N (N - 1) / 2]."""
        levels = self._levels(pictures)
        rows = [
            self._compare([level[first : first + 1] for level in levels], [level[first + 1 :] for level in levels])
            for first in range(len(pictures) - 1)
        ]
        return np.concatenate(rows)

    @torch.inference_mode()
    def distances(self, picture: ImageArray, others: Sequence[ImageArray]) -> NDArray[np.float64]:
        """LPIPS of a picture with each of N others of its size, [N] (Zhang et al. 2018, equation 1)."""
        return self._compare(self._levels([picture]), self._levels(others))

    def _levels(self, pictures: Sequence[ImageArray]) -> list[Tensor]:
        """The trunk's features, normalised over channels, of every level: [N, channels, height, width] each."""
        starts = range(0, len(pictures), self._batch_size)
        batches = [self._features(pictures[start : start + self._batch_size]) for start in starts]
        return [torch.cat(level) for level in zip(*batches, strict=True)]

    def _features(self, pictures: Sequence[ImageArray]) -> list[Tensor]:
        model = self._model
        pixels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).to(self._device)
        signed = pixels.float() / 127.5 - 1
        return [lpips.normalize_tensor(level) for level in model.net(model.scaling_layer(signed))]

    def _compare(self, one: Sequence[Tensor], others: Sequence[Tensor]) -> NDArray[np.float64]:
        """Equation 1 with the package's heads, summed over levels; one picture against N."""
        by_level = [
            lpips.spatial_average(head((left - right) ** 2), keepdim=False)
            for head, left, right in zip(self._model.lins, one, others, strict=True)
        ]
        distances: NDArray[np.float64] = torch.stack(by_level).sum(dim=0).flatten().double().cpu().numpy()
        return distances
