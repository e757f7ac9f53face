"""`bench run`: plan, fit, generate, score and report, in one command that can be interrupted and resumed."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from bench.cli import backbone_options, worker_options
from bench.cli.drop_in_paths import naming_paths
from bench.cli.option_groups import given_options, with_options
from bench.cli.preview import say_memory, say_plan, say_workers, units_asked_for
from bench.core import defaults
from bench.core.device import resolve
from bench.core.errors import UserError
from bench.core.leftovers import scratch_folder
from bench.core.progress import console as remarks
from bench.core.text import count
from bench.data.templates import read_templates
from bench.plugins.spec import split_specs
from bench.reporting.select_reports import select_reports
from bench.run.folder import RunFolder, open_run, run_folder
from bench.run.lock import hold
from bench.run.options import BackboneOptions, ExecutionOptions, RunOptions
from bench.run.shards import parse_shard, shard_name
from bench.run.worker_options import WorkerOptions

if TYPE_CHECKING:
    from bench.run.plan import Unit
    from bench.run.select_methods import MethodSelection
    from bench.run.session import Session

console = Console()
FAILED = 1

Methods = Annotated[
    str,
    typer.Option(
        help="what to compare, with commas: ours,ti-m or ours[phase1_steps=0],ours:code,ti-m, or all; "
        "Mine=ours[steps=200] gives it a name in tables and plots, which a later start may change"
    ),
]
Dataset = Annotated[str, typer.Option(help="a folder made by `bench build-dataset`, or a builder that needs no data")]
Templates = Annotated[
    str | None,
    typer.Option(help="your own prompts for a builder: a file, a line each with {tokens}, or such lines; see `folder`"),
]
Kept = Annotated[
    bool,
    typer.Option("--keep-weights", help="keep the weights that each fit changed (safetensors) after its last picture"),
]

Metrics = Annotated[
    str | None,
    typer.Option(help="a metric preset and metrics to add, with commas; by default the preset that the backbone names"),
]
Scenes = Annotated[str | None, typer.Option(help="only the first N scenes, or scenes by name")]
Limit = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="only the first N units (a method on a scene); where a fit is begun together with others (--cohort), "
        "what is begun of the others is kept for a later start",
    ),
]
Shard = Annotated[
    str | None,
    typer.Option(
        metavar="K/N",
        help="only every N-th unit, from the K-th, into the run NAME-K-of-N: `bench merge` puts all together",
    ),
]
Cohort = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="begin the fits of every N scenes of the dataset as one batch, where a method trains handles alone, "
        "whichever are asked for: less time, more memory; 1: each alone; "
        f"by default {defaults.COHORT}, or as the run began",
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="say what would be done: writes nothing and downloads no weights")
]
Tuned = Annotated[
    Path | None,
    typer.Option(help="settings found by `bench tune`: its run or tuned.json; every method that can be tuned has them"),
]
Threads = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="threads on a CPU, of each worker; results depend on them by rounding; by default torch's, or with "
        "--workers what suits the backbone, or as the run began",
    ),
]
Retry = Annotated[bool, typer.Option("--retry-failed", help="try units again whose method failed in an earlier start")]
Track = Annotated[
    str | None,
    typer.Option(
        metavar="TRACKER",
        help="log the run while it goes: trackio, wandb or mlflow (extras of these names), as each is set up",
    ),
]
Remove = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="take a method or an added metric out of the run, nothing else; its pictures stay"
    ),
]


def add_to(app: typer.Typer) -> None:
    """Register the command on `app`."""
    app.command("run")(run)


@with_options(on_backbone=backbone_options.OPTIONS, on_workers=worker_options.OPTIONS)
def run(
    context: typer.Context,
    on_backbone: BackboneOptions,
    on_workers: WorkerOptions,
    methods: Methods = defaults.METHODS,
    dataset: Dataset = defaults.DATASET,
    metrics: Metrics = None,
    name: Annotated[str | None, typer.Option(help="name of the run; by default dataset and backbone")] = None,
    runs: Annotated[Path, typer.Option(help="folder of all runs")] = Path("runs"),
    templates: Templates = None,
    tuned: Tuned = None,
    scenes: Scenes = None,
    limit: Limit = None,
    shard: Shard = None,
    dry_run: DryRun = False,
    retry_failed: Retry = False,
    remove: Remove = None,
    report: Annotated[
        str, typer.Option(help="reports, separated by commas; see `bench list reports`")
    ] = defaults.REPORT,
    batch_size: backbone_options.BatchSize = 8,
    cohort: Cohort = None,
    keep_weights: Kept = False,
    attention: backbone_options.Attention = None,
    threads: Threads = None,
    track: Track = None,
) -> None:
    """Compare methods: fit each on every scene, draw all prompts, score, test and report.

    Without options it runs on Playroom, in minutes, on any machine. A run is stored in runs/NAME; starting it again
    computes only what is missing, and more methods can be added to it; what is left out then stays as the run began.
    """
    from bench.tune.record import tuning_digest  # noqa: PLC0415 - slow to import

    options = RunOptions(
        dataset=dataset,
        backbone=on_backbone,
        metrics=metrics,
        scenes=scenes,
        limit=limit,
        shard=shard,
        threads=threads,
        workers=on_workers.asked,
        templates=() if templates is None else read_templates(templates),
        attention=backbone_options.attention_steps(attention),
        tuned=() if tuned is None else (tuning_digest(tuned),),
        cohort=cohort,
    )
    execution = ExecutionOptions(batch_size=batch_size, keep_weights=keep_weights, track=track)
    folder = _folder(runs, default_name(dataset, on_backbone.backbone) if name is None else name, shard)
    with naming_paths(folder) if remove is None else contextlib.nullcontext():
        _check_names(report, metrics, track)
    if remove is not None:
        _remove(open_run(folder.path), remove, methods, dry_run)
        return
    selection, options = _on_run(folder, methods, tuned, options, given_options(context))
    if dry_run:
        _preview(folder, selection, options, retry_failed, tuned, on_workers)
    else:
        _run(folder, selection, options, execution, retry_failed, report, tuned, on_workers)


def _folder(runs: Path, name: str, shard: str | None) -> RunFolder:
    """The run's folder; a shard has its own."""
    return run_folder(runs, name if shard is None else shard_name(name, shard))


