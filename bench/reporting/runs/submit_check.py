"""Whether a run can be submitted: is it whole, is it on what it says, do its scores follow from its pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import pandas as pd

from bench.core.errors import UserError
from bench.core.scenes import Dataset
from bench.core.text import count, some
from bench.data.load import load_dataset
from bench.data.manifest import Manifest
from bench.reporting.runs.recomputed import Recomputed, recompute
from bench.reporting.runs.recorded import RecordedRun
from bench.reporting.runs.refit import Refitted
from bench.run.evaluators import record_evaluators, recorded_evaluators
from bench.run.folder import RunFolder
from bench.scoring.presets import SCORING_VERSION, find_preset
from bench.scoring.selection import standard_metrics

Verdict: TypeAlias = Literal["passed", "failed", "not checked"]
TOLERANCE = 1e-3
"""Scores that differ by less agree: two processors or batches round differently."""
PICTURE = ["method", "scene", "template", "subset", "sample"]


@dataclass(frozen=True)
class CheckResult:
    """One check: what is asked, the verdict, and what was found."""

    asked: str
    verdict: Verdict
    found: str


@dataclass(frozen=True)
class Pinned:
    """What the run is expected to be on: the start of a dataset's hash, and a preset; None where nothing is asked."""

    dataset: str | None = None
    preset: str | None = None


def open_dataset(run: RecordedRun) -> Dataset:
    """The run's dataset, its pictures compared with the manifest; raises `UserError` if it is not there or changed."""
    if run.manifest is None:
        raise UserError(f"the dataset of {run.path} is not at {run.settings.dataset} as the run began with it")
    return load_dataset(run.dataset_folder)


def check_whole(run: RecordedRun, manifest: Manifest) -> Iterator[CheckResult]:
    """Whether every method has a picture and scores for every prompt of the dataset."""
    rows = run.table[PICTURE].drop_duplicates()
    asked = pd.DataFrame(
        [
            (scene.name, prompt.template, "+".join(map(str, prompt.subset)), prompt.sample)
            for scene in manifest.scenes
            for prompt in scene.prompts
        ],
        columns=PICTURE[1:],
    )
    for method in run.methods:
        own = rows[rows["method"] == method]
        found = len(asked.merge(own, on=PICTURE[1:]))
        lacking = len(asked) - found
        extra = len(own) - found
        more = f", {extra} that the dataset does not ask for" if extra else ""
        told = f"{found} of {count(len(asked), 'picture')} scored{more}"
        yield CheckResult(f"{method} is whole", "failed" if lacking or extra else "passed", told)
    unscored = [spec for spec in run.settings.methods if run.settings.names.get(spec, spec) not in run.methods]
    if unscored:
        yield CheckResult("every method of the run is scored", "failed", f"without any score: {some(unscored)}")
    files = [file for file in run.table["file"].unique() if not (run.path / str(file)).is_file()]
    told = f"{count(run.table['file'].nunique() - len(files), 'file')} there, {len(files)} missing"
    yield CheckResult("the pictures are there", "failed" if files else "passed", told)


def check_dataset(run: RecordedRun, pinned: Pinned) -> CheckResult:
    """Whether the dataset is the one that is asked for, and its files are what the manifest says."""
    found = run.settings.dataset_hash
    if pinned.dataset is not None and not found.startswith(pinned.dataset):
        return CheckResult("the dataset is the pinned one", "failed", f"{found}, not {pinned.dataset}")
    try:
        open_dataset(run)
    except UserError as error:
        return CheckResult("the dataset is whole and unchanged", "failed", str(error))
    asked = f"the dataset is {'the pinned one, ' if pinned.dataset else ''}whole and unchanged"
    return CheckResult(asked, "passed", f"{run.settings.dataset}, {found}")


def check_preset(run: RecordedRun, pinned: Pinned, scratch: RunFolder) -> CheckResult:
    """Whether the scores' preset is the pinned one, and its models are those that this machine has under its name."""
    if pinned.preset is not None and run.preset != pinned.preset:
        return CheckResult("the preset is the pinned one", "failed", f"{run.preset}, not {pinned.preset}")
    preset = find_preset(run.preset)
    record_evaluators(scratch, preset, standard_metrics())
    here = recorded_evaluators(scratch)
    other = [name for name, content in here.items() if run.evaluators.get(name) != content]
    asked = "the models behind the scores are the preset's"
    if other:
        return CheckResult(asked, "failed", f"other content: {some(other)}")
    if run.scoring_version not in (None, SCORING_VERSION):
        found = f"version {run.scoring} of the scoring, here is {SCORING_VERSION}; bench score {run.path} scores anew"
        return CheckResult(asked, "failed", found)
    told = f"{run.preset}, {run.preset_digest}, version of the scoring {run.scoring}"
    return CheckResult(asked, "passed", told)


def check_scores(run: RecordedRun, dataset: Dataset, sample: int | None, device: str) -> tuple[CheckResult, Recomputed]:
    """Score some of the pictures again (None: all) and compare with the table."""
    found = recompute(run, dataset, sample, device)
    worst = found.worst
    told = (
        f"{count(found.pictures, 'picture')} of {found.of} scored again ({found.how}): "
        f"{count(found.values, 'value')}, {len(found.different)} of them differ by more than {TOLERANCE:g}; "
        f"the largest difference is {worst:.2g}"
    )
    wrong = len(found.different) > 0 or not found.values
    return CheckResult("the scores follow from the pictures", "failed" if wrong else "passed", told), found


def check_refitted(found: Refitted | None) -> Iterator[CheckResult]:
    """Whether units that were fitted and drawn again give an equivalent result; by metric."""
    asked = "units fitted again give an equivalent result"
    if found is None:
        yield CheckResult(asked, "not checked", "ask for it: --refit N")
        return
    pixels = f"{found.same} of {count(found.pictures, 'picture')} have equal pixels"
    if found.same == found.pictures:
        yield CheckResult(asked, "passed", f"{count(len(found.units), 'unit')} ({some(found.units)}): {pixels}")
        return
    for one in found.differences:
        if one.n == 0:
            continue
        told = f"{count(one.n, 'unit')}: {one.effect:+.4f} in the mean; {pixels}"
        if one.p_equivalence is None:
            yield CheckResult(f"{asked}: {one.metric.label}", "not checked", f"{told}; no test below 4 units")
        else:
            verdict: Verdict = "passed" if one.equivalent else "failed"
            told += f"; p = {one.p_equivalence:.2g} of lying outside ± {one.margin:g}"
            yield CheckResult(f"{asked}: {one.metric.label}", verdict, told)


def failed(checks: Sequence[CheckResult]) -> list[CheckResult]:
    """The checks that failed."""
    return [one for one in checks if one.verdict == "failed"]
