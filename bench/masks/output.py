"""What `bench masks` writes beside a picture: masks, class words, a record and a sheet to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.core.errors import UserError
from bench.core.files import write_bytes, write_json
from bench.core.images import mask_png
from bench.core.scenes import Mask
from bench.data.builders.remarks import LABELS

SCHEMA = 1
RECORD, SHEET = "masks.json", "masks-sheet.png"


def check_free(folder: Path) -> None:
    """Raise `UserError` if the folder has masks, or what else would be written: nothing is ever overwritten."""
    found = sorted(file.name for file in folder.iterdir() if _is_output(file.name))
    if found:
        shown = ", ".join(found[:4]) + (", ..." if len(found) > 4 else "")
        raise UserError(
            f"{folder} has {shown} already, and nothing is overwritten; to make masks anew, move these files away or "
            "delete them"
        )


def _is_output(name: str) -> bool:
    lower = name.lower()
    is_mask = lower.startswith("mask") and lower.endswith(".png") and lower[4:-4].isdigit()
    return is_mask or lower in (RECORD, SHEET)


def write_masks(
    folder: Path, labels: Sequence[str], masks: Sequence[Mask], record: dict[str, Any], sheet: bytes
) -> list[Path]:
    """Write the sheet, the record, `labels.txt` if there is none, and last the masks; returns the files.

    Without labels no `labels.txt` is written. Raises `UserError` if the folder cannot be written.
    """
    written = [folder / SHEET, folder / RECORD]
    write_bytes(folder / SHEET, sheet)
    write_json(folder / RECORD, record, SCHEMA)
    if labels and not (folder / LABELS).exists():
        write_bytes(folder / LABELS, "".join(f"{label}\n" for label in labels).encode())
        written.append(folder / LABELS)
    for index, mask in enumerate(masks):
        file = folder / mask_name(index)
        write_bytes(file, mask_png(mask))
        written.append(file)
    return written


def mask_name(index: int) -> str:
    """The file name of a concept's mask: `mask0.png` for the first."""
    return f"mask{index}.png"
