"""The one tidy table between scoring and statistics: a row a picture and concept."""

from __future__ import annotations

from collections.abc import Iterable

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
    "identity_similarity": "cosine of the concept's features in scene and picture; NaN with a reason if not found",
    "detected": "whether an object of the concept's class was found for it; None where the segmenter cannot tell",
    "reason": "why identity_similarity is NaN, else empty",
    "identity_whole_picture": "cosine of the whole picture's features with the concept's; NaN if its mask is empty",
    "instances": "how many objects found are the concept: of all of its class most like it; None: class unknown",
    "duplicated": "whether there are two or more of them; None where the concept is not detected",
    "swapped": "whether the object found for the concept is more like another of the scene's; None: cannot be told",
    "similarity_to": "cosines of the object found for the concept with every concept of the scene; None: not detected",
    "intruded": "whether a concept of the scene that was not asked for is there, one value a picture; None: cannot be",
    "intruders": "the indices of those concepts, as 1+3",
    "background_copy": "cosine of the features of scene and picture with all objects blacked out, one value a picture",
    "copy_reason": "why background_copy is NaN, else empty",
    "lpips_diversity": "mean LPIPS of the pairs of the prompt's samples in this unit, repeated on all their rows",
    "diversity_reason": "why lpips_diversity is NaN, else empty",
    "cost_fit_seconds": "wall-clock seconds of the unit's fit",
    "cost_generate_seconds": "wall-clock seconds of drawing the picture (its batch's time over its batch's size)",
    "cost_peak_memory_bytes": "most memory during the unit's fit and drawing, its backbone included: on CUDA allocated "
    "by torch, on a CPU resident (sampled); repeated on the unit's rows; NaN if unknown",
    "cost_disk_bytes": "size of what the unit's fit learned, as a file; repeated on the unit's rows",
    "cost_energy_joules": "energy of the device (GPU or CPU packages) during the unit's fit and drawing, whoever used "
    "it; repeated on the unit's rows; NaN where the machine does not tell",
}
"""Every column of `scores.parquet` with its meaning. `cost_*` columns are outside every comparison."""

_ALTERNATIVE = "identity["


def alternative_column(setting: str) -> str:
    """The column of identity similarity with one setting changed: `fill=grey` -> `identity[fill=grey]`."""
    return f"{_ALTERNATIVE}{setting}]"


def changed_setting(column: str) -> str:
    """What `alternative_column` was given: `identity[fill=grey]` -> `fill=grey`."""
    return column.removeprefix(_ALTERNATIVE).removesuffix("]")


def alternative_columns(columns: Iterable[str]) -> tuple[str, ...]:
    """Those of a table's columns that hold identity similarity by a changed setting, in their order, each once.

    They are the preset's own, so `COLUMNS` has none of them; NaN exactly where `identity_similarity` is.
    """
    return tuple(dict.fromkeys(column for column in columns if column.startswith(_ALTERNATIVE)))
