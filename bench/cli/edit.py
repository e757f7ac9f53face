"""`bench edit`: paint learned handles into a region of another picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli import backbone_options
from bench.cli.option_groups import with_options
from bench.core.errors import UserError, did_you_mean
from bench.edit.options import START, EditOptions, EditPaths
from bench.plugins.method import Blending
from bench.run.lock import hold
from bench.run.options import BackboneOptions


def existing_folder(folder: Path) -> Path:
    """The folder that `--source` names; raises `BadParameter` if there is none, with the one that may be meant."""
    if not folder.is_dir():
        beside = [str(one) for one in sorted(folder.parent.glob("*")) if one.is_dir()]
        hint = did_you_mean(str(folder), beside)
        raise typer.BadParameter(f"folder '{folder}' does not exist{hint}")
    return folder


Source = Annotated[
    Path,
    typer.Option(
        file_okay=False,
        callback=existing_folder,
        help="folder of the scene to learn from: your own (img.jpg, mask0.png, ..., labels.txt and objects.txt "
        "if you like), or one of a built dataset (data/NAME/scenes/SCENE)",
    ),
]
Target = Annotated[Path, typer.Option(exists=True, dir_okay=False, help="picture to edit")]
Mask = Annotated[
    list[Path] | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        help="region to repaint, white on black; may be repeated, each with a --prompt of its own; without it, one is "
        "found by RoI matching (CLiC, section 3.3)",
    ),
]
Prompt = Annotated[
    list[str],
    typer.Option(help="what is to be in the region, with handles: 'a chair with [v1] style'; one for each --mask"),
]
Shared = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        file_okay=False,
        help="folder of more pictures that show the concept: then the source needs no mask, and [v1] is what "
        "they all have in common",
    ),
]
Object = Annotated[
    str | None, typer.Option("--object", metavar="WORD", help="what all those pictures show, for example chair")
]
StepSizes = Annotated[
    str | None,
    typer.Option(
        help="step sizes of the cross-attention guidance: 0,0.1,0.5; by default the method's; each is taken for all "
        "regions and gives a result"
    ),
]
Start = Annotated[float, typer.Option(min=0, max=0.95, help="fraction of the sampling steps that are skipped")]
HowBlended = Annotated[
    Blending | None,
    typer.Option(
        help="from-noise: the region begins as noise (Blended Latent Diffusion's script), from-target: as the noised "
        "target, whose shapes stay (CLiC); by default the method's"
    ),
]
Kept = Annotated[
    bool,
    typer.Option(
        "--keep-weights",
        help="keep what the fit changed (safetensors, in fits/ beside the outputs) for the next time; else it goes",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Register the command on `app`."""
    app.command("edit")(edit)


@with_options(on_backbone=backbone_options.OPTIONS)
def edit(
    on_backbone: BackboneOptions,
    method: Annotated[str, typer.Argument(metavar="METHOD", help="a method that learns handles, as `ours` or `clic`")],
    source: Source,
    target: Target,
    prompt: Prompt,
    mask: Mask = None,
    guidance_step_size: StepSizes = None,
    start: Start = START,
    blending: HowBlended = None,
    shared: Shared = None,
    object_: Object = None,
    edits: Annotated[Path, typer.Option(help="folder of all edits and their fits")] = Path("edits"),
    runs: Annotated[Path, typer.Option(help="folder of runs, whose kept fits are used")] = Path("runs"),
    name: Annotated[str | None, typer.Option(help="name of the edit's folder; by default one is made")] = None,
    keep_weights: Kept = False,
) -> None:
    """Paint the learned concepts of a scene into regions of another picture (Blended Latent Diffusion).

    Several regions are painted one after the other, in the order of their --mask and --prompt, each on the result of
    the one before; where they overlap, the later one wins.

    Outside the regions the target's pixels stay; the seam is soft. `bench list edit` shows where the sources
    are silent or contradict each other.

    METHOD is fitted on the source as in `bench run`; an existing fit in the edits' folder or a run's is reused.
    Source and target are cropped to the centred square. The edit is written to edits/NAME: one picture per step size
    of the guidance (and one after each region before the last), the regions, and a grid. Nothing is overwritten: the
    same edit is found again, another one needs another name.
    """
    from bench.edit.engine import edit as make  # noqa: PLC0415 - torch is slow to import
    from bench.edit.output import pictures_of  # noqa: PLC0415

    masks, sizes = tuple(mask or ()), _step_sizes(guidance_step_size)
    options = EditOptions(method, source, target, masks, tuple(prompt), sizes, start, shared, object_, blending)
    with hold(edits):
        folder = make(options, on_backbone, EditPaths(edits, runs, name, keep_weights))
    for file in pictures_of(folder):
        typer.echo(file)


def _step_sizes(text: str | None) -> tuple[float, ...] | None:
    """The distinct step sizes in a text such as `0,0.1,0.5`."""
    if text is None:
        return None
    try:
        guidance_step_sizes = tuple(dict.fromkeys(float(part) for part in text.split(",")))
    except ValueError:
        raise UserError(f"--guidance-step-size {text}: write numbers with commas, for example 0,0.1,0.5") from None
    if not all(0 <= guidance_step_size < float("inf") for guidance_step_size in guidance_step_sizes):
        raise UserError(f"--guidance-step-size {text}: a step size is a number from 0 up")
    return guidance_step_sizes
