"""Trains Playroom's segmenter: MaskFormer on a small ResNet, one query per toy, on pictures enlarged to 128 pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate
from transformers import (
    DetrConfig,
    MaskFormerConfig,
    MaskFormerForInstanceSegmentation,
    MaskFormerImageProcessor,
    ResNetConfig,
)

from bench.playroom.train.augment import degrade, recolour, retexture, to_tensor
from bench.playroom.train.data import Scenes
from bench.playroom.train.loop import Draw
from bench.playroom.world.toys import CLASSES

ENLARGED = 128
LABELS = (*CLASSES, "background")
"""The toys and the background: panoptic post-processing gives every pixel to its most probable segment."""


def new_maskformer() -> MaskFormerForInstanceSegmentation:
    """An untrained segmenter of Playroom's classes (1.9 M parameters)."""
    stages = ["stage1", "stage2", "stage3", "stage4"]
    resnet: Any = ResNetConfig
    backbone = resnet(
        embedding_size=32,
        hidden_sizes=[32, 64, 96, 128],
        depths=[2, 2, 2, 2],
        layer_type="basic",
        out_features=stages,
    )
    decoder = DetrConfig(
        d_model=96,
        encoder_layers=1,
        decoder_layers=3,
        encoder_ffn_dim=256,
        decoder_ffn_dim=256,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        num_queries=12,
        dropout=0.0,
    )
    config = MaskFormerConfig(
        backbone_config=backbone,
        decoder_config=decoder,
        fpn_feature_size=96,
        mask_feature_size=96,
        id2label=dict(enumerate(LABELS)),
        label2id={name: index for index, name in enumerate(LABELS)},
    )
    return MaskFormerForInstanceSegmentation(config)


def new_processor() -> MaskFormerImageProcessor:
    """Enlarges to 128 pixels and scales to [-1, 1]."""
    half = [0.5, 0.5, 0.5]
    return MaskFormerImageProcessor(
        size={"height": ENLARGED, "width": ENLARGED}, image_mean=half, image_std=half, ignore_index=255
    )


def _load(weights: Path) -> MaskFormerForInstanceSegmentation:
    return MaskFormerForInstanceSegmentation.from_pretrained(weights, dtype=torch.float32)


class MaskFormerTask:
    """MaskFormer's own loss (classes, masks, dice) on degraded and recoloured pictures."""

    def __init__(self, scenes: Scenes, weights: Path | None) -> None:
        self.scenes = scenes
        self.model = new_maskformer() if weights is None else _load(weights)

    def losses(self, draw: Draw) -> dict[str, Tensor]:
        """The loss of one batch; each toy is one instance."""
        chosen = draw.rng.integers(len(self.scenes), size=draw.batch)
        side = draw.rng.choice((-1, 1))
        drawn = to_tensor(self.scenes.pictures[chosen][:, :, ::side].copy(), draw)
        toys = torch.from_numpy(self.scenes.instances[chosen][:, None, :, ::side].copy()).to(draw.device)
        pictures = degrade(recolour(retexture(drawn, toys, draw), draw), draw)
        enlarged = interpolate(pictures, size=(ENLARGED, ENLARGED), mode="bilinear")
        masks, classes = zip(*(self._targets(index, side, draw) for index in chosen), strict=True)
        with torch.autocast(draw.device.type, torch.bfloat16):
            features = (enlarged - 0.5) / 0.5
            result = self.model(pixel_values=features, mask_labels=list(masks), class_labels=list(classes))
        return {"loss": result.loss.float()}

    def _targets(self, index: int, side: int, draw: Draw) -> tuple[Tensor, Tensor]:
        """Masks [N, 128, 128] and labels [N] of the background and the toys that show at least a few pixels."""
        instances = np.array(self.scenes.instances[index][:, ::side])
        toys = self.scenes.scenes[index].toys
        shown = [k for k in range(len(toys)) if (instances == k + 1).sum() >= 8]
        masks = np.stack([instances == number for number in (0, *(k + 1 for k in shown))])
        names = ["background", *(toys[k].identity.class_name for k in shown)]
        large = torch.from_numpy(masks.repeat(2, axis=1).repeat(2, axis=2)).float()
        labels = torch.tensor([LABELS.index(name) for name in names])
        return large.to(draw.device), labels.to(draw.device)