def _on_run(
    folder: RunFolder, methods: str, tuned: Path | None, options: RunOptions, given: Collection[str]
) -> tuple[MethodSelection, RunOptions]:
    """What is asked for, with what is not `given` as the run began, if it has: its methods too, if nothing names any.

    Raises `UserError` for methods that cannot run here, and for what is given and differs from the run.
    """
    from bench.run.as_begun import as_begun  # noqa: PLC0415 - drop-ins import torch, which is slow
    from bench.run.select_methods import MethodSelection  # noqa: PLC0415
    from bench.run.settings import earlier_settings  # noqa: PLC0415

    earlier = earlier_settings(folder)
    if earlier is None:
        return checked(methods, tuned), options
    if "methods" in given or tuned is not None:
        with naming_paths(folder):
            selection = checked(methods, tuned)
        return selection, as_begun(options, given, folder, earlier)
    return MethodSelection(earlier.methods, (), tuple(earlier.names.items())), as_begun(options, given, folder, earlier)


def _check_names(report: str, metrics: str | None, track: str | None) -> None:
    """Raise `UserError` for a report, a metric or a tracker that there is not: a bad name leaves nothing behind."""
    from bench.run.trackers import check_tracker  # noqa: PLC0415 - most runs are not tracked
    from bench.scoring.selection import select_metrics  # noqa: PLC0415 - slow to import

    select_reports(report)
    select_metrics(metrics)
    if track is not None:
        check_tracker(track)


def _run(
    folder: RunFolder,
    methods: MethodSelection,
    options: RunOptions,
    execution: ExecutionOptions,
    retry_failed: bool,
    report: str,
    tuned: Path | None,
    on_workers: WorkerOptions,
) -> None:
    from bench.reporting.write import write_report  # noqa: PLC0415 - slow to import
    from bench.run.engine import start  # noqa: PLC0415
    from bench.run.tracking import metric_means, tracking  # noqa: PLC0415
    from bench.tune.apply import tuned_check  # noqa: PLC0415

    with hold(folder.path):
        session, hardware = start(folder, methods, options, tuned_check(tuned))
        units = units_asked_for(session, options)
        wanted = _wanted(session, units, retry_failed)
        say_memory(session, hardware, wanted)
        with (
            tracking(execution.track, session) as tracked,
            session.pool(hardware, execution, on_workers) or contextlib.nullcontext() as pool,
        ):
            session.generate(wanted, hardware, execution if tracked is None else tracked.told(execution), pool)
            table = session.score(options.backbone.device, pool)
            if tracked is not None:
                tracked.scored(metric_means(session, table))
        files = write_report(session, report) if options.shard is None else ()
    for file in files:
        typer.echo(file)
    if failed := len(session.failed(units)):
        raise UserError(
            f"{failed} of {count(len(units), 'unit')} failed; their tracebacks: {folder.path / 'failed'}; "
            "--retry-failed tries them again",
            FAILED,
        )
    if options.shard is not None:
        remarks.print(_next_of_shard(folder, options.shard), soft_wrap=True, markup=False)
    elif files and files[0].suffix == ".html":
        remarks.print(f"Open {files[0]} in a browser.", soft_wrap=True, markup=False)


