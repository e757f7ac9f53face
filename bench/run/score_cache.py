"""Scores stored between starts, keyed by everything that they depend on.

The key of a picture's values is: the metric with everything that its scores depend on
(`bench.scoring.selection.metric_key`, a folder of `scores/`), the unit, and the SHA-256 of the picture's file. A
prompt's samples are kept together, since a value of the prompt depends on all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from bench.core.files import damaged, read_record, write_json
from bench.core.hashing import content_hash
from bench.core.text import count
from bench.run.folder import SCHEMA, RunFolder
from bench.run.plan import PlannedPicture, Unit
from bench.scoring.scorer import PictureValues

Samples: TypeAlias = tuple[PlannedPicture, ...]
"""All of a unit's pictures of one prompt."""


@dataclass(frozen=True)
class ScoredImage:
    """A metric's values of a picture, one mapping per concept of its prompt, and the SHA-256 of the picture's file."""

    sha256: str
    values: PictureValues


@dataclass(frozen=True)
class _Kept:
    """A picture's values in the file, one mapping per concept."""

    sha256: str
    values: list[dict[str, Any]]


@dataclass(frozen=True)
class _UnitScores:
    """A unit's file: values by picture key."""

    pictures: dict[str, _Kept]


def samples_of(unit: Unit) -> tuple[Samples, ...]:
    """The unit's pictures, those of one prompt together."""
    found: dict[tuple[str, tuple[int, ...]], list[PlannedPicture]] = {}
    for picture in unit.pictures:
        prompt = picture.request.prompt
        found.setdefault((prompt.template, prompt.subset), []).append(picture)
    return tuple(map(tuple, found.values()))


def kept_scores(folder: RunFolder, metric: str, unit: Unit) -> dict[str, ScoredImage]:
    """A metric's valid scores of a drawn unit, by picture: of the prompts whose files have not changed since.

    `metric` is the metric's key. Raises `UserError` for a damaged record.
    """
    kept = _read(folder, metric, unit)
    # neither fewer nor more: a value of a prompt depends on which samples were scored together
    if kept.keys() != {picture.key for picture in unit.pictures}:
        return {}

    def holds(key: str) -> bool:
        return kept[key].sha256 == content_hash(folder.picture(key))

    whole = [samples for samples in samples_of(unit) if all(holds(one.key) for one in samples)]
    return {one.key: kept[one.key] for samples in whole for one in samples}


def keep_scores(folder: RunFolder, metric: str, unit: Unit, scored: Mapping[str, ScoredImage]) -> None:
    """Write a metric's scores of all the unit's pictures atomically; raises `UserError` if that fails."""
    content = {key: {"sha256": one.sha256, "values": list(one.values)} for key, one in scored.items()}
    write_json(folder.scores(metric, unit.key), {"pictures": content}, SCHEMA)


def _read(folder: RunFolder, metric: str, unit: Unit) -> dict[str, ScoredImage]:
    path = folder.scores(metric, unit.key)
    if not path.is_file():
        return {}
    record: _UnitScores = read_record(path, SCHEMA, _UnitScores)
    concepts = {picture.key: len(picture.request.prompt.subset) for picture in unit.pictures}
    for key, one in record.pictures.items():
        if key in concepts and len(one.values) != concepts[key]:
            raise damaged(
                path, f"pictures.{key}: {count(len(one.values), 'value')} for {count(concepts[key], 'concept')}"
            )
    return {key: ScoredImage(one.sha256, tuple(one.values)) for key, one in record.pictures.items()}
