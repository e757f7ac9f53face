"""Every Eval Ever: one JSON per method, and one JSON line per picture and metric (schema 0.3.0).

https://github.com/evaleval/every_eval_ever: `eval.schema.json` and `instance_level_eval.schema.json`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from bench.core.files import write_bytes
from bench.core.hashing import bytes_hash
from bench.plugins.metric import Column
from bench.reporting.command import command
from bench.reporting.export.results import ExportedScore, exported_scores, rows_of, slug, stable_uuid
from bench.reporting.runs.recorded import RecordedRun
from bench.scoring.presets import find_preset
from bench.stats.scene_means import PICTURE, numbers, picture_values

SCHEMA_VERSION = "0.3.0"
_UNBOUNDED = {-math.inf: "-Infinity", math.inf: "Infinity"}


def write_every_eval_ever(run: RecordedRun, out: Path, organisation: str, now: int) -> tuple[Path, ...]:
    """Write `data/scenebench-DATASET/BACKBONE/METHOD/UUID.json` and `UUID_samples.jsonl` for each method.

    `organisation` provides the data; `now` is the time of the export in seconds since 1970.
    """
    written: list[Path] = []
    for method in run.methods:
        name = stable_uuid(
            f"{run.settings.dataset_hash} {run.preset_digest} {sorted(set(rows_of(run, method)['picture']))}"
        )
        place = f"data/{_benchmark(run)}/{slug(run.settings.backbone)}/{slug(method)}/{name}"
        identifier = f"{_benchmark(run)}/{_model(run, method)}/{now}"
        samples = _lines(run, method, identifier)
        detailed = {
            "format": "jsonl",
            "file_path": f"{place}_samples.jsonl",
            "hash_algorithm": "sha256",
            "checksum": bytes_hash(samples),
            "total_rows": samples.count(b"\n"),
        }
        record = {**_aggregate(run, method, identifier, organisation, now), "detailed_evaluation_results": detailed}
        write_bytes(out / f"{place}.json", (json.dumps(record, indent=1, allow_nan=False) + "\n").encode())
        write_bytes(out / f"{place}_samples.jsonl", samples)
        written += [out / f"{place}.json", out / f"{place}_samples.jsonl"]
    return tuple(written)


def _benchmark(run: RecordedRun) -> str:
    return f"scenebench-{slug(_dataset_name(run))}"


def _dataset_name(run: RecordedRun) -> str:
    return str(run.table["dataset"].iloc[0])


def _model(run: RecordedRun, method: str) -> str:
    """The method on its backbone, in the hub's form OWNER/NAME."""
    return f"{slug(run.settings.backbone)}/{slug(method)}"


def _aggregate(run: RecordedRun, method: str, identifier: str, organisation: str, now: int) -> dict[str, Any]:
    settings = run.settings
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": identifier,
        "evaluation_timestamp": run.scored,
        "retrieved_timestamp": str(now),
        "source_metadata": {
            "source_name": "SceneBench",
            "source_type": "evaluation_run",
            "source_organization_name": organisation,
            "evaluator_relationship": "other",
        },
        "eval_library": {"name": "scenebench", "version": _version(run)},
        "model_info": {
            "name": f"{method} on {settings.backbone}",
            "id": _model(run, method),
            "additional_details": {
                "deployment_type": "self_deployed",
                "model_availability": "unknown",
                "method": run.spec(method),
                "backbone": settings.backbone,
                "backbone_revision": settings.revision or "",
                "backbone_content": settings.fingerprint,
                "tuned": " ".join(settings.tuned),
            },
        },
        "evaluation_results": [_result(run, one) for one in exported_scores(run, method)],
    }


def _version(run: RecordedRun) -> str:
    """The versions of scenebench that worked on the run; of a run that did not record them, unknown."""
    return ", ".join(dict.fromkeys(one["scenebench"] for one in run.versions if "scenebench" in one)) or "unknown"


def _result(run: RecordedRun, one: ExportedScore) -> dict[str, Any]:
    return {
        "evaluation_result_id": _result_id(run, one.metric),
        "evaluation_name": f"{_benchmark(run)}/{one.metric.label}",
        "source_data": {
            "dataset_name": _dataset_name(run),
            "source_type": "other",
            "additional_details": {"recipe": run.settings.dataset, "manifest_sha256": run.settings.dataset_hash},
        },
        "metric_config": _metric(run, one.metric),
        "score_details": {
            "score": one.mean,
            "details": {"unit_of_uncertainty": "scene"},
            "uncertainty": _uncertainty(one),
        },
        "generation_config": {
            "generation_args": {"execution_command": command(run.folder, run.settings, run.preset)},
            "additional_details": _generation(run),
        },
    }


