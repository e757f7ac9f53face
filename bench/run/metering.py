"""Measures the cost of work on a device: time, peak memory and energy."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import psutil
import torch

from bench.run.cost import Cost

PERIOD = 0.1
"""Seconds between two samples."""
RAPL = Path("/sys/class/powercap")
"""The folder of Linux' energy counters of CPU packages (Intel's and AMD's)."""

Result = TypeVar("Result")


class Gauge(Protocol):
    """A quantity measured from `start` to `stop`; `sample` is called in between, from another thread."""

    def start(self) -> None:
        """Start a measurement."""
        ...

    def sample(self) -> None:
        """Read the quantity while the work runs."""
        ...

    def stop(self) -> float:
        """End the measurement; returns its value, NaN if it could not be measured."""
        ...


class ResidentSet:
    """The largest resident set of this process, in bytes, as sampled: shorter peaks are missed.

    It is that of the whole process: interpreter, libraries, backbone and what the allocator kept from earlier units
    are included; programs that a method starts are not.
    """

    def __init__(self, read: Callable[[], int]) -> None:
        self._read = read
        self._peak = 0

    def start(self) -> None:
        """Reset the maximum."""
        self._peak = self._read()

    def sample(self) -> None:
        """Update the maximum with the current resident set."""
        self._peak = max(self._peak, self._read())

    def stop(self) -> float:
        """The maximum, the current value included."""
        self.sample()
        return float(self._peak)


@dataclass(frozen=True)
class CudaAllocation:
    """The peak of torch's allocations on a CUDA device, in bytes, exact; the backbone's weights are included."""

    device: torch.device

    def start(self) -> None:
        """Reset the maximum."""
        torch.cuda.reset_peak_memory_stats(self.device)

    def sample(self) -> None:
        """Nothing to do: torch keeps the maximum."""

    def stop(self) -> float:
        """Torch's recorded maximum."""
        return float(torch.cuda.max_memory_allocated(self.device))


@dataclass(frozen=True)
class Counter:
    """A counter of energy that only grows and begins again at 0 after `range`; `joules` is what one count is worth."""

    read: Callable[[], int]
    range: int
    joules: float


class Energy:
    """The energy that counters measured, in joules: of the whole device, also by other processes. NaN without counters.

    The counters are read at every sample, so that a long fit may see them begin again any number of times.
    """

    def __init__(self, counters: Sequence[Counter]) -> None:
        self._counters = tuple(counters)
        self._last: list[int] = []
        self._total = math.nan

    def start(self) -> None:
        """Set the total to 0 and read the counters."""
        self._total = 0.0 if self._counters else math.nan
        with self._unreadable_is_nan():
            self._last = [counter.read() for counter in self._counters]

    def sample(self) -> None:
        """Add the energy used since the last sample."""
        if math.isnan(self._total):
            return
        with self._unreadable_is_nan():
            now = [counter.read() for counter in self._counters]
            for counter, before, after in zip(self._counters, self._last, now, strict=True):
                self._total += (after - before) % counter.range * counter.joules
            self._last = now

    def stop(self) -> float:
        """The total, the energy since the last sample included."""
        self.sample()
        return self._total

    @contextlib.contextmanager
    def _unreadable_is_nan(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError):
            self._total = math.nan


@dataclass(frozen=True)
class Meter:
    """Measures pieces of work, one at a time; `settle` waits until the device has finished its queue."""

    memory: Gauge
    energy: Gauge
    settle: Callable[[], None]

    @classmethod
    def on(cls, device: torch.device) -> Meter:
        """The meter for a device, with the gauges that this machine has."""
        if device.type == "cuda":
            return cls(CudaAllocation(device), Energy(nvml_counters(device)), lambda: torch.cuda.synchronize(device))
        process = psutil.Process()
        return cls(ResidentSet(lambda: process.memory_info().rss), Energy(rapl_counters(RAPL)), lambda: None)

    def measure(self, work: Callable[[], Result]) -> tuple[Result, Cost]:
        """Call `work`; returns its result and its cost."""
        self.memory.start()
        self.energy.start()
        began = time.perf_counter()
        with _sampled((self.memory, self.energy)):
            result = work()
            self.settle()
            seconds = time.perf_counter() - began
        return result, Cost(seconds, self.memory.stop(), self.energy.stop())


def rapl_counters(folder: Path) -> tuple[Counter, ...]:
    """The counters of all CPU packages (memory is in none of them); empty if one of them cannot be read."""
    try:
        zones = [zone for zone in sorted(folder.glob("intel-rapl:*")) if _text(zone / "name").startswith("package")]
        counters = tuple(_rapl_counter(zone) for zone in zones)
        for counter in counters:
            counter.read()
    except (OSError, ValueError):
        return ()
    return counters


def nvml_counters(device: torch.device) -> tuple[Counter, ...]:
    """The driver's counter of a CUDA device's energy, since Volta; empty where the driver has none."""
    import pynvml  # noqa: PLC0415 - only where there is a GPU

    nvml: Any = pynvml

    def read() -> int:
        try:
            return int(nvml.nvmlDeviceGetTotalEnergyConsumption(handle))
        except nvml.NVMLError as error:
            raise OSError(str(error)) from error

    try:
        nvml.nvmlInit()
        handle = nvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(device).uuid}")
        read()
    except (nvml.NVMLError, OSError):
        return ()
    return (Counter(read, 2**64, 1e-3),)


def _rapl_counter(zone: Path) -> Counter:
    file = zone / "energy_uj"
    return Counter(lambda: int(_text(file)), int(_text(zone / "max_energy_range_uj")), 1e-6)


def _text(file: Path) -> str:
    return file.read_text(encoding="ascii").strip()


@contextlib.contextmanager
def _sampled(gauges: Sequence[Gauge]) -> Iterator[None]:
    """Sample the gauges from a thread while the block runs."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(PERIOD):
            for gauge in gauges:
                gauge.sample()

    thread = threading.Thread(target=watch, name="gauges", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
