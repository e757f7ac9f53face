"""The settings of a run, as stored in `run.json`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pydantic

from bench.core.errors import UserError
from bench.core.files import read_record, write_json
from bench.run.folder import SCHEMA, RunFolder

_GROWING = ("methods", "metrics")


@dataclass(frozen=True)
class Settings:
    """The settings that a run keeps for its whole life, and its methods and metrics so far.

    `dataset` is the value of `--dataset` (a built folder or a builder's spec), `dataset_hash` the hash of its
    manifest; `backbone` likewise with `fingerprint`; `budget` names an entry of the backbone's budgets; `preset` is
    the metric preset; `precision` is the resolved one. `methods` and `metrics` (those besides the standard ones) grow
    from start to start. `unknown_words` are the dataset's class words that the backbone's vocabulary does not have.
    """

    __pydantic_config__: ClassVar[pydantic.ConfigDict] = pydantic.ConfigDict(extra="forbid")

    dataset: str
    dataset_hash: str
    backbone: str
    revision: str | None
    fingerprint: str
    precision: str
    budget: str
    sampling_steps: int
    guidance: float
    seed: int
    preset: str
    methods: tuple[str, ...]
    metrics: tuple[str, ...] = ()
    unknown_words: tuple[str, ...] = ()

    def merged(self, earlier: Settings, run: Path) -> Settings:
        """These settings with the earlier start's methods and metrics first.

        Raises `UserError` if anything else differs from the earlier start.
        """
        for field in dataclasses.fields(self):
            was, now = getattr(earlier, field.name), getattr(self, field.name)
            if field.name not in _GROWING and was != now:
                raise UserError(
                    f"{run} was started with {field.name} {was}, now it is {now}; give this run another --name"
                )
        grown: dict[str, Any] = {
            name: tuple(dict.fromkeys(getattr(earlier, name) + getattr(self, name))) for name in _GROWING
        }
        return dataclasses.replace(self, **grown)


def load_settings(folder: RunFolder) -> Settings:
    """Read `run.json`.

    Raises `UserError` if it is missing, damaged or of another schema.
    """
    settings: Settings = read_record(folder.settings, SCHEMA, Settings)
    return settings


def save_settings(folder: RunFolder, settings: Settings) -> Settings:
    """Write `run.json`, merged with an earlier start of the same run; returns the merged settings."""
    if folder.settings.is_file():
        settings = settings.merged(load_settings(folder), folder.path)
    content: dict[str, Any] = dataclasses.asdict(settings)
    write_json(folder.settings, content, SCHEMA)
    return settings
