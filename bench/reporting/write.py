"""Hands a run's table to a report."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bench.core.errors import REFUSED, UserError, line_in, one_line
from bench.core.files import whole_replacement, write_bytes
from bench.core.scenes import without_concepts
from bench.core.table import COLUMNS
from bench.core.text import count
from bench.data.builders.remarks import UNLABELLED
from bench.plugins.method import PreservesPrior, is_control
from bench.plugins.report import ReportData
from bench.plugins.spec import Configured
from bench.reporting.command import command
from bench.reporting.partial import partial_banner
from bench.reporting.record import write_record
from bench.reporting.select_reports import select_reports
from bench.reporting.text import listed
from bench.run.evaluators import recorded_evaluators, recorded_scoring_version
from bench.run.failures import report_failure_file
from bench.run.folder import RunFolder
from bench.run.plan import Unit
from bench.run.session import Session
from bench.run.suitability import unknown_to_segmenter, unlabelled_warning
from bench.run.table_types import kinds_of, table_fault
from bench.run.vocabulary import unknown_words_warning
from bench.scoring.selection import columns_of, compared_columns

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
_TOLD_OF_A_HASH = 19
"""Characters: `sha256:` and twelve digits; `evaluators.json` has all."""


def write_report(session: Session, specs: str) -> tuple[Path, ...]:
    """Write the reports that `specs` names (several are separated by commas) from the run's table.

    Returns their files, each report's page first. A report's folder is replaced as a whole, or, where anything fails,
    not at all; the other reports are written nonetheless. Raises `UserError` for a name that there is not, if nothing
    was scored yet, and for what the reports that failed say.
    """
    reports = select_reports(specs)
    data = report_data(session)
    files: list[Path] = []
    failed: list[UserError] = []
    for report in reports:
        try:
            files += _placed(session, report, data)
        except UserError as error:
            failed.append(error)
    if len(failed) == 1:
        raise failed[0]
    if failed:
        raise UserError("; ".join(map(str, failed)), failed[0].code) from failed[0]
    return tuple(files)


def report_data(session: Session) -> ReportData:
    """The run as reports see it; raises `UserError` if nothing was scored yet."""
    return _data(session, _finished(session))


def _finished(session: Session) -> pd.DataFrame:
    """The rows of the table whose methods the run still has."""
    folder = session.folder
    if not folder.table.is_file():
        raise UserError(f"{folder.path} has no {folder.table.name} yet; run `{_score(session)}` first")
    table = _checked_table(session)
    table = table[table["method"].isin([method.spec for method in session.methods])]  # not one that was taken out
    if table.empty:
        raise UserError(f"{folder.path} has no finished unit yet, so there is nothing to report")
    return table


def _placed(session: Session, report: Configured, data: ReportData) -> tuple[Path, ...]:
    """Write one report into its folder, with `report.json`."""
    place = session.folder.report(report.drop_in.name)
    with whole_replacement(place) as building:
        files = _written(session, report, data, building)
        record = write_record(report.spec, data, files, building)
    written = (*files, record)
    return tuple(place / file.relative_to(building) if file.is_relative_to(building) else file for file in written)


def _written(session: Session, report: Configured, data: ReportData, out: Path) -> tuple[Path, ...]:
    """Let a report write its files into `out`; what it raises is told in one line, its traceback lies in `failed/`."""
    file, log = report.drop_in.file, report_failure_file(session.folder, report.drop_in.name)
    try:
        files: object = report.instance.write(data, out)
    except (UserError, *REFUSED):
        raise
    except Exception as error:
        write_bytes(log, traceback.format_exc().encode(errors="backslashreplace"))
        told = f"{line_in(error, file)}: the report {report.spec} failed: {one_line(error)} (traceback: {log})"
        anew = f"{session.folder.table} may be damaged: delete it, `{_score(session)}` makes it anew"
        raise UserError(f"{told}; if it is not your own, {anew}") from error
    if not isinstance(files, tuple) or not files or not all(isinstance(one, Path) for one in files):
        raise UserError(f"{file}: write() returned no files; return a tuple of paths, the page first")
    log.unlink(missing_ok=True)
    return files


def _checked_table(session: Session) -> pd.DataFrame:
    """The run's table, with every column, each of the right kind."""
    table, file = _read_table(session), session.folder.table
    filled = [column for metric in session.metrics for column in columns_of(metric, session.preset)]
    if lacking := [name for name in (*COLUMNS, *(column.name for column in filled)) if name not in table]:
        raise UserError(
            f"{file} has no column {lacking[0]}: it is of another version; run `{_score(session)}`, which draws nothing"
        )
    if fault := table_fault(table, kinds_of(filled)):
        raise UserError(f"{file} is damaged ({fault}); delete it: `{_score(session)}` makes it anew and draws nothing")
    return table


def _read_table(session: Session) -> pd.DataFrame:
    table = session.folder.table
    try:
        return pd.read_parquet(table)
    except (OSError, ValueError, LookupError, NotImplementedError) as error:
        told = f"{table} is damaged ({one_line(error)})"
        raise UserError(f"{told}; delete it: `{_score(session)}` makes it anew and draws nothing") from error


