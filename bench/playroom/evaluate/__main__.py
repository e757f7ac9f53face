"""`python -m bench.playroom.evaluate`: evaluates Playroom's checkpoints on held-out scenes."""

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
from bench.playroom.evaluate.suite import PARTS, Amount, Evaluation, SuitePart

PICTURES = Path(".playroom") / "exam"
NAMES = ", ".join(part.name for part in PARTS)


def main(
    only: Annotated[str, typer.Option(help=f"parts with commas, all by default: {NAMES}")] = "",
    seeds: Annotated[int, typer.Option(min=1, help="pictures of each text")] = 4,
    scenes: Annotated[int, typer.Option(min=20, help="held-out scenes for each evaluator")] = 300,
    toys: Annotated[int, typer.Option(min=4, help="never-seen toys for the headroom, one per scene")] = 20,
    descriptions: Annotated[int, typer.Option(min=1, help="descriptions drawn of each of these toys")] = 6,
    out: Annotated[Path, typer.Option(help="the card to write")] = card.CARD,
    checkpoints: Annotated[Path, typer.Option(help="folder of all checkpoints")] = CHECKPOINTS,
    pictures: Annotated[Path, typer.Option(help="where the base model's pictures are kept")] = PICTURES,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    again: Annotated[bool, typer.Option("--again", help="measure again what the card already has")] = False,
) -> None:
    """Evaluate every checkpoint on held-out seeds and write the figures into the card, part by part.

    Figures that the card already has for the same checkpoints, amounts and version are not measured again, and no
    picture is drawn twice, so an interrupted evaluation resumes. With the package's own card, its model card gets
    the table too.
    """
    hardware = resolve(device, "auto")
    amount = Amount(seeds, scenes, toys, descriptions)
    evaluation = Evaluation(
        checkpoints, hardware, amount, CachedGenerator(checkpoints / "pipeline", hardware, pictures)
    )
    failed = [remark for part in _choose(only) if (remark := _measure(part, evaluation, out, again))]
    found = card.read_card(out)
    if out == card.CARD:
        card.write_table(card.README, found)
    print(card.table(found), end="")
    if failed:
        raise UserError("; ".join(failed))


def _choose(only: str) -> Sequence[SuitePart]:
    """The parts by name, in their fixed order; raises `UserError` for an unknown name."""
    wanted = [name.strip() for name in only.split(",") if name.strip()]
    known = {part.name for part in PARTS}
    if unknown := set(wanted) - known:
        raise UserError(f"--only {only}: no part is called {min(unknown)}; known: {NAMES}")
    return [part for part in PARTS if not wanted or part.name in wanted]


def _measure(part: SuitePart, evaluation: Evaluation, out: Path, again: bool) -> str:
    """Measure a part unless the card has it, and add it to the card; returns an error line, or nothing."""
    try:
        inputs = part.inputs(evaluation)
        if not again and card.read_card(out).get(part.name, {}).get("inputs") == inputs:
            console.print(f"{part.name}: the card has it")
            return ""
        console.print(f"{part.name}: measuring")
        figures = part.measure(evaluation)
    except UserError as error:
        return f"{part.name}: {error}"
    card.put_part(out, part.name, inputs, figures)
    return ""


if __name__ == "__main__":
    try:
        typer.run(main)
    except UserError as error:
        raise SystemExit(f"bench.playroom.evaluate: {error}") from None
