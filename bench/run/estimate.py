"""How long the rest of a run will take, from what it measured so far."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from PIL import Image

from bench.plan import Unit
from bench.run.fits import FIT_COST
from bench.run.folder import SCHEMA, RunFolder
from bench.run.work import COST, missing
from bench.store import read_json


def estimate_minutes(folder: RunFolder, todo: Sequence[Unit]) -> float | None:
    """Minutes for fitting and drawing `todo`; None while a method in it has no finished unit."""
    measured = _measured(folder)
    total = 0.0
    for unit in todo:
        if unit.method.drop_in.name not in measured:
            return None
        fits, pictures = measured[unit.method.drop_in.name]
        refit = 0.0 if folder.fit(unit.identity).is_file() else mean(fits)
        total += refit + len(missing(folder, unit)) * mean(pictures)
    return total / 60


def _measured(folder: RunFolder) -> dict[str, tuple[list[float], list[float]]]:
    """Seconds of each fit and of each picture by method."""
    found: dict[str, tuple[list[float], list[float]]] = {}
    for path in sorted(folder.path.glob("units/*.json")):
        record = read_json(path, SCHEMA)
        fits, pictures = found.setdefault(record["method"], ([], []))
        fits.append(float(record[FIT_COST]))
        for identity in record["pictures"]:
            with Image.open(folder.picture(identity)) as image:
                pictures.append(float(image.info[COST]))
    return found
