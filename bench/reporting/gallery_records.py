"""What the gallery shows of a run, as plain data for its page: a record a prompt, with a picture per method."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from statistics import fmean
from typing import Any

import pandas as pd

from bench.core.scenes import Prompt, Scene
from bench.core.table import COLUMNS
from bench.plugins.metric import Column
from bench.plugins.report import ReportData
from bench.reporting.columns import METRIC, CsvFile
from bench.reporting.selection import main_metrics, with_values
from bench.reporting.thumbnails import InputPicture, Thumbnail
from bench.stats.leakage import LEAKAGE_EVENTS
from bench.stats.scene_means import PICTURE, methods_of

Record = dict[str, Any]

FAILURES = {
    "omission": "a concept that the prompt asks for is not found",
    "swap": "what was found for a concept is more like another concept of the scene",
    "duplication": "a concept is there twice or more",
    "intrusion": "a concept of the scene that the prompt does not ask for is there",
}
"""The failures that the metric of leakage finds (`LEAKAGE_EVENTS`), as the page says them."""

GALLERY_FILES: Mapping[str, CsvFile] = {
    "gallery.csv": CsvFile(
        "a picture",
        {
            "method": "the method",
            **{name: COLUMNS[name] for name in ("seed", "scene", "template", "subset", "sample", "text", "picture")},
            "file": COLUMNS["file"],
            "thumbnail": "its thumbnail in the report's folder; empty if the picture is missing or damaged",
            METRIC: "the picture's value: the mean of its concepts that have one, where the metric is one of concepts",
            **{name: f"whether {meaning}; empty: it cannot be told" for name, meaning in FAILURES.items()},
        },
    ),
}
"""The CSV file of the gallery."""


def gallery_records(
    data: ReportData, scenes: Sequence[Scene], inputs: Sequence[InputPicture], copies: Mapping[str, Thumbnail | None]
) -> Record:
    """The run for the page: methods, metrics, failures, scenes, and all prompts in the order of the `scenes`.

    `inputs` are the pictures of the scenes, `copies` the thumbnails by the table's `file`. Missing values are None.
    """
    metrics, methods = with_values(data.table, data.metrics), methods_of(data.table)
    told = main_metrics(metrics)
    return {
        "name": data.name,
        "dataset": data.dataset.name,
        "presets": sorted(set(data.table["preset"])),
        "banners": list(data.banners),
        "done_units": data.done_units,
        "planned_units": data.planned_units,
        "methods": methods,
        "metrics": [_metric(metric, metric in told) for metric in metrics],
        "failures": [
            {"name": event, "description": FAILURES[event]}
            for event, column in LEAKAGE_EVENTS.items()
            if column in data.table
        ],
        "scenes": [_scene(scene, shown) for scene, shown in zip(scenes, inputs, strict=True)],
        "prompts": list(_prompts(data.table, scenes, methods, metrics, copies)),
    }


def scenes_shown(data: ReportData) -> tuple[Scene, ...]:
    """The scenes with a scored picture, in the dataset's order."""
    names = set(data.table["scene"])
    return tuple(scene for scene in data.dataset.scenes if scene.name in names)


def gallery_frame(records: Record) -> pd.DataFrame:
    """The pictures of `gallery_records` as a table: one row per picture, the columns of `gallery.csv`."""
    metrics = [str(metric["label"]).replace("-", "_") for metric in records["metrics"]]
    rows = [
        _row(records, prompt, method, picture, metrics)
        for prompt in records["prompts"]
        for method, picture in zip(records["methods"], prompt["pictures"], strict=True)
        if picture is not None
    ]
    columns = [name for name in GALLERY_FILES["gallery.csv"].columns if name != METRIC]
    before = columns.index("omission")
    return pd.DataFrame(rows, columns=[*columns[:before], *metrics, *columns[before:]])


def _row(records: Record, prompt: Record, method: str, picture: Record, metrics: Sequence[str]) -> Record:
    scene = records["scenes"][prompt["scene"]]["name"]
    failures = {failure["name"]: _of_any(picture, failure["name"]) for failure in records["failures"]}
    of_prompt = {name: prompt[name] for name in ("seed", "template", "subset", "sample", "text")}
    of_picture = {name: picture[name] for name in ("picture", "file", "thumbnail")}
    values = dict(zip(metrics, picture["values"], strict=True))
    return {"method": method, "scene": scene, **of_prompt, **of_picture, **values, **failures}


