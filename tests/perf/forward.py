"""What could make the UNet's own passes faster, each alone beside the pass as it is: `nox -s perf -- forward`.

Nothing of it is switched on by the engine unless it pays here; see `docs/performance.md`.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import tables
import torch
from harness import Case, Clock, Figure, Pair, Work, alternating, measure
from torch import nn

from bench.plugins.backbone import Backbone

Change = Callable[[nn.Module], nn.Module]
HEAD = ("pass", "with", "ms", "as it is, ms", "ratio", "quartiles", "first use, s")


@dataclass(frozen=True)
class Shape:
    """A pass of the UNet: so many rows; of a drawing, or of a training step on handles alone or on all weights."""

    name: str
    rows: int
    trains: str


SHAPES = (
    Shape("handles, 1 row", 1, "handles"),
    Shape("handles, 8 rows", 8, "handles"),
    Shape("all weights, 1 row", 1, "weights"),
    Shape("drawing, 16 rows", 16, "nothing"),
)


def channels_last(unet: nn.Module) -> nn.Module:
    """Weights of convolutions, and so activations, with their channels beside each other in memory."""
    return unet.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def compiled_blocks(unet: nn.Module) -> nn.Module:
    """The repeated blocks are compiled, once for each shape (diffusers' regional compilation)."""
    unet.compile_repeated_blocks(dynamic=False)  # type: ignore[operator]
    return unet


def compiled(unet: nn.Module) -> nn.Module:
    """The whole UNet is compiled as one graph."""
    unet.compile(dynamic=False)
    return unet


def captured(unet: nn.Module) -> nn.Module:
    """The whole UNet is compiled and its kernels are captured in CUDA graphs."""
    unet.compile(dynamic=False, mode="reduce-overhead")
    return unet


def main(backbone: Backbone, text: str, repeats: int, write: bool) -> None:
    """Print what each change gives, and put it into `docs/performance.md` if asked.

    `text` chooses by the names of passes and changes, as "8 rows, compiled".
    """
    clock = Clock(backbone.device)
    rows = []
    for name, first, figure in figures(backbone, text, repeats):
        cells = (f"{figure.engine_ms:.4g}", f"{figure.bare_ms:.4g}", f"{figure.ratio:.2f}")
        rows.append((figure.case, name, *cells, f"{figure.ratio_low:.2f} to {figure.ratio_high:.2f}", f"{first:.1f}"))
        print(rows[-1], flush=True)
    facts = tables.machine(backbone.device, clock.kind)
    found = f"{tables.markdown(HEAD, rows)}\n\n{tables.told(facts)}"
    print(found)
    if write:
        section = f"forward-{backbone.device.type}"
        tables.put(section, found, {"facts": facts, "figures": [dict(zip(HEAD, row, strict=True)) for row in rows]})


def figures(backbone: Backbone, text: str, repeats: int) -> Iterator[tuple[str, float, Figure]]:
    """For each shape and change whose names have the text: the change, seconds of its first use, and the figure."""
    changes: dict[str, Change] = {"channels-last": channels_last, "blocks compiled": compiled_blocks}
    changes |= {"compiled": compiled}
    if backbone.device.type == "cuda":
        changes["compiled and captured"] = captured
    for shape in SHAPES:
        for name, change in changes.items():
            if text in f"{shape.name}, {name}":
                with backbone.hardware.computing():
                    yield (name, *compared(backbone, shape, name, change, repeats))


def compared(backbone: Backbone, shape: Shape, name: str, change: Change, repeats: int) -> tuple[float, Figure]:
    """A pass of a changed copy of the UNet beside one of an unchanged copy."""
    torch.compiler.reset()
    layout = torch.channels_last if name == "channels-last" else torch.contiguous_format
    changed = work(backbone, change(copy.deepcopy(backbone.unet)), shape, layout)
    plain = work(backbone, copy.deepcopy(backbone.unet), shape, torch.contiguous_format)
    began = time.perf_counter()
    changed()
    changed()  # CUDA graphs are captured at the second call
    clock = Clock(backbone.device)
    clock.now()
    first = time.perf_counter() - began

    def pairs(count: int) -> list[Pair]:
        return alternating(changed, plain, clock)(count)

    return first, measure(Case(shape.name, "a pass", "as it is", pairs), repeats)


def work(backbone: Backbone, unet: nn.Module, shape: Shape, layout: torch.memory_format) -> Work:
    """One pass of the shape, with its backward pass and Adam where something is trained."""
    device = backbone.device
    latents = torch.randn(shape.rows, *backbone.latent_shape, device=device).contiguous(memory_format=layout)
    times = torch.full((shape.rows,), 500, device=device)
    width = backbone.text_encoder.config.hidden_size
    states = nn.Parameter(torch.randn(shape.rows, backbone.tokenizer.model_max_length, width, device=device))
    trained = [states, *(unet.parameters() if shape.trains == "weights" else ())]
    unet.requires_grad_(shape.trains == "weights")
    optimiser = torch.optim.Adam(trained, lr=1e-6, fused=True)

    @torch.no_grad()
    def draw() -> None:
        with backbone.hardware.drawing():
            unet(latents, times, states)

    def train() -> None:
        with backbone.hardware.autocast():
            predicted = unet(latents, times, states).sample
        predicted.float().square().mean().backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)

    return draw if shape.trains == "nothing" else train
