"""`bench run`: plan, fit, generate, score and report, in one command that can be interrupted and resumed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from bench.cli import backbone_options
from bench.core import defaults
from bench.core.errors import UserError
from bench.core.progress import console as remarks
from bench.plugins.spec import configure, split_specs
from bench.run.folder import RunFolder, run_folder
from bench.run.lock import hold
from bench.run.options import BackboneOptions, ExecutionOptions, RunOptions

if TYPE_CHECKING:
    from bench.run.plan import Unit

console = Console()
FAILED = 1

Methods = Annotated[
    str, typer.Option(help="what to compare, with commas: ours,ti-m or ours[phase1_steps=0],ours:code,ti-m, or all")
]
Dataset = Annotated[str, typer.Option(help="a folder made by `bench build-dataset`, or a builder that needs no data")]
Kept = Annotated[
    bool,
    typer.Option("--keep-weights", help="keep the weights that each fit changed (safetensors) after its last picture"),
]


def add_to(app: typer.Typer) -> None:
    """Register the command on `app`."""
    app.command("run")(run)


def run(
    methods: Methods = defaults.METHODS,
    dataset: Dataset = defaults.DATASET,
    backbone: backbone_options.Backbone = defaults.BACKBONE,
    revision: backbone_options.Revision = None,
    metrics: Annotated[str | None, typer.Option(help="metric preset; by default the one the backbone names")] = None,
    name: Annotated[str | None, typer.Option(help="name of the run; by default dataset and backbone")] = None,
    runs: Annotated[Path, typer.Option(help="folder of all runs")] = Path("runs"),
    scenes: Annotated[str | None, typer.Option(help="only the first N scenes, or scenes by name")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="only the first N units (a method on a scene)")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="print what would be done, and do nothing")] = False,
    report: Annotated[str, typer.Option(help="the report to write; see `bench list reports`")] = defaults.REPORT,
    seed: backbone_options.Seed = 0,
    budget: backbone_options.Budget = None,
    sampling_steps: backbone_options.SamplingSteps = None,
    guidance: backbone_options.Guidance = None,
    device: backbone_options.Device = "auto",
    precision: backbone_options.Precision = "auto",
    batch_size: Annotated[int, typer.Option(min=1, help="pictures drawn at once; does not change the pictures")] = 8,
    keep_weights: Kept = False,
) -> None:
    """Compare methods: fit each on every scene, draw all prompts, score, test and report.

    Without options it runs on Playroom, in minutes, on any machine. A run is stored in runs/NAME; starting it again
    computes only what is missing, and more methods can be added to it.
    """
    from bench.reporting.write import write_report  # noqa: PLC0415 - slow to import
    from bench.run.engine import start  # noqa: PLC0415
    from bench.scoring.selection import select_metrics  # noqa: PLC0415

    on_backbone = BackboneOptions(
        backbone=backbone,
        revision=revision,
        device=device,
        precision=precision,
        budget=budget,
        sampling_steps=sampling_steps,
        guidance=guidance,
        seed=seed,
    )
    options = RunOptions(dataset=dataset, backbone=on_backbone, metrics=metrics)
    execution = ExecutionOptions(batch_size=batch_size, keep_weights=keep_weights)
    folder = run_folder(runs, default_name(dataset, backbone) if name is None else name)
    specs = checked(methods)
    configure("reports", report)
    select_metrics(metrics)  # a bad name leaves nothing behind
    with hold(folder.path):
        session, hardware = start(folder, specs, options)
        units = chosen(session.plan, scenes, limit)
        if dry_run:
            _say_plan(session.todo(units), units, folder)
            return
        failed = session.generate(units, hardware, execution)
        session.score(device)
        files = write_report(session, report)
    for file in files:
        typer.echo(file)
    if failed:
        raise UserError(f"{failed} of {len(units)} units failed; their tracebacks: {folder.path / 'failed'}", FAILED)
    remarks.print(f"Open {files[0]} in a browser.", soft_wrap=True)


def checked(methods: str) -> tuple[str, ...]:
    """The selected methods; prints which of `all` are skipped.

    Raises `UserError` for a bad one, or one that cannot run here, before anything is written.
    """
    from bench.run.select_methods import select_methods  # noqa: PLC0415 - drop-ins import torch, which is slow

    specs = split_specs(methods)
    if not specs:
        raise UserError("--methods names no method; for example --methods ours,ti-m (`bench list methods`)")
    selection = select_methods(specs)
    if selection.skipped:
        remarks.print(f"Skipped: {'; '.join(selection.skipped)}", soft_wrap=True, markup=False)
    return selection.methods


def default_name(dataset: str, backbone: str) -> str:
    """A folder name from the dataset and, unless it is the default, the backbone."""
    besides = [] if backbone == defaults.BACKBONE else [Path(backbone).name]
    parts = [Path(dataset.rstrip("/")).name, *besides]
    return "-".join("".join(c if c.isalnum() or c in "._" else "-" for c in part).strip("-") for part in parts)


def chosen(plan: Sequence[Unit], scenes: str | None, limit: int | None) -> tuple[Unit, ...]:
    """The units of the plan in the chosen scenes, at most `limit` of them.

    Raises `UserError` for a scene that the dataset does not have.
    """
    known = list(dict.fromkeys(unit.scene.name for unit in plan))
    wanted = known if scenes is None else known[: int(scenes)] if scenes.isdigit() else list(split_specs(scenes))
    for name in wanted:
        if name not in known:
            raise UserError(f"the dataset has no scene '{name}'; it has {', '.join(known[:12])}")
    return tuple(unit for unit in plan if unit.scene.name in wanted)[:limit]


def _say_plan(todo: Sequence[Unit], units: Sequence[Unit], folder: RunFolder) -> None:
    from bench.run.estimate import estimate_minutes  # noqa: PLC0415
    from bench.run.execute import missing_pictures  # noqa: PLC0415

    pictures = sum(len(missing_pictures(folder, unit)) for unit in todo)
    scenes = {unit.scene.name for unit in todo}
    methods = ", ".join(dict.fromkeys(unit.method.spec for unit in units))
    console.print(f"{folder.path}: {methods}; {len(units)} units, of which {len(units) - len(todo)} are done")
    console.print(f"to do: {len(todo)} units on {len(scenes)} scenes, {pictures} pictures")
    minutes = estimate_minutes(folder, todo)
    console.print(
        "time: nothing of this kind was measured here yet; start with --limit 1"
        if minutes is None
        else f"time: about {minutes:.0f} minutes, from what this run measured so far"
    )
