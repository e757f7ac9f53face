"""The losses of a fit, step by step: `losses/KEY.csv`, a row a step with a column a loss."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING

from bench.core.files import write_bytes
from bench.plugins.method import TOTAL, StepLosses
from bench.run.folder import RunFolder

if TYPE_CHECKING:
    import torch

PLACE = ("phase", "step")
"""The columns that are no losses: the phase and the step within it, both from 1."""
_TOGETHER = 256
"""Number of tensors that become one: a device rounds the memory of each up."""


class LossLog:
    """Collects the losses that a fit logs, after those that it was `begun` with, as text of such a CSV file.

    Nothing is read from a device before `csv` is called: no training step waits.
    """

    def __init__(self, begun: str = "") -> None:
        self._rows: list[dict[str, object]] = [dict(row) for row in csv.DictReader(io.StringIO(begun))]
        self._steps: dict[int, int] = {}
        self._waiting: dict[torch.device, list[tuple[int, str, torch.Tensor]]] = {}
        self._packed: list[tuple[list[tuple[int, str]], torch.Tensor]] = []

    def log(self, phase: int, losses: StepLosses) -> None:
        """Log the losses of the phase's next step; raises `ValueError` for a name that is a column of its own."""
        if own := [name for name in PLACE if name in losses]:
            raise ValueError(f"a loss cannot be called '{own[0]}'; choose another name")
        self._steps[phase] = self._steps.get(phase, 0) + 1
        row: dict[str, object] = {"phase": phase, "step": self._steps[phase]}
        for name, loss in losses.items():
            row[name] = ""
            if isinstance(loss, float | int):
                row[name] = _written(float(loss))
            else:
                self._wait(len(self._rows), name, loss.detach().float().reshape(()))
        self._rows.append(row)

    def csv(self) -> str:
        """What was logged, as text; empty if nothing was."""
        for device in list(self._waiting):
            self._pack(device)
        for places, packed in self._packed:
            for (row, name), value in zip(places, packed.tolist(), strict=True):
                self._rows[row][name] = _written(value)
        self._packed.clear()
        if not self._rows:
            return ""
        names = dict.fromkeys((*PLACE, *(name for row in self._rows for name in row)))
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(names), restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self._rows)
        return text.getvalue()

    def _wait(self, row: int, name: str, loss: torch.Tensor) -> None:
        waiting = self._waiting.setdefault(loss.device, [])
        waiting.append((row, name, loss))
        if len(waiting) >= _TOGETHER:
            self._pack(loss.device)

    def _pack(self, device: torch.device) -> None:
        """Make one tensor of those that wait, on their device."""
        import torch  # noqa: PLC0415 - slow to import

        waiting = self._waiting.pop(device)
        self._packed.append(([(row, name) for row, name, _ in waiting], torch.stack([loss for _, _, loss in waiting])))


def write_losses(folder: RunFolder, unit: str, losses: str) -> None:
    """Write the losses of a unit's fit; nothing for a fit that logged none."""
    if losses:
        write_bytes(folder.losses(unit), losses.encode())


def last_loss(folder: RunFolder, unit: str) -> float:
    """The mean total loss over the last tenth of a fit's last phase: one step is mostly noise. NaN without losses."""
    try:
        rows = list(csv.DictReader(io.StringIO(folder.losses(unit).read_text(encoding="utf-8"))))
    except FileNotFoundError:
        return math.nan
    last = [float(row[TOTAL]) for row in rows if row.get(TOTAL) and row["phase"] == rows[-1]["phase"]]
    tenth = last[-max(1, len(last) // 10) :]
    return sum(tenth) / len(tenth) if tenth else math.nan


def _written(value: float) -> str:
    return f"{value:.6g}"
