"""Hands a run's table to a report."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch

from bench.diffusion.backbone import BackboneSpec, locate
from bench.errors import UserError
from bench.metrics.presets import find_preset
from bench.plan import Unit
from bench.report.data import ReportData
from bench.run.folder import RunFolder
from bench.run.lexicon import load_tokenizer, machinery_only
from bench.run.settings import Settings
from bench.scenes import Dataset
from bench.spec import configure
from bench.table import COLUMNS

PACKAGES = ("scenebench", "torch", "diffusers", "transformers", "numpy", "pandas", "scipy", "statsmodels")


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
        metrics=find_preset(settings.preset).describe(),
        banners=tuple(_banners(settings, dataset, plan, table)),
        done_units=table["unit"].nunique(),
        planned_units=len(plan),
    )


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


def _banners(settings: Settings, dataset: Dataset, plan: Sequence[Unit], table: pd.DataFrame) -> list[str]:
    tokenizer = load_tokenizer(locate(BackboneSpec(settings.backbone, settings.revision)))
    done = table["unit"].nunique()
    partial = f"Partial: {done} of {len(plan)} units are done." if done < len(plan) else None
    return [sentence for sentence in (machinery_only(tokenizer, dataset), partial) if sentence]
