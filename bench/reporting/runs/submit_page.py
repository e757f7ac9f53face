"""The page of a run that was checked for submission."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.core.files import write_bytes
from bench.reporting.page import page_templates
from bench.reporting.runs.recomputed import Recomputed
from bench.reporting.runs.recorded import RecordedRun
from bench.reporting.runs.submit_check import CheckResult, failed

TEMPLATE, PAGE = "submit_check.html.j2", "submit-check.html"
MOST_SHOWN = 20
"""Values that do not follow from the pictures, as shown on the page."""


def write_submit_page(
    run: RecordedRun, checks: Sequence[CheckResult], recomputed: Recomputed | None, out: Path
) -> Path:
    """Write `submit-check.html` into `out`; returns it."""
    different = recomputed.different[:MOST_SHOWN] if recomputed else ()
    template = page_templates(Path(__file__).parent).get_template(TEMPLATE)
    page = template.render(run=run, checks=checks, failed=failed(checks), different=different)
    write_bytes(out / PAGE, page.encode(errors="backslashreplace"))
    return out / PAGE
