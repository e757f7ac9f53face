"""The class words of a preset's segmenter, read from its configuration: no weights are loaded."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from bench.core.errors import UserError, one_line
from bench.scoring.models.sources import ModelSource

if TYPE_CHECKING:
    from bench.scoring.presets import Preset

_SUFFIXES = ("-other-merged", "-merged", "-other", "-stuff")
"""The suffixes of COCO panoptic's merged classes: `table-merged`, `wall-other-merged`."""


def find_class(word: str, labels: Mapping[int, str]) -> int | None:
    """The index of the label that a class word names, or None.

    An exact match (case aside) comes first; else a label that is the word with a suffix of COCO panoptic, so
    that `wall` is `wall-other-merged`, while `dining table` stays the thing and never `table-merged`.
    """
    wanted = _plain(word)
    for stem in (_plain, _stem):
        for index, label in labels.items():
            if stem(label) == wanted:
                return index
    return None


def known_words(preset: Preset) -> tuple[str, ...]:
    """The class words that a preset's segmenter knows, in its order, each as one writes it (`wall`).

    Raises `UserError` if its configuration is neither here nor to be had from the hub.
    """
    return tuple(dict.fromkeys(map(_stem, _labels(preset.segmenter).values())))


def words_unknown_to(preset: Preset, words: Iterable[str]) -> tuple[str, ...]:
    """Those of the class words that a preset's segmenter does not know, each once; raises as `known_words`."""
    labels = _labels(preset.segmenter)
    return tuple(dict.fromkeys(word for word in words if find_class(word, labels) is None))


@cache
def _labels(source: ModelSource) -> Mapping[int, str]:
    """The labels by their indices: of a MaskFormer `id2label`, of a converted YOLO `names`."""
    file = _configuration(source)
    try:
        content = json.loads(file.read_bytes())
        named = content.get("id2label") or dict(enumerate(content.get("names", ())))
        return {int(index): str(label) for index, label in named.items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise UserError(f"{file} names no classes of a segmenter ({one_line(error)})") from error


def _configuration(source: ModelSource) -> Path:
    from huggingface_hub import hf_hub_download  # noqa: PLC0415 - slow to import

    from bench.scoring.models.availability import check_model  # noqa: PLC0415
    from bench.scoring.models.weights import not_had  # noqa: PLC0415

    check_model(source)  # in seconds: without a network a download would be tried for half a minute
    if source.folder is not None:
        return source.folder / "config.json"
    try:
        return Path(hf_hub_download(source.place, "config.json", revision=source.revision))
    except (OSError, ValueError) as error:
        raise UserError(not_had(source, error)) from error


@cache
def _plain(label: str) -> str:
    return " ".join(label.casefold().replace("_", " ").split())


def _stem(label: str) -> str:
    plain = _plain(label)
    for suffix in _SUFFIXES:
        if plain.endswith(suffix):
            return plain.removesuffix(suffix)
    return plain
