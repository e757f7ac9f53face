"""What `bench run` and `bench tune` say before anything is done: what there is to do, by whom, and what it needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from bench.core.device import Hardware
from bench.core.text import count
from bench.run.options import RunOptions
from bench.run.worker_options import WorkerOptions

if TYPE_CHECKING:
    from bench.run.plan import Unit
    from bench.run.session import Session
    from bench.tune.search import Effort
    from bench.tune.space import Space

console = Console()


def say_memory(session: Session, hardware: Hardware, units: Sequence[Unit]) -> None:
    """Print what the units' fits need of a GPU; raises `UserError` if it is more than it has."""
    from bench.run.memory_check import check_memory  # noqa: PLC0415 - slow to import

    if (line := check_memory(session, hardware, units)) is not None:
        console.print(line, soft_wrap=True, markup=False)


def units_asked_for(session: Session, options: RunOptions) -> tuple[Unit, ...]:
    """The units that a start is about; told where it asks for more scenes than the dataset has."""
    from bench.run.select_units import select_units  # noqa: PLC0415 - slow to import

    asked, there = options.scenes, len(session.dataset.scenes)
    if asked is not None and asked.isdecimal() and int(asked) > there:
        told = f"--scenes {asked}: the dataset has {count(there, 'scene')}, all of which are taken"
        console.print(told, soft_wrap=True, markup=False)
    return select_units(session.plan, asked, options.limit, options.shard)


def say_plan(session: Session, units: Sequence[Unit], todo: Sequence[Unit]) -> None:
    """Print what a start would do; `todo` has the failed units if they are to be tried again."""
    from bench.run.estimate import estimate_minutes  # noqa: PLC0415
    from bench.run.execute import missing_pictures  # noqa: PLC0415

    folder, failed = session.folder, len(session.failed(units))
    pictures = sum(len(missing_pictures(folder, unit)) for unit in todo)
    scenes = {unit.scene.name for unit in todo}
    methods = ", ".join(dict.fromkeys(session.label(unit.method.spec) for unit in units))
    done = len(units) - len(session.todo(units))
    console.print(f"{folder.path}: {methods}; {count(len(units), 'unit')}, {done} done", markup=False)
    if failed:
        again = {unit.key for unit in todo} & {unit.key for unit in session.failed(units)}
        console.print(
            f"{failed} failed before; {'they are tried again' if again else '--retry-failed tries them again'}"
        )
    budget = session.settings.budget
    factor = session.backbone_settings.budget(budget).steps
    console.print(f"budget of training: {budget}, so that methods take {factor:g} times their steps", markup=False)
    if steps := ", ".join(_steps(session, units)):
        console.print(f"steps of a fit: {steps}", soft_wrap=True, markup=False)
    console.print(f"to do: {count(len(todo), 'unit')} on {count(len(scenes), 'scene')}, {count(pictures, 'picture')}")
    minutes = estimate_minutes(folder, todo)
    console.print(
        "time: nothing of this kind was measured here yet; start with --limit 1"
        if minutes is None
        else f"time: about {count(round(minutes), 'minute')}, from what this run measured so far"
    )


def say_tuning(spaces: Sequence[Space], effort: Effort, held_out: Sequence[str]) -> None:
    """Print what tuning in these spaces would try, with the names of the held-out scenes."""
    for space in spaces:
        ranges = ", ".join(f"{name} from {low:g} to {high:g}" for name, (low, high) in space.ranges.items())
        fits = count(effort.fits(space, held_out), "fit")
        console.print(f"{space.spec}: {fits}; {ranges}", soft_wrap=True, markup=False)
    screening, scenes = len(effort.screening), len(effort.scenes)
    steps = f", then half and twice its steps on all {scenes}" if any(space.steps for space in spaces) else ""
    console.print(
        f"each: {count(effort.trials, 'setting')} on {count(screening, 'scene')}, the best {effort.kept} on "
        f"{scenes - screening} more{steps}; the best and the method as it is on {len(held_out)} held out. "
        f"Up to {effort.widening_fits} fits more where a rate is best at an end of its range. "
        "How long one takes: bench run --limit 1",
        soft_wrap=True,
        markup=False,
    )


def _steps(session: Session, units: Sequence[Unit]) -> Iterator[str]:
    """The steps that each method's fit takes, phase by phase, where it is a recipe: `ours 80 + 80`."""
    from bench.run.fit_steps import fit_steps  # noqa: PLC0415 - slow to import

    budget = session.backbone_settings.budget(session.settings.budget)
    for method in {unit.method.spec: unit.method for unit in units}.values():
        if (steps := fit_steps(method, budget)) is not None:
            yield f"{session.label(method.spec)} {' + '.join(str(one) for one in steps.phases if one) or 0}"


def say_workers(session: Session, options: RunOptions, on_workers: WorkerOptions) -> None:
    """Print how many workers a start has, and with what."""
    from bench.core.device import resolve_device  # noqa: PLC0415 - torch is slow to import

    plan = session.worker_plan(on_workers, resolve_device(options.backbone.device).type)
    console.print(f"workers: {'this process alone' if plan is None else plan.told}", soft_wrap=True, markup=False)
