"""Tables of means and spreads with p values, as Break-A-Scene's Tables 3 and 4."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.core.errors import UserError
from bench.stats.audit.findings import Finding, judge
from bench.stats.audit.moments import (
    Group,
    feasible,
    kruskal_wallis_from_moments,
    least_count,
    tukey_from_moments,
)
from bench.stats.audit.tables import ALL, REFERENCE, Claim, Printed, Table, claim, count, number
from bench.stats.independent import KRUSKAL_WALLIS, TUKEY

DEVIATIONS, VARIANCES = "spreads as deviations", "spreads as variances"


@dataclass(frozen=True)
class Entry:
    """One method of one measure, as printed."""

    method: str
    mean: Printed
    spread: Printed | None
    n: int | None
    claim: Claim | None


@dataclass(frozen=True)
class Measure:
    """One column of a published table: its methods, which of them the others are compared to, the claim about all."""

    name: str
    entries: tuple[Entry, ...]
    reference: int | None
    overall: Claim | None


@dataclass(frozen=True)
class Interpretation:
    """One way to understand the table, and the groups that it gives."""

    name: str
    groups: list[Group]


def audit_means(table: Table) -> Iterator[Finding]:
    """Every printed p value against Tukey and Kruskal-Wallis re-derived under every reading of spreads and n.

    Raises `UserError` for a malformed table.
    """
    for name in table.rows["measure"].unique():
        yield from _audit(table, _measure(table, str(name)))
    if table.paired:
        why = "all methods were judged on the same items: tests for independent samples are the wrong design"
        yield Finding("note", "design", "paired", why)


def _audit(table: Table, measure: Measure) -> Iterator[Finding]:
    lacking = [entry.method for entry in measure.entries if entry.spread is None or entry.n is None]
    if lacking:
        yield Finding("note", measure.name, "", f"no spread or no n of {lacking[0]}: nothing can be derived")
        return
    readings = [reading for reading in _readings(measure) if _possible(table, reading)]
    if table.scale and len(readings) < len(_readings(measure)):
        spreads = "deviations" if readings else "deviations or variances"
        why = f"no ratings from {table.scale[0]} to {table.scale[1]} have these means and spreads as {spreads}"
        yield Finding("note" if readings else "cannot follow", f"{measure.name}: spreads", "", why)
    if not readings:
        return
    claims = [entry.claim for entry in measure.entries if entry.claim]
    smallest = min((claim.log10 for claim in claims if claim.relation == "<"), default=-math.inf)
    for index, entry in enumerate(measure.entries):
        if entry.claim and measure.reference is not None and index != measure.reference:
            pair = (measure.reference, index)
            derived = {reading.name: tukey_from_moments(reading.groups, pair) for reading in readings}
            what = f"{measure.name}: {entry.method}, {measure.entries[measure.reference].method} ({TUKEY})"
            yield judge(what, entry.claim, derived, smallest)
    if measure.overall:
        yield _judge_all(table, measure, measure.overall, readings)


def _judge_all(table: Table, measure: Measure, claimed: Claim, readings: Sequence[Interpretation]) -> Finding:
    derived = {reading.name: kruskal_wallis_from_moments(reading.groups, table.scale) for reading in readings}
    what = f"{measure.name}: all methods ({KRUSKAL_WALLIS}, about)"
    finding = judge(what, claimed, derived)
    counts = [least_count(reading.groups, table.scale, claimed.log10) for reading in readings]
    needed = [n for n in counts if n is not None]
    why = "; ".join(filter(None, (finding.why, f"it needs about {_span(needed)} values a method" if needed else "")))
    return Finding(finding.verdict, what, claimed.text, why, finding.derived)


def _readings(measure: Measure) -> list[Interpretation]:
    """Spreads as deviations and as variances; n as each method's and, if all print the same, as that of all."""
    counts = [entry.n or 0 for entry in measure.entries]
    shares = [(f"n {_span(counts)}", counts)]
    if len(set(counts)) == 1 and counts[0] // len(counts) > 1:
        share = counts[0] // len(counts)
        shares.append((f"n {share:,}", [share] * len(counts)))
    readings = []
    for name, ns in shares:
        for spread in (DEVIATIONS, VARIANCES):
            groups = [_group(entry, spread == VARIANCES, n) for entry, n in zip(measure.entries, ns, strict=True)]
            readings.append(Interpretation(f"{spread}, {name}", groups))
    return readings


def _span(counts: Sequence[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _group(entry: Entry, variance: bool, n: int) -> Group:
    spread = entry.spread or Printed(0.0, 0.0)
    if not variance:
        return Group(entry.mean, spread, n)
    root = math.sqrt(spread.value)
    half = max(root - math.sqrt(max(spread.low, 0.0)), math.sqrt(spread.high) - root)  # the second where 0 is printed
    return Group(entry.mean, Printed(root, half), n)


def _possible(table: Table, reading: Interpretation) -> bool:
    return table.scale is None or all(feasible(g.mean, g.deviation, table.scale) for g in reading.groups)


def _measure(table: Table, name: str) -> Measure:
    rows = [row for row, other in enumerate(table.rows["measure"]) if other == name]
    names = [str(table.rows["method"].iloc[row]) for row in rows]
    if len(set(names)) < len(names):
        raise UserError(f"{table.path}: a method stands twice under '{name}'")
    overall = [claim(table, row) for row, method in zip(rows, names, strict=True) if method == ALL]
    kept = [(row, method) for row, method in zip(rows, names, strict=True) if method != ALL]
    if len(kept) < 2:
        raise UserError(f"{table.path}: '{name}' has fewer than 2 methods, so there is nothing to compare")
    entries = tuple(_entry(table, row, method) for row, method in kept)
    references = [k for k, (row, _) in enumerate(kept) if table.rows["p"].iloc[row] == REFERENCE]
    if any(entry.claim for entry in entries) and len(references) != 1:
        raise UserError(f"{table.path}: '{name}' prints p values, so one method needs the p 'reference'")
    return Measure(name, entries, references[0] if references else None, overall[0] if overall else None)


def _entry(table: Table, row: int, method: str) -> Entry:
    mean = number(table, row, "mean")
    if mean is None:
        raise UserError(f"{table.path}, row {row + 2}: '{method}' has no mean")
    n = count(table, row)
    if n == 1:
        raise UserError(f"{table.path}, row {row + 2}: n is 1, and one value has no spread")
    return Entry(method, mean, number(table, row, "spread"), n, claim(table, row))
