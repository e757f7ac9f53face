"""Estimates the remaining time of a run from its measurements so far."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import mean

from bench.core.files import whole_files
from bench.run.cost import FIT, Cost, picture_cost, read_unit_record
from bench.run.execute import missing_pictures
from bench.run.folder import RunFolder
from bench.run.plan import Unit


def estimate_minutes(folder: RunFolder, todo: Sequence[Unit]) -> float | None:
    """Estimated minutes for fitting and drawing `todo`; None while one of its methods has no finished unit."""
    measured = _measured(folder)
    total = 0.0
    for unit in todo:
        fits, pictures = measured.get(unit.method.drop_in.name, ([], []))
        if not (fits and pictures):
            return None
        refit = 0.0 if folder.fit(unit.key).is_file() else mean(fits)
        total += refit + len(missing_pictures(folder, unit)) * mean(pictures)
    return total / 60


def _measured(folder: RunFolder) -> dict[str, tuple[list[float], list[float]]]:
    """Seconds of each fit and of each picture by method."""
    found: dict[str, tuple[list[float], list[float]]] = {}
    for path in whole_files(folder.path, "units/*.json"):
        record = read_unit_record(path)
        fits, pictures = found.setdefault(record.method, ([], []))
        fits.append(Cost.from_metadata(FIT, vars(record)).seconds)
        there = (path for path in map(folder.picture, record.pictures) if path.is_file())
        seconds = (picture_cost(path).seconds for path in there)
        pictures.extend(each for each in seconds if not math.isnan(each))
    return found
