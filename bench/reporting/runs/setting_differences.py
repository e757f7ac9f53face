"""What two runs differ in besides their scores: settings, dataset, models, versions, methods."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bench.core.errors import UserError
from bench.core.text import count, some
from bench.plugins.spec import configure
from bench.reporting.runs.recorded import RecordedRun
from bench.run.settings import Settings

_GROWS = ("methods", "names", "starts", "tuned", "metrics")
"""Settings that are told of by themselves, or that say only what a run was asked for."""
_NO_VALUE = "–"


@dataclass(frozen=True)
class SettingDifference:
    """One thing that two runs differ in: what it is, and its value in each."""

    what: str
    first: str
    second: str


def setting_differences(first: RecordedRun, second: RecordedRun) -> tuple[SettingDifference, ...]:
    """Everything recorded that differs: settings, dataset, preset, models, scoring, tuned settings, versions."""
    found = (
        *_settings(first.settings, second.settings),
        *_dataset(first, second),
        *_mapped("preset", {"": first.preset}, {"": second.preset}),
        *_mapped("evaluator ", first.evaluators, second.evaluators),
        *_mapped("version of the scoring", {"": first.scoring}, {"": second.scoring}),
        *_mapped("tuned by", {"": _listed(first.settings.tuned)}, {"": _listed(second.settings.tuned)}),
        *_mapped("version of ", _versions(first), _versions(second)),
    )
    return tuple(found)


def method_differences(one: str, other: str) -> tuple[SettingDifference, ...]:
    """The fields in which two methods of one drop-in differ, by their specs; nothing where one is not installed."""
    try:
        first, second = configure("methods", one), configure("methods", other)
    except UserError:
        return ()
    if first.drop_in.name != second.drop_in.name:
        return ()
    return tuple(_mapped("", _texts(first.configuration), _texts(second.configuration)))


def _settings(first: Settings, second: Settings) -> Iterator[SettingDifference]:
    for each in dataclasses.fields(Settings):
        if each.name in (*_GROWS, "dataset_hash", "preset"):
            continue
        was, now = getattr(first, each.name), getattr(second, each.name)
        if was != now:
            yield SettingDifference(each.name.replace("_", " "), _text(was), _text(now))


def _dataset(first: RecordedRun, second: RecordedRun) -> Iterator[SettingDifference]:
    if first.settings.dataset_hash != second.settings.dataset_hash:
        yield SettingDifference("dataset's hash", first.settings.dataset_hash[:12], second.settings.dataset_hash[:12])
    scenes = [set(run.table["scene"]) for run in (first, second)]
    if scenes[0] != scenes[1]:
        only = [sorted(scenes[0] - scenes[1]), sorted(scenes[1] - scenes[0])]
        told = [
            count(len(all_), "scene") + (f" ({some(own)} not in the other)" if own else "")
            for all_, own in zip(scenes, only, strict=True)
        ]
        yield SettingDifference("scenes that are scored", *told)


def _mapped(prefix: str, first: Mapping[str, str], second: Mapping[str, str]) -> Iterator[SettingDifference]:
    """The keys whose values differ; a key that only one has stands as a dash in the other."""
    for key in dict.fromkeys((*first, *second)):
        was, now = first.get(key, _NO_VALUE), second.get(key, _NO_VALUE)
        if was != now:
            yield SettingDifference(f"{prefix}{key}".strip(), was, now)


def _versions(run: RecordedRun) -> dict[str, str]:
    """Every version that the run was worked on with, by package: `2.9.0`, or `2.9.0, 2.10.0` where there were two."""
    names = dict.fromkeys(name for versions in run.versions for name in versions)
    return {name: ", ".join(dict.fromkeys(one[name] for one in run.versions if name in one)) for name in names}


def _texts(configuration: Mapping[str, object]) -> dict[str, str]:
    return {name: _text(value) for name, value in configuration.items()}


def _text(value: object) -> str:
    if isinstance(value, tuple | list):
        return _listed(value)
    return _NO_VALUE if value in (None, "") else str(value)


def _listed(values: tuple[object, ...] | list[object]) -> str:
    return ", ".join(map(str, values)) or _NO_VALUE
