"""Identity similarity: the cosine of DINO's features of a concept, alone on black, in scene and picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import normalize
from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Normalize, Resize, ToTensor
from transformers import ViTModel

from bench.metrics.evaluators import load_model, load_processor
from bench.metrics.presets import ModelSource, Preset, ResizeCrop
from bench.scenes import Mask, Picture

View = Callable[[Sequence[Picture]], Tensor]
"""Pictures -> the model's input, float32 [N, 3, H, W]."""


class IdentityFeatures:
    """A DINO-like ViT with a preset's view of pictures."""

    def __init__(self, model: ViTModel, view: View) -> None:
        self._model = model
        self._view = view

    @classmethod
    def load(cls, preset: Preset, device: torch.device) -> IdentityFeatures:
        """Load a preset's identity model from the hub or a folder; raises `UserError` if that fails."""
        source, own = preset.identity, preset.identity_view
        model = load_model(ViTModel, source, device, add_pooling_layer=False)
        return cls(model, processor_view(source) if own is None else resize_crop_view(own))

    @torch.inference_mode()
    def features(self, pictures: Sequence[Picture]) -> Tensor:
        """The normalised CLS tokens after the last layer norm, [N, width], on the CPU."""
        pixels = self._view(pictures).to(self._model.device)
        tokens = self._model(pixel_values=pixels).last_hidden_state[:, 0]
        return normalize(tokens, dim=-1).cpu()


def resize_crop_view(view: ResizeCrop) -> View:
    """The official evaluation's view: shorter side resized (bicubic), central crop, normalised.

    A central crop of an uncropped picture may cut off a concept at the edge; that is the official protocol
    (facebookresearch/dino, eval_knn.py; google/dreambooth issue 3), and it is what the preset `paper` pins.
    """
    resize = Resize(view.resize, InterpolationMode.BICUBIC)
    transform: Any = Compose([resize, CenterCrop(view.crop), ToTensor(), Normalize(view.mean, view.std)])

    def apply(pictures: Sequence[Picture]) -> Tensor:
        return torch.stack([transform(Image.fromarray(picture)) for picture in pictures])

    return apply


def processor_view(source: ModelSource) -> View:
    """The view of the model's own Hugging Face processor."""
    processor = load_processor(source)

    def apply(pictures: Sequence[Picture]) -> Tensor:
        pixels: Tensor = processor(images=list(pictures), return_tensors="pt")["pixel_values"]
        return pixels

    return apply


def masked(picture: Picture, mask: Mask, fill: tuple[int, int, int] = (0, 0, 0)) -> Picture:
    """The picture with `fill` outside the mask, uint8 [H, W, 3] (black: google/break-a-scene, issue 32)."""
    return np.where(mask[:, :, None], picture, np.array(fill, np.uint8))
