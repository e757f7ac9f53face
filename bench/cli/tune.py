"""`bench tune`: the same number of trials for every method, on scenes that no result is reported on."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from bench.cli import backbone_options, worker_options
from bench.cli.drop_in_paths import naming_paths
from bench.cli.option_groups import given_words, with_options
from bench.cli.preview import say_tuning
from bench.cli.run import checked, default_name
from bench.core.leftovers import scratch_folder
from bench.plugins.discovery import user_folders
from bench.plugins.spec import split_specs
from bench.run.folder import RunFolder, run_folder
from bench.run.lock import hold
from bench.run.options import BackboneOptions, ExecutionOptions, RunOptions
from bench.run.worker_options import WorkerOptions

if TYPE_CHECKING:
    from bench.tune.record import Tuning

console = Console()

Methods = Annotated[str, typer.Option(help="what to tune, with commas: ours,ti-m, or all that declare how")]
Dataset = Annotated[
    str,
    typer.Option(help="scenes to tune on, and to quote the optimum from; never those of results: for playroom, a seed"),
]
TuningScenes = Annotated[
    int, typer.Option(min=1, help="the first so many choose the optimum, the others quote it; at least 4 of either")
]
Trials = Annotated[int, typer.Option(min=2, help="settings tried of each method, on the first half of these scenes")]
Kept = Annotated[int, typer.Option(min=1, help="the best so many of them are tried on all")]
Widenings = Annotated[
    int, typer.Option(min=0, help="how often a range grows, by half as many trials, where the best is at its end")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="say what would be tried: writes nothing")]
DATASET = "playroom[scenes=18,seed=7001,formats=2,samples=1]"


def add_to(app: typer.Typer) -> None:
    """Register the command on `app`."""
    app.command("tune")(tune)


@with_options(on_backbone=backbone_options.OPTIONS, on_workers=worker_options.OPTIONS)
def tune(
    context: typer.Context,
    on_backbone: BackboneOptions,
    on_workers: WorkerOptions,
    methods: Methods = "all",
    dataset: Dataset = DATASET,
    tuning_scenes: TuningScenes = 12,
    trials: Trials = 8,
    kept: Kept = 4,
    widenings: Widenings = 2,
    name: Annotated[str | None, typer.Option(help="name of the run; by default `tune-`, dataset, backbone")] = None,
    runs: Annotated[Path, typer.Option(help="folder of all runs")] = Path("runs"),
    batch_size: backbone_options.BatchSize = 8,
    dry_run: DryRun = False,
) -> None:
    """Tune methods, each with the same effort: learning rates over the ranges that they declare, then steps.

    Trials are units of a run in runs/NAME, so an interrupted tuning goes on. It maximises the harmonic mean of prompt
    and identity similarity, both rescaled by controls: 0 is what other concepts or the base model get, 1 what the base
    model, or the concepts drawn anew (else the scene's own picture), get. `bench run --tuned runs/NAME` uses what was
    found.

    The least that gives an answer, to try it: `bench tune --methods ti-m --trials 2 --kept 1 --widenings 0
    --tuning-scenes 4 --dataset "playroom:quick[scenes=8,seed=7001]"`.
    """
    from bench.reporting.command import record_tuning  # noqa: PLC0415 - slow to import
    from bench.reporting.write import write_report  # noqa: PLC0415
    from bench.tune import engine  # noqa: PLC0415
    from bench.tune.space import spaces  # noqa: PLC0415

    folder = run_folder(runs, f"tune-{default_name(dataset, on_backbone.backbone)}" if name is None else name)
    engine.refuse_names(split_specs(methods))
    engine.refuse_too_few(tuning_scenes)
    with naming_paths(folder):
        chosen = engine.tunable(checked(methods).methods)
    run = engine.TuningRun(
        folder,
        RunOptions(
            dataset=dataset,
            backbone=on_backbone,
            cohort=engine.screening_count(tuning_scenes),
            workers=on_workers.asked,
        ),
        ExecutionOptions(batch_size=batch_size, keep_weights=False),
        on_workers,
    )
    effort_on = partial(engine.effort_on, tuning_scenes=tuning_scenes, trials=trials, kept=kept, widenings=widenings)
    if dry_run:
        with scratch_folder() as scratch:
            say_tuning(spaces(chosen), *effort_on(run.preview(tuning_scenes, RunFolder(scratch)).dataset))
        return
    with hold(folder.path):
        effort, held_out = effort_on(run.begun(tuning_scenes).dataset)
        paths = [word for path in user_folders() for word in ("--path", path)]
        record_tuning(folder, ["bench", "tune", *paths, *given_words(context)])
        tuning = engine.tune(run, chosen, effort, held_out)
        files = write_report(run.session(chosen), "tuning")
    _say_found(tuning)
    for file in files:
        typer.echo(file)


def _say_found(tuning: Tuning) -> None:
    for method, found in tuning.methods.items():
        console.print(f"{method}: {found.verdict}; {found.spec}", soft_wrap=True, markup=False)
