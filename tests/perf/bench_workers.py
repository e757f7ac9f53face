"""How busy simulated workers are kept, and how many pictures a second the driver takes.

    nox -s perf

The units sleep in place of work, for heavy-tailed times whose mean is the same; the dispatcher, Ray and the writing of
files are those of a run. `--units`, `--workers`, `--seconds` (mean of a unit) and `--pictures` make it smaller.
"""

from __future__ import annotations

import argparse
import io
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bench.run.dispatch import Dispatcher, Listener, Task
from bench.run.ray_local import local_ray
from bench.run.worker import Parcel
from bench.run.writer import FileWriter

SIDE = 128
"""Of the simulated pictures: Playroom's."""


class SleepingWorker:
    """Sleeps for each task, and counts how long; draws noise as fast as it can."""

    def prepare(self, stage: str) -> dict[str, str]:
        return {"host": "here", "error": ""}

    def sleep(self, seconds: float) -> Iterator[Parcel]:
        time.sleep(seconds)
        yield "", []

    def paint(self, key: str, pictures: int, batch: int) -> Iterator[Parcel]:
        png = noise()
        for start in range(0, pictures, batch):
            yield "", [(f"pictures/{key}-{number}.png", png) for number in range(start, min(start + batch, pictures))]


def noise() -> bytes:
    """A PNG of noise, which does not compress."""
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)).save(buffer, "png")
    return buffer.getvalue()


def heavy_tailed(count: int, mean: float, seed: int = 0) -> list[float]:
    """Log-normal times with sigma 1, of that mean: one in a hundred is more than six times the mean."""
    drawn = [random.Random(f"{seed} {number}").lognormvariate(0.0, 1.0) for number in range(count)]
    return [one * mean * count / sum(drawn) for one in drawn]


def busy(ray: Any, units: int, workers: int, mean: float) -> float:
    """The share of their time that the workers slept, from when all of them were there."""
    times = heavy_tailed(units, mean)
    tasks = [Task(str(number), "", one, lambda one=one: (one,)) for number, one in enumerate(times)]  # type: ignore[misc]
    dispatcher = Dispatcher(ray, ray.remote(num_cpus=1)(SleepingWorker).remote, workers, lambda here: None)
    warm = [Task(f"warm {number}", "", 0.0, lambda: (0.5,)) for number in range(workers)]
    dispatcher.run("sleep", warm, silent())
    began = time.perf_counter()
    dispatcher.run("sleep", tasks, silent())
    share = sum(times) / workers / (time.perf_counter() - began)
    dispatcher.close()
    return share


def taken(ray: Any, pictures: int, workers: int, folder: Path) -> float:
    """Pictures a second that the driver writes, whole and synced, of what the workers send."""
    each, batch = pictures // workers, 8
    tasks = [Task(str(number), "", 1.0, lambda key=str(number): (key, each, batch)) for number in range(workers)]  # type: ignore[misc]
    dispatcher = Dispatcher(ray, ray.remote(num_cpus=1)(SleepingWorker).remote, workers, lambda here: None)
    dispatcher.run("sleep", [Task(f"warm {number}", "", 0.0, lambda: (0.5,)) for number in range(workers)], silent())
    began = time.perf_counter()
    with FileWriter(folder) as writer:
        dispatcher.run("paint", tasks, silent(lambda worker, task, parcel: writer.take(task.key, parcel[1])))
        for task in tasks:
            writer.finish(task.key)
    seconds = time.perf_counter() - began
    dispatcher.close()
    return len(list(folder.rglob("*.png"))) / seconds


def silent(on_parcel: Any = lambda worker, task, parcel: None) -> Listener:
    return Listener(lambda worker, task: None, on_parcel, lambda worker, task: None, lambda task, why: None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=5000)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=0.2, help="mean of a unit")
    parser.add_argument("--pictures", type=int, default=8000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, local_ray(options.workers, 0) as ray:
        rate = taken(ray, options.pictures, options.workers, Path(scratch))
        print(f"{rate:.0f} pictures of {SIDE} px a second by the driver, each synced")
        share = busy(ray, options.units, options.workers, options.seconds)
        print(f"{options.workers} workers were busy for {share:.1%} of {options.units} units of {options.seconds:g} s")


if __name__ == "__main__":
    main()
