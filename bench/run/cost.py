"""Costs of fits, pictures and units: seconds, memory, disk and energy; NaN where they cannot be measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from bench.core.errors import UserError
from bench.core.files import read_record
from bench.core.images import opened
from bench.run.folder import SCHEMA

FIT = "cost_fit_"
GENERATE = "cost_generate_"


@dataclass(frozen=True)
class Cost:
    """The cost of one piece of work; `bench.run.metering` documents how memory and energy are measured."""

    seconds: float
    peak_memory_bytes: float = math.nan
    energy_joules: float = math.nan

    def share(self, of: int) -> Cost:
        """The cost of one of so many equal parts: seconds and energy are divided, memory is not."""
        return Cost(self.seconds / of, self.peak_memory_bytes, self.energy_joules / of)

    def plus(self, other: Cost) -> Cost:
        """The cost of both, one after the other: seconds and energy are added, memory is the larger peak."""
        peak = float(np.max([self.peak_memory_bytes, other.peak_memory_bytes]))
        return Cost(self.seconds + other.seconds, peak, self.energy_joules + other.energy_joules)

    def metadata(self, stage: str) -> dict[str, str]:
        """The known costs as texts for a file's metadata: `cost_fit_seconds` and so on."""
        return {name: repr(value) for name, value in _known(asdict(self), stage).items()}

    @classmethod
    def from_metadata(cls, stage: str, metadata: Mapping[Any, Any]) -> Cost:
        """The inverse of `metadata`; NaN for missing keys, as in files of earlier versions."""
        return cls(**{field.name: float(metadata.get(stage + field.name, math.nan)) for field in fields(cls)})


@dataclass(frozen=True)
class UnitCost:
    """The cost of a unit's fit and all its pictures together, also if several starts of the run shared the work.

    `peak_memory_bytes` is the largest of fit and pictures, `energy_joules` their sum, `disk_bytes` the file size of
    what the fit learned.
    """

    fit_seconds: float
    peak_memory_bytes: float
    disk_bytes: float
    energy_joules: float

    @classmethod
    def of(cls, fit: Cost, disk_bytes: int, pictures: Sequence[Cost]) -> UnitCost:
        """The total of the parts' costs; NaN where one of them is unknown."""
        parts = (fit, *pictures)
        peak = float(np.max([part.peak_memory_bytes for part in parts]))
        energy = float(np.sum([part.energy_joules for part in parts]))
        return cls(fit.seconds, peak, float(disk_bytes), energy)

    def record(self) -> dict[str, float]:
        """The known costs by the table's columns `cost_fit_seconds`, `cost_peak_memory_bytes` and so on."""
        return _known(asdict(self), "cost_")

    @classmethod
    def columns(cls, record: Mapping[str, Any]) -> dict[str, float]:
        """The columns from a unit's record; NaN for missing ones, as in records of earlier versions."""
        names = [f"cost_{field.name}" for field in fields(cls)]
        return {name: float(record.get(name, math.nan)) for name in names}


@dataclass(frozen=True)
class UnitRecord:
    """The validated fields of a finished unit's record: its method, its pictures' keys, what it is, and its costs."""

    method: str
    pictures: list[str]
    configuration: dict[str, Any] = field(default_factory=dict)
    scene: str = ""
    seed: int = 0
    cost_fit_seconds: float = math.nan
    cost_peak_memory_bytes: float = math.nan
    cost_disk_bytes: float = math.nan
    cost_energy_joules: float = math.nan


def read_unit_record(path: Path) -> UnitRecord:
    """Read a finished unit's record.

    Raises `UserError` for a damaged one.
    """
    record: UnitRecord = read_record(path, SCHEMA, UnitRecord)
    return record


def picture_cost(path: Path) -> Cost:
    """The cost stored in a drawn picture's file; all NaN if there is none.

    Raises `UserError` for a damaged file.
    """
    try:
        with opened(path) as image:
            return Cost.from_metadata(GENERATE, image.info)
    except UserError as error:
        raise UserError(f"{path} is damaged ({error}); delete it: `bench run` draws it again") from error


def _known(values: Mapping[str, float], prefix: str) -> dict[str, float]:
    return {prefix + name: value for name, value in values.items() if not math.isnan(value)}
