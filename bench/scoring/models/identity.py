"""Image embeddings for identity similarity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import normalize
from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Normalize, Resize, ToTensor
from transformers import CLIPVisionModelWithProjection, Dinov2Model, PreTrainedModel, ViTModel

from bench.core.scenes import ImageArray
from bench.scoring.comparison import Embedding, Kind
from bench.scoring.models.model_loading import AS_STORED, load_model, load_processor
from bench.scoring.models.sources import ModelSource, ResizeCrop
from bench.scoring.threads import parallel_map

View = Callable[[Sequence[ImageArray]], Tensor]
"""Pictures -> the model's input, float32 [N, 3, H, W]."""


class IdentityFeatures:
    """An image model with its preprocessing."""

    def __init__(self, model: PreTrainedModel, kind: Kind, view: View) -> None:
        # Any: a checked model's call has no types.
        self._model: Any = model
        self._kind = kind
        self._view = view

    @classmethod
    def load(cls, embedding: Embedding, device: torch.device) -> IdentityFeatures:
        """Load an embedding's model from the hub or a folder; raises `UserError` if that fails."""
        source, own = embedding.source, embedding.view
        view = processor_view(source) if own is None else resize_crop_view(own)
        return cls(_MODELS[embedding.kind](source, device), embedding.kind, view)

    @torch.inference_mode()
    def features(self, pictures: Sequence[ImageArray]) -> Tensor:
        """Normalised features [N, width], on the CPU.

        DINO, DINOv2: the CLS token after the last layer norm; CLIP: the projected image embedding.
        """
        pixels = self._view(pictures).to(self._model.device)
        output = self._model(pixel_values=pixels)
        vectors: Tensor = output.image_embeds if self._kind == "clip" else output.last_hidden_state[:, 0]
        return normalize(vectors, dim=-1).cpu()


def _dino(source: ModelSource, device: torch.device) -> PreTrainedModel:
    return load_model(ViTModel, source, device, add_pooling_layer=False)


def _dinov2(source: ModelSource, device: torch.device) -> PreTrainedModel:
    return load_model(Dinov2Model, source, device)


def _clip(source: ModelSource, device: torch.device) -> PreTrainedModel:
    return load_model(CLIPVisionModelWithProjection, source, device)


_MODELS: dict[Kind, Callable[[ModelSource, torch.device], PreTrainedModel]] = {
    "dino": _dino,
    "dinov2": _dinov2,
    "clip": _clip,
}


def resize_crop_view(view: ResizeCrop) -> View:
    """The official evaluation's preprocessing: shorter side resized (bicubic), central crop, normalised.

    A central crop of an uncropped picture may cut off a concept at the edge; that is the official protocol
    (facebookresearch/dino, eval_knn.py; google/dreambooth issue 3), which the preset `paper` uses.
    """
    cut: Any = Compose([Resize(view.resize, InterpolationMode.BICUBIC), CenterCrop(view.crop)])
    transform: Any = Compose([ToTensor(), Normalize(view.mean, view.std)])

    def apply(pictures: Sequence[ImageArray]) -> Tensor:
        crops = parallel_map(lambda picture: cut(Image.fromarray(picture)), pictures)
        return torch.stack([transform(crop) for crop in crops])

    return apply


def processor_view(source: ModelSource) -> View:
    """Preprocessing by the model's own Hugging Face processor."""
    processor = load_processor(source)

    def process(picture: ImageArray) -> Tensor:
        pixels: Tensor = processor(images=[picture], **AS_STORED)["pixel_values"]
        return pixels

    def apply(pictures: Sequence[ImageArray]) -> Tensor:
        return torch.cat(parallel_map(process, pictures))

    return apply
