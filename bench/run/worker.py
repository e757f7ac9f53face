"""A worker: a process, on whatever machine, that fits, draws and scores units for the driver of a run.

It works by the engine's own functions in a folder of its own; what they write goes to the driver as bytes, as it is
made, and the driver writes it into the run's folder. A worker keeps its backbone, or its evaluators, loaded.
"""

from __future__ import annotations

import os
import queue
import shutil
import socket
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil

from bench.core.device import Hardware, resolve, use_threads
from bench.core.errors import UserError, one_line
from bench.core.files import write_bytes
from bench.core.leftovers import is_temporary, scratch_prefix
from bench.core.scenes import Scene
from bench.data.load import load_dataset
from bench.diffusion.backbone.checkpoint import BackboneSpec, locate_configuration
from bench.plugins import discovery
from bench.plugins.backbone_settings import read_settings
from bench.plugins.spec import Configured, configure
from bench.run.execute import attempt
from bench.run.failures import keep_failure
from bench.run.fitting import ExecutionContext, Fitter
from bench.run.folder import RunFolder
from bench.run.forecast import Part
from bench.run.payload import unit_from, unpacked
from bench.run.plan import Unit
from bench.run.versions import engine_hash, versions

_LOOK_EVERY = 0.05
"""Seconds between two looks at what was made."""
_SAY_EVERY = 1.0
"""Seconds between two parcels that only say what is being done."""

Parcel = tuple[str, list[tuple[str, bytes]], dict[Part, float]]
"""What a worker does now, and what it made since its last parcel: files, as paths within the run and contents, and
pieces of the task's parts."""
File = tuple[str, bytes]
"""A path within the run, and its content."""
UnitContent = tuple[Mapping[str, Any], Sequence[tuple[str, bytes] | None]]
"""A unit as it travels: `unit_content` and `precomputed_content` of `bench.run.payload`."""
FAILED = "failed: "
"""Start of the first part of a parcel where a unit's method failed; its key follows, a space, and why."""
STOP = "stop: "
"""The same of a task's last parcel where no unit can be worked on, for a reason that the user can mend."""


def process_of_contents() -> int:
    """The number of the process with which the unpacked dataset and drop-ins end: Ray's own, which all workers share.

    Where Ray's process has just been killed, and this one given to another parent, it is this one's own.
    """
    return next((each.pid for each in psutil.Process().parents() if each.name() == "raylet"), os.getpid())


@dataclass(frozen=True)
class WorkerSettings:
    """All that a worker needs to know of a run, besides its dataset and its drop-ins; plain values only."""

    folder: str
    backbone: str
    revision: str | None
    device: str
    precision: str
    sampling_steps: int
    guidance: float
    budget: str
    batch_size: int
    keep_weights: bool
    threads: int
    preset: str
    methods: tuple[str, ...]
    metrics: tuple[str, ...]
    names: dict[str, str]
    attention: tuple[int, ...]
    memory: str


@dataclass
class Courier:
    """Passes on what is made in a worker's folder; told of progress by the work on units, or on their scores."""

    folder: Path
    keep_weights: bool
    said: str = ""
    sent: dict[Path, int] = field(default_factory=dict)
    done: dict[Part, float] = field(default_factory=dict)
    parcels: queue.SimpleQueue[Parcel | None] = field(default_factory=queue.SimpleQueue)
    _look_at: float = 0.0
    _say_at: float = 0.0

    def say(self, what: str) -> None:
        """Set the description."""
        self.said = what

    def advance(self, pieces: float = 1.0) -> None:
        """Count so many more pictures as scored."""
        self.work("", "score", pieces)

    def over(self, job: str) -> None:
        """Tell nothing: the driver knows when a task ends."""

    def work(self, job: str, part: Part, pieces: float = 1.0) -> None:  # noqa: ARG002 (the protocol's: a task is one job)
        """Send what was made meanwhile; where that is nothing, the description from time to time."""
        self.done[part] = self.done.get(part, 0.0) + pieces
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + _LOOK_EVERY
            if now >= self._say_at or self._new():
                self._say_at = now + _SAY_EVERY
                self.send(self.said)

    def send(self, what: str) -> None:
        """Send a description, with all files and pieces of work that were not sent yet."""
        new = sorted(self._new(), key=_order)
        self.sent |= {path: path.stat().st_mtime_ns for path in new}
        contents = [(path.relative_to(self.folder).as_posix(), path.read_bytes()) for path in new]
        done, self.done = self.done, {}
        self.parcels.put((what, contents, done))

    def forget(self) -> None:
        """Count what is there as sent."""
        self.sent |= {path: path.stat().st_mtime_ns for path in self._files()}

    def _new(self) -> list[Path]:
        return [path for path in self._files() if self.sent.get(path) != path.stat().st_mtime_ns]

    def _files(self) -> Iterator[Path]:
        for path in self.folder.rglob("*"):
            place = path.relative_to(self.folder)
            kept = self.keep_weights or place.parts[0] != "fits"
            if kept and not is_temporary(place) and path.is_file():
                yield path