def _data(session: Session, table: pd.DataFrame) -> ReportData:
    folder, plan, label = session.folder, session.plan, session.label
    return ReportData(
        name=folder.name,
        run_folder=folder.path,
        table=table.assign(method=table["method"].map(session.label)),
        dataset=session.dataset,
        facts=_facts(session),
        methods={label(unit.method.spec): unit.method.configuration for unit in plan},
        specs={name: spec for spec, name in session.settings.names.items()},
        ledgers={found.name: found.ledger for found in (unit.method.drop_in for unit in plan) if found.ledger},
        metrics=compared_columns(session.metrics, session.preset),
        preset=session.preset.describe(),
        banners=tuple(_banners(session, table)),
        done_units=_done(session, table),
        planned_units=len(session.asked),
        command=command(folder, session.settings, session.preset.name),
        seen_in_prior={label(spec): found for spec, found in templates_seen_in_prior(plan).items()},
        controls=tuple(map(label, controls(plan))),
    )


def controls(plan: Sequence[Unit]) -> tuple[str, ...]:
    """The plan's methods that say of themselves that they are controls (`Method.control`)."""
    found = (unit.method.spec for unit in plan if is_control(unit.method.instance))
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
                found.setdefault(unit.method.spec, {})[template] = None
    return {method: tuple(templates) for method, templates in found.items()}


def _score(session: Session) -> str:
    """The command that scores what the session shows."""
    metrics = "" if session.own_preset else f" --metrics {session.preset.name}"
    return f"bench score {session.folder.path}{metrics}"


def _facts(session: Session) -> dict[str, str]:
    folder, settings, dataset = session.folder, session.settings, session.dataset
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    return {
        "dataset": f"{dataset.name}, {count(len(dataset.scenes), 'scene')} ({settings.dataset_hash[:12]})",
        **_names(session),
        **_tuned(settings.tuned),
        "backbone": f"{settings.backbone} ({settings.fingerprint})",
        "precision": settings.precision,
        "budget of training": settings.budget,
        "sampler": f"DDIM, {settings.sampling_steps} steps, guidance {settings.guidance:g}",
        "metrics": session.preset.name,
        **_evaluators(folder),
        "seed": str(settings.seed),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {_gpu()}, Python {platform.python_version()}",
        "versions": versions,
    }


def _evaluators(folder: RunFolder) -> dict[str, str]:
    """The models behind the scores and the version of the scoring; nothing where they were not recorded."""
    models = [f"{name} ({_shortened(content)})" for name, content in recorded_evaluators(folder).items()]
    version = recorded_scoring_version(folder)
    return {
        **({"evaluators": ", ".join(models)} if models else {}),
        **({"version of the scoring": str(version)} if version else {}),
    }


def _names(session: Session) -> dict[str, str]:
    """Which method each display name stands for; nothing where there are none."""
    names = [f"{name} is {spec}" for spec, name in session.settings.names.items()]
    return {"names": "; ".join(names)} if names else {}


def _tuned(digests: Sequence[str]) -> dict[str, str]:
    """Where tuned settings came from; nothing without any."""
    return {"tuned by": f"tuned.json {', '.join(digests)}"} if digests else {}


def _shortened(content: str) -> str:
    """A hub's commit whole, so that it can be asked for; the start of a hash."""
    return content[:_TOLD_OF_A_HASH] if content.startswith("sha256:") else content


def _gpu() -> str:
    """The first GPU's name by its driver: torch would take seconds to import."""
    import pynvml  # noqa: PLC0415 - it may lack its library, which it says when it is asked

    nvml: Any = pynvml
    try:
        nvml.nvmlInit()
        return str(nvml.nvmlDeviceGetName(nvml.nvmlDeviceGetHandleByIndex(0)))
    except nvml.NVMLError:
        return "no GPU"


def _done(session: Session, table: pd.DataFrame) -> int:
    """How many of the units that were asked for are in the table."""
    return len({unit.key for unit in session.asked} & set(table["unit"]))


def _undetectable(session: Session, table: pd.DataFrame) -> Iterator[str]:
    """Sentences about concepts that the segmenter cannot find by their words, as the table says (detected is None)."""
    rows = table[table["detected"].isna()]
    words = list(dict.fromkeys(rows["label"]))
    if UNLABELLED in words:
        yield unlabelled_warning(list(dict.fromkeys(rows.loc[rows["label"] == UNLABELLED, "scene"])), session.preset)
    if others := [word for word in words if word != UNLABELLED]:
        yield f"{unknown_to_segmenter(others, session.preset)}."


def _banners(session: Session, table: pd.DataFrame) -> Iterator[str]:
    plan = session.plan
    if sentence := unknown_words_warning(session.settings.unknown_words):
        yield sentence
    yield from _undetectable(session, table)
    if not session.own_preset:
        own = session.settings.preset
        yield f"Scored with the preset {session.preset.name}, which is not the run's own: that is {own}."
    if sentence := partial_banner(session, set(table["unit"])):
        yield sentence
    failed = session.failed(plan)
    if failed:
        methods = listed(list(dict.fromkeys(session.label(unit.method.spec) for unit in failed)))
        yield f"Failed: {len(failed)} of {count(len(plan), 'unit')} ({methods}); tracebacks: the run's folder failed/."
