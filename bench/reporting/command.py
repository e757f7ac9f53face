"""The command that makes a run again, ready for a shell."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.core.files import read_record, write_json
from bench.run.folder import SCHEMA, RunFolder
from bench.run.names import written
from bench.run.settings import Settings, Start, load_settings
from bench.run.shards import shard_name

_FOLDERS = ("--runs", "--path")
"""Options whose value is a folder of the machine that ran."""


def command(folder: RunFolder, settings: Settings, preset: str) -> str:
    """A line for a shell with everything that can change a result, given as it was; a command per recorded start.

    Where the shown preset is not the run's own, the pictures are then scored and reported with it.
    """
    starts = settings.starts or (Start(settings.methods),)
    commands = [_start(folder.name, settings, start) for start in starts]
    if preset != settings.preset:
        run = f"{starts[-1].runs}/{folder.name}"
        commands += [["bench", verb, run, "--metrics", preset] for verb in ("score", "report")]
    return " && ".join(shlex.join(words) for words in commands)


@dataclass(frozen=True)
class _TuningCommand:
    """The schema of `tune.json`."""

    command: list[str]


def record_tuning(folder: RunFolder, words: Sequence[str]) -> None:
    """Keep the command of a tuning: it is what its run goes on by."""
    write_json(folder.tuning, {"command": list(words)}, SCHEMA)


def going_on(folder: RunFolder) -> str:
    """The line that goes on with a run: `bench run`, or the `bench tune` whose trials it holds."""
    if not folder.tuning.is_file():
        return next_command(folder, load_settings(folder))
    return shlex.join(_tuning_command(folder))


def keep_tuning(folder: RunFolder, archive: RunFolder) -> None:
    """Keep the command of a tuning in its archive, without folders of this machine; nothing for any other run."""
    if folder.tuning.is_file():
        words = _tuning_command(folder)
        dropped = {at + offset for at, word in enumerate(words) if word in _FOLDERS for offset in (0, 1)}
        record_tuning(archive, [word for at, word in enumerate(words) if at not in dropped])


def _tuning_command(folder: RunFolder) -> list[str]:
    record: _TuningCommand = read_record(folder.tuning, SCHEMA, _TuningCommand)
    return record.command


def next_command(folder: RunFolder, settings: Settings) -> str:
    """The line that goes on with a run where its last start was: what it leaves out is as the run began."""
    last = settings.starts[-1] if settings.starts else Start(settings.methods)
    methods = None if last.methods == settings.methods else ",".join(written(settings.names, last.methods))
    here = folder.path.parent
    options = {
        "--runs": None if here == Path("runs") else here,
        "--name": _name(folder.name, last),
        "--methods": methods,
        "--scenes": last.scenes,
        "--limit": last.limit,
        "--shard": last.shard,
    }
    return shlex.join(["bench", "run", *_paths(last), *_words(options)])


def _name(name: str, start: Start) -> str:
    """What `--name` was: the folder of a shard has its number behind it."""
    return name if start.shard is None else name.removesuffix(shard_name("", start.shard))


def _paths(start: Start) -> list[str]:
    return [word for path in start.paths for word in ("--path", path)]


def _words(options: Mapping[str, object]) -> list[str]:
    return [word for option, value in options.items() if value is not None for word in (option, str(value))]


def _start(name: str, settings: Settings, start: Start) -> list[str]:
    options = {
        "--methods": ",".join(written(settings.names, start.methods)),
        "--dataset": settings.dataset,
        "--templates": "\n".join(settings.templates) or None,
        "--backbone": settings.backbone,
        "--revision": settings.revision,
        "--metrics": ",".join((settings.preset, *settings.metrics)),
        "--budget": settings.budget,
        "--sampling-steps": settings.sampling_steps,
        "--guidance": f"{settings.guidance:g}",
        "--precision": settings.precision,
        "--seed": settings.seed,
        "--cohort": settings.cohort,
        "--scenes": start.scenes,
        "--limit": start.limit,
        "--shard": start.shard,
        "--threads": settings.threads or None,
        "--runs": None if start.runs == "runs" else start.runs,
        "--name": _name(name, start),
    }
    return ["bench", "run", *_paths(start), *_words(options)]
