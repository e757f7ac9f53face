"""The work of fitting and drawing: an item for the beginning of each cohort, one for each unit, and their times."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence

from bench.core.files import whole_files
from bench.plugins.backbone_settings import Budget
from bench.plugins.spec import Configured
from bench.run.cost import FIT, Cost, UnitRecord, picture_cost, read_unit_record
from bench.run.fit_steps import trained_steps
from bench.run.folder import RunFolder
from bench.run.forecast import Forecast, Kind, Part, WorkItem, WorkLeft
from bench.run.plan import Unit, cohort_of

BEGIN = "begin"
"""The verb of a worker that begins the fits of a cohort; the job's key starts with it."""
_UNKNOWN_FIT = 20.0
"""What a fit is taken for, in pictures, of which nothing is known."""
_STEP, _STEP_TOGETHER = 1 / 8, 1 / 16
"""What a step of training is taken for, in pictures: alone, and in a batch of several scenes, for each of them."""
_UNKNOWN_SHARE = 0.5
"""Share of a fit that is begun together, where nothing is known."""
_RECORDS = 5
"""Finished units of a method whose times are read: few, so that what this start measures soon weighs more."""


def begin_key(cohort: Sequence[Unit]) -> str:
    """The key of the job that begins the fits of a cohort."""
    return f"{BEGIN} {cohort[0].key}"


def begun_share(method: Configured, budget: Budget) -> float:
    """The share of a fit's steps that is made when it is begun together with others."""
    steps = trained_steps(method, budget)
    return _UNKNOWN_SHARE if steps is None or not steps.total else steps.together / steps.total


def draw_work(
    folder: RunFolder, units: Sequence[Unit], plan: Sequence[Unit], budget: Budget, fitted: Collection[str] = ()
) -> WorkLeft:
    """What there is to do for some units of the plan, and what it may take: as what earlier starts measured, if any.

    `fitted` are the keys of units whose fits are there to be read.
    """
    jobs: dict[str, WorkItem] = {}
    for unit in units:
        method, fits = unit.method.spec, unit.key not in fitted
        begins = fits and bool(unit.cohort) and not folder.begun(unit.key).is_file()
        cohort = cohort_of(unit, plan) if begins else ()
        if begins:
            beginning = WorkItem(method, {"begin": float(len(cohort))}, units=0, counted=False)
            jobs.setdefault(begin_key(cohort), beginning).units += 1
        missing = sum(not folder.picture(picture.key).is_file() for picture in unit.pictures)
        fit: dict[Part, float] = {"end" if unit.cohort else "fit": 1.0} if fits else {}
        jobs[unit.key] = WorkItem(method, {**fit, "draw": float(missing)}, begin_key(cohort) if begins else None)
    forecast = Forecast(_usual(units, budget))
    _learn(forecast, folder, plan)
    return WorkLeft(jobs, forecast)


def _usual(units: Sequence[Unit], budget: Budget) -> dict[Kind, float]:
    """What the parts of the units' methods take beside each other, in pictures."""
    found: dict[Kind, float] = {}
    for method in {unit.method.spec: unit.method for unit in units}.values():
        steps, spec = trained_steps(method, budget), method.spec
        whole = _UNKNOWN_FIT if steps is None else steps.total * _STEP
        share = begun_share(method, budget)
        found |= {(spec, "fit"): whole, (spec, "end"): whole * (1 - share), (spec, "prior"): 1.0, (spec, "draw"): 1.0}
        found[spec, "begin"] = whole * share * _STEP_TOGETHER / _STEP
    return found


def _learn(forecast: Forecast, folder: RunFolder, plan: Sequence[Unit]) -> None:
    """Tell the forecast what a few finished units of each method took in this run so far."""
    known, read = {unit.key: unit for unit in plan}, Counter[str]()
    for path in whole_files(folder.path, "units/*.json"):
        unit = known.get(path.stem)
        if unit is not None and read[unit.method.spec] < _RECORDS:
            read[unit.method.spec] += 1
            _learn_unit(forecast, folder, unit, read_unit_record(path))


def _learn_unit(forecast: Forecast, folder: RunFolder, unit: Unit, record: UnitRecord) -> None:
    """What a unit's fit took, split as usual where it was begun together with others, and its first picture."""
    spec = unit.method.spec
    parts: tuple[Kind, ...] = ((spec, "begin"), (spec, "end")) if unit.cohort else ((spec, "fit"),)
    usual = {kind: forecast.usual.get(kind, 0.0) for kind in parts}
    fit = Cost.from_metadata(FIT, vars(record)).seconds
    if math.isfinite(fit) and any(usual.values()):
        for kind, part in usual.items():
            forecast.learn(kind, 1.0, fit * part / sum(usual.values()))
    there = (file for file in map(folder.picture, record.pictures) if file.is_file())
    picture = next((picture_cost(file).seconds for file in there), math.nan)
    if math.isfinite(picture):
        forecast.learn((spec, "draw"), 1.0, picture)
