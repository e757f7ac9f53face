"""Trains the identity features: a ViT whose CLS token is similar for two drawings of one toy, and of no other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize
from transformers import ViTConfig, ViTImageProcessor, ViTModel

from bench.playroom.train.augment import degrade, remask, to_tensor
from bench.playroom.train.data import SIZE, VIEWS, Toys
from bench.playroom.train.loop import Draw, plain_attention
from bench.playroom.world.toys import CLASSES

WIDTH = 128
TEMPERATURE = 0.1
CLASSES_A_BATCH = 2
"""A batch holds toys of so few classes that most negatives are of the same class."""


def new_vit() -> ViTModel:
    """An untrained ViT of 8x8 patches (0.9 M parameters)."""
    config = ViTConfig(
        hidden_size=WIDTH,
        intermediate_size=4 * WIDTH,
        num_hidden_layers=4,
        num_attention_heads=4,
        image_size=SIZE,
        patch_size=8,
    )
    return ViTModel(config, add_pooling_layer=False)


def new_processor() -> ViTImageProcessor:
    """Resizes to 64 pixels and scales to [-1, 1]."""
    half = [0.5, 0.5, 0.5]
    return ViTImageProcessor(size={"height": SIZE, "width": SIZE}, image_mean=half, image_std=half)


def _load(weights: Path) -> ViTModel:
    return ViTModel.from_pretrained(weights, add_pooling_layer=False, dtype=torch.float32)


class VitTask:
    """A contrastive loss: each toy drawn twice, black-masked, in a new pose and place."""

    def __init__(self, toys: Toys, weights: Path | None) -> None:
        self.toys = toys
        self.model = new_vit() if weights is None else _load(weights)

    def losses(self, draw: Draw) -> dict[str, Tensor]:
        """The loss of `batch` toys in two views, and how often a toy's second view came first."""
        pictures = to_tensor(self._views(draw), draw)
        inside = (pictures.amax(dim=1, keepdim=True) > 0).float()
        soft = remask(degrade(pictures, draw), inside, draw)
        with torch.autocast(draw.device.type, torch.bfloat16), plain_attention(draw.device):
            features = self.model(pixel_values=(soft - 0.5) / 0.5).last_hidden_state[:, 0]
        one, two = normalize(features.float(), dim=-1).chunk(2)
        logits = one @ two.T / TEMPERATURE
        right = torch.arange(len(one), device=draw.device)
        loss = (cross_entropy(logits, right) + cross_entropy(logits.T, right)) / 2
        return {"loss": loss, "first": (logits.argmax(1) == right).float().mean()}

    def _views(self, draw: Draw) -> NDArray[np.uint8]:
        """One view of each of `batch` toys, then another of each, uint8 [2 B, 64, 64, 3]."""
        classes = draw.rng.choice(len(CLASSES), size=CLASSES_A_BATCH, replace=False)
        known = np.flatnonzero(np.isin(self.toys.classes, classes))
        chosen = draw.rng.choice(known, size=draw.batch, replace=len(known) < draw.batch)
        views = np.array([draw.rng.permutation(VIEWS)[:2] for _ in chosen])
        return np.concatenate([self.toys.pictures[chosen, views[:, side]] for side in (0, 1)])
