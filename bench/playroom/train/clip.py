"""CLIP of Playroom: pictures and captions into one space."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
    CLIPTextConfig,
    CLIPVisionConfig,
)

from bench.playroom.captions import caption
from bench.playroom.train.augment import degrade, to_tensor
from bench.playroom.train.data import SIZE, Scenes
from bench.playroom.train.loop import Draw
from bench.playroom.train.tokenizer import MAX_LENGTH, make_tokenizer, special_tokens

WIDTH = 128


def new_clip() -> CLIPModel:
    """An untrained CLIP: a ViT of 8x8 patches and a text transformer (1.6 M parameters)."""
    tokenizer = make_tokenizer()
    layers: dict[str, Any] = {
        "hidden_size": WIDTH,
        "intermediate_size": 4 * WIDTH,
        "num_attention_heads": 4,
        "projection_dim": WIDTH,
    }
    text = CLIPTextConfig(
        **layers,
        num_hidden_layers=3,
        vocab_size=len(tokenizer),
        max_position_embeddings=MAX_LENGTH,
        **special_tokens(tokenizer),
    )
    vision = CLIPVisionConfig(**layers, num_hidden_layers=4, image_size=SIZE, patch_size=8)
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=WIDTH))


def new_processor() -> CLIPProcessor:
    """Resizes to 64 pixels, scales to [-1, 1] and tokenizes."""
    half = [0.5, 0.5, 0.5]
    images = CLIPImageProcessor(
        size={"shortest_edge": SIZE},
        crop_size={"height": SIZE, "width": SIZE},
        image_mean=half,
        image_std=half,
    )
    kind: Any = CLIPProcessor
    processor: CLIPProcessor = kind(images, make_tokenizer())
    return processor


class ClipTask:
    """CLIP's symmetric contrastive loss; pictures with equal captions are no negatives of one another."""

    def __init__(self, scenes: Scenes, weights: Path | None) -> None:
        self.scenes = scenes
        self.tokenizer = make_tokenizer()
        self.model = new_clip() if weights is None else CLIPModel.from_pretrained(weights, dtype=torch.float32)

    def losses(self, draw: Draw) -> dict[str, Tensor]:
        """The loss of one batch and how often the right caption came first in it."""
        chosen = draw.rng.integers(len(self.scenes), size=draw.batch)
        side = draw.rng.choice((-1, 1))
        pictures = degrade(to_tensor(self.scenes.pictures[chosen][:, :, ::side].copy(), draw), draw)
        texts = [caption(self.scenes.scenes[index], draw.rng) for index in chosen]
        tokens = self.tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt").to(draw.device)
        with torch.autocast(draw.device.type, torch.bfloat16):
            result = self.model(pixel_values=(pictures - 0.5) / 0.5, **tokens)
        logits = result.logits_per_image.float()
        same = (tokens.input_ids[:, None] == tokens.input_ids[None]).all(-1) & ~torch.eye(len(texts), dtype=torch.bool)
        logits = logits.masked_fill(same.to(draw.device), -1e4)
        right = torch.arange(len(texts), device=draw.device)
        loss = (_entropy(logits, right) + _entropy(logits.T, right)) / 2
        return {"loss": loss, "first": (logits.argmax(1) == right).float().mean()}


def _entropy(logits: Tensor, right: Tensor) -> Tensor:
    return torch.nn.functional.cross_entropy(logits, right)
