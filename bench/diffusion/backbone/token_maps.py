"""Cross-attention maps of tokens over a picture, from the up blocks, resized to the latents' side."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from bench.core.errors import UserError
from bench.diffusion.backbone.attention import recording
from bench.diffusion.backbone.terms import in_up_blocks
from bench.plugins.backbone import Backbone


def token_places(backbone: Backbone, text: str, tokens: Sequence[str]) -> Tensor:
    """The index of the first occurrence of each of `tokens` in the text, int64 [k].

    Raises `UserError` if one of them is not within the text encoder's context.
    """
    read = backbone.tokenize([text])[0]
    places = []
    for token in tokens:
        identity = torch.tensor(backbone.tokenizer.convert_tokens_to_ids(token))
        found = read.eq(identity).nonzero()
        if not len(found):
            raise UserError(f"'{text}' does not name {token} within the {len(read)} tokens that the backbone reads")
        places.append(found[0, 0])
    return torch.stack(places)


@contextmanager
def token_maps(backbone: Backbone, latents: Tensor, time: int, states: Tensor, places: Tensor) -> Iterator[Tensor]:
    """CA of CLiC's equations 1 and 7 for latents [1, C, s, s] at `time`: float32 [k, s, s], stretched to [0, 1].

    `states` [1, L, width] encode the text in which the tokens have the indices `places` [k]. Gradients flow to
    latents and states, and are to be taken within the block: in low memory the layers are computed again for them.
    The paper does not say how maps are normalised; the official code stretches them like this.
    """
    unet: Any = backbone.unet
    side = latents.shape[-1]
    with recording(backbone.unet, side, in_up_blocks) as recorder:
        with backbone.hardware.autocast():
            unet(latents, time, states)
        yield min_max(concept_maps(recorder.maps, places, side))


def concept_maps(layers: Sequence[Tensor], positions: Tensor, side: int) -> Tensor:
    """CA of equation 1: the maps of some tokens, averaged over heads and layers, [k, side, side].

    `layers` are attention probabilities [1, heads, pixels, tokens] of square maps of any sides; smaller and
    larger ones are resized to `side` bilinearly. `positions` int64 [k] are the tokens' indices in the text.
    """
    return torch.stack([_resized(layer, positions, side) for layer in layers]).mean(dim=0)


def min_max(maps: Tensor) -> Tensor:
    """Each map of [k, s, s] rescaled to [0, 1]; gradients flow through its extremes; a constant map becomes 0."""
    lowest, highest = maps.amin(dim=(1, 2), keepdim=True), maps.amax(dim=(1, 2), keepdim=True)
    return (maps - lowest) / (highest - lowest).clamp_min(torch.finfo(maps.dtype).tiny)


def _resized(layer: Tensor, positions: Tensor, side: int) -> Tensor:
    own = math.isqrt(layer.shape[2])
    maps = layer[0].mean(dim=0)[:, positions.to(layer.device)].T.reshape(1, -1, own, own)
    return maps[0] if own == side else interpolate(maps, size=(side, side), mode="bilinear", align_corners=False)[0]
