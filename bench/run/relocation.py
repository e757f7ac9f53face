"""Methods whose files outside the run were moved: recognised by their content where a start names the new place."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Sequence
from dataclasses import fields
from pathlib import Path

from bench.core.errors import UserError, did_you_mean
from bench.core.progress import console
from bench.core.scenes import Dataset
from bench.plugins.method import HasFingerprint, ProvidesImages
from bench.plugins.spec import Configured, configure
from bench.run.external_inputs import recorded_hashes
from bench.run.folder import RunFolder
from bench.run.names import written
from bench.run.plan import find_external_inputs
from bench.run.settings import Settings


def find_moved(
    folder: RunFolder, earlier: Settings, asked: Sequence[str], dataset: Callable[[], Dataset]
) -> dict[str, str]:
    """Of the run's methods whose files are gone, the new spec by the old one: one of `asked` that has the same files.

    Raises `UserError`, one line with the choices, if none of `asked` is the method at another place, or its files are
    not the ones that the run took.
    """
    moved: dict[str, str] = {}
    for spec in earlier.methods:
        method = configure("methods", spec)
        if (place := _lost_place(method)) is None:
            continue
        new = next((each for each in map(_configured, asked) if _is_same_elsewhere(method, each)), None)
        if new is None:
            raise _lost(folder, earlier, method, place)
        _check_same(folder, method, new, dataset())
        moved[spec] = new.spec
        told = f"{spec} is {new.spec} now: {place} is gone, and the files there are the same"
        console.print(told, soft_wrap=True, markup=False)
    return moved


def check_places(asked: Sequence[str], known: Collection[str]) -> None:
    """Raise `UserError` for a method that is asked for, and not `known` to the run, whose pictures are not there."""
    for method in (_configured(spec) for spec in asked if spec not in known):
        place = _lost_place(method) if isinstance(method.instance, ProvidesImages) else None
        if place is not None:
            hint = did_you_mean(str(place), [str(place.parent / one.name) for one in place.parent.glob("*")])
            raise UserError(f"{method.spec}: there is no such folder or CSV{hint} See `bench list --prompts DATASET`")


def _configured(spec: str) -> Configured:
    return configure("methods", spec)


def _lost_place(method: Configured) -> Path | None:
    """The place of files that the method takes, where it is not there; a place is a field marked `INCIDENTAL`."""
    if not _takes_files(method.instance):
        return None
    places = (getattr(method.instance, each.name) for each in fields(method.instance) if "incidental" in each.metadata)
    return next((place for place in places if isinstance(place, Path) and not place.exists()), None)


def _takes_files(method: object) -> bool:
    return isinstance(method, (ProvidesImages, HasFingerprint))


def _is_same_elsewhere(lost: Configured, other: Configured) -> bool:
    same = other.drop_in == lost.drop_in and other.key_fields == lost.key_fields
    return same and _lost_place(other) is None


def _check_same(folder: RunFolder, lost: Configured, new: Configured, dataset: Dataset) -> None:
    """Raise `UserError` unless the method finds at the new place what the run took from the old one."""
    recorded = recorded_hashes(folder, lost.spec)
    try:
        found = find_external_inputs(new, dataset, recorded).content
    except UserError as error:
        raise _other(folder, lost, new, f"lacks files that the run took from there ({error})") from error
    if any(found.get(scene) != content for scene, content in recorded.items()):
        raise _other(folder, lost, new, "has other files than the run took from there")


def _other(folder: RunFolder, lost: Configured, new: Configured, why: str) -> UserError:
    return UserError(
        f"{_lost_place(lost)} of {lost.spec} is gone, and {new.spec} {why}; to take {new.spec} in its place, "
        f"first take it out of the run: {_removal(folder, lost.spec)}"
    )


def _lost(folder: RunFolder, earlier: Settings, method: Configured, place: Path) -> UserError:
    (called,) = written(earlier.names, [method.spec])
    anew = called.replace(str(place), "NEW") if str(place) in called else f"{method.drop_in.name}[...]"
    return UserError(
        f"{place} is gone, which {called} of this run takes its files from; if it was moved, name the new place: "
        f"--methods {shlex.quote(anew)}; if not, take it out of the run: {_removal(folder, method.spec)}"
    )


def _removal(folder: RunFolder, spec: str) -> str:
    runs = [] if folder.path.parent == Path("runs") else ["--runs", str(folder.path.parent)]
    return shlex.join(["bench", "run", *runs, "--name", folder.name, "--remove", spec])
