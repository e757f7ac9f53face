"""Prior-preservation pictures: what the pristine backbone draws of a class prompt (DreamBooth, 3.2)."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from bench.diffusion.backbone import Backbone
from bench.diffusion.sampler import Order, draw
from bench.scenes import Picture
from bench.seeds import seed_from

_CACHE: WeakKeyDictionary[Backbone, dict[tuple[str, int], tuple[Picture, ...]]] = WeakKeyDictionary()


def prior_pictures(backbone: Backbone, text: str, count: int, batch_size: int) -> tuple[Picture, ...]:
    """`count` pictures of `text`, uint8 [H, W, 3], by the pristine backbone, drawn once a process.

    They are drawn with the backbone's sampler, where the official code takes the checkpoint's default one.
    Their seeds depend on text and index alone: every scene and method sees the same pictures.
    """
    known = _CACHE.setdefault(backbone, {})
    if (text, count) not in known:
        orders = [Order(text, seed_from(prior=text, index=index)) for index in range(count)]
        known[text, count] = tuple(draw(backbone, orders, batch_size))
    return known[text, count]
