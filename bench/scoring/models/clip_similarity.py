"""Prompt similarity: the CLIP cosine of a picture and its prompt with class words, on a preset's scale."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from bench.core.scenes import ImageArray
from bench.scoring.models.clip import Clip, HuggingFaceClip
from bench.scoring.models.model_loading import load_processor, load_tokenizer
from bench.scoring.models.open_clip import OpenClip
from bench.scoring.models.sources import ModelSource
from bench.scoring.presets import ClipBackend, Preset
from bench.scoring.threads import parallel_map

BACKENDS: dict[ClipBackend, Callable[[ModelSource, torch.device], Clip]] = {
    "hf": HuggingFaceClip.load,
    "open_clip": OpenClip.load,
}


@dataclass(frozen=True)
class CosineScale:
    """From cosines to a preset's values: `factor` times the cosine, but not below `floor` (None: no floor)."""

    factor: float = 1.0
    floor: float | None = None

    def apply(self, cosines: NDArray[np.float64]) -> NDArray[np.float64]:
        """The values of cosines, shape [N] both."""
        scaled = self.factor * cosines
        return scaled if self.floor is None else np.maximum(scaled, self.floor)


class PromptSimilarity:
    """CLIP with its tokenizer and processor; texts are embedded once and kept."""

    def __init__(self, clip: Clip, tokenizer: Any, processor: Any, scale: CosineScale) -> None:
        self._clip = clip
        self._tokenizer = tokenizer
        self._processor = processor
        self._scale = scale
        self._texts: dict[str, Tensor] = {}

    @classmethod
    def load(cls, preset: Preset, device: torch.device) -> PromptSimilarity:
        """Load a preset's CLIP by its back end; raises `UserError` if that fails.

        Tokenizer and processor are the checkpoint's own, whichever the back end.
        """
        clip = BACKENDS[preset.clip_backend](preset.clip, device)
        scale = CosineScale(preset.clip_scale, preset.clip_floor)
        return cls(clip, load_tokenizer(preset.clip), load_processor(preset.clip), scale)

    @torch.inference_mode()
    def similarities(self, pictures: Sequence[ImageArray], texts: Sequence[str]) -> NDArray[np.float64]:
        """Cosine of each picture and its text (Break-A-Scene, section 4.1), on the preset's scale, shape [N].

        Texts longer than the model's context are cut; their end-of-text stays.
        """
        ready = parallel_map(
            lambda picture: self._processor(images=[picture], return_tensors="pt")["pixel_values"], pictures
        )
        features = normalize(self._clip.pictures(torch.cat(ready)), dim=-1)
        cosines: NDArray[np.float64] = (features * self._embed(texts)).sum(dim=-1).double().cpu().numpy()
        return self._scale.apply(cosines)

    def _embed(self, texts: Sequence[str]) -> Tensor:
        """Normalised text embeddings, [N, width]."""
        new = [text for text in dict.fromkeys(texts) if text not in self._texts]
        if new:
            cut = {"truncation": True, "max_length": self._clip.context}
            tokens = self._tokenizer(new, padding=True, return_tensors="pt", **cut)["input_ids"]
            self._texts.update(zip(new, normalize(self._clip.texts(tokens), dim=-1), strict=True))
        return torch.stack([self._texts[text] for text in texts])
