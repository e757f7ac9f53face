"""Tables of mean ranks, as CLiC's Table 1."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from bench.core.errors import UserError
from bench.stats.audit.choices import check_sum
from bench.stats.audit.findings import Finding, judge
from bench.stats.audit.moments import Derived, log10_range_tail
from bench.stats.audit.tables import REFERENCE, Printed, Table, claim, count, number
from bench.stats.independent import log10_chi2_tail
from bench.stats.paired import FRIEDMAN
from bench.stats.results import format_log10


def audit_ranks(table: Table) -> Iterator[Finding]:
    """Whether mean ranks have the sum they must, Friedman's test, and Nemenyi's test of each printed p value.

    Raises `UserError` for a malformed table.
    """
    methods = [str(name) for name in table.rows["method"]]
    ranks = [_rank(table, row) for row in range(len(methods))]
    if len(set(methods)) < len(methods) or len(methods) < 2:
        raise UserError(f"{table.path}: mean ranks need 2 methods or more, each once")
    k = len(methods)
    yield check_sum(f"sum of the mean ranks of {k} methods", ranks, k * (k + 1) / 2)
    n = count(table, 0)
    if n is None:
        yield Finding("note", f"all methods ({FRIEDMAN})", "", "no n: nothing can be derived")
        return
    log10_p = log10_chi2_tail(friedman_statistic([rank.value for rank in ranks], n), k - 1)
    derived = {f"n = {n:,} rankings": format_log10(log10_p)}
    yield Finding("note", f"all methods ({FRIEDMAN}, from mean ranks)", "no p", "", derived)
    yield from _pairs(table, methods, ranks, n)


def friedman_statistic(mean_ranks: Sequence[float], n: int) -> float:
    """Friedman's statistic of `n` rankings without ties, from the mean ranks (Friedman 1937)."""
    k = len(mean_ranks)
    return 12 * n / (k * (k + 1)) * sum((rank - (k + 1) / 2) ** 2 for rank in mean_ranks)


def nemenyi(first: Printed, second: Printed, methods: int, n: int) -> Derived:
    """Nemenyi's p of two mean ranks over `n` rankings of so many methods (Nemenyi 1963; Demsar 2006, section 3.2.2)."""
    gap, slack = abs(first.value - second.value), first.half + second.half
    error = math.sqrt(methods * (methods + 1) / (12 * n))
    at = [log10_range_tail(max(g, 0.0) / error, methods, math.inf) for g in (gap, gap + slack, gap - slack)]
    return Derived(*at)


def _pairs(table: Table, methods: list[str], ranks: list[Printed], n: int) -> Iterator[Finding]:
    claims = {row: claimed for row in range(len(methods)) if (claimed := claim(table, row))}
    references = [row for row in range(len(methods)) if table.rows["p"].iloc[row] == REFERENCE]
    if claims and len(references) != 1:
        raise UserError(f"{table.path} prints p values, so one method needs the p 'reference'")
    for row, claimed in claims.items():
        derived = {f"n = {n:,} rankings": nemenyi(ranks[row], ranks[references[0]], len(methods), n)}
        yield judge(f"{methods[row]}, {methods[references[0]]} (Nemenyi)", claimed, derived)


def _rank(table: Table, row: int) -> Printed:
    rank = number(table, row, "mean_rank")
    if rank is None or rank.high < 1 or rank.low > len(table.rows):
        raise UserError(f"{table.path}, row {row + 2}: mean_rank is not between 1 and {len(table.rows)}")
    return rank
