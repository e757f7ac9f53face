"""A method and its variants in a run: which they are, in what they differ, and what the difference gives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from bench.core.errors import UserError
from bench.plugins.report import ReportData
from bench.plugins.spec import spec_name
from bench.reporting.selection import reference_of
from bench.stats.dataframes import bounds
from bench.stats.reference import ReferenceTable
from bench.stats.scene_means import methods_of


def ablated(data: ReportData, name: str) -> tuple[str, dict[str, str]]:
    """The method `name` (by default the first that is not a control) and its variants, each with what it changes.

    A variant is the same method with other settings. Raises `UserError` for a method that the run has not, and where
    it has no variant of it.
    """
    whole = reference_of(data, name)
    kind = spec_name(data.specs.get(whole, whole))
    others = [one for one in methods_of(data.table) if one != whole and spec_name(data.specs.get(one, one)) == kind]
    if not others:
        raise UserError(
            f"{data.run_folder} has no variant of {whole}: run one beside it, as `{kind}:VARIANT` or "
            f"`{kind}[FIELD=VALUE]` (`bench list {kind}`), or name another method by ablation[of=...]"
        )
    return whole, {one: _changes(data.methods.get(whole, {}), data.methods.get(one, {})) for one in others}


def _changes(whole: Mapping[str, Any], variant: Mapping[str, Any]) -> str:
    """The settings of the variant that are other than those of the whole."""
    names = [name for name in variant if variant[name] != whole.get(name)]
    return ", ".join(f"{name} {variant[name]} (not {whole.get(name)})" for name in names) or "nothing that is recorded"


def ablation_frame(found: ReferenceTable, changes: Mapping[str, str]) -> pd.DataFrame:
    """One row per metric and method: its mean, and what the whole method gives beyond it."""
    rows = []
    for value in found.values.values():
        pair = value.difference and value.difference.seen_from(found.reference)
        rows.append(
            {
                "metric": value.metric,
                "method": value.method,
                "changes": changes.get(value.method, ""),
                "mean": value.estimate.mean,
                **bounds(value.estimate.interval),
                "n_scenes": value.estimate.n_scenes,
                "gain": pair.effect if pair else math.nan,
                **{f"gain_{name}": end for name, end in bounds(pair.interval if pair else None).items()},
                "n_paired": pair.n if pair else 0,
                "test": pair.test if pair else "",
                "p": pair.p if pair else None,
                "p_text": pair.p_text if pair else "",
            }
        )
    return pd.DataFrame(rows)
