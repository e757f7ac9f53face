"""Measures the checkpoints' size, and the speed of sampling and training."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import binom

from bench.diffusion.sampling.sampler import DrawJob, draw
from bench.plugins.backbone import Backbone

TEXT = "a photo of a mug at the beach"
Inputs = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""The UNet's inputs: latents, noise level and text."""


def size_figures(checkpoints: Path) -> dict[str, Any]:
    """Megabytes (10^6 bytes) of all checkpoints and of the largest file; `bytes` of each folder."""
    folders = sorted(path for path in checkpoints.iterdir() if path.is_dir())
    files = {folder.name: [file.stat().st_size for file in folder.rglob("*") if file.is_file()] for folder in folders}
    totals = {name: sum(found) for name, found in files.items()}
    largest = max(size for found in files.values() for size in found)
    return {
        "all": {"value": round(sum(totals.values()) / 1e6, 3)},
        "largest_file": {"value": round(largest / 1e6, 3)},
        "bytes": totals,
    }


def speed_figures(backbone: Backbone, repeats: int) -> dict[str, Any]:
    """Median seconds of a guided sample, a forward pass and a training step of the UNet, batch 1.

    On a CPU with one thread, whatever the machine has. The training step is a forward and a backward pass through the
    whole UNet. Each median has the distribution-free interval of order statistics. `load` is the number of running
    processes on the machine before and after (the measurement's own included): above 1 per core it was not idle.
    """
    with torch.no_grad():
        inputs = _inputs(backbone)
    verbs = {
        "guided_sample": lambda: list(draw(backbone, [DrawJob(TEXT, noise_seed=0)], 1)),
        "forward": lambda: _forward(backbone, inputs),
        "training_step": lambda: _train(backbone, inputs),
    }
    before = os.getloadavg()[0]
    with _one_thread(backbone.device):
        figures = {name: median_seconds(_seconds(verb, repeats)) for name, verb in verbs.items()}
    load = [round(before, 1), round(os.getloadavg()[0], 1)]
    return {**figures, "machine": machine(backbone.device), "cores": os.cpu_count(), "load": load}


def machine(device: torch.device) -> str:
    """The machine on which the speed was measured."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} CPU, one thread"


def median_seconds(spans: Sequence[float]) -> dict[str, Any]:
    """The median with its 95 % interval by order statistics (exact, whatever the distribution; none below 6)."""
    ordered, count = sorted(spans), len(spans)
    figure = {"value": round(float(np.median(ordered)), 4), "n": count, "method": "order statistics"}
    rank = int(binom.ppf(0.025, count, 0.5))  # fewer spans than this lie below the median in at most 2.5 %
    if rank < 1:
        return figure
    return {**figure, "low": round(ordered[rank - 1], 4), "high": round(ordered[count - rank], 4)}


def _seconds(verb: Callable[[], object], repeats: int) -> list[float]:
    verb()
    spans = []
    for _ in range(repeats):
        start = time.perf_counter()
        verb()
        spans.append(time.perf_counter() - start)
    return spans


def _inputs(backbone: Backbone) -> Inputs:
    latents = torch.zeros(1, *backbone.latent_shape, device=backbone.device)
    return latents, torch.tensor([500], device=backbone.device), backbone.encode_text([TEXT])


@torch.no_grad()
def _forward(backbone: Backbone, inputs: Inputs) -> None:
    backbone.unet(*inputs).sample.cpu()


def _train(backbone: Backbone, inputs: Inputs) -> None:
    backbone.unet.requires_grad_(True)
    predicted: torch.Tensor = backbone.unet(*inputs).sample
    loss = predicted.square().mean()
    torch.autograd.backward(loss)
    backbone.unet.zero_grad(set_to_none=True)
    backbone.unet.requires_grad_(False)
    if backbone.device.type == "cuda":
        torch.cuda.synchronize(backbone.device)


@contextmanager
def _one_thread(device: torch.device) -> Iterator[None]:
    threads = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
