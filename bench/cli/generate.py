"""`bench generate`: draw any text with the handles that a method learned from a scene."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli import backbone_options
from bench.cli.edit import Kept, Source
from bench.cli.option_groups import with_options
from bench.core.errors import UserError
from bench.edit.options import EditPaths, GenerateOptions
from bench.run.lock import hold
from bench.run.options import BackboneOptions

Method = Annotated[str, typer.Argument(metavar="METHOD", help="a method that learns handles, as `ours` or `ti-m`")]
Text = Annotated[
    list[str] | None,
    typer.Option(help="what to draw, with handles: 'a photo of [v1] and [v2] at the beach'; may be repeated"),
]
Texts = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="a file of texts, one per line (UTF-8), drawn as well")
]
Each = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TEMPLATE",
        help="one text for each concept alone and one for all together: 'a photo of {tokens} in the snow'; may be "
        "repeated",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Register the command on `app`."""
    app.command("generate")(generate)


@with_options(on_backbone=backbone_options.OPTIONS)
def generate(
    on_backbone: BackboneOptions,
    method: Method,
    source: Source,
    text: Text = None,
    texts: Texts = None,
    each: Each = None,
    samples: Annotated[int, typer.Option(min=1, help="pictures of each text")] = 4,
    attention: backbone_options.Attention = None,
    outputs: Annotated[Path, typer.Option(help="folder of all generated pictures and their fits")] = Path("generated"),
    runs: Annotated[Path, typer.Option(help="folder of runs, whose kept fits are used")] = Path("runs"),
    name: Annotated[str | None, typer.Option(help="name of the folder; by default one is made")] = None,
    keep_weights: Kept = False,
    batch_size: backbone_options.BatchSize = 8,
) -> None:
    """Draw any text with the concepts of a scene: variations, new contexts, one concept alone or all together.

    METHOD is fitted on the source as in `bench run`; an existing fit is reused. Handles stand in a text as `[v1]`,
    `[v2]`, ... in the order of the source's masks, and go to the backbone as they are written, which alone draws: the
    first stage of CLiC's drawing is left out. The pictures go to generated/NAME, each with its settings inside, beside
    a contact sheet. Later texts and samples are added to it; nothing is drawn twice.
    """
    from bench.edit.generation import generate as make  # noqa: PLC0415 - torch is slow to import

    asked, templates = _asked(text or [], texts), tuple(one.strip() for one in each or [])
    if not asked and not templates:
        raise UserError("nothing to draw: give --text 'a photo of [v1]', --each, or --texts FILE with a text per line")
    steps = backbone_options.attention_steps(attention)
    options = GenerateOptions(method, source, asked, samples, batch_size, steps, templates)
    with hold(outputs):
        files = make(options, on_backbone, EditPaths(outputs, runs, name, keep_weights))
    for file in files:
        typer.echo(file)


def _asked(given: list[str], file: Path | None) -> tuple[str, ...]:
    """The distinct texts of the command line, then those of the file."""
    lines = [] if file is None else _read(file)
    return tuple(dict.fromkeys(text.strip() for text in (*given, *lines) if text.strip()))


def _read(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not UTF-8 text ({error.reason}); write one text per line") from error
