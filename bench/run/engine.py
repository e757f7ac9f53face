"""The stages of a run, in order, from its options to its report, over one folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import cached_property, partial
from pathlib import Path

import pandas as pd

from bench.core.device import Hardware, resolve
from bench.core.errors import UserError
from bench.core.scenes import Dataset
from bench.data.load import dataset_hash, load_dataset
from bench.data.manifest import MANIFEST, read_manifest
from bench.diffusion.backbone.checkpoint import (
    BackboneSpec,
    check_weights,
    fingerprint,
    locate,
    locate_configuration,
    picture_side,
)
from bench.diffusion.backbone.limits import read_limits
from bench.plugins.backbone_settings import BackboneSettings, read_settings
from bench.plugins.discovery import user_folders
from bench.plugins.spec import Configured, configure, distinct
from bench.run.check_scenes import check_scenes
from bench.run.dataset_source import check_dataset, current_dataset, dataset_folder, preview_dataset, recommended_budget
from bench.run.evaluators import record_evaluators
from bench.run.execute import ExecutionContext, execute, is_done
from bench.run.external_inputs import CurrentInputs, recorded_inputs
from bench.run.folder import RunFolder
from bench.run.names import label
from bench.run.options import BackboneOptions, ExecutionOptions, RunOptions
from bench.run.plan import Conditions, ExternalInputs, Unit, make_plan
from bench.run.relocation import find_moved
from bench.run.select_methods import MethodSelection
from bench.run.select_units import asked_units, select_units
from bench.run.settings import Settings, Start, earlier_settings, load_settings, save_settings
from bench.run.suitability import check_scene_count, enlarged, undetectable, warn
from bench.run.undrawn import warn_of_undrawn
from bench.run.vocabulary import unknown_words, unknown_words_warning, where_known_words_are
from bench.scoring.models.class_words import known_words
from bench.scoring.presets import Preset, find_preset
from bench.scoring.selection import columns_of, metric_key, select_metrics, standard_metrics

FindInputs = Callable[[RunFolder, Configured, Dataset], ExternalInputs]
"""Finds the inputs that a method takes from outside its scenes: anew, or from the record of an earlier start."""


class Session:
    """One start on a run: its settings, its dataset and its plan; each stage can be done alone.

    `find_inputs` returns what a method takes from outside its scenes, `dataset` is the folder of the built dataset,
    `preset` the metric preset where it is not the run's own: then `folder` is one `with_preset`.
    """

    def __init__(
        self, folder: RunFolder, settings: Settings, find_inputs: FindInputs, dataset: Path, preset: str | None = None
    ) -> None:
        self.folder = folder
        self.settings = settings
        self._find_inputs = partial(find_inputs, folder)
        self._dataset = dataset
        self._preset = preset or settings.preset

    @cached_property
    def dataset(self) -> Dataset:
        """The dataset; unchanged since the run began."""
        if dataset_hash(self._dataset) != self.settings.dataset_hash:
            raise UserError(
                f"{self._dataset} is another dataset than {self.folder.path} began with; use another --name"
            )
        return load_dataset(self._dataset)

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
        )
        return make_plan(self.dataset, self.methods, conditions, self._find_inputs)

    @cached_property
    def asked(self) -> tuple[Unit, ...]:
        """The units that the run has been asked for so far, in all its starts."""
        return asked_units(self.plan, self.settings)

    def todo(self, units: Sequence[Unit]) -> tuple[Unit, ...]:
        """The units that are not done."""
        return tuple(unit for unit in units if not is_done(self.folder, unit))

    def failed(self, units: Sequence[Unit]) -> tuple[Unit, ...]:
        """Those of the units that are not done because their method failed when it was last tried."""
        return tuple(unit for unit in self.todo(units) if self.folder.failure(unit.key).is_file())

    def untried(self, units: Sequence[Unit]) -> tuple[Unit, ...]:
        """Those of the units that are not done and have not failed."""
        return tuple(unit for unit in self.todo(units) if not self.folder.failure(unit.key).is_file())

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
        todo = self.todo(units)
        if not todo:
            return
        from bench.diffusion.backbone.loading import load_backbone  # noqa: PLC0415 - slow, and only drawing needs it

        warn(self.remarks(todo))
        warn_of_undrawn(todo)
        backbone = load_backbone(self.backbone_spec, hardware, self.backbone_settings)
        context = ExecutionContext(
            self.folder, backbone, self.settings.budget, execution.batch_size, execution.keep_weights
        )
        with hardware.computing():
            execute(context, todo)

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
        units = scoring.unscored(self.folder, keyed, self.plan)
        if units:
            lacking = {key for unit in units for key in scoring.lacking_metrics(self.folder, keyed, unit)}
            wanted = [metric for key, metric in keyed.items() if key in lacking]
            check_available(self.preset, (feature for metric in wanted for feature in metric.instance.needs))
            scoring.score(self.folder, keyed, units, Scorer.load(self.preset, device, metrics=wanted))
        record_evaluators(self.folder, self.preset, self.metrics)
        columns = tuple(column for metric in self.metrics for column in columns_of(metric, self.preset))
        layout = scoring.TableLayout(self.dataset.name, self.preset.name, columns)
        return scoring.assemble(self.folder, keyed, layout, self.plan)


def start(folder: RunFolder, methods: MethodSelection, options: RunOptions) -> tuple[Session, Hardware]:
    """Start or resume a run; it is recorded in the run's folder once the whole start is known to be valid.

    Raises `UserError` for invalid options and for options that differ from those that the run began with.
    """
    hardware = resolve(options.backbone.device, options.backbone.precision)
    find_dataset = partial(current_dataset, options.dataset, folder, options.templates)
    session, inputs = _session(folder, methods, options, find_dataset)
    locate(session.backbone_spec)
    inputs.record(folder)
    save_settings(folder, session.settings)
    return session, hardware


def preview(folder: RunFolder, methods: MethodSelection, options: RunOptions, scratch: RunFolder) -> Session:
    """What `start` would begin, with nothing written but into `scratch`, and no weights downloaded.

    Raises `UserError` as `start` does.
    """
    find_dataset = partial(preview_dataset, options.dataset, folder, scratch, options.templates)
    return _session(folder, methods, options, find_dataset)[0]


def reopen(folder: RunFolder, metrics: str | None) -> Session:
    """An existing run, with the metrics that `metrics` names besides its own, or as scored with another preset."""
    settings, selected = load_settings(folder), select_metrics(metrics)
    settings = replace(settings, metrics=tuple(dict.fromkeys((*settings.metrics, *selected.more))))
    dataset = dataset_folder(settings.dataset, folder, settings.templates)
    if selected.preset in (None, settings.preset):
        return Session(folder, settings, recorded_inputs, dataset)
    return Session(folder.with_preset(selected.preset), settings, recorded_inputs, dataset, selected.preset)


def _session(
    folder: RunFolder, methods: MethodSelection, options: RunOptions, find_dataset: Callable[[], Path]
) -> tuple[Session, CurrentInputs]:
    """A start on the run with its earlier starts, valid as far as can be told before anything is loaded.

    A backbone that is not there is told before `find_dataset` builds anything.
    """
    configuration = locate_configuration(_spec(options.backbone))
    _check_options(configuration, options)
    if not folder.settings.is_file():
        _check_evaluators(configuration, options)
    dataset = find_dataset()
    merged, moved = _merged(folder, _settings(configuration, dataset, methods, options), dataset)
    asked = Start(merged.methods, options.scenes, options.limit, user_folders(), str(folder.path.parent))
    inputs = CurrentInputs(asked, {new: old for old, new in moved.items()})
    session = Session(folder, merged.started(asked), inputs.find, dataset)
    units = select_units(session.plan, options.scenes, options.limit)
    check_scenes(session.untried(units), read_limits(configuration, session.backbone_settings))
    session.metrics  # noqa: B018 - two that fill the same column must not get into run.json
    if session.todo(units):  # a finished run asks for no model
        check_weights(session.backbone_spec)
        if folder.settings.is_file():
            _check_evaluators(configuration, options)
    return session, inputs


def _merged(folder: RunFolder, asked: Settings, dataset: Path) -> tuple[Settings, dict[str, str]]:
    """What is asked for with the run's earlier starts, and the new specs of methods whose files were moved."""
    if (earlier := earlier_settings(folder)) is None:
        return asked.merged(asked, folder.path), {}
    moved = find_moved(folder, earlier, asked.methods, lambda: load_dataset(dataset))
    return asked.merged(earlier.relocated(moved), folder.path), moved


