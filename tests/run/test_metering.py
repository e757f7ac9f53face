"""Measuring: counters of energy that begin again, counters that are not there, peaks between two looks."""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.run import metering
from bench.run.metering import Counter, Energy, Meter, ResidentSet, nvml_counters, rapl_counters


def reader(values: Iterable[int]) -> Callable[[], int]:
    """Reads one value after the other."""
    return iter(list(values)).__next__


def zone(folder: Path, name: str, label: str, counts: int) -> Path:
    path = folder / name
    path.mkdir(parents=True)
    (path / "name").write_text(f"{label}\n")
    (path / "energy_uj").write_text(f"{counts}\n")
    (path / "max_energy_range_uj").write_text("1000000\n")
    return path


def test_energy_is_what_the_counter_moved() -> None:
    energy = Energy([Counter(reader([5_000, 6_000, 9_500]), 2**64, 1e-3)])
    energy.start()
    energy.sample()
    assert energy.stop() == pytest.approx(4.5)


@given(st.lists(st.integers(0, 999), max_size=20))
def test_a_counter_may_begin_again_between_any_two_looks(steps: list[int]) -> None:
    """Every step is less than the counter's range, so that none can be missed."""
    shown = np.cumsum([123, *steps]) % 1000
    energy = Energy([Counter(reader(shown), 1000, 1e-6)])
    energy.start()
    for _ in steps[:-1]:
        energy.sample()
    assert (energy.stop() if steps else 0.0) == pytest.approx(sum(steps) * 1e-6)


def test_several_counters_add_up_and_every_stretch_begins_at_zero() -> None:
    energy = Energy([Counter(reader([0, 10, 20, 50]), 100, 1.0), Counter(reader([90, 5, 6, 8]), 100, 1.0)])
    energy.start()
    assert energy.stop() == 10 + 15
    energy.start()
    assert energy.stop() == 30 + 2


def test_without_a_counter_or_with_one_that_breaks_the_energy_is_unknown() -> None:
    def broken() -> int:
        raise OSError("no longer there")

    for counters in ([], [Counter(broken, 10, 1.0)], [Counter(reader([1, 2, 3]), 10, 1.0), Counter(broken, 10, 1.0)]):
        energy = Energy(counters)
        energy.start()
        energy.sample()
        assert math.isnan(energy.stop())


def test_rapl_counts_every_package_once_and_no_part_of_one(tmp_path: Path) -> None:
    files = [zone(tmp_path, f"intel-rapl:{number}", f"package-{number}", 999_990) for number in range(2)]
    zone(tmp_path, "intel-rapl:0:0", "core", 7)
    zone(tmp_path, "intel-rapl:2", "psys", 7)
    zone(tmp_path, "intel-rapl-mmio:0", "package-0", 7)
    energy = Energy(rapl_counters(tmp_path))
    energy.start()
    (files[0] / "energy_uj").write_text("999995")
    (files[1] / "energy_uj").write_text("20")
    assert energy.stop() == pytest.approx((5 + 30) * 1e-6)


def test_rapl_that_may_not_be_read_in_full_tells_nothing(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 1)
    (zone(tmp_path, "intel-rapl:1", "package-1", 1) / "energy_uj").unlink()
    assert rapl_counters(tmp_path) == ()
    assert rapl_counters(tmp_path / "none") == ()


class NvmlError(Exception):
    """What the driver's library raises."""


def fake_driver(monkeypatch: pytest.MonkeyPatch, read: Callable[[str], int]) -> None:
    """A driver whose counter is read by the device's UUID."""
    module = ModuleType("pynvml")
    functions = {
        "NVMLError": NvmlError,
        "nvmlInit": lambda: None,
        "nvmlDeviceGetHandleByUUID": lambda uuid: uuid,
        "nvmlDeviceGetTotalEnergyConsumption": read,
    }
    vars(module).update(functions)
    monkeypatch.setitem(sys.modules, "pynvml", module)
    properties = {0: SimpleNamespace(uuid="aaaa"), 1: SimpleNamespace(uuid="bbbb")}
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties[device.index])


def test_the_driver_is_asked_for_torchs_device_in_millijoules(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = {"GPU-aaaa": iter([0] * 9), "GPU-bbbb": iter([100, 1_000, 8_500])}
    fake_driver(monkeypatch, lambda uuid: next(shown[uuid]))
    energy = Energy(nvml_counters(torch.device("cuda:1")))
    energy.start()
    assert energy.stop() == pytest.approx(7.5)


def test_a_driver_without_the_counter_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(uuid: str) -> int:
        raise NvmlError("Not Supported")

    fake_driver(monkeypatch, read)
    assert nvml_counters(torch.device("cuda:0")) == ()


def test_a_driver_that_fails_later_makes_the_energy_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = iter([1, 2])

    def read(uuid: str) -> int:
        for value in shown:
            return value
        raise NvmlError("GPU is lost")

    fake_driver(monkeypatch, read)
    energy = Energy(nvml_counters(torch.device("cuda:0")))
    energy.start()
    assert math.isnan(energy.stop())


def test_the_peak_is_the_largest_look_since_the_start() -> None:
    memory = ResidentSet(reader([9, 4, 8, 5, 3]))
    memory.start()
    memory.start()
    memory.sample()
    memory.sample()
    assert memory.stop() == 8


def test_a_meter_looks_while_the_work_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The work ends only when the gauge was sampled by another thread: the peak is of neither end."""
    monkeypatch.setattr(metering, "PERIOD", 0.001)
    seen = threading.Event()
    main = threading.get_ident()

    def read() -> int:
        if threading.get_ident() == main:
            return 10
        seen.set()
        return 70

    settled: list[bool] = []
    meter = Meter(ResidentSet(read), Energy([]), lambda: settled.append(seen.is_set()))
    result, cost = meter.measure(lambda: seen.wait(60))
    assert result is True
    assert settled == [True]
    assert cost.peak_memory_bytes == 70
    assert cost.seconds > 0
    assert math.isnan(cost.energy_joules)


def test_what_fails_under_a_meter_fails_and_leaves_no_thread() -> None:
    meter = Meter.on(torch.device("cpu"))
    with pytest.raises(ZeroDivisionError):
        meter.measure(lambda: 1 // 0)
    assert not [thread for thread in threading.enumerate() if thread.name == "gauges"]


def test_memory_of_this_machine_is_at_least_what_the_work_holds() -> None:
    _, cost = Meter.on(torch.device("cpu")).measure(lambda: np.ones(50_000_000, np.uint8))
    assert cost.peak_memory_bytes > 50_000_000


@pytest.mark.gpu
def test_on_a_gpu_the_peak_is_torchs_and_the_energy_grows() -> None:
    device = torch.device("cuda:0")
    torch.zeros(1, device=device)
    before = torch.cuda.memory_allocated(device)
    meter = Meter.on(device)

    def work() -> None:
        block = torch.ones(16_384, 16_384, device=device)
        for _ in range(50):
            block @ block

    _, first = meter.measure(work)
    _, second = meter.measure(lambda: None)
    assert first.peak_memory_bytes >= before + 4 * 16_384**2
    assert second.peak_memory_bytes < first.peak_memory_bytes
    assert first.energy_joules > 0 or math.isnan(first.energy_joules)
