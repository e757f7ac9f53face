"""Watches where the network looks while pictures are drawn: attention maps of handles before chosen sampling steps."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Collection, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from bench.diffusion.backbone.attention import cross_attention_layers, recording
from bench.diffusion.backbone.terms import Layer, at_16
from bench.diffusion.backbone.token_maps import concept_maps
from bench.plugins.backbone import Backbone


@dataclass(frozen=True, eq=False)
class AttentionWatch:
    """Maps of `handles` before the sampling steps at the indices `steps`, of every picture drawn in `watching`.

    A map is float32 [side, side] on the CPU: probabilities of the text's half of the guidance, averaged over heads and
    the 16 x 16 layers as in Break-A-Scene's Figure 4 (B.1), or over all layers of the up blocks where a backbone has
    none of that side. It takes one more pass per chosen step, so the pictures stay as they are.

    `seen` has for each of those steps a mapping of handles to maps per picture, in the order of drawing; what a text
    does not name at that step is left out.
    """

    handles: Sequence[str]
    steps: Collection[int]
    seen: dict[int, list[dict[str, Tensor]]] = field(default_factory=dict)

    @torch.no_grad()
    def look(self, backbone: Backbone, texts: Sequence[str], states: Tensor, latents: Tensor, index: int) -> None:
        """Record the maps of a batch before a step: `states` [B, L, width] encode its texts."""
        if index not in self.steps:
            return
        places = [self._places(backbone, text) for text in texts]
        found: list[dict[str, Tensor]] = [{} for _ in texts]
        if any(places):
            maps = _cross_attention(backbone, latents, int(backbone.scheduler.timesteps[index]), states)
            found = [_of_row(maps, row, named) for row, named in enumerate(places)]
        self.seen.setdefault(index, []).extend(found)

    def _places(self, backbone: Backbone, text: str) -> dict[str, int]:
        """The index of the first occurrence of each handle in the text, as far as the encoder reads."""
        read = backbone.tokenize([text])[0].tolist()
        ids = {name: backbone.tokenizer.convert_tokens_to_ids(name) for name in self.handles if name in text}
        return {name: read.index(token) for name, token in ids.items() if token in read}


_WATCH: ContextVar[AttentionWatch | None] = ContextVar("watch", default=None)


@contextlib.contextmanager
def watching(watch: AttentionWatch) -> Iterator[AttentionWatch]:
    """While the block runs, `watch` records the attention of everything that is drawn, whichever method draws it."""
    token = _WATCH.set(watch)
    try:
        yield watch
    finally:
        _WATCH.reset(token)


def current_watch() -> AttentionWatch | None:
    """What watches the drawing, if anything does."""
    return _WATCH.get()


def _cross_attention(backbone: Backbone, latents: Tensor, time: int, states: Tensor) -> list[Tensor]:
    """The probabilities [B, heads, pixels, tokens] of every layer that is averaged."""
    unet: Any = backbone.unet  # the library does not annotate its call
    layers = _layers(backbone)
    with recording(backbone.unet, latents.shape[-1], layers.__contains__) as recorder, backbone.hardware.autocast():
        unet(latents, time, states)
    return recorder.maps


def _of_row(layers: Sequence[Tensor], row: int, places: dict[str, int]) -> dict[str, Tensor]:
    """The maps of a picture's handles, each [side, side] of the largest layer, by handle."""
    if not places:
        return {}
    side = max(math.isqrt(one.shape[2]) for one in layers)
    maps = concept_maps([one[row : row + 1] for one in layers], torch.tensor(list(places.values())), side)
    return dict(zip(places, maps.float().cpu(), strict=True))


def _layers(backbone: Backbone) -> tuple[Layer, ...]:
    layers = cross_attention_layers(backbone.unet, backbone.latent_shape[-1])
    of_side_16 = tuple(layer for layer in layers if at_16(layer))
    return of_side_16 or tuple(layer for layer in layers if layer.place == "up")
