"""Hugging Face: `.eval_results/*.yaml` and the model card's metadata, by huggingface_hub's own classes.

https://github.com/huggingface/hub-docs: `eval_results.yaml` and `modelcard.md`.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from bench.core.errors import UserError
from bench.core.files import write_bytes
from bench.reporting.export.results import ExportedScore, exported_scores, slug
from bench.reporting.runs.recorded import RecordedRun
from bench.reporting.text import bounds

TASK = "text-to-image"


def write_hub(run: RecordedRun, out: Path, dataset_id: str | None) -> tuple[Path, ...]:
    """Write `METHOD/.eval_results/scenebench.yaml` and `METHOD/README.md`, what a model's repository gets.

    `dataset_id` is the hub's id of the benchmark, OWNER/NAME; its tasks are called as the metrics. Raises `UserError`
    without one.
    """
    if dataset_id is None or dataset_id.count("/") != 1 or not all(dataset_id.split("/")):
        raise UserError(
            f"--dataset-id {dataset_id or 'is missing'}: results on the hub belong to a dataset there; name it as "
            "OWNER/NAME"
        )
    written: list[Path] = []
    for method in run.methods:
        scores = list(exported_scores(run, method))
        folder = out / slug(method)
        results, card = folder / ".eval_results" / "scenebench.yaml", folder / "README.md"
        write_bytes(results, _entries(run, scores, dataset_id).encode())
        write_bytes(card, _card(run, method, scores, dataset_id).encode())
        written += [results, card]
    return tuple(written)


def _entries(run: RecordedRun, scores: list[ExportedScore], dataset_id: str) -> str:
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml  # noqa: PLC0415 - slow to import

    entries = [
        EvalResultEntry(
            dataset_id=dataset_id,
            task_id=one.metric.label,
            value=one.mean,
            date=run.scored,
            notes=f"{_uncertainty(one)}; preset {run.preset} ({run.preset_digest}); "
            f"dataset {run.settings.dataset_hash[:12]}; seed {run.settings.seed}",
        )
        for one in scores
    ]
    return str(yaml.safe_dump(eval_result_entries_to_yaml(entries), sort_keys=False, allow_unicode=True))


def _card(run: RecordedRun, method: str, scores: list[ExportedScore], dataset_id: str) -> str:
    from huggingface_hub import EvalResult, ModelCardData  # noqa: PLC0415 - slow to import

    results = [
        EvalResult(
            task_type=TASK,
            dataset_type=dataset_id,
            dataset_name=run.settings.dataset,
            metric_type=one.metric.label,
            metric_name=one.metric.label.replace("-", " "),
            metric_value=one.mean,
            metric_config=run.preset,
            metric_args={"uncertainty": _uncertainty(one), "models": run.preset_digest},
        )
        for one in scores
    ]
    data = ModelCardData(
        model_name=f"{method} on {run.settings.backbone}",
        base_model=run.settings.backbone if run.settings.backbone.count("/") == 1 else None,
        pipeline_tag=TASK,
        library_name="diffusers",
        tags=["scenebench", "personalization"],
        eval_results=results,
    )
    return f"---\n{data.to_yaml()}\n---\n"


def _uncertainty(one: ExportedScore) -> str:
    """`[0.380, 0.444], 95 % Student t over 10 scenes`."""
    if one.interval is None:
        return f"no interval ({one.n} scenes)"
    return f"{bounds(one.interval)}, {one.interval.level:.0%} {one.interval.method} over {one.n} scenes"
