"""The settings of a run, as stored in `run.json`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pydantic

from bench.core.errors import UserError
from bench.core.files import read_record, write_json
from bench.plugins.spec import distinct, split_name
from bench.run.folder import SCHEMA, RunFolder
from bench.run.names import label, matched, written

_GROWING = ("methods", "metrics", "names", "tuned")
_FOUND = {
    "fingerprint": "the content of the backbone",
    "dataset_hash": "the content of the dataset",
    "unknown_words": "the words that the backbone does not know",
    "preset": "the metric preset",
}
"""Settings that are no option of their own: what they are."""


@dataclass(frozen=True)
class Start:
    """What a start asked for: which units of which `methods` (all that the run had by then), and where things lay.

    `scenes` and `limit` are as on the command line (None: all), `paths` the folders of the user's drop-ins, `runs` the
    folder of all runs, `shard` the part of a run that is done in several. Nothing of it can change a result.
    """

    methods: tuple[str, ...]
    scenes: str | None = None
    limit: int | None = None
    paths: tuple[str, ...] = ()
    runs: str = "runs"
    shard: str | None = None

    @property
    def units(self) -> tuple[tuple[str, ...], str | None, int | None, str | None]:
        """What says which units it asked for."""
        return self.methods, self.scenes, self.limit, self.shard

    @property
    def whole(self) -> bool:
        """Whether it asked for every unit that the run had."""
        return self.scenes is None and self.limit is None and self.shard is None


@dataclass(frozen=True)
class Settings:
    """The settings that a run keeps for its whole life, and its methods and metrics so far.

    `dataset` is the text asked for (a built folder or a recipe of `datasets/`), `dataset_hash` the hash of its
    manifest; `backbone` likewise with `fingerprint`; `budget` names an entry of the backbone's budgets; `preset` is the
    metric preset; `precision` is the resolved one. `methods` and `metrics` (those besides the standard ones) grow from
    start to start. `starts` are what is needed to make the run again. `unknown_words` are the dataset's class words
    that the backbone's vocabulary does not have. `templates` are those that the builder of the dataset was given.
    `threads` is what each worker computes with on a CPU (0: as many as torch takes), on which results depend by
    rounding. `names` are display names by spec: nothing that is stored depends on them, and a later start may change
    them. `tuned` are hashes of the files that tuned settings of methods came from. `cohort` is the most scenes
    whose fits are begun together; runs that do not say began each alone.
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
    templates: tuple[str, ...] = ()
    threads: int = 0
    names: Mapping[str, str] = field(default_factory=dict)
    starts: tuple[Start, ...] = ()
    tuned: tuple[str, ...] = ()
    cohort: int = 1

    @property
    def written(self) -> tuple[str, ...]:
        """The methods as one writes them for `--methods`, with their names."""
        return written(self.names, self.methods)

    def merged(self, earlier: Settings, run: Path) -> Settings:
        """These settings with the earlier starts' methods and metrics kept in front, each once whatever its spelling.

        Raises `UserError` if anything else differs from the earlier start.
        """
        for each in dataclasses.fields(self):
            was, now = getattr(earlier, each.name), getattr(self, each.name)
            if each.name not in (*_GROWING, "starts") and was != now:
                raise other_setting(run, each.name, was, now)
        methods = distinct("methods", earlier.methods + self.methods)
        return dataclasses.replace(
            self,
            methods=methods,
            names=matched(methods, [*earlier.names.items(), *self.names.items()]),
            metrics=tuple(dict.fromkeys(earlier.metrics + self.metrics)),
            tuned=tuple(dict.fromkeys(earlier.tuned + self.tuned)),
            starts=earlier.starts,
        )

    def relocated(self, moved: Mapping[str, str]) -> Settings:
        """With other specs for some methods, whose files were moved; `moved` has the new spec by the old one."""

        def new(specs: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(dict.fromkeys(moved.get(spec, spec) for spec in specs))

        return dataclasses.replace(
            self,
            methods=new(self.methods),
            names={moved.get(spec, spec): name for spec, name in self.names.items()},
            starts=tuple(dataclasses.replace(one, methods=new(one.methods)) for one in self.starts),
        )

    def started(self, start: Start) -> Settings:
        """With one more start; those that it covers are left out, and so is it if the last whole one covers it."""
        if start.whole:
            return dataclasses.replace(self, starts=(start,))
        if any(earlier.whole and earlier.methods == start.methods for earlier in self.starts):
            return self
        others = tuple(earlier for earlier in self.starts if earlier.units != start.units)
        return dataclasses.replace(self, starts=(*others, start))

    def without(self, text: str) -> Settings:
        """Without a method, by its name or its spec, however it is spelled, or without a metric that was added.

        Raises `UserError` if the run does not have it, or has no other method.
        """
        bare = split_name(text)[1]
        spec = next((each for each in self.methods if label(self.names, each) == text), bare)
        if spec in self.metrics:
            return dataclasses.replace(self, metrics=tuple(name for name in self.metrics if name != spec))
        gone = {name for name in self.methods if name == spec} or {name for name in self.methods if _same(name, spec)}
        left = tuple(name for name in self.methods if name not in gone)
        if not gone:
            raise UserError(f"the run has no {spec}; it has {', '.join((*self.written, *self.metrics))}")
        if not left:
            raise UserError(f"{spec} is the run's only method; delete the run's folder instead")
        starts = (
            dataclasses.replace(one, methods=tuple(name for name in one.methods if name not in gone))
            for one in self.starts
        )
        names = {each: name for each, name in self.names.items() if each not in gone}
        return dataclasses.replace(self, methods=left, names=names, starts=tuple(one for one in starts if one.methods))


def _same(one: str, other: str) -> bool:
    """Whether two specs are one method; not if either means none any more."""
    try:
        return len(distinct("methods", (one, other))) == 1
    except UserError:
        return False


def other_setting(run: Path, name: str, was: object, now: object) -> UserError:
    """That a start has another value of a setting than the run began with, and what to do."""
    if name in _FOUND:
        return UserError(f"{run}: {_FOUND[name]} was {was}, now it is {now}; give this run another --name")
    option = f"--{name.replace('_', '-')}"
    began = f"without {option}" if was is None else f"with {option} {was}"
    return UserError(
        f"{run} was started {began}, now it is {now}: leave {option} out to go on, or give this run another --name"
    )


def load_settings(folder: RunFolder) -> Settings:
    """Read `run.json`.

    Raises `UserError` if it is missing, damaged or of another schema.
    """
    settings: Settings = read_record(folder.settings, SCHEMA, Settings)
    return settings


def earlier_settings(folder: RunFolder) -> Settings | None:
    """The settings of an earlier start of the same run, if there was one."""
    return load_settings(folder) if folder.settings.is_file() else None


def save_settings(folder: RunFolder, settings: Settings) -> None:
    """Write `run.json`."""
    content: dict[str, Any] = dataclasses.asdict(settings)
    write_json(folder.settings, content, SCHEMA)