def _next_of_shard(folder: RunFolder, shard: str) -> str:
    """What to do when all shards are done."""
    name, (_, of) = folder.name.removesuffix(shard_name("", shard)), parse_shard(shard)
    runs = "" if folder.path.parent == Path("runs") else f" --runs {folder.path.parent}"
    return f"When all {of} are done: bench merge {folder.path.parent / name}-*-of-{of} --name {name}{runs}"


def _wanted(session: Session, units: Sequence[Unit], retry_failed: bool) -> tuple[Unit, ...]:
    """The units to work on: what failed before is tried again only when that is asked for."""
    return session.todo(units) if retry_failed else session.untried(units)


def _preview(
    folder: RunFolder,
    methods: MethodSelection,
    options: RunOptions,
    retry_failed: bool,
    tuned: Path | None,
    on_workers: WorkerOptions,
) -> None:
    from bench.run.engine import preview  # noqa: PLC0415 - slow to import
    from bench.run.suitability import warn  # noqa: PLC0415
    from bench.tune.apply import tuned_check  # noqa: PLC0415

    with scratch_folder() as scratch:
        session = preview(folder, methods, options, RunFolder(scratch), tuned_check(tuned))
        units = units_asked_for(session, options)
        wanted = _wanted(session, units, retry_failed)
        say_plan(session, units, wanted)
        say_workers(session, options, on_workers)
        on = options.backbone
        say_memory(session, resolve(on.device, on.precision, on.memory), wanted)
        warn(session.remarks(wanted))


def _remove(folder: RunFolder, specs: str, methods: str, dry_run: bool) -> None:
    """Take methods and metrics out of `run.json`; pictures and scores stay, for when they are asked for again.

    The tracebacks of such a method go.
    """
    from bench.run.failures import forget_method  # noqa: PLC0415 - drop-ins import torch
    from bench.run.settings import load_settings, save_settings  # noqa: PLC0415

    if methods != defaults.METHODS:
        raise UserError("--remove takes out of a run and adds nothing: leave out --methods")
    with contextlib.nullcontext() if dry_run else hold(folder.path):
        settings = load_settings(folder)
        before = settings.methods
        for spec in split_specs(specs):
            settings = settings.without(spec)
        if not dry_run:
            save_settings(folder, settings)
            for method in set(before) - set(settings.methods):
                forget_method(folder, method)
    done = "would take out" if dry_run else "took out"
    console.print(f"{folder.path}: {done} {specs}; left: {', '.join(settings.written)}", soft_wrap=True, markup=False)
    remarks.print(f"next: bench report {folder.path}", soft_wrap=True, markup=False)


def checked(methods: str, tuned: Path | None = None) -> MethodSelection:
    """The selected methods, with the settings that `tuned` has for them; prints which of `all` are skipped.

    Raises `UserError` for a bad one, or one that cannot run here, before anything is written.
    """
    from bench.run.select_methods import select_methods  # noqa: PLC0415 - drop-ins import torch, which is slow

    specs = split_specs(methods)
    if not specs:
        raise UserError("--methods names no method; for example --methods ours,ti-m (`bench list methods`)")
    selection = select_methods(specs)
    if selection.skipped:
        remarks.print(f"Skipped: {'; '.join(selection.skipped)}", soft_wrap=True, markup=False)
    if tuned is None:
        return selection
    from bench.tune.apply import with_tuned  # noqa: PLC0415 - slow to import

    return with_tuned(selection, tuned)


def default_name(dataset: str, backbone: str) -> str:
    """A folder name from the dataset and, unless it is the default, the backbone."""
    besides = [] if backbone == defaults.BACKBONE else [Path(backbone).name]
    parts = [Path(dataset.rstrip("/")).name, *besides]
    return "-".join("".join(c if c.isalnum() or c in "._" else "-" for c in part).strip("-") for part in parts)
