"""What the base model draws: one toy of every class in every context, judged by the package's evaluators."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from bench.diffusion.backbone import Backbone
from bench.diffusion.sampler import Order, draw
from bench.playroom.contexts import CONTEXTS
from bench.playroom.exam import Examiners, Rate, context_first
from bench.playroom.toys import CLASSES
from bench.scenes import Picture, with_article

BATCH = 16


@dataclass(frozen=True, eq=False)
class Sample:
    """A picture of the base model and what it was asked for."""

    picture: Picture
    class_name: str
    context: str


def draw_all(backbone: Backbone, seeds: int) -> list[Sample]:
    """`seeds` pictures of "a photo of a CLASS CONTEXT" for every class and context."""
    asked = list(product(CLASSES, CONTEXTS, range(seeds)))
    orders = [
        Order(f"a photo of {with_article(name)} {context}", noise_seed=number)
        for number, (name, context, _) in enumerate(asked)
    ]
    pictures = draw(backbone, orders, BATCH)
    return [Sample(picture, name, context) for picture, (name, context, _) in zip(pictures, asked, strict=True)]


def judge(samples: Sequence[Sample], examiners: Examiners) -> dict[str, Any]:
    """How often the asked class is found, another class is, and the asked context comes first of ten.

    `detection`: the segmenter's panoptic post-processing, thresholds of the `playroom` preset (class
    probability and mask at least .5), has a segment of the asked class. `false_alarms`: it has one of a class
    that was not asked for.
    """
    found = [examiners.classes(sample.picture) for sample in samples]
    pairs = list(zip(samples, found, strict=True))
    contexts = [context_first(examiners, s.picture, with_article(s.class_name), s.context) for s in samples]
    return {
        "detection": Rate.of(sample.class_name in names for sample, names in pairs).describe(),
        "false_alarms": Rate.of(bool(names - {sample.class_name}) for sample, names in pairs).describe(),
        "context_first_of_ten": Rate.of(contexts).describe(),
        "detection_by_class": {
            name: Rate.of(name in names for sample, names in pairs if sample.class_name == name).rate
            for name in CLASSES
        },
        "detection_by_context": {
            context: Rate.of(sample.class_name in names for sample, names in pairs if sample.context == context).rate
            for context in CONTEXTS
        },
    }


def measure_speed(backbone: Backbone, repeats: int = 5) -> dict[str, float]:
    """Median seconds, batch 1, of a guided sample, a forward pass and a training step of the UNet."""
    latents = torch.randn(1, *backbone.latent_shape, device=backbone.device)
    times = torch.tensor([500], device=backbone.device)
    with torch.no_grad():
        text = backbone.encode_text(["a photo of a mug at the beach"])

    def forward() -> torch.Tensor:
        predicted: torch.Tensor = backbone.unet(latents, times, text).sample
        return predicted

    def train() -> None:
        backbone.unet.requires_grad_(True)
        torch.autograd.backward(forward().square().mean())
        backbone.unet.zero_grad(set_to_none=True)
        backbone.unet.requires_grad_(False)

    order = [Order("a photo of a mug at the beach", noise_seed=0)]
    verbs = {
        "guided_sample_seconds": lambda: list(draw(backbone, order, 1)),
        "forward_seconds": torch.no_grad()(forward),
        "training_step_seconds": train,
    }
    return {name: _median_seconds(verb, repeats) for name, verb in verbs.items()}


def _median_seconds(verb: Any, repeats: int) -> float:
    verb()
    spans = []
    for _ in range(repeats):
        start = time.perf_counter()
        verb()
        spans.append(time.perf_counter() - start)
    return round(float(np.median(spans)), 4)


def write_sheet(samples: Sequence[Sample], path: Path) -> None:
    """The first picture of each class (rows) in each context (columns), side by side."""
    first = {(sample.class_name, sample.context): sample.picture for sample in reversed(samples)}
    rows = [np.concatenate([first[name, context] for context in CONTEXTS], axis=1) for name in CLASSES]
    Image.fromarray(np.concatenate(rows)).save(path)
