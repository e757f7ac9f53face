"""The workers of one start: what they make is written into the run's folder here, by the driver, and nowhere else."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from bench.core.errors import UserError
from bench.core.leftovers import sweep_scratch
from bench.plugins.backbone_settings import Budget
from bench.plugins.discovery import ENVIRONMENT
from bench.run.dispatch import Dispatcher, Listener, Task
from bench.run.draw_tasks import DrawTasks
from bench.run.execute import say_failed
from bench.run.failures import failure_file, keep_reason
from bench.run.fitting import forget_begun
from bench.run.folder import RunFolder
from bench.run.forecast import Forecast, WorkItem, WorkLeft
from bench.run.names import label
from bench.run.options import tell_nobody
from bench.run.payload import pack_dataset, pack_drop_ins, unit_content
from bench.run.plan import Unit
from bench.run.ray_local import joined_ray, local_ray
from bench.run.status import ActivityLog
from bench.run.versions import engine_hash, first_difference, versions
from bench.run.worker import FAILED, Parcel, UnitWorker, WorkerSettings
from bench.run.worker_options import WorkerPlan
from bench.run.worker_progress import WorkerBars, worker_bars
from bench.run.writer import FileWriter


class Pool:
    """Workers by Ray, started when there is first something to do, and ended with the block that it is entered for."""

    def __init__(
        self, folder: RunFolder, dataset: Path, settings: WorkerSettings, plan: WorkerPlan, budget: Budget
    ) -> None:
        self._budget = budget
        self._folder = folder
        self._dataset = dataset
        self._settings = settings
        self._plan = plan
        self._open = ExitStack()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
        sweep_scratch()

    def draw(self, units: Sequence[Unit], plan: Sequence[Unit], on_done: Callable[[Unit], None] = tell_nobody) -> None:
        """Fit and draw units of the plan, each from the start; the same units `failed` as in one process.

        `on_done` is called for each that is done.
        """
        made = DrawTasks(self._folder, units, plan, self._settings.names, self._budget)
        tasks = made.tasks()
        failed: set[str] = set()
        with self._at_work("fitting and drawing", made.work_left) as bars:

            def on_begin(worker: str, task: Task) -> None:
                failed.discard(task.key)
                _beginning(bars)(worker, task)

            def on_parcel(worker: str, task: Task, parcel: Parcel) -> None:
                self._writer.take(task.key, parcel[1])
                bars.work(worker, task.key, parcel[2])
                if parcel[0].startswith(FAILED):
                    key, why = parcel[0].removeprefix(FAILED).split(" ", 1)
                    failed.add(key)
                    say_failed(self._folder, made.units[key], self._settings.names, why)
                elif parcel[0]:
                    bars.say(worker, parcel[0])

            def on_end(worker: str, task: Task) -> None:
                self._writer.finish(task.key)
                if task.verb is not None:
                    forget_begun(self._folder, [unit for unit in plan if unit.key not in made.units])
                elif task.key not in failed and self._folder.unit_record(task.key).is_file():
                    self._forget(made.units[task.key])
                    on_done(made.units[task.key])
                bars.end(worker, task.key)

            def on_lost(task: Task, why: str) -> None:
                if task.verb is None:
                    keep_reason(self._folder, made.units[task.key], why)
                    say_failed(self._folder, made.units[task.key], self._settings.names, why)
                bars.end("", task.key)

            self._dispatcher.run("draw", tasks, Listener(on_begin, on_parcel, on_end, on_lost, bars.restart))

    def _forget(self, unit: Unit) -> None:
        """Remove what a unit that is done does not need any more."""
        failure_file(self._folder, unit).unlink(missing_ok=True)
        self._folder.begun(unit.key).unlink(missing_ok=True)
        if not self._settings.keep_weights:
            self._folder.fit(unit.key).unlink(missing_ok=True)  # of a start without workers

    def score(self, lacking: Mapping[Unit, tuple[str, ...]]) -> None:
        """Score units by the metrics of these keys; raises `UserError` where a unit's scoring ends three workers."""
        tasks = [
            Task(unit.key, f"scoring {self._title(unit)}", len(unit.pictures), partial(self._to_score, unit, keys))
            for unit, keys in lacking.items()
        ]
        jobs = {unit.key: WorkItem("", {"score": float(len(unit.pictures))}) for unit in lacking}
        with self._at_work("scoring", WorkLeft(jobs, Forecast({("", "score"): 1.0}))) as bars:

            def on_parcel(worker: str, task: Task, parcel: Parcel) -> None:
                self._writer.take(task.key, parcel[1])
                bars.work(worker, task.key, parcel[2])
                bars.say(worker, parcel[0] or "scoring")

            def on_end(worker: str, task: Task) -> None:
                self._writer.finish(task.key)
                bars.end(worker, task.key)

            def on_lost(task: Task, why: str) -> None:
                raise UserError(f"{task.title}: {why}; the same command goes on, with fewer --workers if it was memory")

            self._dispatcher.run("score", tasks, Listener(_beginning(bars), on_parcel, on_end, on_lost, bars.restart))

    def _title(self, unit: Unit) -> str:
        return f"{label(self._settings.names, unit.method.spec)} · {unit.scene.name}"

    def _to_score(self, unit: Unit, keys: tuple[str, ...]) -> tuple[Any, ...]:
        pictures = [(one.key, self._folder.picture(one.key).read_bytes()) for one in unit.pictures]
        return unit_content(unit), keys, pictures

    @contextlib.contextmanager
    def _at_work(self, stage: str, work_left: WorkLeft) -> Iterator[WorkerBars]:
        """Show what each worker does, here and for `bench status`."""
        workers = self._plan.count or 1
        with worker_bars(stage, work_left, ActivityLog(self._folder, stage), workers) as bars:
            yield bars

    @cached_property
    def _writer(self) -> FileWriter:
        return self._open.enter_context(FileWriter(self._folder.path))

    @cached_property
    def _dispatcher(self) -> Dispatcher:
        plan = self._plan
        if plan.ray is None:
            ray = self._open.enter_context(local_ray(plan.count * plan.cpus, -int(-plan.count * plan.gpus // 1)))
        else:
            ray = self._open.enter_context(joined_ray(plan.ray))
        count = plan.count or _room(ray, plan)
        dispatcher = Dispatcher(ray, self._maker(ray), count, _check_versions)
        self._open.callback(dispatcher.close)
        return dispatcher

    def _maker(self, ray: Any) -> Callable[[], Any]:
        """What starts a worker; its dataset and its drop-ins go to each machine once."""
        folders = [Path(folder) for folder in os.environ.get(ENVIRONMENT, "").split(os.pathsep) if folder]
        dataset, drop_ins = ray.put(pack_dataset(self._dataset)), [ray.put(pack_drop_ins(one)) for one in folders]
        plan = self._plan
        actor = ray.remote(
            num_cpus=plan.cpus, num_gpus=plan.gpus, memory=plan.memory, max_restarts=0, max_task_retries=0
        )(_RayWorker)
        return lambda: actor.remote(self._settings, dataset, *drop_ins)


class _RayWorker(UnitWorker):
    """As Ray starts it: Ray replaces its references by what they stand for where they are arguments of their own."""

    def __init__(self, settings: WorkerSettings, dataset: bytes, *drop_ins: bytes) -> None:
        super().__init__(settings, dataset, drop_ins)


def _beginning(bars: WorkerBars) -> Callable[[str, Task], None]:
    """Tells the bars that a worker begins a task."""
    return lambda worker, task: bars.begin(worker, task.key, task.title)


def _room(ray: Any, plan: WorkerPlan) -> int:
    """How many workers the cluster has room for now."""
    here = ray.cluster_resources()
    places = here.get("GPU", 0) / plan.gpus if plan.gpus else here.get("CPU", 0) / plan.cpus
    return max(1, int(min(places, here.get("memory", 0) / plan.memory)))


def _check_versions(here: Mapping[str, Any]) -> None:
    """Raise `UserError` for a worker whose Python, packages or scenebench are not those of the driver."""
    own = versions() | {"source of scenebench": engine_hash()}
    if told := first_difference(own, here["versions"]):
        raise UserError(f"{here['host']} has other versions than this machine: {told}; install the same on both")
