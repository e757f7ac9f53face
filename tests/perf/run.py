"""Measures speed beside the bare networks, and predicts arithmetic and memory; see `docs/performance.md`.

`nox -s perf` measures on the CPU with Playroom, `nox -s perf -- cuda` on a GPU with Stable Diffusion 2.1 at full size
and random weights, `nox -s perf -- cost` counts operations and memory of the latter on any machine.

`nox -s perf -- gallery` opens a gallery of 5,400 pictures in headless Chromium; `nox -s perf -- forward` and
`-- forward-cuda` try what could make the UNet's passes faster.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: processor time then means one core's work

import coco_filter
import report
import scoring
import tables
import torch
from harness import HEAD, Case, Clock, Figure, as_record, measure
from networks import KINDS, draw_case, fit_case

from bench.core.checkpoints import BACKBONES
from bench.core.device import resolve
from bench.diffusion.backbone.checkpoint import BackboneSpec
from bench.diffusion.backbone.loading import load_backbone
from bench.plugins.backbone import Backbone
from bench.plugins.backbone_settings import FULL, BackboneSettings, Budget, Sampler, read_settings

WHAT = ("cpu", "cuda", "cost", "gallery", "forward", "forward-cuda")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", choices=WHAT, default="cpu")
    parser.add_argument("--case", default="", help="only cases whose name has this text")
    parser.add_argument("--repeats", type=int, help="pairs of each case (default: by their length)")
    parser.add_argument("--share", type=float, default=0.02, help="of train2017's size, for the COCO filter")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    options = parser.parse_args()
    if options.what == "cost":
        import cost

        cost.main(options.case, options.write)
    elif options.what == "gallery":
        import gallery_page

        gallery_page.main(options.write)
    elif options.what.endswith("cuda") and not torch.cuda.is_available():
        sys.exit("this machine has no CUDA device: nothing was measured; `nox -s perf` measures on the CPU")
    elif options.what.startswith("forward"):
        import forward

        device = torch.device("cuda" if options.what.endswith("cuda") else "cpu")
        forward.main(backbone_on(device), options.case, options.repeats or 9, options.write)
    else:
        time_cases(torch.device(options.what), options)


def time_cases(device: torch.device, options: argparse.Namespace) -> None:
    """Measure the cases that are asked for."""
    facts = tables.machine(device, Clock(device).kind)
    with tempfile.TemporaryDirectory() as folder:
        chosen = select(Path(folder), device, options.case, options.share)
        figures = [shown(measure(case, options.repeats or default_repeats(case, device))) for case in chosen]
    if not figures:
        sys.exit(f"no case has '{options.case}' in its name")
    text = f"{tables.markdown(HEAD, [figure.row for figure in figures])}\n\n{tables.told(facts)}"
    print(text)
    if options.write:
        tables.put(options.what, text, as_record(figures, facts))


def shown(figure: Figure) -> Figure:
    """The figure, printed as soon as it is known."""
    print(f"{figure.case}: {figure.engine_ms:.4g} ms {figure.unit}, ratio {figure.ratio:.2f}", file=sys.stderr)
    return figure


def default_repeats(case: Case, device: torch.device) -> int:
    """Many of short cases, few of long ones."""
    if case.name.startswith("fit"):
        return 30 if device.type == "cuda" else 15
    return 3 if case.name == scoring.FULL_SIZE.name and device.type == "cpu" else 5


def select(folder: Path, device: torch.device, text: str, share: float) -> Iterator[Case]:
    """The cases whose names have the text; what none of them needs is not built."""
    large = device.type == "cuda"
    backbone = cache(lambda: backbone_on(device))
    makers: dict[str, Callable[[], Case]] = {
        **{f"fit: {name}": partial(lambda name: fit_case(name, backbone()), name) for name in KINDS},
        "draw": lambda: draw_case(backbone(), 16 if large else 8),
        "score": lambda: scoring.case(scoring.PLAYROOM, folder, 48, device),
        scoring.FULL_SIZE.name: lambda: scoring.case(scoring.FULL_SIZE, folder, 48 if large else 2, device),
        "COCO filter": lambda: coco_filter.case(folder, share),
        "report": lambda: report.case(folder, 12),
    }
    yield from (make() for name, make in makers.items() if text in name)


def backbone_on(device: torch.device) -> Backbone:
    """Playroom on a CPU, Stable Diffusion 2.1 of random weights on a GPU; the papers' budgets."""
    hardware = resolve(str(device), "auto")
    if device.type == "cuda":
        import sd21

        return sd21.build(hardware, BackboneSettings(sampler=Sampler(steps=50)))
    settings = replace(read_settings(Path(BACKBONES["playroom"][0])), budgets={FULL: Budget()})
    return load_backbone(BackboneSpec("playroom"), hardware, settings)


if __name__ == "__main__":
    main()
