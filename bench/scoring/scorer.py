"""Scores of pictures: the metric columns of the table, one row a picture and concept of its prompt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from bench.core.device import resolve_device
from bench.core.scenes import ImageArray, Scene
from bench.scoring.background_copy import BackgroundCopy
from bench.scoring.concept_matches import Identities
from bench.scoring.features import Embeddings
from bench.scoring.models.clip_similarity import PromptSimilarity
from bench.scoring.models.identity import IdentityFeatures
from bench.scoring.models.lpips import Diversity, LpipsDiversity
from bench.scoring.models.segmenter import Segmenter, Segments
from bench.scoring.models.yolo import YoloSegmenter
from bench.scoring.presets import Preset
from bench.scoring.rows import PictureJob, Row

SEGMENTERS: dict[str, Callable[[Preset, torch.device], Segments]] = {
    "maskformer": Segmenter.load,
    "yolo": YoloSegmenter.load,
}


@dataclass(frozen=True, eq=False)
class Evaluators:
    """The models of one preset; `embeddings` has one for each of its comparisons."""

    clip: PromptSimilarity
    segmenter: Segments
    embeddings: Embeddings
    lpips: LpipsDiversity

    @classmethod
    def load(cls, preset: Preset, device: torch.device, batch_size: int) -> Evaluators:
        """Load a preset's models; `UserError` if one cannot be had."""
        embeddings = dict.fromkeys(comparison.view.embedding for comparison in preset.comparisons.values())
        return cls(
            PromptSimilarity.load(preset, device),
            SEGMENTERS[preset.segmenter_kind](preset, device),
            {embedding: IdentityFeatures.load(embedding, device) for embedding in embeddings},
            LpipsDiversity.load(preset.lpips, device, batch_size),
        )


class Scorer:
    """The evaluators of one preset, loaded once; scenes' own features are computed once and kept.

    A score is a function of scene, prompt and picture alone (diversity: of the prompt's samples among the jobs); the
    batch size moves it by rounding at most.
    """

    def __init__(self, preset: Preset, evaluators: Evaluators, batch_size: int) -> None:
        self.preset = preset
        self._evaluators = evaluators
        self._batch_size = batch_size
        self._identities = Identities(preset, evaluators.segmenter, evaluators.embeddings, batch_size)
        model = evaluators.embeddings[preset.comparison.view.embedding]
        self._background = BackgroundCopy(model, evaluators.segmenter)

    @classmethod
    def load(cls, preset: Preset, device: str = "auto", batch_size: int = 8) -> Scorer:
        """Load a preset's models onto `auto`, `cpu`, `cuda` or `cuda:N`; `UserError` if one cannot be had."""
        return cls(preset, Evaluators.load(preset, resolve_device(device), batch_size), batch_size)

    def score(self, jobs: Sequence[PictureJob]) -> list[Row]:
        """Rows in the order of the jobs and, within a job, of its prompt's subset of concepts.

        Jobs that differ in the sample alone are the samples of one prompt of a unit, so they belong in one call.
        """
        diversities = self._diversities(jobs)
        batches = (slice(start, start + self._batch_size) for start in range(0, len(jobs), self._batch_size))
        return [row for batch in batches for row in self._score(jobs[batch], diversities[batch])]

    def _diversities(self, jobs: Sequence[PictureJob]) -> list[Diversity]:
        """How much the samples of each job's prompt differ: the same for all of them."""
        prompts = [(job.unit, job.scene, job.prompt.template, job.prompt.subset) for job in jobs]
        samples: dict[tuple[str, Scene, str, tuple[int, ...]], list[ImageArray]] = {}
        for prompt, job in zip(prompts, jobs, strict=True):
            samples.setdefault(prompt, []).append(job.picture)
        known = {prompt: self._evaluators.lpips.diversity(pictures) for prompt, pictures in samples.items()}
        return [known[prompt] for prompt in prompts]

    def _score(self, jobs: Sequence[PictureJob], diversities: Sequence[Diversity]) -> list[Row]:
        pictures = [job.picture for job in jobs]
        texts = [job.scene.text_with_classes(job.prompt) for job in jobs]
        similarities = self._evaluators.clip.similarities(pictures, texts)
        segmentations = self._evaluators.segmenter.segment(pictures)
        copies = self._background.copies(jobs, segmentations)
        identities = self._identities.columns(jobs, segmentations)
        rows: list[Row] = []
        for number, job in enumerate(jobs):
            shared = {
                "preset": self.preset.name,
                "prompt_similarity": float(similarities[number]),
                "lpips_diversity": diversities[number].value,
                "diversity_reason": diversities[number].reason,
                "background_copy": copies[number].value,
                "copy_reason": copies[number].reason,
            }
            for concept, columns in zip(job.prompt.subset, identities[number], strict=True):
                label = job.scene.concepts[concept].label
                # Any: the preset's alternatives are further columns.
                row: Any = {"concept": concept, "label": label, **shared, **columns}
                rows.append(row)
        return rows
