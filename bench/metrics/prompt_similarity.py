"""Prompt similarity: the CLIP cosine of a picture and its prompt with class words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize
from transformers import CLIPModel

from bench.metrics.evaluators import load_model, load_processor, load_tokenizer
from bench.metrics.presets import ModelSource
from bench.scenes import Picture


class PromptSimilarity:
    """CLIP with its processor; texts are embedded once and kept."""

    def __init__(self, model: CLIPModel, tokenizer: Any, processor: Any) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._processor = processor
        self._context: int = model.text_model.embeddings.position_embedding.num_embeddings
        self._texts: dict[str, Tensor] = {}

    @classmethod
    def load(cls, source: ModelSource, device: torch.device) -> PromptSimilarity:
        """Load from the hub or a folder; raises `UserError` if that fails."""
        return cls(load_model(CLIPModel, source, device), load_tokenizer(source), load_processor(source))

    @torch.inference_mode()
    def similarities(self, pictures: Sequence[Picture], texts: Sequence[str]) -> NDArray[np.float64]:
        """Cosine of each picture and its text, in [-1, 1], shape [N] (Break-A-Scene, section 4.1).

        Texts longer than the model's context are cut.
        """
        pixels = self._processor(images=list(pictures), return_tensors="pt")["pixel_values"]
        output: Any = self._model.get_image_features(pixel_values=pixels.to(self._model.device))
        features = normalize(output.pooler_output, dim=-1)
        cosines: NDArray[np.float64] = (features * self._embed(texts)).sum(dim=-1).double().cpu().numpy()
        return cosines

    def _embed(self, texts: Sequence[str]) -> Tensor:
        """Normalised text embeddings, [N, width]."""
        new = [text for text in dict.fromkeys(texts) if text not in self._texts]
        if new:
            length = self._context
            tokens = self._tokenizer(new, padding=True, truncation=True, max_length=length, return_tensors="pt")
            output: Any = self._model.get_text_features(**tokens.to(self._model.device))
            features = normalize(output.pooler_output, dim=-1)
            self._texts.update(zip(new, features, strict=True))
        return torch.stack([self._texts[text] for text in texts])
