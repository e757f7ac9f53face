"""`python -m bench.playroom.reproduce`: train every checkpoint again from its seed, and say how far it comes out."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.core.checkpoints import CHECKPOINTS
from bench.core.errors import UserError
from bench.core.files import read_json, write_bytes, write_json
from bench.core.progress import console
from bench.playroom.evaluate import card
from bench.playroom.evaluate.thresholds import LINES, Line
from bench.playroom.train.__main__ import PLANS
from bench.plugins.backbone_settings import FILE, SCHEMA

ALLOCATOR = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "10000000000"}
"""Saves glibc from giving memory back between steps, an eighth of a CPU training's time otherwise."""


@dataclass(frozen=True)
class Amounts:
    """How much of the real thing is done: options of every training, of the evaluation, and the sampler's steps."""

    training: tuple[str, ...]
    evaluation: tuple[str, ...]
    sampling_steps: int | None


FULL = Amounts((), (), None)
SMOKE = Amounts(
    ("--steps", "4", "--batch", "8", "--scenes", "64"),
    ("--seeds", "1", "--scenes", "20", "--toys", "4", "--descriptions", "1"),
    sampling_steps=2,
)
"""Every step of the way in minutes: the checkpoints know nothing, and the comparison says so."""


def main(
    smoke: Annotated[bool, typer.Option("--smoke", help="only prove the path, in minutes")] = False,
    folder: Annotated[Path | None, typer.Option(help="where all is kept; by default .playroom/reproduced")] = None,
    minutes: Annotated[float | None, typer.Option(min=0.1, help="stop each training after so many minutes")] = None,
    seed: Annotated[int, typer.Option(help="everything random in the trainings derives from it")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
) -> None:
    """Train, evaluate and compare with the committed card, in a folder of its own.

    Started again, it goes on where it was. Nothing of the package is written.
    """
    where = folder or Path(".playroom") / ("reproduced-smoke" if smoke else "reproduced")
    scale = SMOKE if smoke else FULL
    limit = () if minutes is None else ("--minutes", str(minutes))
    _train_all(where, (*scale.training, *limit, "--seed", str(seed), "--device", device))
    _settle(where / "checkpoints" / "pipeline", scale)
    places = ("--checkpoints", where / "checkpoints", "--out", where / "card.json", "--pictures", where / "pictures")
    _run("bench.playroom.evaluate", *places, *scale.evaluation, "--device", device)
    text = comparison(card.read_card(card.CARD), card.read_card(where / "card.json"))
    write_bytes(where / "comparison.md", text.encode())
    print(text, end="")
    console.print(f"also in {where / 'comparison.md'}; the new card is {where / 'card.json'}")


def comparison(committed: card.Card, retrained: card.Card) -> str:
    """A Markdown table, figure by figure: the committed card's, the retrained one's, and how far they are apart.

    `intervals overlap` says whether the 95 % intervals of the two have a point in common.
    """
    rows = ["| figure | committed | trained again | difference | intervals overlap |", "|---|---|---|---|---|"]
    for line in LINES:
        one, other = card.value_of(committed, line), card.value_of(retrained, line)
        texts = (card.text_of(one, line.form), card.text_of(other, line.form))
        cells = (f"{line.part}: {line.words}", *texts, _difference(one, other), _overlap(one, other))
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join([*rows, "", _summary(committed, retrained)]) + "\n"


def _summary(committed: card.Card, retrained: card.Card) -> str:
    pairs = [(card.value_of(committed, line), card.value_of(retrained, line)) for line in LINES]
    overlaps = [_overlap(*pair) for pair in pairs]
    told = [overlap for overlap in overlaps if overlap]
    reached = sum(_reached(line, card.value_of(retrained, line)) for line in LINES if line.bar is not None)
    bars = sum(line.bar is not None for line in LINES)
    return (
        f"{told.count('yes')} of {len(told)} figures that both cards have with an interval agree within it; "
        f"the retrained checkpoints reach {reached} of {bars} bars."
    )


def _reached(line: Line, figure: Mapping[str, Any] | None) -> bool:
    return line.bar is not None and figure is not None and line.bar.reached(figure["value"])


def _difference(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> str:
    return "" if one is None or other is None else f"{other['value'] - one['value']:+.3f}"


def _overlap(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> str:
    if one is None or other is None or "low" not in one or "low" not in other:
        return ""
    return "yes" if max(one["low"], other["low"]) <= min(one["high"], other["high"]) else "no"


def _train_all(folder: Path, options: Sequence[str]) -> None:
    for number, what in enumerate(PLANS, start=1):
        console.print(f"training {number} of {len(PLANS)}: {what}")
        places = ("--out", folder / "checkpoints", "--state", folder / "state")
        _run("bench.playroom.train", what, *places, *options)


def _settle(pipeline: Path, scale: Amounts) -> None:
    """Give the retrained pipeline the committed one's settings, which are tuned and not trained."""
    shutil.copyfile(CHECKPOINTS / "pipeline" / FILE, pipeline / FILE)
    if scale.sampling_steps is not None:
        settings = read_json(pipeline / FILE, SCHEMA)
        settings["sampler"]["steps"] = scale.sampling_steps
        write_json(pipeline / FILE, settings, SCHEMA)


def _run(module: str, *arguments: str | Path) -> None:
    """Run a module of the package in a process of its own; raises `UserError` if it fails."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    result = subprocess.run(command, env={**os.environ, **ALLOCATOR}, check=False)
    if result.returncode:
        raise UserError(f"{' '.join(command[1:])} failed (status {result.returncode}); its last lines say why")


if __name__ == "__main__":
    try:
        typer.run(main)
    except UserError as error:
        raise SystemExit(f"bench.playroom.reproduce: {error}") from None
