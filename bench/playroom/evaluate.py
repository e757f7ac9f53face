"""`python -m bench.playroom.evaluate`: how good Playroom's checkpoints are, on scenes no training saw."""

from __future__ import annotations

import dataclasses
import platform
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from bench.diffusion.backbone import BackboneSpec, load_backbone
from bench.diffusion.device import resolve
from bench.errors import UserError
from bench.metrics.presets import ModelSource, Preset, find_preset
from bench.playroom import exam, samples
from bench.store import write_json

CARD_SCHEMA = 1
CHECKPOINTS = Path(__file__).parent / "checkpoints"
CARD = Path(__file__).parent / "card.json"


def main(
    seeds: Annotated[int, typer.Option(min=1, help="pictures of each class in each context")] = 4,
    scenes: Annotated[int, typer.Option(min=20, help="held-out scenes for the evaluators")] = 300,
    out: Annotated[Path, typer.Option(help="the card to write")] = CARD,
    checkpoints: Annotated[Path, typer.Option(help="folder of all checkpoints")] = CHECKPOINTS,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    sheet: Annotated[Path | None, typer.Option(help="also write the base model's pictures as a PNG")] = None,
) -> None:
    """Measure every checkpoint on held-out seeds and write the card; rates have Wilson 95 % intervals."""
    hardware = resolve(device, "auto")
    preset = _preset(checkpoints)
    examiners = exam.load_examiners(preset, hardware.device)
    card: dict[str, Any] = {
        "evaluators": exam.examine(examiners, scenes),
        "sizes": exam.sizes(checkpoints),
    }
    backbone = load_backbone(BackboneSpec(str(checkpoints / "pipeline")), hardware)
    drawn = samples.draw_all(backbone, seeds)
    card["base_pipeline"] = samples.judge(drawn, examiners)
    card["speed"] = {**samples.measure_speed(backbone), "machine": _machine(hardware.device)}
    write_json(out, card, CARD_SCHEMA)
    if sheet is not None:
        samples.write_sheet(drawn, sheet)
    found = card["base_pipeline"]["detection"]
    print(f"{out}: the prompted toy is found in {found['rate']:.1%} [{found['low']:.1%}, {found['high']:.1%}]")


def _preset(checkpoints: Path) -> Preset:
    """The playroom preset on another folder of checkpoints."""
    return dataclasses.replace(
        find_preset("playroom"),
        clip=ModelSource(str(checkpoints / "clip")),
        identity=ModelSource(str(checkpoints / "vit")),
        segmenter=ModelSource(str(checkpoints / "maskformer")),
    )


def _machine(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} CPU, {torch.get_num_threads()} threads"


if __name__ == "__main__":
    try:
        typer.run(main)
    except UserError as error:
        raise SystemExit(f"bench.playroom.evaluate: {error}") from None
