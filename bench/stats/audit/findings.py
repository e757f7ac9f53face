"""What an audit says: one finding a printed number, with what the table itself gives for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bench.stats.audit.moments import Derived
from bench.stats.audit.tables import Claim
from bench.stats.results import format_log10

Verdict = Literal["holds", "depends", "cannot follow", "odd", "note"]


@dataclass(frozen=True)
class Finding:
    """One thing checked: `what` was `printed`, the table gives `derived` under each reading of it.

    `verdict`: "holds"; "depends" on the reading or on rounding; "cannot follow" under any reading; "odd" if true but
    not what would have been printed; "note" where nothing was claimed. `why` is a sentence.
    """

    verdict: Verdict
    what: str
    printed: str
    why: str
    derived: Mapping[str, str] = field(default_factory=dict)


def judge(what: str, claimed: Claim, derived: dict[str, Derived], smallest: float = -math.inf) -> Finding:
    """Whether a printed p value follows under all, some or none of the readings.

    `smallest`: log10 of the least bound that the table prints elsewhere, to see where it prints a weaker one.
    """
    follows = [name for name, p in derived.items() if claimed.fits(p.log10, p.log10)]
    rounded = [name for name, p in derived.items() if claimed.fits(p.low, p.high)]
    texts = {name: p.text for name, p in derived.items()}
    if not rounded:
        return Finding("cannot follow", what, claimed.text, "under no reading, even with rounding", texts)
    if len(follows) == len(derived):
        if claimed.relation == "<" and max(p.log10 for p in derived.values()) < smallest < claimed.log10:
            bound = format_log10(smallest)
            return Finding("odd", what, claimed.text, f"it is below {bound} too, which is printed elsewhere", texts)
        return Finding("holds", what, claimed.text, "", texts)
    why = f"only with {' or with '.join(follows)}" if follows else "only by rounding"
    if follows and len(rounded) > len(follows):
        why += "; otherwise only by rounding" if len(rounded) == len(derived) else ""
    return Finding("depends", what, claimed.text, why, texts)
