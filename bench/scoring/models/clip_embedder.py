"""CLIP for metrics: normalised embeddings of pictures and texts by either back end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from bench.core.scenes import ImageArray
from bench.scoring.models.clip import Clip, HuggingFaceClip
from bench.scoring.models.model_loading import AS_STORED, load_processor, load_tokenizer
from bench.scoring.models.open_clip import OpenClip
from bench.scoring.models.sources import ModelSource
from bench.scoring.presets import ClipBackend, Preset
from bench.scoring.threads import parallel_map

BACKENDS: dict[ClipBackend, Callable[[ModelSource, torch.device], Clip]] = {
    "hf": HuggingFaceClip.load,
    "open_clip": OpenClip.load,
}


class ClipEmbedder:
    """CLIP with its tokenizer and processor; text embeddings are cached."""

    def __init__(self, clip: Clip, tokenizer: Any, processor: Any) -> None:
        self._clip = clip
        self._tokenizer = tokenizer
        self._processor = processor
        self._texts: dict[str, Tensor] = {}

    @classmethod
    def load(cls, preset: Preset, device: torch.device) -> ClipEmbedder:
        """Load a preset's CLIP by its back end; raises `UserError` if that fails.

        Tokenizer and processor are the checkpoint's own, whichever the back end.
        """
        clip = BACKENDS[preset.clip_backend](preset.clip, device)
        return cls(clip, load_tokenizer(preset.clip), load_processor(preset.clip))

    @torch.inference_mode()
    def images(self, pictures: Sequence[ImageArray]) -> Tensor:
        """Normalised embeddings of pictures, [N, width], on the model's device."""
        ready = parallel_map(lambda picture: self._processor(images=[picture], **AS_STORED)["pixel_values"], pictures)
        return normalize(self._clip.pictures(torch.cat(ready)), dim=-1)

    @torch.inference_mode()
    def texts(self, texts: Sequence[str]) -> Tensor:
        """Normalised embeddings of texts, [N, width], on the model's device.

        Texts longer than the model's context are truncated, keeping their end-of-text token.
        """
        new = [text for text in dict.fromkeys(texts) if text not in self._texts]
        if new:
            cut = {"truncation": True, "max_length": self._clip.context}
            tokens = self._tokenizer(new, padding=True, return_tensors="pt", **cut)["input_ids"]
            self._texts.update(zip(new, normalize(self._clip.texts(tokens), dim=-1), strict=True))
        return torch.stack([self._texts[text] for text in texts])
