"""`bench convert-yolo`: converts a YOLO-seg `.pt`, which is a pickle, to an architecture and safetensors, once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from bench.core.errors import UserError
from bench.scoring.presets import YOLO_FOLDER


def add_to(app: typer.Typer) -> None:
    """Register the command on `app`."""
    app.command("convert-yolo")(convert_yolo)


def convert_yolo(
    file: Annotated[Path, typer.Argument(help="a YOLO segmentation checkpoint of ultralytics, such as yolov8x-seg.pt")],
    trust: Annotated[
        bool, typer.Option("--trust", help="yes, run the code that the file may hold: I know where it comes from")
    ] = False,
    out: Annotated[
        Path, typer.Option(help="the folder to write; the preset paper-yolo reads the default")
    ] = YOLO_FOLDER,
) -> None:
    """Make a YOLO-seg checkpoint usable by the metrics.

    A .pt file is a pickle: reading it can run any code. This is done once, in a separate process, and only with
    --trust. What is written holds numbers and settings only; the metrics read nothing else.
    """
    if not file.is_file():
        raise UserError(f"there is no file {file}; ultralytics publishes yolov8x-seg.pt and others")
    if not trust:
        raise UserError(f"{file} is a pickle, and reading it can run any code; add --trust if you know its origin")
    if out.exists() and any(out.iterdir()):
        raise UserError(f"{out} already holds something; remove it first, or give another folder by --out")
    done = subprocess.run(
        [sys.executable, "-m", "bench.scoring.models.convert_yolo", str(file), str(out)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise UserError(lines[-1] if lines else f"the conversion of {file} ended with code {done.returncode}")
    typer.echo(out)