def _of_any(picture: Record, failure: str) -> bool | None:
    """Whether a failure happened to the picture or to one of its concepts; None where it cannot be told of any."""
    if failure == "intrusion":
        return picture["intrusion"]  # type: ignore[no-any-return]
    told = [concept[failure] for concept in picture["concepts"] if concept[failure] is not None]
    return any(told) if told else None


def _metric(metric: Column, main: bool) -> Record:
    return {
        "label": metric.label,
        "description": metric.description,
        "higher_is_better": metric.higher_is_better,
        "of_concepts": metric.grain == "concept",
        "main": main,
    }


def _scene(scene: Scene, shown: InputPicture) -> Record:
    return {"name": scene.name, **asdict(shown)}


def _prompts(
    table: pd.DataFrame,
    scenes: Sequence[Scene],
    methods: Sequence[str],
    metrics: Sequence[Column],
    copies: Mapping[str, Thumbnail | None],
) -> Iterator[Record]:
    """A record per prompt and sample, scene by scene, else in the table's order."""
    found: dict[tuple[Any, ...], dict[str, list[Record]]] = {}
    for row in table.to_dict("records"):
        key = tuple(row[name] for name in PICTURE)
        found.setdefault(key, {}).setdefault(str(row["method"]), []).append({str(k): v for k, v in row.items()})
    number = {scene.name: index for index, scene in enumerate(scenes)}
    for rows in sorted(found.values(), key=lambda rows: number[next(iter(rows.values()))[0]["scene"]]):
        first = next(iter(rows.values()))[0]
        pictures = [_picture(rows[method], metrics, copies) if method in rows else None for method in methods]
        place = number[first["scene"]]
        yield {**_prompt(scenes[place], first), "scene": place, "pictures": pictures}


def _prompt(scene: Scene, row: Record) -> Record:
    subset = tuple(map(int, str(row["subset"]).split("+")))
    return {
        "template": str(row["template"]),
        "subset": str(row["subset"]),
        "asked": list(subset),
        "sample": int(row["sample"]),
        "seed": int(row["seed"]),
        "text": str(row["text"]),
        "text_with_handles": scene.text_with_handles(Prompt(str(row["template"]), subset)),
    }


def _picture(rows: Sequence[Record], metrics: Sequence[Column], copies: Mapping[str, Thumbnail | None]) -> Record:
    """One method's picture; `rows` are its concepts'."""
    first = rows[0]
    copy = copies[str(first["file"])]
    of_concepts = [metric.grain == "concept" for metric in metrics]
    return {
        "picture": str(first["picture"]),
        "file": str(first["file"]),
        "thumbnail": copy.address if copy else None,
        "reduced": bool(copy and copy.reduced),
        "values": [_mean([_value(row, metric) for row in rows]) for metric in metrics],
        "reasons": [
            _reason(first, metric) if not concept else "" for metric, concept in zip(metrics, of_concepts, strict=True)
        ],
        "concepts": [_concept(row, metrics) for row in rows],
        "intrusion": _truth(first.get("intruded")),
        "intruders": [int(index) for index in str(first.get("intruders") or "").split("+") if index.isdigit()],
    }


def _concept(row: Record, metrics: Sequence[Column]) -> Record:
    detected, instances = _truth(row.get("detected")), row.get("instances")
    return {
        "concept": int(row["concept"]),
        "values": [_value(row, metric) if metric.grain == "concept" else None for metric in metrics],
        "reasons": [_reason(row, metric) if metric.grain == "concept" else "" for metric in metrics],
        "omission": None if detected is None else not detected,
        "swap": _truth(row.get("swapped")),
        "duplication": _truth(row.get("duplicated")),
        "instances": None if _is_missing(instances) else int(str(instances).partition(".")[0]),
    }


def _value(row: Record, metric: Column) -> float | None:
    value = row[metric.name]
    return None if _is_missing(value) or not math.isfinite(value) else round(float(value), 6)


def _reason(row: Record, metric: Column) -> str:
    """Why a value is missing; empty if it is not."""
    given = row.get(metric.reason) if metric.reason and _value(row, metric) is None else None
    return "" if _is_missing(given) else str(given)


def _mean(values: Sequence[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return round(fmean(there), 6) if there else None


def _truth(value: object) -> bool | None:
    return None if _is_missing(value) else bool(value)


def _is_missing(value: Any) -> bool:
    """Whether a cell of the table has no value."""
    return value is None or bool(pd.isna(value))
