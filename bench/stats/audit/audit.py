"""The audit of one table, whatever its kind."""

from __future__ import annotations

from bench.stats.audit.choices import audit_choices
from bench.stats.audit.findings import Finding
from bench.stats.audit.means import audit_means
from bench.stats.audit.ranks import audit_ranks
from bench.stats.audit.tables import Table


def audit(table: Table) -> tuple[Finding, ...]:
    """What a table's own numbers say about what it claims; `UserError` if it is malformed."""
    return tuple({"means": audit_means, "choices": audit_choices, "ranks": audit_ranks}[table.kind](table))
