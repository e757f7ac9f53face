"""Which reports are asked for by `--report`."""

from __future__ import annotations

from bench.core.errors import UserError
from bench.plugins.spec import Configured, configure, split_specs


def select_reports(specs: str) -> tuple[Configured, ...]:
    """The reports of these specs, separated by commas.

    Raises `UserError` for a malformed spec, a report that there is not, one that is named twice, and for none.
    """
    reports = tuple(configure("reports", spec) for spec in split_specs(specs))
    names = [report.drop_in.name for report in reports]
    if not reports:
        raise UserError("no report is named; `bench list reports` lists them")
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UserError(f"the report {twice} is named twice, and both would be written into the same folder")
    return reports
