"""One start on a run: its settings, its dataset, its plan, and the stages that work on them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property, partial
from pathlib import Path

import pandas as pd

from bench.core.device import Hardware, use_threads
from bench.core.errors import UserError
from bench.core.scenes import Dataset
from bench.data.load import dataset_hash, load_dataset
from bench.data.manifest import MANIFEST, read_manifest
from bench.diffusion.backbone.checkpoint import (
    BackboneSpec,
    locate_configuration,
    picture_side,
)
from bench.plugins.backbone_settings import BackboneSettings, read_settings
from bench.plugins.spec import Configured, configure, distinct
from bench.run.attention import has_maps, measure_attention
from bench.run.evaluators import record_evaluators
from bench.run.execute import execute, is_done
from bench.run.failures import failure_file, forget_others
from bench.run.fitting import ExecutionContext, forget_begun
from bench.run.folder import RunFolder
from bench.run.names import label
from bench.run.options import ExecutionOptions
from bench.run.plan import Conditions, ExternalInputs, Unit, make_plan
from bench.run.pool import Pool
from bench.run.select_units import asked_units
from bench.run.settings import Settings
from bench.run.status import Activity, ActivityLog, record_activity
from bench.run.suitability import enlarged, undetectable, warn
from bench.run.undrawn import warn_of_undrawn
from bench.run.vocabulary import unknown_words_warning, where_known_words_are
from bench.run.worker import WorkerSettings
from bench.run.worker_options import WorkerOptions, WorkerPlan, plan_workers, weights_bytes
from bench.scoring.models.class_words import known_words
from bench.scoring.presets import Preset, find_preset
from bench.scoring.selection import columns_of, metric_key, standard_metrics

FindInputs = Callable[[RunFolder, Configured, Dataset], ExternalInputs]
"""Finds the inputs that a method takes from outside its scenes: anew, or from the record of an earlier start."""


class Session:
    """One start on a run: its settings, its dataset and its plan; each stage can be done alone.

    `find_inputs` returns what a method takes from outside its scenes, `dataset` is the folder of the built dataset,
    `preset` the metric preset where it is not the run's own: then `folder` is one `with_preset`. `attention` are the
    sampling steps whose maps are to be recorded.
    """

    def __init__(
        self,
        folder: RunFolder,
        settings: Settings,
        find_inputs: FindInputs,
        dataset: Path,
        preset: str | None = None,
        attention: tuple[int, ...] = (),
    ) -> None:
        self.folder = folder
        self.settings = settings
        self._find_inputs = partial(find_inputs, folder)
        self._dataset = dataset
        self._preset = preset or settings.preset
        self._attention = attention

    @cached_property
    def dataset(self) -> Dataset:
        """The dataset; unchanged since the run began."""
        if dataset_hash(self._dataset) != self.settings.dataset_hash:
            raise UserError(
                f"{self._dataset} is another dataset than {self.folder.path} began with; use another --name"
            )
        return load_dataset(self._dataset)

    @property
    def dataset_folder(self) -> Path:
        """The folder of the dataset."""
        return self._dataset

    @cached_property
    def backbone_settings(self) -> BackboneSettings:
        """The backbone's own settings, with this run's sampler."""
        own = read_settings(locate_configuration(self.backbone_spec))
        return own.with_sampler(self.settings.sampling_steps, self.settings.guidance)

    @property
    def backbone_spec(self) -> BackboneSpec:
        """The backbone and its revision."""
        return BackboneSpec(self.settings.backbone, self.settings.revision)

    @cached_property
    def methods(self) -> tuple[Configured, ...]:
        """Every method the run has been asked for, each once whatever its spelling."""
        return tuple(configure("methods", spec) for spec in distinct("methods", self.settings.methods))

    def label(self, spec: str) -> str:
        """What tables and plots call the method: its name, or its spec where it has none."""
        return label(self.settings.names, spec)

    @property
    def preset(self) -> Preset:
        """The metric preset: the run's own, unless it was opened with another."""
        return find_preset(self._preset)

    @cached_property
    def metrics(self) -> tuple[Configured, ...]:
        """The standard metrics, then the run's additional ones.

        Raises `UserError` if two of them fill the same column.
        """
        metrics = (*standard_metrics(), *map(self._added_metric, self.settings.metrics))
        taken: dict[str, Configured] = {}
        for metric in metrics:
            for column in columns_of(metric, self.preset):
                if column.name in taken:
                    files = f"{taken[column.name].drop_in.file} and {metric.drop_in.file}"
                    raise UserError(f"two metrics fill the column '{column.name}': {files}; rename one of the columns")
                taken[column.name] = metric
        return metrics

    def _added_metric(self, spec: str) -> Configured:
        try:
            return configure("metrics", spec)
        except UserError as error:
            remove = f"`bench run --name {self.folder.name} --remove {spec}`"
            raise UserError(f"{self.folder.path} was started with {spec}; {remove} drops it: {error}") from error

    @cached_property
    def plan(self) -> tuple[Unit, ...]:
        """Every unit of the run."""
        conditions = Conditions(
            backbone=self.settings.fingerprint,
            precision=self.settings.precision,
            budget=asdict(self.backbone_settings.budget(self.settings.budget)),
            sampling_steps=self.settings.sampling_steps,
            guidance=self.settings.guidance,
            seed=self.settings.seed,
            cohort=self.settings.cohort,
        )
        return make_plan(self.dataset, self.methods, conditions, self._find_inputs)

    @cached_property
    def asked(self) -> tuple[Unit, ...]:
        """The units that the run has been asked for so far, in all its starts."""
        return asked_units(self.plan, self.settings)

    def todo(self, units: Sequence[Unit]) -> tuple[Unit, ...]:
        """The units that are not done, or lack attention maps that this start asks for."""
        return tuple(
            unit
            for unit in units
            if not (is_done(self.folder, unit) and has_maps(self.folder, unit.key, self._attention))
        )

    def failed(self, units: Sequence[Unit]) -> tuple[Unit, ...]:
        """Those of the units that are not done because their method failed when it was last tried."""
        return tuple(unit for unit in self.todo(units) if failure_file(self.folder, unit).is_file())

    def untried(self, units: Sequence[Unit]) -> tuple[Unit, ...]:
        """Those of the units that are not done and have not failed."""
        return tuple(unit for unit in self.todo(units) if not failure_file(self.folder, unit).is_file())

    def remarks(self, units: Sequence[Unit]) -> tuple[str, ...]:
        """What will have no value or mean little in these units, a sentence each."""
        manifest, names = read_manifest(self._dataset / MANIFEST), {unit.scene.name for unit in units}
        scenes = [scene for scene in manifest.scenes if scene.name in names]
        configuration = locate_configuration(self.backbone_spec)
        found = [
            *undetectable(scenes, self.preset),
            *enlarged(scenes, manifest.spec.size, picture_side(configuration, self.backbone_settings)),
        ]
        if sentence := unknown_words_warning(self.settings.unknown_words):
            found.append(f"{sentence} {where_known_words_are(configuration, known_words(self.preset))}")
        return tuple(found)

    def generate(
        self, units: Sequence[Unit], hardware: Hardware, execution: ExecutionOptions, pool: Pool | None = None
    ) -> None:
        """Fit and draw what is missing of the units, by the workers of a pool, or here.

        Which of the units `failed` is known afterwards.
        """
        forget_others(self.folder, self.plan)
        todo = self.todo(units)
        keys = {unit.key for unit in todo}
        forget_begun(self.folder, [unit for unit in self.plan if unit.key not in keys])
        if not todo:
            return
        warn(self.remarks(todo))
        warn_of_undrawn(todo)
        if pool is None:
            self._generate_here(todo, hardware, execution)
        else:
            pool.draw(todo, self.plan, execution.on_done)

    def _generate_here(self, todo: Sequence[Unit], hardware: Hardware, execution: ExecutionOptions) -> None:
        from bench.diffusion.backbone.loading import load_backbone  # noqa: PLC0415 - slow, and only drawing needs it

        use_threads(self.settings.threads)
        backbone = load_backbone(self.backbone_spec, hardware, self.backbone_settings)
        context = ExecutionContext(
            self.folder,
            backbone,
            self.settings.budget,
            execution.batch_size,
            execution.keep_weights,
            self.settings.names,
            self._attention,
            ActivityLog(self.folder, "fitting and drawing"),
            execution.on_done,
        )
        with hardware.computing():
            execute(context, todo, self.plan)

    @property
    def own_preset(self) -> bool:
        """Whether it is scored with the run's own preset."""
        return self._preset == self.settings.preset

    def score(self, device: str, pool: Pool | None = None) -> pd.DataFrame:
        """Score the pictures without scores, by the workers of a pool or here, and write the table.

        Only the models are loaded that this needs.
        """
        from bench.run import scoring  # noqa: PLC0415 - torch is slow to import

        keyed = {metric_key(metric, self.preset): metric for metric in self.metrics}
        units = scoring.drawn_units(self.folder, self.plan)
        found = {unit: scoring.lacking_metrics(self.folder, keyed, unit) for unit in units}
        lacking = {unit: keys for unit, keys in found.items() if keys}
        if lacking and pool is not None:
            pool.score(lacking)
        elif lacking:
            self._score_here(keyed, lacking, device)
        measure_attention(self.folder, self.preset, units, device)
        record_evaluators(self.folder, self.preset, self.metrics)
        columns = tuple(column for metric in self.metrics for column in columns_of(metric, self.preset))
        layout = scoring.TableLayout(self.dataset.name, self.preset.name, columns)
        return scoring.assemble(self.folder, keyed, layout, self.plan)

    def _score_here(
        self, keyed: Mapping[str, Configured], lacking: Mapping[Unit, tuple[str, ...]], device: str
    ) -> None:
        from bench.run import scoring  # noqa: PLC0415 - torch is slow to import
        from bench.scoring.models.availability import check_available  # noqa: PLC0415
        from bench.scoring.scorer import Scorer  # noqa: PLC0415

        use_threads(self.settings.threads)
        record_activity(self.folder, Activity("scoring", time.time()))
        keys = {key for of_unit in lacking.values() for key in of_unit}
        wanted = [metric for key, metric in keyed.items() if key in keys]
        check_available(self.preset, (feature for metric in wanted for feature in metric.instance.needs))
        scoring.score(
            self.folder, keyed, tuple(lacking), Scorer.load(self.preset, device, metrics=wanted), self.settings.names
        )

    def worker_settings(self, hardware: Hardware, execution: ExecutionOptions) -> WorkerSettings:
        """What a worker needs to know of this start."""
        settings = self.settings
        return WorkerSettings(
            folder=str(Path.cwd()),
            backbone=settings.backbone,
            revision=settings.revision,
            device=hardware.device.type,
            precision=settings.precision,
            sampling_steps=settings.sampling_steps,
            guidance=settings.guidance,
            budget=settings.budget,
            batch_size=execution.batch_size,
            keep_weights=execution.keep_weights,
            threads=settings.threads,
            preset=self._preset,
            methods=tuple(method.spec for method in self.methods),
            metrics=tuple(metric.spec for metric in self.metrics),
            names=dict(self.settings.names),
            attention=self._attention,
            memory=hardware.memory,
        )

    def pool(self, hardware: Hardware, execution: ExecutionOptions, options: WorkerOptions) -> Pool | None:
        """The workers of this start, not started yet; None where this process does the work itself."""
        plan = self.worker_plan(options, hardware.device.type)
        if plan is None:
            return None
        budget = self.backbone_settings.budget(self.settings.budget)
        return Pool(self.folder, self._dataset, self.worker_settings(hardware, execution), plan, budget)

    def worker_plan(self, options: WorkerOptions, kind: str) -> WorkerPlan | None:
        """How many workers this start has on devices of a kind; None where this process does the work itself."""
        weights = weights_bytes(locate_configuration(self.backbone_spec))
        return plan_workers(options, kind, self.settings.threads, weights)
