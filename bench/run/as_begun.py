"""A later start on a run: what its command line leaves out stays as the run began, what it gives may not differ."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from bench.core.errors import UserError
from bench.plugins.discovery import Kind, discover, user_folders
from bench.plugins.spec import spec_name
from bench.run.folder import RunFolder
from bench.run.options import RunOptions
from bench.run.settings import Settings, other_setting
from bench.scoring.selection import select_metrics

_OF_RUN = ("dataset", "threads", "cohort")
_OF_BACKBONE = ("backbone", "revision", "precision", "budget", "sampling_steps", "guidance", "seed")
"""Options that are called as the run's settings are; they say the same there."""
_AUTO = "auto"
"""Leaves a precision to the machine: what it comes to is compared when it is known."""


def as_begun(options: RunOptions, given: Collection[str], run: RunFolder, earlier: Settings) -> RunOptions:
    """The options of a start, with those that are not `given` on its command line as the run began.

    Raises `UserError` for one that is given and differs: nothing has to be built to tell.
    """
    for name, value in [
        *((name, getattr(options, name)) for name in _OF_RUN),
        *((name, getattr(options.backbone, name)) for name in _OF_BACKBONE),
    ]:
        if name in given and value not in (getattr(earlier, name), _AUTO):
            raise other_setting(run.path, name, getattr(earlier, name), value)
    kept = {name: getattr(earlier, name) for name in _OF_RUN if name not in given}
    of_backbone = {name: getattr(earlier, name) for name in _OF_BACKBONE if name not in given}
    return replace(
        options,
        backbone=replace(options.backbone, **of_backbone),
        metrics=_metrics(options.metrics, run, earlier),
        templates=options.templates or earlier.templates,
        **kept,
    )


def _metrics(asked: str | None, run: RunFolder, earlier: Settings) -> str:
    """`--metrics` with the run's preset; raises `UserError` for another one."""
    selected = select_metrics(asked)
    if selected.preset not in (None, earlier.preset):
        raise UserError(
            f"{run.path} was started with the preset {earlier.preset}; `bench score {run.path} --metrics "
            f"{selected.preset}` scores its pictures with {selected.preset} as well"
        )
    return ",".join((earlier.preset, *selected.more))


def check_drop_ins(run: Path, settings: Settings, otherwise: str = "") -> None:
    """Raise `UserError` if the run has drop-ins of folders of the user's that this start does not know.

    `otherwise` says what could be done instead of naming the folders.
    """
    paths = dict.fromkeys(path for start in settings.starts for path in start.paths)
    unknown = [*_unknown("methods", settings.methods), *_unknown("metrics", settings.metrics)]
    if not Path(settings.dataset).is_dir():
        unknown += _unknown("datasets", [settings.dataset])
    lacking = [path for path in paths if path not in user_folders()]
    if unknown and lacking:
        options = " ".join(f"--path {shlex.quote(path)}" for path in lacking)
        raise UserError(f"{run} was started with {', '.join(unknown)} from {options}: add `{options}`{otherwise}")


def _unknown(kind: Kind, specs: Collection[str]) -> list[str]:
    """The names within the specs that are neither a drop-in's nor a broken file's."""
    known = {*discover(kind).found, *(broken.name for broken in discover(kind).broken)}
    return [name for name in dict.fromkeys(map(spec_name, specs)) if name not in known]