def _check_options(configuration: Path, options: RunOptions) -> None:
    """Raise `UserError` for what is wrong whatever the dataset holds, before it is built."""
    check_dataset(options.dataset)
    check_scene_count(options.scenes)
    read_settings(configuration).budget_name(options.backbone.budget, None)


def _check_evaluators(configuration: Path, options: RunOptions) -> None:
    """Raise `UserError` if a model that scoring needs is neither here nor to be had."""
    from bench.scoring.models.availability import check_available  # noqa: PLC0415 - huggingface_hub is slow to import

    selected = select_metrics(options.metrics)
    preset = find_preset(selected.preset or read_settings(configuration).metrics)
    metrics = (*standard_metrics(), *(configure("metrics", spec) for spec in selected.more))
    check_available(preset, (feature for metric in metrics for feature in metric.instance.needs))


def _spec(options: BackboneOptions) -> BackboneSpec:
    return BackboneSpec(options.backbone, options.revision)


def _settings(configuration: Path, dataset: Path, methods: MethodSelection, options: RunOptions) -> Settings:
    """What was asked for, with what it leaves to the backbone and the dataset filled in."""
    asked = options.backbone
    own = read_settings(configuration).with_sampler(asked.sampling_steps, asked.guidance)
    selected = select_metrics(options.metrics)
    return Settings(
        dataset=options.dataset,
        dataset_hash=dataset_hash(dataset),
        backbone=asked.backbone,
        revision=asked.revision,
        fingerprint=fingerprint(_spec(asked)),
        precision=resolve(asked.device, asked.precision).precision,
        budget=own.budget_name(asked.budget, recommended_budget(options.dataset)),
        sampling_steps=own.sampler.steps,
        guidance=own.sampler.guidance,
        seed=asked.seed,
        preset=find_preset(selected.preset or own.metrics).name,
        metrics=selected.more,
        methods=methods.methods,
        names=dict(methods.names),
        templates=options.templates,
        unknown_words=unknown_words(configuration, read_manifest(dataset / MANIFEST)),
    )
