"""Attention maps of generated pictures: drawn over them, and how much of each lies on the concept that was found."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.core.files import write_bytes
from bench.core.images import dimmed
from bench.core.progress import console
from bench.core.scenes import Concept, ImageArray, Mask, Scene
from bench.diffusion.sampling.attention_maps import draw_with_maps, resized
from bench.diffusion.sampling.sampler import DrawJob
from bench.edit.output import marked
from bench.edit.sheet import CELL, Row, contact_sheet
from bench.plugins.backbone import Backbone
from bench.scoring.attention_share import attention_share, found_segments
from bench.scoring.evaluators import Evaluators
from bench.scoring.presets import find_preset
from bench.stats.intervals import mean_interval


@dataclass(frozen=True, eq=False)
class _Watched:
    """A picture uint8 [s, s, 3] and the maps of one of its handles, float32 [steps, s, s]."""

    text: str
    sample: int
    picture: ImageArray
    maps: NDArray[np.float32]


@dataclass(frozen=True)
class AttentionShare:
    """The share of a handle's attention, before a sampling step (from 1), on the concept's found segment.

    In [0, 1]; NaN with a `reason` where no segment was found. `area` is the segment's share of the picture: what an
    attention that looks everywhere alike would have.
    """

    text: str
    sample: int
    step: int
    handle: str
    share: float
    area: float
    reason: str = ""


class AttentionReport:
    """The attention of a scene's handles in some pictures: a sheet, the shares as CSV, and their means.

    The concepts are found by the segmenter of the backbone's metric preset; raises `UserError` if it is not available.
    """

    def __init__(self, backbone: Backbone, scene: Scene, steps: tuple[int, ...]) -> None:
        self._backbone, self._scene, self._steps = backbone, scene, steps
        preset = find_preset(backbone.settings.metrics)
        self._segmenter = Evaluators(preset, backbone.device, batch_size=1).segmenter
        self._rows: list[Row] = []
        self._shares: list[AttentionShare] = []

    def add(self, text: str, sample: int, noise_seed: int) -> None:
        """Draw a text once more and add a row for each handle in it; one without handles adds nothing."""
        concepts = [concept for concept in self._scene.concepts if concept.handle in text]
        if not concepts:
            return
        indices = [step - 1 for step in self._steps]
        names = [concept.handle for concept in concepts]
        picture, maps = draw_with_maps(self._backbone, DrawJob(text, noise_seed), names, indices)
        large = resized(maps, len(picture)).numpy()
        segments = found_segments(self._segmenter, picture, [concept.label for concept in concepts])
        for number, (concept, found) in enumerate(zip(concepts, segments, strict=True)):
            self._add(_Watched(text, sample, picture, large[:, number]), concept, *found)

    def write(self, folder: Path) -> tuple[Path, ...]:
        """Write `attention.png` and `attention.csv` into a folder and remark on the means; returns their paths."""
        sheet, table = folder / "attention.png", folder / "attention.csv"
        write_bytes(sheet, contact_sheet(self._scene, self._rows))
        write_bytes(table, shares_csv(self._shares))
        for line in summary(self._shares, self._scene):
            console.print(line, soft_wrap=True, markup=False)
        return sheet, table

    def _add(self, watched: _Watched, concept: Concept, segment: Mask | None, reason: str) -> None:
        for step, attention in zip(self._steps, watched.maps, strict=True):
            share = math.nan if segment is None else attention_share(attention, segment)
            area = math.nan if segment is None else float(segment.mean())
            self._shares.append(AttentionShare(watched.text, watched.sample, step, concept.handle, share, area, reason))
        steps = ", ".join(map(str, self._steps))
        caption = f"{watched.text} · sample {watched.sample} · attention of {concept.handle} before step {steps}"
        overlays = (dimmed(watched.picture, attention) for attention in watched.maps)
        self._rows.append(Row(caption, (_outlined(watched.picture, segment), *overlays)))


def _outlined(picture: ImageArray, segment: Mask | None) -> ImageArray:
    return picture if segment is None else np.asarray(marked(picture, [segment], CELL), dtype=np.uint8)


def shares_csv(shares: Iterable[AttentionShare]) -> bytes:
    """The shares as CSV, one row per picture, step and handle."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(AttentionShare.__dataclass_fields__))
    writer.writeheader()
    writer.writerows(asdict(share) for share in shares)
    return text.getvalue().encode()


def summary(shares: Sequence[AttentionShare], scene: Scene) -> Iterator[str]:
    """One line per handle and step: the mean share over pictures with its 95 % interval, beside the mean area."""
    for concept in scene.concepts:
        of_handle = [share for share in shares if share.handle == concept.handle]
        for step in sorted({share.step for share in of_handle}):
            found = [share for share in of_handle if share.step == step and not math.isnan(share.share)]
            asked = sum(share.step == step for share in of_handle)
            yield f"{concept.handle} ({concept.label}), step {step}: {_told(found)} ({len(found)} of {asked} found)"


def _told(found: Sequence[AttentionShare]) -> str:
    if not found:
        return "no share"
    values = [share.share for share in found]
    interval = mean_interval(values, limits=(0.0, 1.0))
    told = f" [{interval.low:.2f}, {interval.high:.2f}]" if interval else ""
    area = float(np.mean([share.area for share in found]))
    return f"{float(np.mean(values)):.2f}{told} of its attention lies on the {area:.2f} of the picture that show it"