def _order(path: Path) -> tuple[bool, str]:
    """A unit's record comes last: with it the unit is whole."""
    return path.parent.name == "units", str(path)


class UnitWorker:
    """What Ray starts: `prepare` for a stage, then `begin`, a cohort each, `draw` or `score`, a unit each."""

    def __init__(self, settings: WorkerSettings, dataset: bytes, drop_ins: Sequence[bytes]) -> None:
        self._settings = settings
        self._contents = dataset, tuple(drop_ins)
        self._scenes: dict[str, Scene] = {}
        self._folder = RunFolder(Path(tempfile.mkdtemp(prefix=scratch_prefix())))

    def prepare(self, stage: str) -> dict[str, Any]:
        """Load what a stage (`draw` or `score`) needs; returns what this machine is, or an `error` in one line."""
        here = {"host": socket.gethostname(), "process": os.getpid(), "error": ""}
        here |= {"versions": versions() | {"source of scenebench": engine_hash()}}
        try:
            self._unpack()
            if stage == "draw":
                self._context  # noqa: B018 - loads the backbone
            else:
                self.__dict__.pop("_context", None)
                self._scorer  # noqa: B018 - loads the evaluators
        except Exception as error:
            here["error"] = one_line(error)
        return here

    def begin(self, cohort: Sequence[UnitContent], asked: Sequence[str], files: Sequence[File]) -> Iterator[Parcel]:
        """Begin the fits of a cohort; yields what was begun, and what those with the keys `asked` failed with.

        `files` are as in `draw`.
        """
        self._write(files)
        yield from self._working(lambda courier: self._begin(cohort, asked, courier))

    def draw(self, unit: UnitContent, files: Sequence[File]) -> Iterator[Parcel]:
        """Fit and draw a unit; yields what is made, as it is made.

        `files` are what it goes on from: files that units share, and a fit that was begun.
        """
        self._write(files)
        yield from self._working(lambda courier: self._draw(unit, courier))

    def score(
        self, unit: Mapping[str, Any], metrics: Sequence[str], pictures: Sequence[tuple[str, bytes]]
    ) -> Iterator[Parcel]:
        """Score a unit's pictures by the metrics of these keys; yields the records of their scores."""
        yield from self._working(lambda courier: self._score(unit, metrics, pictures, courier))

    def _write(self, files: Sequence[File]) -> None:
        for path, content in files:
            if not (file := self._folder.path / path).is_file():
                write_bytes(file, content)

    def _begin(self, contents: Sequence[UnitContent], asked: Sequence[str], courier: Courier) -> None:
        cohort = [self._unit(content) for content in contents]
        fitter = Fitter(self._context, cohort, cohort, courier)
        with self._hardware.computing():
            fitter.begin(cohort[0])
        for unit in cohort:
            if unit.key in asked and unit.key in fitter.failures:
                why = keep_failure(self._folder, unit, fitter.failures[unit.key])
                courier.send(f"{FAILED}{unit.key} {why}")

    def _draw(self, content: UnitContent, courier: Courier) -> None:
        unit = self._unit(content)
        context = self._context
        with self._hardware.computing():
            why = attempt(context, Fitter(context, [unit], [unit], courier), unit, courier)
        if why is not None:
            courier.send(f"{FAILED}{unit.key} {why}")

    def _unit(self, content: UnitContent) -> Unit:
        return unit_from(*content, self._scenes, self._methods)

    def _score(
        self,
        content: Mapping[str, Any],
        metrics: Sequence[str],
        pictures: Sequence[tuple[str, bytes]],
        courier: Courier,
    ) -> None:
        from bench.run.scoring import score  # noqa: PLC0415 - slow to import

        unit = unit_from(content, (), self._scenes, self._methods)
        for key, png in pictures:
            write_bytes(self._folder.picture(key), png)
        courier.forget()
        score(
            self._folder,
            {key: self._metrics[key] for key in metrics},
            [unit],
            self._scorer,
            self._settings.names,
            courier,
        )

    def _working(self, work: Callable[[Courier], None]) -> Iterator[Parcel]:
        """Let `work` run in a thread and yield what it makes; then empty the folder, but for shared files."""
        courier = Courier(self._folder.path, self._settings.keep_weights)
        courier.forget()
        thread = threading.Thread(target=self._run, args=(work, courier), name="unit")
        thread.start()
        while (parcel := courier.parcels.get()) is not None:
            yield parcel
        thread.join()
        for path in self._folder.path.iterdir():
            if path != self._folder.shared:
                shutil.rmtree(path)

    def _run(self, work: Callable[[Courier], None], courier: Courier) -> None:
        try:
            use_threads(self._settings.threads)
            work(courier)
            courier.send("")
        except UserError as error:
            courier.send(f"{STOP}{error}")
        except BaseException:
            courier.send(f"{STOP}{traceback.format_exc()}")
        finally:
            courier.parcels.put(None)

    def _unpack(self) -> None:
        """Make dataset and drop-ins known; once on each machine, in folders named after their process."""
        if self._scenes:
            return
        dataset, drop_ins = self._contents
        prefix = str(Path(tempfile.gettempdir()) / f"scenebench-{process_of_contents()}-")
        os.environ[discovery.ENVIRONMENT] = os.pathsep.join(str(unpacked(one, prefix)) for one in drop_ins)
        discovery.refresh()
        self._scenes = {scene.name: scene for scene in load_dataset(unpacked(dataset, prefix)).scenes}
        if Path(self._settings.folder).is_dir():
            os.chdir(self._settings.folder)  # relative paths of the command line mean the same here

    @cached_property
    def _methods(self) -> dict[str, Configured]:
        return {spec: configure("methods", spec) for spec in self._settings.methods}

    @cached_property
    def _hardware(self) -> Hardware:
        return resolve(self._settings.device, self._settings.precision, self._settings.memory)

    @cached_property
    def _context(self) -> ExecutionContext:
        from bench.diffusion.backbone.loading import load_backbone  # noqa: PLC0415 - slow to import

        settings, hardware = self._settings, self._hardware
        if hardware.device.type != settings.device:
            raise UserError(f"{socket.gethostname()} has no {settings.device} device for a worker; see docs/cluster.md")
        spec = BackboneSpec(settings.backbone, settings.revision)
        own = read_settings(locate_configuration(spec)).with_sampler(settings.sampling_steps, settings.guidance)
        backbone = load_backbone(spec, hardware, own)
        return ExecutionContext(
            self._folder,
            backbone,
            settings.budget,
            settings.batch_size,
            settings.keep_weights,
            settings.names,
            settings.attention,
        )

    @cached_property
    def _metrics(self) -> dict[str, Configured]:
        from bench.scoring.presets import find_preset  # noqa: PLC0415 - slow to import
        from bench.scoring.selection import metric_key  # noqa: PLC0415

        preset = find_preset(self._settings.preset)
        metrics = (configure("metrics", spec) for spec in self._settings.metrics)
        return {metric_key(metric, preset): metric for metric in metrics}

    @cached_property
    def _scorer(self) -> Any:
        from bench.scoring.presets import find_preset  # noqa: PLC0415 - slow to import
        from bench.scoring.scorer import Scorer  # noqa: PLC0415

        preset = find_preset(self._settings.preset)
        return Scorer.load(preset, self._settings.device, metrics=tuple(self._metrics.values()))
