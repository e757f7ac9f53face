"""Trains Playroom's CLIP: pictures and captions in one embedding space."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
    CLIPTextConfig,
    CLIPVisionConfig,
)

from bench.core.scenes import with_article
from bench.playroom.train.augment import degrade, to_tensor
from bench.playroom.train.data import SIZE, Scenes
from bench.playroom.train.loop import Draw, plain_attention
from bench.playroom.train.tokenizer import MAX_LENGTH, make_tokenizer, special_tokens
from bench.playroom.world.captions import caption, describe
from bench.playroom.world.toys import all_appearances

WIDTH = 128
BACKDROP = 128
"""Grey level of the backdrop that cut-out toys are put on half of the time, the others being of any colour."""


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
    """CLIP's symmetric contrastive loss on scenes; and of toys alone, the right one of all descriptions of their class.

    Pictures with equal captions are not negatives of each other. In a batch of scenes the context and the classes tell
    captions apart, so that motifs would hardly be learned: hence the second loss.
    """

    def __init__(self, scenes: Scenes, weights: Path | None) -> None:
        self.scenes = scenes
        self.alone = _named_alone(scenes)
        self.tokenizer = make_tokenizer()
        self.model = new_clip() if weights is None else CLIPModel.from_pretrained(weights, dtype=torch.float32)

    def losses(self, draw: Draw) -> dict[str, Tensor]:
        """The losses of one batch, how often the right caption came first in it, and the right description."""
        chosen = draw.rng.integers(len(self.scenes), size=draw.batch)
        pictures = degrade(self._pictures(chosen, draw), draw)
        texts = [caption(self.scenes.scenes[index], draw.rng) for index in chosen]
        logits, ids = self._logits(pictures, texts)
        same = (ids[:, None] == ids[None]).all(-1) & ~torch.eye(len(texts), dtype=torch.bool, device=ids.device)
        logits = logits.masked_fill(same, -1e4)
        right = torch.arange(len(texts), device=draw.device)
        contrastive = (cross_entropy(logits, right) + cross_entropy(logits.T, right)) / 2
        described, named = self._describing(draw)
        return {
            "loss": contrastive + described,
            "first": (logits.argmax(1) == right).float().mean(),
            "looks": described,
            "named": named,
        }

    def _describing(self, draw: Draw) -> tuple[Tensor, Tensor]:
        """The loss of naming toys of one class, alone on a plain backdrop, and how often the name was right."""
        known = list(self.alone)
        if not known:
            return torch.zeros((), device=draw.device), torch.zeros((), device=draw.device)
        name = known[int(draw.rng.integers(len(known)))]
        chosen = draw.rng.choice(self.alone[name], size=max(2, draw.batch // 4))
        toys = torch.from_numpy(self.scenes.instances[chosen][:, None] > 0).to(draw.device)
        grounds = torch.rand(len(chosen), 3, 1, 1, generator=draw.generator).to(draw.device)
        grey = torch.full_like(grounds, BACKDROP / 255)
        plain = torch.where(
            torch.rand(len(chosen), 1, 1, 1, generator=draw.generator).to(draw.device) < 0.5, grey, grounds
        )
        pictures = to_tensor(self.scenes.pictures[chosen], draw)
        texts = [describe(each) for each in all_appearances(name)]
        logits, _ = self._logits(
            degrade(torch.where(toys, pictures, plain), draw), [f"a photo of {with_article(text)}" for text in texts]
        )
        toy = [texts.index(describe(self.scenes.scenes[index].toys[0].identity)) for index in chosen]
        right = torch.tensor(toy, device=draw.device)
        return cross_entropy(logits, right), (logits.argmax(1) == right).float().mean()

    def _pictures(self, chosen: NDArray[np.int64], draw: Draw) -> Tensor:
        side = draw.rng.choice((-1, 1))
        return to_tensor(self.scenes.pictures[chosen][:, :, ::side].copy(), draw)

    def _logits(self, pictures: Tensor, texts: list[str]) -> tuple[Tensor, Tensor]:
        """Scaled cosines [pictures, texts] and the texts' tokens [texts, length]."""
        tokens = self.tokenizer(texts, padding=True, truncation=True, return_tensors="pt").to(pictures.device)
        with torch.autocast(pictures.device.type, torch.bfloat16), plain_attention(pictures.device):
            result = self.model(pixel_values=(pictures - 0.5) / 0.5, **tokens)
        return result.logits_per_image.float(), tokens.input_ids


def _named_alone(scenes: Scenes) -> dict[str, NDArray[np.int64]]:
    """The scenes of one toy whose appearance can be described, by the toy's class; classes without one are left out."""
    found: dict[str, list[int]] = {}
    for index, scene in enumerate(scenes.scenes):
        if len(scene.toys) == 1 and describe(scene.toys[0].identity) != scene.toys[0].identity.class_name:
            found.setdefault(scene.toys[0].identity.class_name, []).append(index)
    return {name: np.array(indices) for name, indices in found.items()}
