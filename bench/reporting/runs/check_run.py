"""All checks of a run for submission, in order."""

from __future__ import annotations

from dataclasses import dataclass

from bench.core.leftovers import scratch_folder
from bench.reporting.runs.recomputed import Recomputed
from bench.reporting.runs.recorded import RecordedRun
from bench.reporting.runs.refit import refit
from bench.reporting.runs.submit_check import (
    CheckResult,
    Pinned,
    check_dataset,
    check_preset,
    check_refitted,
    check_scores,
    check_whole,
    failed,
    open_dataset,
)
from bench.run.folder import RunFolder


@dataclass(frozen=True)
class CheckOptions:
    """What is asked of a run: pins, pictures to score again (None: all), units to fit again, margin, device."""

    pinned: Pinned
    sample: int | None
    refit: int
    margin: float
    device: str


def check_run(run: RecordedRun, options: CheckOptions) -> tuple[tuple[CheckResult, ...], Recomputed | None]:
    """The checks of a run. Without its dataset nothing can be scored again, and missing pictures cannot be either."""
    checks = [check_dataset(run, options.pinned)]
    with scratch_folder() as scratch:
        checks.append(check_preset(run, options.pinned, RunFolder(scratch)))
    if run.manifest is None or failed(checks[:1]):
        told = "the dataset is not there as the run began with it"
        return (*checks, CheckResult("the scores follow from the pictures", "not checked", told)), None
    checks += check_whole(run, run.manifest)
    dataset = open_dataset(run)
    if any(one.asked == "the pictures are there" for one in failed(checks)):
        told = "pictures are missing"
        return (*checks, CheckResult("the scores follow from the pictures", "not checked", told)), None
    scored, recomputed = check_scores(run, dataset, options.sample, options.device)
    again = refit(run, dataset, options.refit, options.margin, options.device) if options.refit else None
    return (*checks, scored, *check_refitted(again)), recomputed
