"""Puts together the runs that shards made, each on a machine of its own: the result is that of one run."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.core.errors import UserError
from bench.core.files import read_record, whole_files, whole_folder, write_bytes, write_json
from bench.core.progress import progress_bar
from bench.run.cost import read_unit_record
from bench.run.evaluators import recorded_evaluators, recorded_scoring_version
from bench.run.external_inputs import read_inputs
from bench.run.folder import SCHEMA, RunFolder
from bench.run.settings import Settings, Start, load_settings, save_settings
from bench.run.versions import first_difference, recorded_versions

_OF_KEY = 12
_APART = ("starts", "names")
"""Fields of the settings in which parts may differ."""


@dataclass(frozen=True)
class _MergeRecord:
    """The schema of `merge.json`: the runs that are put together."""

    runs: list[str]


def merge_runs(parts: Sequence[RunFolder], merged: RunFolder) -> Settings:
    """Copy what the parts have finished into the folder `merged`; what was copied before a kill is not copied again.

    No finished unit is ever replaced. Raises `UserError` for parts that differ in anything that can change a result,
    naming the first difference, and for a folder that holds something else.
    """
    settings = _common(parts)
    _claim(parts, merged)
    copy_dataset(parts, merged)
    units = [(part, unit.stem) for part in parts for unit in whole_files(part.path, "units/*.json")]
    with progress_bar("units", len(units)) as progress:
        for part, unit in units:
            progress.say(f"units of {part.name}")
            _copy_unit(part, merged, unit)
            progress.advance()
    for part in parts:
        _copy_failures(part, merged)
        _copy_missing(part.path, merged.path, whole_files(part.path, "shared/*/*"))
    _copy_records(parts, merged)
    save_settings(merged, settings)
    return settings


def _common(parts: Sequence[RunFolder]) -> Settings:
    """The settings of all parts, with the starts of all of them as if none had been a shard."""
    first, own = parts[0], load_settings(parts[0])
    names = dict(own.names)
    starts = [*own.starts]
    for part in parts[1:]:
        other = load_settings(part)
        _check_settings(first, own, part, other)
        _check_versions(first, part)
        _check_scoring(first, part)
        names |= other.names
        starts += other.starts
    common = dataclasses.replace(own, names=names, starts=())
    for start in dict.fromkeys(_unsharded(start) for start in starts):
        common = common.started(start)
    return common


def _unsharded(start: Start) -> Start:
    return dataclasses.replace(start, shard=None)


def _check_settings(first: RunFolder, own: Settings, part: RunFolder, other: Settings) -> None:
    for each in dataclasses.fields(Settings):
        was, now = getattr(own, each.name), getattr(other, each.name)
        if each.name not in _APART and was != now:
            raise UserError(
                f"{first.path} and {part.path} cannot be merged: {each.name} is {_told(was)} in one and {_told(now)} "
                "in the other; merge runs that were started alike"
            )


def _told(value: object) -> str:
    return ",".join(map(str, value)) or "empty" if isinstance(value, tuple) else str(value)


def _check_versions(first: RunFolder, part: RunFolder) -> None:
    """Raise `UserError` unless both were made by the same versions."""
    sets = [*recorded_versions(first), *recorded_versions(part)]
    if told := next((told for one in sets[1:] if (told := first_difference(sets[0], one))), None):
        raise UserError(f"{first.path} and {part.path} cannot be merged: they were made with {told}")


def _check_scoring(first: RunFolder, part: RunFolder) -> None:
    """Raise `UserError` if both were scored with other models, or by another version of the scoring."""
    models = recorded_evaluators(first), recorded_evaluators(part)
    scoring = recorded_scoring_version(first), recorded_scoring_version(part)
    told = first_difference(*models) if all(models) else None
    if told is None and all(scoring) and scoring[0] != scoring[1]:
        told = f"version {scoring[0]} and version {scoring[1]} of the scoring; `bench score` brings both to one"
    if told:
        raise UserError(f"{first.path} and {part.path} cannot be merged: they were scored with {told}")


def _claim(parts: Sequence[RunFolder], merged: RunFolder) -> None:
    """Record what is put together there; raises `UserError` if the folder holds another run, or another merge."""
    runs = [str(part.path) for part in parts]
    if merged.merge.is_file():
        record: _MergeRecord = read_record(merged.merge, SCHEMA, _MergeRecord)
        if record.runs != runs:
            raise UserError(f"{merged.path} was merged of {', '.join(record.runs)}; give this merge another --name")
    elif any(not path.name.startswith(".") for path in merged.path.iterdir()):
        raise UserError(f"{merged.path} is there already and would be overwritten; give the merged run another --name")
    else:
        write_json(merged.merge, {"runs": runs}, SCHEMA)


def copy_dataset(parts: Sequence[RunFolder], merged: RunFolder) -> None:
    """The dataset of a part that built it itself; one that was built beforehand stays where it is."""
    built = next((part.dataset for part in parts if part.dataset.is_dir()), None)
    if built is not None and not merged.dataset.is_dir():
        with whole_folder(merged.dataset) as building:
            shutil.copytree(built, building, dirs_exist_ok=True)


def _copy_unit(part: RunFolder, merged: RunFolder, unit: str) -> None:
    """Everything of a finished unit, its record last: with it the unit is whole."""
    if merged.unit_record(unit).is_file():
        return
    record = read_unit_record(part.unit_record(unit))
    pictures = [part.picture(key) for key in record.pictures]
    if not all(picture.is_file() for picture in pictures):
        return
    told = [part.fit_records(unit), part.losses(unit), part.attention_maps(unit)]
    besides = [part.fit(unit), *told, *whole_files(part.path, f"scores/*/{unit}.json")]
    for file in (*pictures, *(path for path in besides if path.is_file()), part.unit_record(unit)):
        write_bytes(merged.path / file.relative_to(part.path), file.read_bytes())


def _copy_missing(part: Path, merged: Path, files: Sequence[Path]) -> None:
    for file in files:
        target = merged / file.relative_to(part)
        if not target.is_file():
            write_bytes(target, file.read_bytes())


def _copy_failures(part: RunFolder, merged: RunFolder) -> None:
    """The tracebacks of units that no other part has done; a file's name ends with the start of its unit's key."""
    done = tuple(record.stem[:_OF_KEY] for record in whole_files(merged.path, "units/*.json"))
    failures = whole_files(part.path, f"failed/*-on-*-{'?' * _OF_KEY}.txt")
    _copy_missing(part.path, merged.path, [path for path in failures if not path.stem.endswith(done)])


def _copy_records(parts: Sequence[RunFolder], merged: RunFolder) -> None:
    """What was recorded once for each part: versions and inputs from outside the scenes."""
    _copy_missing(parts[0].path, merged.path, [path for path in (parts[0].versions,) if path.is_file()])
    inputs: dict[str, dict[str, str]] = {}
    for part, method, found in _inputs(parts):
        known = inputs.setdefault(method, {})
        if different := [scene for scene in found if known.get(scene, found[scene]) != found[scene]]:
            raise UserError(f"{part.path} cannot be merged: {method} took other files on {different[0]} than elsewhere")
        known |= found
    if inputs:
        write_json(merged.outside, {"methods": inputs}, SCHEMA)


def _inputs(parts: Sequence[RunFolder]) -> Iterator[tuple[RunFolder, str, Mapping[str, str]]]:
    return ((part, method, found) for part in parts for method, found in read_inputs(part).items())
