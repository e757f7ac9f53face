"""Hands a run's table to a report."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import torch

from bench.core.errors import UserError
from bench.core.scenes import Dataset, without_concepts
from bench.core.table import COLUMNS
from bench.diffusion.backbone.checkpoint import BackboneSpec, locate
from bench.plugins.method import PreservesPrior
from bench.plugins.report import ReportData
from bench.plugins.spec import configure
from bench.reporting.text import listed
from bench.run.folder import RunFolder
from bench.run.plan import Unit
from bench.run.settings import Settings
from bench.run.vocabulary import load_tokenizer, unknown_words_warning
from bench.scoring.catalogue import metrics_of
from bench.scoring.presets import find_preset

PACKAGES = (
    "scenebench",
    "torch",
    "diffusers",
    "transformers",
    "open_clip_torch",
    "numpy",
    "pandas",
    "scipy",
    "statsmodels",
)


def write_report(
    folder: RunFolder, settings: Settings, dataset: Dataset, plan: Sequence[Unit], text: str
) -> tuple[Path, ...]:
    """Write the report that `text` names from the run's table; returns its files.

    Raises `UserError` if nothing was scored yet.
    """
    report = configure("reports", text)
    if not folder.table.is_file():
        raise UserError(f"{folder.path} has no scores yet; run `bench score {folder.path}` first")
    table = pd.read_parquet(folder.table)
    if table.empty:
        raise UserError(f"{folder.path} has no finished unit yet, so there is nothing to report")
    if lacking := [column for column in COLUMNS if column not in table]:
        raise UserError(
            f"{folder.table} has no column {lacking[0]}: it is of another version; "
            f"run `bench score {folder.path}`, which draws nothing"
        )
    files: tuple[Path, ...] = report.instance.write(
        _data(folder, settings, dataset, plan, table), folder.report(report.drop_in.name)
    )
    return files


def _data(
    folder: RunFolder, settings: Settings, dataset: Dataset, plan: Sequence[Unit], table: pd.DataFrame
) -> ReportData:
    return ReportData(
        name=folder.name,
        run_folder=folder.path,
        table=table,
        dataset=dataset,
        facts=_facts(settings, dataset),
        methods={unit.method.text: unit.method.configuration for unit in plan},
        ledgers={found.name: found.ledger for found in (unit.method.drop_in for unit in plan) if found.ledger},
        metrics=metrics_of(table["preset"].unique()),
        preset=find_preset(settings.preset).describe(),
        banners=tuple(_banners(folder, settings, dataset, plan, table)),
        done_units=table["unit"].nunique(),
        planned_units=len(plan),
        command=command(folder.name, settings),
        seen_in_prior=templates_seen_in_prior(plan),
        controls=controls(plan),
    )


def command(name: str, settings: Settings) -> str:
    """The command that starts the run again, with everything that can change a result, ready for a shell."""
    options = {
        "--methods": ",".join(settings.methods),
        "--dataset": settings.dataset,
        "--backbone": settings.backbone,
        "--revision": settings.revision,
        "--metrics": settings.preset,
        "--budget": settings.budget,
        "--sampling-steps": settings.sampling_steps,
        "--guidance": f"{settings.guidance:g}",
        "--precision": settings.precision,
        "--seed": settings.seed,
        "--name": name,
    }
    words = [word for option, value in options.items() if value is not None for word in (option, str(value))]
    return shlex.join(["bench", "run", *words])


def controls(plan: Sequence[Unit]) -> tuple[str, ...]:
    """The plan's methods that say of themselves that they are controls (`Method.control`)."""
    found = (unit.method.text for unit in plan if getattr(unit.method.instance, "control", False))
    return tuple(dict.fromkeys(found))


def templates_seen_in_prior(plan: Sequence[Unit]) -> dict[str, tuple[str, ...]]:
    """By method, the plan's templates that, without concepts, are the text of its prior-preservation pictures."""
    found: dict[str, dict[str, None]] = {}
    for unit in plan:
        method = unit.method.instance
        prior = method.prior_text if isinstance(method, PreservesPrior) else None
        for picture in unit.pictures:
            template = picture.request.prompt.template
            if without_concepts(template) == prior:
                found.setdefault(unit.method.text, {})[template] = None
    return {method: tuple(templates) for method, templates in found.items()}


def _facts(settings: Settings, dataset: Dataset) -> dict[str, str]:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    return {
        "dataset": f"{dataset.name}, {len(dataset.scenes)} scenes ({settings.dataset_hash[:12]})",
        "backbone": f"{settings.backbone} ({settings.fingerprint})",
        "precision": settings.precision,
        "budget of training": settings.budget,
        "sampler": f"DDIM, {settings.sampling_steps} steps, guidance {settings.guidance:g}",
        "metrics": settings.preset,
        "seed": str(settings.seed),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {_gpu()}, Python {platform.python_version()}",
        "versions": versions,
    }


def _gpu() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"


def _banners(
    folder: RunFolder, settings: Settings, dataset: Dataset, plan: Sequence[Unit], table: pd.DataFrame
) -> Iterator[str]:
    tokenizer = load_tokenizer(locate(BackboneSpec(settings.backbone, settings.revision)))
    if sentence := unknown_words_warning(tokenizer, dataset):
        yield sentence
    done = table["unit"].nunique()
    if done < len(plan):
        yield f"Partial: {done} of {len(plan)} units are done."
    failed = [unit for unit in plan if folder.failure(unit.key).is_file()]
    if failed:
        methods = listed(list(dict.fromkeys(unit.method.text for unit in failed)))
        yield f"Failed: {len(failed)} of {len(plan)} units ({methods}); tracebacks lie in the run's folder failed/."
