"""The one tidy table between scoring and statistics: a row a picture and concept."""

from __future__ import annotations

COLUMNS: dict[str, str] = {
    "dataset": "name of the dataset",
    "scene": "name of the scene",
    "method": "the method as asked for, for example ours or ours[phase1_steps=0]",
    "seed": "seed of the unit",
    "unit": "identity of the fit (hexadecimal)",
    "picture": "identity of the picture (hexadecimal)",
    "file": "the picture, relative to the run's folder",
    "template": "the prompt's format, with {tokens}",
    "subset": "the prompt's concepts, as 0+1",
    "sample": "index among the samples of the same prompt",
    "text": "the prompt with class words",
    "concept": "index of the concept within the scene",
    "label": "class word of the concept",
    "preset": "name of the metric preset",
    "prompt_similarity": "CLIP cosine of picture and text, one value a picture, repeated on its rows",
    "identity_similarity": "DINO cosine of the masked concept in scene and picture; NaN with a reason if not found",
    "detected": "whether the segmenter found the concept's class in the picture",
    "reason": "why identity_similarity is NaN, else empty",
    "lpips_diversity": "mean LPIPS of the pairs of the prompt's samples in this unit, repeated on all their rows",
    "diversity_reason": "why lpips_diversity is NaN, else empty",
    "cost_fit_seconds": "wall-clock seconds of the unit's fit",
    "cost_generate_seconds": "wall-clock seconds of drawing the picture (its batch's time over its batch's size)",
}
"""Every column of `scores.parquet` with its meaning. `cost_*` columns are outside every comparison."""
