"""The protocol of CLIP models that prompt similarity uses, and Hugging Face's implementation."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import CLIPModel

from bench.scoring.models.model_loading import load_model
from bench.scoring.models.sources import ModelSource


class Clip(Protocol):
    """Both towers of a CLIP, without its tokenizer and its image processor."""

    @property
    def context(self) -> int:
        """Maximum number of tokens of a text, its begin and end tokens included."""
        ...

    def pictures(self, pixels: Tensor) -> Tensor:
        """Projected embeddings, not normalised, [N, width], of the processor's pixels, float32 [N, 3, H, W]."""
        ...

    def texts(self, tokens: Tensor) -> Tensor:
        """Projected embeddings, not normalised, [N, width], of token ids, int64 [N, up to the context].

        Every text ends in end-of-text; tokens after it are padding and are ignored.
        """
        ...


class HuggingFaceClip:
    """CLIP by `transformers`."""

    def __init__(self, model: CLIPModel) -> None:
        # Any: a checked model's calls have no types.
        self._model: Any = model

    @classmethod
    def load(cls, source: ModelSource, device: torch.device) -> HuggingFaceClip:
        """Load from the hub or a folder; raises `UserError` if that fails."""
        return cls(load_model(CLIPModel, source, device))

    @property
    def context(self) -> int:
        """See `Clip`."""
        length: int = self._model.config.text_config.max_position_embeddings
        return length

    def pictures(self, pixels: Tensor) -> Tensor:
        """See `Clip`."""
        features: Tensor = self._model.get_image_features(pixel_values=pixels.to(self._model.device)).pooler_output
        return features

    def texts(self, tokens: Tensor) -> Tensor:
        """See `Clip`: attention is causal, so padding needs no mask."""
        features: Tensor = self._model.get_text_features(input_ids=tokens.to(self._model.device)).pooler_output
        return features
