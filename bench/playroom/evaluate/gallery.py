"""`python -m bench.playroom.evaluate.gallery`: the world of toys and what the base model draws, for the model card."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import typer
from PIL import Image, ImageDraw, ImageFont

from bench.core.checkpoints import CHECKPOINTS
from bench.core.device import resolve
from bench.core.errors import UserError
from bench.core.files import write_whole
from bench.core.scenes import ImageArray
from bench.playroom.evaluate.__main__ import PICTURES
from bench.playroom.evaluate.drawn_samples import CachedGenerator, one_toy
from bench.playroom.world.contexts import CONTEXTS
from bench.playroom.world.scene import PlacedToy, ToyScene, draw, sample_scene
from bench.playroom.world.toys import CLASSES, Appearance, sample_toy_identity

What = Literal["world", "base-model"]
DOCS = Path(__file__).parents[3] / "docs"
SEED = 20_240
"""The gallery's own scenes: neither training nor exam has them."""
PALE = 45
"""The seed of a pale plain backdrop."""
MARGIN, LINE, GAP = 92, 15, 4
INK, PAPER = (40, 40, 48), (255, 255, 255)


@dataclass(frozen=True, eq=False)
class Sheet:
    """Square pictures uint8 of one size by rows, with what stands beside the rows and above the columns."""

    pictures: Sequence[Sequence[ImageArray]]
    rows: Sequence[str]
    columns: Sequence[str]

    def paint(self) -> Image.Image:
        """The pictures in a grid with their labels."""
        side = self.pictures[0][0].shape[0] + GAP
        heads = [textwrap.wrap(name, max(10, side // 6)) for name in self.columns]
        top = LINE * max(map(len, heads)) + GAP
        image = Image.new("RGB", (MARGIN + side * len(self.columns), top + side * len(self.rows)), PAPER)
        pen, font = ImageDraw.Draw(image), ImageFont.load_default(11)
        for k, lines in enumerate(heads):
            at = (MARGIN + side * k + side / 2, top - GAP)
            pen.multiline_text(at, "\n".join(lines), INK, font, anchor="md", align="center", spacing=2)
        for row, (name, pictures) in enumerate(zip(self.rows, self.pictures, strict=True)):
            words = "\n".join(textwrap.wrap(name, 13))
            pen.multiline_text((MARGIN - 8, top + side * (row + 0.5)), words, INK, font, anchor="rm", align="right")
            for k, picture in enumerate(pictures):
                image.paste(Image.fromarray(picture), (MARGIN + side * k, top + side * row))
        return image


def main(
    what: Annotated[What, typer.Argument(help="world: drawn toys and contexts; base-model: its samples")] = "world",
    out: Annotated[Path, typer.Option(help="folder to write playroom-WHAT.png into")] = DOCS,
    checkpoints: Annotated[Path, typer.Option(help="folder of all checkpoints")] = CHECKPOINTS,
    pictures: Annotated[Path, typer.Option(help="where the base model's pictures are kept")] = PICTURES,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
) -> None:
    """Write playroom-world.png, or playroom-base-model.png with the exam's first picture of each class and context."""
    if what == "world":
        image = world()
    else:
        image = base_model(CachedGenerator(checkpoints / "pipeline", resolve(device, "auto"), pictures))
    path = out / f"playroom-{what}.png"
    write_whole(path, lambda temporary: image.save(temporary, optimize=True))
    print(path)


def world() -> Image.Image:
    """Toys by class with seen and never-seen looks, and every context with one toy and with several."""
    appearance: tuple[Appearance, ...] = ("seen", "seen", "seen", "unseen", "unseen", "unseen")
    toys = [[_toy(name, each, row) for name in CLASSES] for row, each in enumerate(appearance)]
    names = [
        "seen looks: motifs and palettes of the training",
        "",
        "",
        "never-seen looks: what is to be learned",
        "",
        "",
    ]
    kinds: tuple[tuple[Appearance, int, str], ...] = (
        ("seen", 1, "one toy, seen looks"),
        ("unseen", 2, "two toys, never-seen looks"),
        ("unseen", 3, "three toys, never-seen looks"),
    )
    scenes = [[_scene(context, appearance, count) for context in CONTEXTS] for appearance, count, _ in kinds]
    return stack([Sheet(toys, names, CLASSES), Sheet(scenes, [name for *_, name in kinds], CONTEXTS)])


def base_model(generator: CachedGenerator) -> Image.Image:
    """The base model's first picture of "a photo of a CLASS CONTEXT" for every class (rows) and context (columns)."""
    requests = [request for _, request in one_toy(1)]
    drawn = generator.draw(requests, "drawing the gallery")
    rows = [drawn[start : start + len(CONTEXTS)] for start in range(0, len(drawn), len(CONTEXTS))]
    return Sheet(rows, CLASSES, CONTEXTS).paint()


def stack(sheets: Sequence[Sheet]) -> Image.Image:
    """The sheets one below the other."""
    painted = [sheet.paint() for sheet in sheets]
    size = (max(each.width for each in painted), sum(each.height + LINE for each in painted))
    image, top = Image.new("RGB", size, PAPER), 0
    for each in painted:
        image.paste(each, (0, top))
        top += each.height + LINE
    return image


def _toy(class_name: str, appearance: Appearance, row: int) -> ImageArray:
    """A toy of the class, 92 pixels a side, on a pale backdrop."""
    rng = np.random.default_rng([SEED, row, CLASSES.index(class_name)])
    identity = sample_toy_identity(rng, appearance, class_name)
    toy = PlacedToy(identity, 0.5, 0.48, 0.65, float(rng.uniform(-8, 8)), bool(rng.uniform() < 0.5))
    return draw(ToyScene((toy,), None, PALE), 92).picture


def _scene(context: str, appearance: Appearance, count: int) -> ImageArray:
    """A scene of `count` toys, 121 pixels a side."""
    rng = np.random.default_rng([SEED, 100 + count, CONTEXTS.index(context)])
    return draw(sample_scene(rng, appearance=appearance, count=count, context=context), 121).picture


if __name__ == "__main__":
    try:
        typer.run(main)
    except UserError as error:
        raise SystemExit(f"bench.playroom.evaluate.gallery: {error}") from None
