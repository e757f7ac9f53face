"""`bench masks`: masks for a picture that has none."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli import backbone_options
from bench.core.errors import UserError
from bench.masks.models import MODELS
from bench.masks.options import Marks, MaskOptions, parse_boxes, parse_labels, parse_points

_MODELS = "; ".join(f"{model.name}: {model.summary}" for model in MODELS.values())

Folder = Annotated[
    Path,
    typer.Argument(metavar="DIR", exists=True, file_okay=False, help="folder with one picture: img.jpg or img.png"),
]
Labels = Annotated[
    str | None,
    typer.Option(help="class words of the concepts: cat,umbrella; by default the lines of DIR's labels.txt"),
]
Model = Annotated[str, typer.Option(help=_MODELS)]
Points = Annotated[
    str | None,
    typer.Option(
        help="with --model sam: a point x,y in pixels inside each concept, 10,20;50,60; more points of one concept "
        "stand behind a space: '10,20 12,30;50,60'"
    ),
]
Boxes = Annotated[
    str | None,
    typer.Option(help="with --model sam: a box left,top,right,bottom around each concept, 5,5,30,40;35,10,60,44"),
]
Checkpoint = Annotated[
    str | None,
    typer.Option(
        metavar="ID_OR_FOLDER",
        help="another checkpoint of the same architecture: a folder, or a hub id (owner/name, owner/name@commit)",
    ),
]
Detector = Annotated[
    str | None,
    typer.Option(metavar="ID_OR_FOLDER", help="with --model grounded-sam: another GroundingDINO, written alike"),
]
Threshold = Annotated[
    float | None, typer.Option(min=0, max=1, help="least score of what counts as found; by default the model's")
]


def add_to(app: typer.Typer) -> None:
    """Register the command on `app`."""
    app.command("masks")(masks)


def masks(
    folder: Folder,
    labels: Labels = None,
    model: Model = "grounded-sam",
    points: Points = None,
    boxes: Boxes = None,
    checkpoint: Checkpoint = None,
    detector: Detector = None,
    threshold: Threshold = None,
    device: backbone_options.Device = "auto",
) -> None:
    """Make the masks of a picture that has none, one per concept, in the layout that `build-dataset folder` reads.

    Beside DIR's picture are written: mask0.png, mask1.png, ... (white inside, in the order of the labels), labels.txt
    if there is none, masks-sheet.png to look at, and masks.json (model, its commit or hash, scores, rules). Nothing is
    overwritten.

    - Words: `bench masks DIR --labels cat,umbrella`. Playroom's pictures need `--model playroom` and no network.

    - Points: `bench masks DIR --labels cat,umbrella --model sam --points "120,200;340,90"`.

    - Then look at DIR/masks-sheet.png, and go on with `bench build-dataset folder --folder DIR`.

    Which instance: of several the largest is taken, among those that score at least 80 % of the best one; a word given
    twice takes the next one. A pixel that several concepts claim belongs to the smallest of them. If one word is not
    found, nothing is written.
    """
    if points is not None and boxes is not None:
        raise UserError("give --points or --boxes, not both")
    marks = Marks(parse_points(points) if points is not None else (), parse_boxes(boxes) if boxes is not None else ())
    options = MaskOptions(model, parse_labels(labels), marks, checkpoint, detector, threshold, device)

    from bench.masks.engine import make_masks  # noqa: PLC0415 - torch is slow to import

    for file in make_masks(folder, options):
        typer.echo(file)
