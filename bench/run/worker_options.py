"""How many workers a start has, on what, and with how many threads each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.core.errors import UserError
from bench.core.progress import console
from bench.run.ray_local import INSTALL, is_installed

AUTO = "auto"
SMALL_BYTES = 256 * 2**20
"""Size of a backbone's weights up to which one thread computes as well as several."""
_LIBRARIES_BYTES = 2**30
"""Memory of a process that has imported everything."""
_COPIES = {"cpu": 6, "cuda": 2}
"""Memory of a worker in copies of the weights: on a CPU weights, originals, gradients, two moments and activations."""


@dataclass(frozen=True, kw_only=True)
class WorkerOptions:
    """The options about workers: a number or `auto`, the address of a Ray cluster, and GPUs for each."""

    workers: str | None = None
    ray: str | None = None
    gpus_per_worker: float | None = None

    def __post_init__(self) -> None:
        if self.workers not in (None, AUTO) and not (self.workers.isdecimal() and int(self.workers) >= 1):
            raise UserError(f"--workers {self.workers} is not understood; give a number from 1, or {AUTO}")

    @property
    def asked(self) -> bool:
        """Whether a start says anything of workers."""
        return self.workers is not None or self.ray is not None

    @property
    def in_process(self) -> bool:
        """Whether this process does all the work itself."""
        return self.ray is None and (self.workers in (None, "1") or (self.workers == AUTO and not is_installed()))


@dataclass(frozen=True)
class WorkerPlan:
    """The workers of a start: how many, and for each processors, GPUs (a fraction shares one) and bytes of memory."""

    count: int
    cpus: int
    gpus: float
    memory: int
    ray: str | None = None

    @property
    def told(self) -> str:
        """The plan in words."""
        where = "on this machine" if self.ray is None else f"on the Ray cluster {self.ray}"
        each = f"{self.gpus:g} GPU" if self.gpus else f"{self.cpus} thread{'' if self.cpus == 1 else 's'}"
        return f"{self.count} worker{'' if self.count == 1 else 's'} {where}, {each} each"


def weights_bytes(folder: Path) -> int:
    """The size of the backbone's weights in a folder; 0 if they are not there yet."""
    return sum(file.stat().st_size for file in folder.rglob("*.safetensors"))


def default_threads(kind: str, weights: int) -> int:
    """Threads of a worker: one for a small backbone on a CPU, else all cores; 0 leaves them to torch, on a GPU.

    They do not depend on the number of workers, so that pictures do not either.
    """
    if kind != "cpu":
        return 0
    return 1 if 0 < weights <= SMALL_BYTES else cores()


def cores() -> int:
    """The physical cores that this process may use."""
    allowed = len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else 1_000_000
    return max(1, min(allowed, psutil.cpu_count(logical=False) or 1))


def gpus_here() -> int:
    """The CUDA devices of this machine."""
    import torch  # noqa: PLC0415 - slow to import

    return torch.cuda.device_count()


def plan_workers(options: WorkerOptions, kind: str, threads: int, weights: int) -> WorkerPlan | None:
    """The workers of a start on this machine; None where this process does the work itself.

    On a cluster, the number that `auto` means is known once it is joined: `count` is 0. Raises `UserError` where Ray is
    needed and not installed.
    """
    if options.in_process:
        if options.workers == AUTO:
            console.print(f"one worker: for more, {INSTALL}", soft_wrap=True, markup=False)
        return None
    if not is_installed():
        raise UserError(f"several workers need Ray: {INSTALL}, or take --workers 1")
    gpus = (1.0 if options.gpus_per_worker is None else options.gpus_per_worker) if kind == "cuda" else 0.0
    cpus = max(1, threads)
    memory = _LIBRARIES_BYTES + _COPIES[kind] * weights
    count = int(options.workers) if options.workers not in (None, AUTO) else 0
    if options.ray is None:
        count = count or _places(gpus, cpus)
        count = _within_memory(count, memory)
    return WorkerPlan(count, cpus, gpus, memory, options.ray)


def _places(gpus: float, cpus: int) -> int:
    return max(1, int(gpus_here() / gpus) if gpus else cores() // cpus)


def _within_memory(count: int, memory: int) -> int:
    """As many workers as this machine's memory holds, at least one."""
    most = max(1, int(0.7 * psutil.virtual_memory().available / memory))
    if most < count:
        told = f"{most} workers instead of {count}: each needs {memory / 2**30:.1f} GiB of memory"
        console.print(told, soft_wrap=True, markup=False)
    return min(count, most)
