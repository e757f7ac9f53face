"""Samples as rows of one batch: one forward pass, from which each has its own loss."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from bench.core.scenes import ImageArray
from bench.diffusion.training.step import Step

if TYPE_CHECKING:
    from bench.diffusion.training.objective import Objective


@dataclass(frozen=True, eq=False)
class Rows:
    """What one sample puts into a batch, R rows: everything random is drawn, and nothing is computed yet.

    `pictures` and `texts` have R entries; `latent_noise` and `noise` are [R, C, h, w] and `time` int64 [R], on the CPU.
    `loss` makes the sample's loss, a scalar, of the rows' prediction and target, while the recorder holds their maps.
    """

    objective: Objective
    pictures: tuple[ImageArray, ...]
    texts: tuple[str, ...]
    latent_noise: Tensor
    noise: Tensor
    time: Tensor
    loss: Callable[[Tensor, Tensor], Tensor]


def losses(samples: Sequence[Rows]) -> list[Tensor]:
    """The loss of each sample, scalars, from one forward pass over all rows.

    The objectives are of one backbone, and their recipes differ in nothing that a pass depends on. No number of a
    sample enters the loss of another.
    """
    own = samples[0].objective
    latents = own.encoder.latents(
        [picture for one in samples for picture in one.pictures],
        torch.cat([one.latent_noise for one in samples]),
        fresh=own.recipe.samples.fresh,
    )
    upload = own.backbone.hardware.upload
    noise, time = (torch.cat(each) for each in zip(*((one.noise, one.time) for one in samples), strict=True))
    if own.recorder is not None:
        own.recorder.clear(own.read_layers)
    step = Step(own.backbone, latents, upload(noise), upload(time))
    predicted, target = step.denoised(*(text for one in samples for text in one.texts))
    return list(_shares(samples, predicted, target))


def _shares(samples: Sequence[Rows], predicted: Tensor, target: Tensor) -> Iterator[Tensor]:
    """Each sample's loss, of its own rows of prediction, target and maps."""
    ends = list(accumulate(len(one.texts) for one in samples))
    for one, last in zip(samples, ends, strict=True):
        first, recorder = last - len(one.texts), one.objective.recorder
        with contextlib.nullcontext() if recorder is None else recorder.rows(first, last):
            yield one.loss(predicted[first:last], target[first:last])
