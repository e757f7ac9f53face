"""Scores kept between starts, under everything that they depend on.

The key of a picture's rows is: the preset's settings, the scoring version and the content of its models (one
fingerprint, a folder of `scores/`), the unit, and the SHA-256 of the picture's file. A prompt's samples stand together,
since the prompt's diversity is a value of all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from bench.core.files import read_json, write_json
from bench.core.hashing import content_hash
from bench.run.folder import SCHEMA, RunFolder
from bench.run.plan import PlannedPicture, Unit
from bench.scoring.rows import Row

Samples: TypeAlias = tuple[PlannedPicture, ...]
"""All of a unit's pictures of one prompt."""


@dataclass(frozen=True)
class ScoredImage:
    """A picture's rows, one a concept of its prompt, and the SHA-256 of the file that they were computed from."""

    sha256: str
    rows: tuple[Row, ...]


def samples_of(unit: Unit) -> tuple[Samples, ...]:
    """The unit's pictures, those of one prompt together."""
    found: dict[tuple[str, tuple[int, ...]], list[PlannedPicture]] = {}
    for picture in unit.pictures:
        prompt = picture.request.prompt
        found.setdefault((prompt.template, prompt.subset), []).append(picture)
    return tuple(map(tuple, found.values()))


def kept_scores(folder: RunFolder, evaluators: str, unit: Unit) -> dict[str, ScoredImage]:
    """What still holds of a drawn unit's scores, by picture: prompts of which no file has changed since.

    Raises `UserError` for a damaged record.
    """
    kept = _read(folder, evaluators, unit)
    # neither fewer nor more: a prompt's diversity depends on which samples were scored together
    if kept.keys() != {picture.key for picture in unit.pictures}:
        return {}

    def holds(key: str) -> bool:
        return kept[key].sha256 == content_hash(folder.picture(key))

    whole = [samples for samples in samples_of(unit) if all(holds(one.key) for one in samples)]
    return {one.key: kept[one.key] for samples in whole for one in samples}


def keep_scores(folder: RunFolder, evaluators: str, unit: Unit, scored: Mapping[str, ScoredImage]) -> None:
    """Write the scores of all the unit's pictures whole, or raise `UserError`."""
    content = {key: {"sha256": one.sha256, "rows": list(one.rows)} for key, one in scored.items()}
    write_json(folder.scores(evaluators, unit.key), {"pictures": content}, SCHEMA)


def _read(folder: RunFolder, evaluators: str, unit: Unit) -> dict[str, ScoredImage]:
    """Everything kept; nothing if the record is of an earlier version, which did not say of which files it is."""
    path = folder.scores(evaluators, unit.key)
    pictures: Mapping[str, Any] = read_json(path, SCHEMA).get("pictures", {}) if path.is_file() else {}
    return {key: ScoredImage(one["sha256"], tuple(one["rows"])) for key, one in pictures.items()}
