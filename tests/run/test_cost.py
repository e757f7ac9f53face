"""What costs are made of, and how they come into files and back."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save_file

from bench.core.table import COLUMNS
from bench.run.cost import FIT, GENERATE, Cost, UnitCost, picture_cost
from bench.run.fit_files import read_fit, write_fit

amounts = st.floats(0, 1e15)
costs = st.builds(Cost, amounts, amounts, amounts)


def test_a_unit_costs_the_sum_of_its_energies_and_the_largest_of_its_peaks() -> None:
    unit = UnitCost.of(Cost(60, 5e9, 100), 4096, [Cost(1, 7e9, 8), Cost(2, 6e9, 9)])
    assert unit == UnitCost(fit_seconds=60, peak_memory_bytes=7e9, disk_bytes=4096, energy_joules=117)


@given(costs, st.lists(costs, max_size=5), costs)
def test_one_more_picture_never_makes_a_unit_cheaper(fit: Cost, pictures: list[Cost], more: Cost) -> None:
    before, after = UnitCost.of(fit, 1, pictures), UnitCost.of(fit, 1, [*pictures, more])
    assert after.peak_memory_bytes >= max(before.peak_memory_bytes, more.peak_memory_bytes)
    assert after.energy_joules >= before.energy_joules
    assert after.fit_seconds == fit.seconds


@pytest.mark.parametrize("unknown", [Cost(1, math.nan, 8), Cost(1, 7, math.nan)])
def test_a_part_that_is_not_known_makes_the_whole_unknown_and_nothing_else(unknown: Cost) -> None:
    unit = UnitCost.of(Cost(60, 5, 100), 4096, [unknown, Cost(1, 6, 8)])
    assert math.isnan(unit.peak_memory_bytes) == math.isnan(unknown.peak_memory_bytes)
    assert math.isnan(unit.energy_joules) == math.isnan(unknown.energy_joules)
    assert (unit.fit_seconds, unit.disk_bytes) == (60, 4096)


def test_a_batch_shares_its_seconds_and_its_energy_but_not_its_memory() -> None:
    assert Cost(8, 5e9, 100).share(4) == Cost(2, 5e9, 25)


@given(costs)
def test_what_is_noted_is_read_back_exactly(cost: Cost) -> None:
    assert Cost.from_metadata(GENERATE, cost.metadata(GENERATE)) == cost


def test_what_is_unknown_is_not_noted_and_comes_back_as_nan() -> None:
    metadata = Cost(3.5).metadata(FIT)
    assert metadata == {"cost_fit_seconds": "3.5"}
    back = Cost.from_metadata(FIT, metadata)
    assert back.seconds == 3.5
    assert math.isnan(back.peak_memory_bytes)
    assert math.isnan(back.energy_joules)


def test_a_units_record_holds_the_tables_columns() -> None:
    unit = UnitCost(1, 2, 3, 4)
    assert UnitCost.columns(unit.record()) == unit.record()
    assert set(unit.record()) < set(COLUMNS)


def test_a_record_of_an_earlier_version_has_nan_for_what_it_does_not_say() -> None:
    columns = UnitCost.columns({"unit": "0", "cost_fit_seconds": 12.5})
    assert columns["cost_fit_seconds"] == 12.5
    unknown = {name for name, value in columns.items() if math.isnan(value)}
    assert unknown == {"cost_peak_memory_bytes", "cost_disk_bytes", "cost_energy_joules"}


def test_a_kept_fit_keeps_what_it_cost(tmp_path: Path) -> None:
    file, cost = tmp_path / "fit.safetensors", Cost(12.25, 3e9, 456.5)
    write_fit(file, {"handle": torch.ones(3)}, cost)
    found = read_fit(file)
    assert found is not None
    assert found[0]["handle"].tolist() == [1, 1, 1]
    assert found[1] == cost


def test_a_fit_of_an_earlier_version_has_its_seconds_alone(tmp_path: Path) -> None:
    file = tmp_path / "fit.safetensors"
    save_file({"handle": torch.ones(3)}, file, {"cost_fit_seconds": "7.5"})
    found = read_fit(file)
    assert found is not None
    assert found[1].seconds == 7.5
    assert math.isnan(found[1].energy_joules)


def test_a_picture_that_says_nothing_has_unknown_costs(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / "picture.png")
    assert math.isnan(picture_cost(tmp_path / "picture.png").seconds)
