"""Starts, previews and reopens runs: everything about a start is checked before anything is loaded or recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from bench.core import defaults
from bench.core.device import Hardware, resolve, resolve_device
from bench.data.load import dataset_hash, load_dataset
from bench.data.manifest import MANIFEST, read_manifest
from bench.diffusion.backbone.checkpoint import (
    BackboneSpec,
    check_weights,
    fingerprint,
    locate,
    locate_configuration,
)
from bench.diffusion.backbone.limits import read_limits
from bench.plugins.backbone_settings import read_settings
from bench.plugins.discovery import user_folders
from bench.plugins.spec import configure
from bench.run.as_begun import check_drop_ins
from bench.run.check_scenes import check_scenes
from bench.run.dataset_source import check_dataset, current_dataset, dataset_folder, preview_dataset, recommended_budget
from bench.run.external_inputs import CurrentInputs, recorded_inputs
from bench.run.folder import RunFolder
from bench.run.options import BackboneOptions, RunOptions
from bench.run.relocation import check_places, find_moved
from bench.run.select_methods import MethodSelection
from bench.run.select_units import select_units
from bench.run.session import Session
from bench.run.settings import Settings, Start, earlier_settings, load_settings, save_settings
from bench.run.status import record_asked
from bench.run.suitability import check_scene_count
from bench.run.versions import record_versions
from bench.run.vocabulary import unknown_words
from bench.run.worker_options import default_threads, weights_bytes
from bench.scoring.presets import find_preset
from bench.scoring.selection import select_metrics, standard_metrics

Check = Callable[[Session], None]
"""Raises `UserError` for a start that something else than the engine finds invalid."""


def _accept(_session: Session) -> None:
    """The default of `check`: nothing more is asked of a start."""


def start(
    folder: RunFolder, methods: MethodSelection, options: RunOptions, check: Check = _accept
) -> tuple[Session, Hardware]:
    """Start or resume a run; it is recorded in the run's folder once the whole start is known to be valid.

    Raises `UserError` for invalid options and for options that differ from those that the run began with, and whatever
    `check` raises.
    """
    hardware = resolve(options.backbone.device, options.backbone.precision, options.backbone.memory)
    find_dataset = partial(current_dataset, options.dataset, folder, options.templates)
    session, inputs = _session(folder, methods, options, find_dataset)
    check(session)
    locate(session.backbone_spec)
    inputs.record(folder)
    save_settings(folder, session.settings)
    record_asked(folder, session.asked, session.settings.names)
    record_versions(folder)
    return session, hardware


def preview(
    folder: RunFolder, methods: MethodSelection, options: RunOptions, scratch: RunFolder, check: Check = _accept
) -> Session:
    """What `start` would begin, with nothing written but into `scratch`, and no weights downloaded.

    Raises `UserError` as `start` does.
    """
    find_dataset = partial(preview_dataset, options.dataset, folder, scratch, options.templates)
    session = _session(folder, methods, options, find_dataset)[0]
    check(session)
    return session


def reopen(folder: RunFolder, metrics: str | None) -> Session:
    """An existing run, with the metrics that `metrics` names besides its own, or as scored with another preset."""
    settings = load_settings(folder)
    check_drop_ins(folder.path, settings)
    selected = select_metrics(metrics)
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
    if (earlier := earlier_settings(folder)) is not None:
        check_drop_ins(folder.path, earlier, ", or take another --name")
    check_places(methods.methods, () if earlier is None else earlier.methods)
    configuration = locate_configuration(_spec(options.backbone))
    _check_options(configuration, options)
    if not folder.settings.is_file():
        _check_evaluators(configuration, options)
    dataset = find_dataset()
    merged, moved = _merged(folder, _settings(configuration, dataset, methods, options), dataset, options)
    asked = Start(merged.methods, options.scenes, options.limit, user_folders(), str(folder.path.parent), options.shard)
    inputs = CurrentInputs(asked, {new: old for old, new in moved.items()})
    session = Session(folder, merged.started(asked), inputs.find, dataset, attention=options.attention)
    units = select_units(session.plan, options.scenes, options.limit, options.shard)
    check_scenes(session.untried(units), read_limits(configuration, session.backbone_settings))
    session.metrics  # noqa: B018 - two that fill the same column must not get into run.json
    if session.todo(units):  # a finished run asks for no model
        check_weights(session.backbone_spec)
        if folder.settings.is_file():
            _check_evaluators(configuration, options)
    return session, inputs


def _merged(folder: RunFolder, asked: Settings, dataset: Path, options: RunOptions) -> tuple[Settings, dict[str, str]]:
    """What is asked for with the run's earlier starts, and the new specs of methods whose files were moved."""
    if (earlier := earlier_settings(folder)) is None:
        return asked.merged(asked, folder.path), {}
    if options.threads is None:
        asked = replace(asked, threads=earlier.threads)
    if options.cohort is None:
        asked = replace(asked, cohort=earlier.cohort)
    moved = find_moved(folder, earlier, asked.methods, lambda: load_dataset(dataset))
    return asked.merged(earlier.relocated(moved), folder.path), moved


def _check_options(configuration: Path, options: RunOptions) -> None:
    """Raise `UserError` for what is wrong whatever the dataset holds, before it is built."""
    check_dataset(options.dataset)
    check_scene_count(options.scenes)
    resolve(options.backbone.device, options.backbone.precision, options.backbone.memory)
    settings = read_settings(configuration).with_sampler(options.backbone.sampling_steps, options.backbone.guidance)
    settings.budget_name(options.backbone.budget, None)
    settings.sampler.check_attention(options.attention)


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
        threads=_threads(configuration, options),
        cohort=defaults.COHORT if options.cohort is None else options.cohort,
        unknown_words=unknown_words(configuration, read_manifest(dataset / MANIFEST)),
        tuned=options.tuned,
    )


def _threads(configuration: Path, options: RunOptions) -> int:
    """The threads that were asked for, else those that suit the backbone on any number of workers; 0 without any."""
    if options.threads is not None:
        return options.threads
    if not options.workers:
        return 0
    return default_threads(resolve_device(options.backbone.device).type, weights_bytes(configuration))
