"""The stages of a run, in order, from its options to its report, over one folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import cached_property, partial

import pandas as pd

from bench.core.device import Hardware, resolve
from bench.core.errors import UserError
from bench.core.scenes import Dataset
from bench.data.load import dataset_hash, load_dataset
from bench.data.manifest import MANIFEST, read_manifest
from bench.diffusion.backbone.checkpoint import BackboneSpec, fingerprint, locate
from bench.plugins.backbone_settings import BackboneSettings, read_settings
from bench.plugins.spec import Configured, configure
from bench.run.dataset_source import current_dataset, dataset_folder, recommended_budget
from bench.run.evaluators import record_evaluators
from bench.run.execute import ExecutionContext, execute, is_done
from bench.run.external_inputs import find_and_record, recorded_inputs
from bench.run.folder import RunFolder
from bench.run.options import ExecutionOptions, RunOptions
from bench.run.plan import Conditions, ExternalInputs, Unit, make_plan
from bench.run.settings import Settings, load_settings, save_settings
from bench.run.vocabulary import unknown_words, warn_of_unknown_words
from bench.scoring.presets import Preset, find_preset
from bench.scoring.selection import columns_of, metric_key, select_metrics, standard_metrics

FindInputs = Callable[[RunFolder, Configured, Dataset], ExternalInputs]
"""Finds the inputs that a method takes from outside its scenes: anew, or from the record of an earlier start."""


class Session:
    """One start on a run: its settings, its dataset and its plan; each stage can be done alone.

    `find_inputs` returns what a method takes from outside its scenes.
    """

    def __init__(self, folder: RunFolder, settings: Settings, find_inputs: FindInputs) -> None:
        self.folder = folder
        self.settings = settings
        self._find_inputs = partial(find_inputs, folder)

    @cached_property
    def dataset(self) -> Dataset:
        """The dataset; raises `UserError` if it has changed since the run began."""
        path = dataset_folder(self.settings.dataset, self.folder)
        if dataset_hash(path) != self.settings.dataset_hash:
            raise UserError(f"{path} is another dataset than {self.folder.path} began with; use another --name")
        return load_dataset(path)

    @cached_property
    def backbone_settings(self) -> BackboneSettings:
        """The backbone's own settings, with this run's sampler."""
        own = read_settings(locate(self.backbone_spec))
        return own.with_sampler(self.settings.sampling_steps, self.settings.guidance)

    @property
    def backbone_spec(self) -> BackboneSpec:
        """The backbone and its revision."""
        return BackboneSpec(self.settings.backbone, self.settings.revision)

    @cached_property
    def methods(self) -> tuple[Configured, ...]:
        """All methods of the run.

        Raises `UserError` if two specs mean the same method with the same configuration.
        """
        methods = tuple(configure("methods", text) for text in self.settings.methods)
        for index, method in enumerate(methods):
            for other in methods[:index]:
                if (method.drop_in, method.configuration) == (other.drop_in, other.configuration):
                    raise UserError(f"{method.spec} and {other.spec} are the same method; name it once")
        return methods

    @property
    def preset(self) -> Preset:
        """The metric preset."""
        return find_preset(self.settings.preset)

    @cached_property
    def metrics(self) -> tuple[Configured, ...]:
        """The standard metrics, then the run's additional ones.

        Raises `UserError` if two of them fill the same column.
        """
        metrics = (*standard_metrics(), *(configure("metrics", spec) for spec in self.settings.metrics))
        taken: dict[str, Configured] = {}
        for metric in metrics:
            for column in columns_of(metric, self.preset):
                if column.name in taken:
                    files = f"{taken[column.name].drop_in.file} and {metric.drop_in.file}"
                    raise UserError(f"two metrics fill the column '{column.name}': {files}; rename one of the columns")
                taken[column.name] = metric
        return metrics

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
        )
        return make_plan(self.dataset, self.methods, conditions, self._find_inputs)

    def todo(self, units: Sequence[Unit]) -> tuple[Unit, ...]:
        """The units that are not done."""
        return tuple(unit for unit in units if not is_done(self.folder, unit))

    def generate(self, units: Sequence[Unit], hardware: Hardware, execution: ExecutionOptions) -> int:
        """Fit and draw the missing parts of the units; returns how many failed."""
        todo = self.todo(units)
        if not todo:
            return 0
        from bench.diffusion.backbone.loading import load_backbone  # noqa: PLC0415 - slow, and only drawing needs it

        warn_of_unknown_words(self.settings.unknown_words)
        backbone = load_backbone(self.backbone_spec, hardware, self.backbone_settings)
        return execute(
            ExecutionContext(self.folder, backbone, self.settings.budget, execution.batch_size, execution.keep_weights),
            todo,
        )

    def score(self, device: str) -> pd.DataFrame:
        """Score the pictures without scores, loading only the models that this needs, and write the table."""
        from bench.run import scoring  # noqa: PLC0415 - torch is slow to import
        from bench.scoring.scorer import Scorer  # noqa: PLC0415

        keyed = {metric_key(metric, self.preset): metric for metric in self.metrics}
        units = scoring.unscored(self.folder, keyed, self.plan)
        if units:
            lacking = {key for unit in units for key in scoring.lacking_metrics(self.folder, keyed, unit)}
            wanted = [metric for key, metric in keyed.items() if key in lacking]
            scoring.score(self.folder, keyed, units, Scorer.load(self.preset, device, metrics=wanted))
        record_evaluators(self.folder, self.preset, self.metrics)
        columns = tuple(column.name for metric in self.metrics for column in columns_of(metric, self.preset))
        layout = scoring.TableLayout(self.dataset.name, self.preset.name, columns)
        return scoring.assemble(self.folder, keyed, layout, self.plan)


def start(folder: RunFolder, methods: Sequence[str], options: RunOptions) -> tuple[Session, Hardware]:
    """Start or resume a run; its settings are stored in its folder.

    Raises `UserError` for invalid options and for options that differ from those that the run began with.
    """
    hardware = resolve(options.backbone.device, options.backbone.precision)
    settings = _settings(folder, methods, options, hardware)
    session = Session(folder, settings, find_and_record)
    session.plan, session.metrics  # noqa: B018 - a bad method or metric must not get into run.json
    merged = save_settings(folder, settings)
    return session if merged == settings else Session(folder, merged, find_and_record), hardware


def reopen(folder: RunFolder, metrics: str | None) -> Session:
    """Open an existing run; `metrics` may name another preset and additional metrics."""
    settings, selected = load_settings(folder), select_metrics(metrics)
    more = tuple(dict.fromkeys((*settings.metrics, *selected.more)))
    return Session(folder, replace(settings, preset=selected.preset or settings.preset, metrics=more), recorded_inputs)


def _settings(folder: RunFolder, methods: Sequence[str], options: RunOptions, hardware: Hardware) -> Settings:
    """The settings of these options; values that they leave open are the backbone's and the dataset's."""
    asked = options.backbone
    spec = BackboneSpec(asked.backbone, asked.revision)
    own = read_settings(locate(spec)).with_sampler(asked.sampling_steps, asked.guidance)
    selected = select_metrics(options.metrics)
    dataset = current_dataset(options.dataset, folder)
    return Settings(
        dataset=options.dataset,
        dataset_hash=dataset_hash(dataset),
        backbone=asked.backbone,
        revision=asked.revision,
        fingerprint=fingerprint(spec),
        precision=hardware.precision,
        budget=own.budget_name(asked.budget, recommended_budget(options.dataset)),
        sampling_steps=own.sampler.steps,
        guidance=own.sampler.guidance,
        seed=asked.seed,
        preset=find_preset(selected.preset or own.metrics).name,
        metrics=selected.more,
        methods=tuple(methods),
        unknown_words=unknown_words(locate(spec), read_manifest(dataset / MANIFEST)),
    )
