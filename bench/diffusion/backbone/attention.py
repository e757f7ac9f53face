"""Cross-attention: records the maps of chosen layers, and detaches the beginning-of-sequence (BOS) token."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from diffusers.models.attention_processor import AttnProcessor2_0
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn

from bench.core.errors import UserError
from bench.diffusion.backbone.checkpointing import recomputing
from bench.diffusion.backbone.terms import Layer, Predicate, every_layer


@dataclass
class Recorder:
    """Collects the attention probabilities of one forward pass, [B, heads, pixels, tokens] per layer.

    `layers` has the layer of each of the `maps`, in the order of the pass. `wants` says which layers are recorded.
    """

    maps: list[Tensor] = field(default_factory=list)
    layers: list[Layer] = field(default_factory=list)
    wants: Predicate = every_layer

    def take(self, token_index: Tensor, wanted: Predicate | None = None) -> Tensor:
        """The maps of one token per row, averaged over layers and heads: [k, s, s] for `token_index` int64 [k].

        They are of batch row 0 and of the `wanted` layers (None: all), whose maps must have one size.
        """
        layers = zip(self.maps, self.layers, strict=True)
        mean = torch.stack([one[0].mean(dim=0) for one, layer in layers if wanted is None or wanted(layer)]).mean(dim=0)
        side = math.isqrt(mean.shape[0])
        return mean[:, token_index.to(mean.device)].T.reshape(-1, side, side)

    def clear(self, wanted: Predicate = every_layer) -> None:
        """Delete all maps, before the next forward pass, in which only the `wanted` layers are recorded.

        That holds until the next call: a backward pass that computes layers again must find them as they were.
        """
        self.maps.clear()
        self.layers.clear()
        self.wants = wanted

    @contextlib.contextmanager
    def rows(self, first: int, last: int) -> Iterator[None]:
        """While the block runs, the maps are those of the batch rows from `first` to before `last`."""
        whole, self.maps = self.maps, [one[first:last] for one in self.maps]
        try:
            yield
        finally:
            self.maps = whole


@contextlib.contextmanager
def recording(unet: UNet2DConditionModel, latent_side: int, wanted: Predicate) -> Iterator[Recorder]:
    """Record the cross-attention of every layer that `wanted` picks, for square latents of `latent_side`.

    Raises `UserError` if it picks none.
    """
    layers = cross_attention_layers(unet, latent_side)
    chosen = {f"{layer.name}.processor": layer for layer in layers if wanted(layer)}
    if not chosen:
        sides = ", ".join(str(side) for side in sorted({layer.side for layer in layers}))
        raise UserError(
            f"this backbone has no cross-attention maps of the kind that the method needs (at latents of "
            f"{latent_side} they are {sides} wide); take another backbone or set attention_weight=0"
        )
    before, recorder = unet.attn_processors, Recorder()
    # Any: the library lists its own processors only.
    processors: Any = {name: _Recording(recorder, chosen[name]) if name in chosen else _plain() for name in before}
    unet.set_attn_processor(processors)
    try:
        yield recorder
    finally:
        unet.set_attn_processor(before)


@contextlib.contextmanager
def bos_detached(unet: UNet2DConditionModel) -> Iterator[None]:
    """While the block runs, no gradient flows through K and V of the BOS token (Custom Diffusion's code)."""

    def detach(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        return torch.cat([output[:, :1].detach(), output[:, 1:]], dim=1)

    projections = [module for name, module in unet.named_modules() if name.endswith((".attn2.to_k", ".attn2.to_v"))]
    hooks = [module.register_forward_hook(detach) for module in projections]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def cross_attention_layers(unet: UNet2DConditionModel, latent_side: int) -> tuple[Layer, ...]:
    """Every cross-attention layer with the side of its map for latents of `latent_side`."""
    levels = len(unet.config["block_out_channels"])
    names = (name.removesuffix(".processor") for name in unet.attn_processors if ".attn2." in name)
    return tuple(Layer(name, math.ceil(latent_side / 2 ** _halvings(name, levels))) for name in names)


def _plain() -> AttnProcessor2_0:
    """Scaled-dot-product attention."""
    return AttnProcessor2_0()  # type: ignore[no-untyped-call]


def _halvings(name: str, levels: int) -> int:
    """How often the latents are halved before a layer such as `up_blocks.1.attentions.0...`."""
    place, index = name.split(".")[:2]
    if place == "mid_block":
        return levels - 1
    return int(index) if place == "down_blocks" else levels - 1 - int(index)


class _Recording:
    """Attention with an explicit softmax, whose probabilities are kept."""

    def __init__(self, recorder: Recorder, layer: Layer) -> None:
        self._recorder = recorder
        self._layer = layer
        self._plain: Any = _plain()

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        **_: object,
    ) -> Tensor:
        """The call of a diffusers attention processor; `attn` is its `Attention`, with projections that may be None."""
        if not self._recorder.wants(self._layer):
            unrecorded: Tensor = self._plain(attn, hidden_states, encoder_hidden_states, attention_mask)
            return unrecorded
        query = _split(attn.to_q(hidden_states), attn.heads)
        key = _split(attn.to_k(encoder_hidden_states), attn.heads)
        value = _split(attn.to_v(encoder_hidden_states), attn.heads)
        scores = (query * attn.scale) @ key.transpose(-1, -2)
        scores = scores if attention_mask is None else scores + attention_mask
        probabilities = scores.float().softmax(dim=-1)
        if not recomputing():  # the maps of the forward pass itself are already there
            self._recorder.maps.append(probabilities)
            self._recorder.layers.append(self._layer)
        mixed = (probabilities.to(value.dtype) @ value).transpose(1, 2).flatten(2)
        output: Tensor = attn.to_out[1](attn.to_out[0](mixed))
        return output


def _split(states: Tensor, heads: int) -> Tensor:
    """[B, n, heads * d] to [B, heads, n, d]."""
    batch, length, _ = states.shape
    return states.view(batch, length, heads, -1).transpose(1, 2)
