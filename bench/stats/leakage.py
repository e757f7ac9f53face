"""Leakage rates: how often asked concepts are left out, swapped or doubled, and others come along."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.stats.dataframes import bounds
from bench.stats.intervals import Interval, mean_interval
from bench.stats.scene_means import PICTURE, common_pictures

LEAKAGE_EVENTS = {"omission": "detected", "swap": "swapped", "duplication": "duplicated", "intrusion": "intruded"}
"""Events, each with the table's column that tells of it (an omission is what it denies).

A concept asked for is not found; what was found for it is more like another one; it is there twice or more; a concept
of the scene that was not asked for is there (one value per picture, the others one per picture and concept)."""
LEAKAGE_GROUPS = {"all": None, "concepts": "number", "class": "label", "template": "template"}
"""By what rates are told apart, and the column of it. An intrusion has no class: it is the whole picture's."""


@dataclass(frozen=True)
class LeakageRate:
    """The mean over scenes of how often an event happens, of `n` values of which it could be told."""

    method: str
    event: str
    by: str
    group: str
    rate: float
    interval: Interval | None
    n_scenes: int
    n: int


@dataclass(frozen=True)
class SimilarityMatrix:
    """How like objects found for a concept are to it (`own`) and to the scene's other concepts (`others`).

    Mean cosines over scenes: the diagonal of the leakage matrix, and the rest of it.
    """

    method: str
    own: float
    others: float
    own_interval: Interval | None
    others_interval: Interval | None
    n_scenes: int


def leakage_rates(table: pd.DataFrame) -> tuple[LeakageRate, ...]:
    """Every rate of every method, over all, by number of concepts in the prompt, by class and by template.

    Methods are compared on the pictures that all have drawn; if they share none, on their own.
    """
    events = _events(_comparable(table))
    return tuple(rate for by, column in LEAKAGE_GROUPS.items() for rate in _rates(events, by, column))


def similarity_matrices(table: pd.DataFrame) -> tuple[SimilarityMatrix, ...]:
    """Of every method, the leakage matrix's diagonal against the rest, over scenes of several concepts."""
    cells = leakage_matrix(_comparable(table))
    several = cells[cells.groupby("scene")["identity"].transform("nunique") > 1]
    return tuple(_likeness(str(method), rows) for method, rows in several.groupby("method", sort=False))


def leakage_matrix(table: pd.DataFrame) -> pd.DataFrame:
    """The mean cosine of what was found for a requested concept with each concept of its scene.

    One row a method, scene, requested concept and identity (both by index): `similarity`, and `n` pictures.
    """
    told = table if "similarity_to" in table else table.assign(similarity_to=None)
    found = told[told["similarity_to"].notna()]
    rows = [
        (row.method, row.scene, row.concept, row.label, index, value)
        for row in found[["method", "scene", "concept", "label", "similarity_to"]].itertuples(index=False)
        for index, value in enumerate(np.asarray(row.similarity_to, dtype=np.float64))
    ]
    keys = ["method", "scene", "requested", "label", "identity"]
    cells = pd.DataFrame(rows, columns=[*keys, "similarity"]).dropna(subset=["similarity"])
    grouped = cells.groupby(keys, sort=False)["similarity"]
    return grouped.agg(similarity="mean", n="size").reset_index()


def leakage_frame(rates: Sequence[LeakageRate]) -> pd.DataFrame:
    """One row per rate, with its interval."""
    columns = ["method", "event", "by", "group", "rate", *bounds(None), "n_scenes", "n"]
    return pd.DataFrame([_record(rate) for rate in rates], columns=columns)


def _comparable(table: pd.DataFrame) -> pd.DataFrame:
    shared = common_pictures(table)
    return table if shared.empty else shared


def _events(table: pd.DataFrame) -> pd.DataFrame:
    """One row an event that could have happened: method, scene, event, value 0 or 1, and what it is grouped by."""
    about = table.assign(number=table["subset"].str.count(r"\+") + 1)
    keys = ["method", "scene", "number", "label", "template"]
    parts = [about[keys].assign(event=event, value=value) for event, value in _event_values(about).items()]
    events = pd.concat(parts) if parts else pd.DataFrame(columns=[*keys, "event", "value"])
    return events.dropna(subset=["value"]).astype({"value": "float64"})


def _event_values(table: pd.DataFrame) -> dict[str, pd.Series[Any]]:
    """Whether each event happened, Float64 by row, of those that the table has a column of."""
    columns = {event: column for event, column in LEAKAGE_EVENTS.items() if column in table}
    happened = {event: table[column].astype("boolean") for event, column in columns.items()}
    if "omission" in happened:
        happened["omission"] = ~happened["omission"]
    values = {event: each.astype("Float64") for event, each in happened.items()}
    if "intrusion" in values:
        values["intrusion"] = values["intrusion"].mask(table.duplicated(["method", *PICTURE]))
    return values


def _rates(events: pd.DataFrame, by: str, column: str | None) -> Iterator[LeakageRate]:
    chosen = events[events["event"] != "intrusion"] if by == "class" else events
    keys = ["method", "event", *([column] if column else [])]
    scenes: dict[tuple[object, ...], list[float]] = {}
    means = chosen.groupby([*keys, "scene"], sort=False)["value"].mean().reset_index()
    for *key, _, mean in means.itertuples(index=False, name=None):
        scenes.setdefault(tuple(key), []).append(float(mean))
    sizes = chosen.groupby(keys, sort=False).size().reset_index()
    for *key, n in sizes.itertuples(index=False, name=None):
        method, event, *group = key
        values = np.array(scenes[tuple(key)], dtype=np.float64)
        interval = mean_interval(values, (0.0, 1.0))
        name = str(group[0]) if group else "all"
        yield LeakageRate(str(method), str(event), by, name, float(values.mean()), interval, len(values), int(n))


def _likeness(method: str, cells: pd.DataFrame) -> SimilarityMatrix:
    own = cells["requested"] == cells["identity"]
    scenes = [rows.groupby("scene")["similarity"].mean().to_numpy(np.float64) for rows in (cells[own], cells[~own])]
    diagonal, rest = (float(values.mean()) if len(values) else math.nan for values in scenes)
    own_interval, others_interval = (mean_interval(values, (-1.0, 1.0)) for values in scenes)
    return SimilarityMatrix(method, diagonal, rest, own_interval, others_interval, len(scenes[0]))


def _record(rate: LeakageRate) -> Mapping[str, object]:
    return {
        "method": rate.method,
        "event": rate.event,
        "by": rate.by,
        "group": rate.group,
        "rate": rate.rate,
        **bounds(rate.interval),
        "n_scenes": rate.n_scenes,
        "n": rate.n,
    }
