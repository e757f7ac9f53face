"""One start on a run: its settings, its dataset, its plan, and the stages that work on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cached_property, partial
from pathlib import Path

import pandas as pd

from bench.core.device import Hardware
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
from bench.run.fitting import ExecutionContext
from bench.run.folder import RunFolder
from bench.run.names import label
from bench.run.options import ExecutionOptions
from bench.run.plan import Conditions, ExternalInputs, Unit, make_plan
from bench.run.select_units import asked_units
from bench.run.settings import Settings
from bench.run.suitability import enlarged, undetectable, warn
from bench.run.undrawn import warn_of_undrawn
from bench.run.vocabulary import unknown_words_warning, where_known_words_are
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
            raise UserError(f"{error} {self.folder.path} was started with it; {remove} drops it") from error

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

    def generate(self, units: Sequence[Unit], hardware: Hardware, execution: ExecutionOptions) -> None:
        """Fit and draw what is missing of the units; which of them `failed` is known afterwards."""
        forget_others(self.folder, self.plan)
        todo = self.todo(units)
        if not todo:
            return
        from bench.diffusion.backbone.loading import load_backbone  # noqa: PLC0415 - slow, and only drawing needs it

        warn(self.remarks(todo))
        warn_of_undrawn(todo)
        backbone = load_backbone(self.backbone_spec, hardware, self.backbone_settings)
        context = ExecutionContext(
            self.folder,
            backbone,
            self.settings.budget,
            execution.batch_size,
            execution.keep_weights,
            self.settings.names,
            self._attention,
        )
        with hardware.computing():
            execute(context, todo, self.plan)

    @property
    def own_preset(self) -> bool:
        """Whether it is scored with the run's own preset."""
        return self._preset == self.settings.preset

    def score(self, device: str) -> pd.DataFrame:
        """Score the pictures without scores, loading only the models that this needs, and write the table."""
        from bench.run import scoring  # noqa: PLC0415 - torch is slow to import
        from bench.scoring.models.availability import check_available  # noqa: PLC0415
        from bench.scoring.scorer import Scorer  # noqa: PLC0415

        keyed = {metric_key(metric, self.preset): metric for metric in self.metrics}
        units = scoring.drawn_units(self.folder, self.plan)
        lacking = {key for unit in units for key in scoring.lacking_metrics(self.folder, keyed, unit)}
        if lacking:
            wanted = [metric for key, metric in keyed.items() if key in lacking]
            check_available(self.preset, (feature for metric in wanted for feature in metric.instance.needs))
            scorer = Scorer.load(self.preset, device, metrics=wanted)
            scoring.score(self.folder, keyed, units, scorer, self.settings.names)
        measure_attention(self.folder, self.preset, units, device)
        record_evaluators(self.folder, self.preset, self.metrics)
        columns = tuple(column for metric in self.metrics for column in columns_of(metric, self.preset))
        layout = scoring.TableLayout(self.dataset.name, self.preset.name, columns)
        return scoring.assemble(self.folder, keyed, layout, self.plan)
