"""Tables of forced choices in percent, as EM's Table 2."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from bench.core.errors import UserError
from bench.stats.audit.findings import Finding
from bench.stats.audit.tables import Printed, Table, count, number
from bench.stats.results import format_p
from bench.stats.user_study.choices import binomial

SHARES = ("first_percent", "neutral_percent", "second_percent")
MOST = 10_000
"""Answers up to which whole numbers are looked for."""


def audit_choices(table: Table) -> Iterator[Finding]:
    """Whether each row sums to 100 %, whether whole answers can give it, and what an exact binomial test says.

    Raises `UserError` for a malformed table.
    """
    for row in range(len(table.rows)):
        shares = [_share(table, row, column) for column in SHARES]
        name = str(table.rows["comparison"].iloc[row])
        yield check_sum(f"{name}: sum of the row", shares, 100.0, "%")
        yield from _counts(table, row, name, shares)


def check_sum(what: str, parts: Sequence[Printed], expected: float, unit: str = "") -> Finding:
    """Whether printed parts can sum to what they must; each may be off by half a unit of its last digit."""
    total, slack = sum(part.value for part in parts), sum(part.half for part in parts)
    off = abs(total - expected)
    decimals = max(0, round(-math.log10(2 * min(part.half for part in parts))))
    printed = f"{total:.{decimals}f}{unit and ' ' + unit}"
    derived = {"": f"{expected:g}{unit and ' ' + unit}"}
    if off > slack + 1e-9:
        return Finding(
            "cannot follow", what, printed, f"off by {off:.{decimals}f}; rounding gives {slack:.3g}", derived
        )
    return Finding("holds", what, printed, "" if off < 1e-9 else f"off by rounding ({slack:.3g} is allowed)", derived)


def least_whole(shares: Sequence[Printed], n: int) -> tuple[int, ...] | None:
    """Whole counts of `n` answers that round to these percentages, or None if there are none (Brown and Heathers 2017).

    Ambiguous last digits count as fitting.
    """
    ranges = [(math.ceil(n * s.low / 100 - 1e-9), math.floor(n * s.high / 100 + 1e-9)) for s in shares]
    first, second, third = ranges
    for a in range(first[0], first[1] + 1):
        for b in range(second[0], second[1] + 1):
            if third[0] <= n - a - b <= third[1]:
                return a, b, n - a - b
    return None


def _counts(table: Table, row: int, name: str, shares: Sequence[Printed]) -> Iterator[Finding]:
    n = count(table, row)
    pair = f"{table.rows['first'].iloc[row]}, {table.rows['second'].iloc[row]}"
    what = f"{name}: {pair} (exact binomial)"
    if n is not None:
        counts = least_whole(shares, n)
        if counts is None:
            yield Finding("cannot follow", f"{name}: whole answers", f"n = {n:,}", "no whole answers round to these")
            counts = tuple(round(n * share.value / 100) for share in shares)
        p = binomial(counts[0], counts[2])
        yield Finding("note", what, "no p", "neutral answers left out, answers taken for independent", _p(n, p))
        return
    fitting = next((k for k in range(1, MOST + 1) if least_whole(shares, k)), None)
    if fitting is None:
        yield Finding("odd", f"{name}: whole answers", "no n", f"no n up to {MOST:,} gives these percentages")
        return
    why = f"the least n with whole answers is {fitting:,}: {least_whole(shares, fitting)}"
    yield Finding("note", f"{name}: whole answers", "no n", why)
    needed = _significant_from(shares)
    why = f"p < 0.05 from about {needed:,} answers on, if they are independent" if needed else "p >= 0.05 at any n"
    yield Finding("note", what, "no p, no n", why)


def _significant_from(shares: Sequence[Printed]) -> int | None:
    """The least n from which the exact binomial test of these percentages stays below .05."""
    last = 0
    for n in range(1, MOST + 1):
        p = binomial(round(n * shares[0].value / 100), round(n * shares[2].value / 100))
        last = n if p is None or p >= 0.05 else last
        if n > 4 * last + 100:
            return last + 1
    return None


def _p(n: int, p: float | None) -> dict[str, str]:
    return {f"n = {n:,}": "none decided" if p is None else format_p(p)}


def _share(table: Table, row: int, column: str) -> Printed:
    share = number(table, row, column)
    if share is None or share.low > 100:
        raise UserError(f"{table.path}, row {row + 2}: {column} is no percentage")
    return share
