"""A picture with the attention maps of its handles at chosen sampling steps."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from bench.core.scenes import ImageArray
from bench.diffusion.backbone.token_maps import token_places
from bench.diffusion.sampling.attention_watch import AttentionWatch, watching
from bench.diffusion.sampling.sampler import DrawJob, draw
from bench.plugins.backbone import Backbone


def draw_with_maps(
    backbone: Backbone, job: DrawJob, handles: Sequence[str], steps: Sequence[int]
) -> tuple[ImageArray, Tensor]:
    """The picture of a text as `draw` gives it, and its handles' maps before the sampling steps at the indices `steps`.

    The maps are float32 [steps, handles, side, side], as `AttentionWatch` says.

    Raises `UserError` for a handle that is not within the text encoder's context.
    """
    token_places(backbone, job.text, handles)
    with watching(AttentionWatch(handles, steps)) as watch:
        [picture] = draw(backbone, [job], batch_size=1)
    maps = [torch.stack([watch.seen[step][0][name] for name in handles]) for step in steps]
    return picture, torch.stack(maps)


def resized(maps: Tensor, side: int) -> Tensor:
    """Maps [..., s, s] resized to [..., side, side] bilinearly."""
    flat = maps.reshape(-1, 1, *maps.shape[-2:])
    return interpolate(flat, size=(side, side), mode="bilinear", align_corners=False).reshape(
        *maps.shape[:-2], side, side
    )
