"""Draws pictures in batches: the noise of each has its own seed, on the CPU. Imports no torch until it draws."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.core.scenes import ImageArray
from bench.plugins.backbone import Backbone

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DrawJob:
    """One picture to draw: its text and the seed of its initial noise."""

    text: str
    noise_seed: int


def draw(backbone: Backbone, jobs: Sequence[DrawJob], batch_size: int) -> Iterator[ImageArray]:
    """The pictures of `jobs`, in order, by DDIM (eta 0) with the backbone's steps and guidance.

    A picture does not depend on its batch, up to rounding. Texts longer than the text encoder's context are truncated,
    with a warning.
    """
    from bench.diffusion.sampling.latents import decode, denoise  # noqa: PLC0415 - torch is slow to import

    warn_of_long_texts(backbone, [job.text for job in jobs])
    for start in range(0, len(jobs), batch_size):
        batch = jobs[start : start + batch_size]
        for latents in denoise(backbone, [job.text for job in batch], [job.noise_seed for job in batch]):
            yield decode(backbone, latents)


def warn_of_long_texts(backbone: Backbone, texts: Sequence[str]) -> None:
    """Warn, in one line, of texts longer than the text encoder's context."""
    longest = backbone.text_encoder.config.max_position_embeddings
    lengths = [len(ids) for ids in backbone.tokenizer(list(texts), verbose=False).input_ids] if texts else []
    cut = [text for text, length in zip(texts, lengths, strict=True) if length > longest]
    if cut:
        _log.warning(
            "%d of %d texts are longer than the text encoder's %d tokens, so their ends are not read: '%s'",
            len(cut), len(texts), longest, max(cut, key=len),
        )  # fmt: skip