def _result_id(run: RecordedRun, metric: Column) -> str:
    return f"{run.preset}/{metric.label}"


def _metric(run: RecordedRun, metric: Column) -> dict[str, Any]:
    low, high = (_UNBOUNDED.get(end, end) for end in metric.range)
    return {
        "evaluation_description": metric.description,
        "metric_id": f"scenebench.{run.preset}.{metric.label}",
        "metric_name": metric.label,
        "metric_kind": metric.name,
        **({"metric_unit": metric.unit} if metric.unit else {}),
        "lower_is_better": not metric.higher_is_better,
        "score_type": "continuous",
        "min_score": low,
        "max_score": high,
        "additional_details": {
            "preset": json.dumps(
                {**find_preset(run.preset).describe(), "scoring_version": run.scoring}, sort_keys=True
            ),
            "models": json.dumps(dict(run.evaluators), sort_keys=True),
        },
    }


def _uncertainty(one: ExportedScore) -> dict[str, Any]:
    """Over scenes, which are what varies independently; nothing of it from a single scene."""
    found: dict[str, Any] = {"num_samples": one.n}
    if one.n > 1:
        error = one.deviation / math.sqrt(one.n)
        found["standard_error"] = {"value": error, "method": "analytic, over scene means"}
        found["standard_deviation"] = one.deviation
    if one.interval is not None:
        found["confidence_interval"] = {
            "lower": one.interval.low,
            "upper": one.interval.high,
            "confidence_level": one.interval.level,
            "method": f"{one.interval.method} over scenes",
        }
    return found


def _generation(run: RecordedRun) -> dict[str, str]:
    settings = run.settings
    names = ("precision", "budget", "sampling_steps", "guidance", "seed", "cohort")
    return {name: str(getattr(settings, name)) for name in names}


def _lines(run: RecordedRun, method: str, identifier: str) -> bytes:
    lines = (json.dumps(one, allow_nan=False) + "\n" for one in _samples(run, method, identifier))
    return "".join(lines).encode()


def _samples(run: RecordedRun, method: str, identifier: str) -> Iterator[dict[str, Any]]:
    """One record per picture and metric with a value."""
    rows = rows_of(run, method)
    values = picture_values(rows, run.metrics)
    values["found"] = _found(rows)
    about = rows.drop_duplicates(PICTURE)[[*PICTURE, "text", "file", "cost_generate_seconds"]]
    for record in values.merge(about, on=PICTURE, how="left").to_dict("records"):
        for metric in run.metrics:
            if not math.isnan(score := float(record[metric.label])):
                yield _sample(
                    run, method, identifier, metric, score, {str(key): value for key, value in record.items()}
                )


def _found(rows: pd.DataFrame) -> list[bool]:
    """Of each picture, whether every concept that its prompt names was found in it."""
    detected = numbers(rows["detected"]).fillna(0.0)
    groups = [rows["method"], *(rows[name] for name in PICTURE)]
    return [bool(least > 0) for least in detected.groupby(groups, sort=False, dropna=False).min()]


def _sample(
    run: RecordedRun, method: str, identifier: str, metric: Column, score: float, record: Mapping[str, Any]
) -> dict[str, Any]:
    seconds = float(record["cost_generate_seconds"])
    time = {} if math.isnan(seconds) else {"performance": {"generation_time_ms": 1000 * seconds}}
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": identifier,
        "model_id": _model(run, method),
        "evaluation_name": f"{_benchmark(run)}/{metric.label}",
        "evaluation_result_id": _result_id(run, metric),
        "sample_id": "/".join(str(record[part]) for part in ("scene", "template", "subset", "sample")),
        "interaction_type": "single_turn",
        "input": {"raw": str(record["text"]), "reference": [str(record["scene"])]},
        "output": {"raw": [str(record["file"])]},
        "messages": None,
        "answer_attribution": [],
        "evaluation": {"score": score, "is_correct": bool(record["found"])},
        **time,
        "metadata": {
            "scene": str(record["scene"]),
            "template": str(record["template"]),
            "concepts": str(record["subset"]),
            "is_correct": "every concept that the prompt names was found in the picture",
            "output": "a picture, relative to the run's folder",
        },
    }
