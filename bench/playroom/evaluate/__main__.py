"""`python -m bench.playroom.evaluate`: how good Playroom's checkpoints are, on scenes no training saw."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from bench.core.checkpoints import CHECKPOINTS
from bench.core.device import resolve
from bench.core.errors import UserError
from bench.core.progress import console
from bench.playroom.evaluate import card
from bench.playroom.evaluate.drawn_samples import CachedGenerator
from bench.playroom.evaluate.suite import PARTS, Amount, Exam, SuitePart

PICTURES = Path(".playroom") / "exam"
NAMES = ", ".join(part.name for part in PARTS)


def main(
    only: Annotated[str, typer.Option(help=f"parts with commas, all by default: {NAMES}")] = "",
    seeds: Annotated[int, typer.Option(min=1, help="pictures of each text")] = 4,
    scenes: Annotated[int, typer.Option(min=20, help="held-out scenes for each evaluator")] = 300,
    toys: Annotated[int, typer.Option(min=4, help="never-seen toys for the headroom, one a scene")] = 20,
    descriptions: Annotated[int, typer.Option(min=1, help="descriptions drawn of each of these toys")] = 6,
    out: Annotated[Path, typer.Option(help="the card to write")] = card.CARD,
    checkpoints: Annotated[Path, typer.Option(help="folder of all checkpoints")] = CHECKPOINTS,
    pictures: Annotated[Path, typer.Option(help="where the base model's pictures are kept")] = PICTURES,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    again: Annotated[bool, typer.Option("--again", help="measure also what the card already has")] = False,
) -> None:
    """Measure every checkpoint on held-out seeds and put the figures into the card, part by part.

    What the card already has of the same checkpoints, amounts and exam is not measured again; nor is a picture drawn
    twice, so an interrupted evaluation goes on where it was. Beside the package's own card its model card gets the
    table.
    """
    hardware = resolve(device, "auto")
    amount = Amount(seeds, scenes, toys, descriptions)
    exam = Exam(checkpoints, hardware, amount, CachedGenerator(checkpoints / "pipeline", hardware, pictures))
    failed = [remark for part in _choose(only) if (remark := _measure(part, exam, out, again))]
    found = card.read_card(out)
    if out == card.CARD:
        card.write_table(card.README, found)
    print(card.table(found), end="")
    if failed:
        raise UserError("; ".join(failed))


def _choose(only: str) -> Sequence[SuitePart]:
    """The parts by name, in the exam's order; raises `UserError` for a name that is none."""
    wanted = [name.strip() for name in only.split(",") if name.strip()]
    known = {part.name for part in PARTS}
    if unknown := set(wanted) - known:
        raise UserError(f"--only {only}: no part is called {min(unknown)}; known: {NAMES}")
    return [part for part in PARTS if not wanted or part.name in wanted]


def _measure(part: SuitePart, exam: Exam, out: Path, again: bool) -> str:
    """Measure a part unless the card has it, and put it in; what prevented it, in a line, or nothing."""
    try:
        inputs = part.inputs(exam)
        if not again and card.read_card(out).get(part.name, {}).get("inputs") == inputs:
            console.print(f"{part.name}: the card has it")
            return ""
        console.print(f"{part.name}: measuring")
        figures = part.measure(exam)
    except UserError as error:
        return f"{part.name}: {error}"
    card.put_part(out, part.name, inputs, figures)
    return ""


if __name__ == "__main__":
    try:
        typer.run(main)
    except UserError as error:
        raise SystemExit(f"bench.playroom.evaluate: {error}") from None
