"""A run's attention maps as a page shows them: over the pictures, and their shares with scenes as the unit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from bench.core.errors import UserError
from bench.core.images import dimmed, read_picture
from bench.core.scenes import ImageArray, Prompt, Scene
from bench.plugins.report import ReportData
from bench.reporting.images import uri
from bench.run.attention import read_attention, read_maps
from bench.run.folder import RunFolder
from bench.stats.intervals import SceneMean
from bench.stats.scene_means import methods_of

SHARE = (0.0, 1.0)
DIFFERENCE = (-1.0, 1.0)


@dataclass(frozen=True)
class AttentionRow:
    """One method before one sampling step: the share of attention on the segments, their area, and what that adds."""

    method: str
    step: int
    share: SceneMean
    area: SceneMean
    gain: SceneMean
    found: int
    asked: int


@dataclass(frozen=True)
class AttentionCell:
    """A handle's map before a step, over its picture (a data URI), with its share or the reason why it has none."""

    handle: str
    step: int
    picture: str
    share: float
    reason: str


@dataclass(frozen=True)
class AttentionExhibit:
    """One picture of one method (a data URI, None if it is gone), and its handles' maps, a row a handle."""

    scene: str
    method: str
    text: str
    picture: str | None
    rows: tuple[tuple[AttentionCell, ...], ...]


def read_attention_records(data: ReportData) -> pd.DataFrame:
    """The shares of all maps of the run by the preset of its table: method, scene and `bench.run.attention.COLUMNS`."""
    units = data.table[["method", "scene", "unit", "preset"]].drop_duplicates()
    return units.merge(read_attention(RunFolder(data.run_folder)), on=["unit", "preset"])


def attention_rows(records: pd.DataFrame) -> tuple[AttentionRow, ...]:
    """One row per method and step; each value is a mean over the concepts that were found, then over scenes."""
    return tuple(_row(str(method), int(step), rows) for (method, step), rows in _by_method_and_step(records))


def _by_method_and_step(records: pd.DataFrame) -> Iterator[tuple[tuple[str, int], pd.DataFrame]]:
    for method in methods_of(records):
        of_method = records[records["method"] == method]
        for step, rows in of_method.groupby("step"):
            yield (method, int(str(step))), rows


def _row(method: str, step: int, rows: pd.DataFrame) -> AttentionRow:
    means = (
        rows.assign(gain=rows["share"] - rows["area"]).groupby("scene", sort=False)[["share", "area", "gain"]].mean()
    )
    return AttentionRow(
        method,
        step,
        SceneMean.of(means["share"], SHARE),
        SceneMean.of(means["area"], SHARE),
        SceneMean.of(means["gain"], DIFFERENCE),
        found=int(rows["share"].notna().sum()),
        asked=len(rows),
    )


def attention_exhibits(data: ReportData, records: pd.DataFrame, prompts: int) -> tuple[AttentionExhibit, ...]:
    """Of every scene the first sample of so many prompts, those of most concepts first, by every method with maps."""
    chosen = _chosen(data.table[data.table["picture"].isin(records["picture"])], prompts)
    exhibits = _Exhibits(data, records)
    return tuple(exhibits.of(row) for _, row in chosen.iterrows())


def _chosen(table: pd.DataFrame, prompts: int) -> pd.DataFrame:
    """A row per picture to show: scene by scene, prompt by prompt, method by method."""
    pictures = table.drop_duplicates("picture").assign(size=lambda rows: -rows["subset"].str.count(r"\+"))
    first = pictures.drop_duplicates(["scene", "template", "subset", "method"])
    ordered = first.sort_values("size", kind="stable")
    rank = ordered.groupby(["scene", "method"], sort=False).cumcount()
    scenes = {name: place for place, name in enumerate(table["scene"].unique())}
    shown = ordered.assign(rank=rank, place=ordered["scene"].map(scenes))[rank < prompts]
    return shown.sort_values(["place", "rank"], kind="stable")


class _Exhibits:
    """Makes the exhibits of a run's pictures; the maps of a unit are read once."""

    def __init__(self, data: ReportData, records: pd.DataFrame) -> None:
        self._folder = RunFolder(data.run_folder)
        self._records = {str(key): rows for key, rows in records.groupby("picture", sort=False)}
        self._scenes = {scene.name: scene for scene in data.dataset.scenes}
        self._maps = cache(lambda unit: read_maps(self._folder.attention_maps(unit)))

    def of(self, row: pd.Series[str]) -> AttentionExhibit:
        """The exhibit of a picture by one of its rows in the table of scores."""
        scene, key = self._scenes[row["scene"]], row["picture"]
        prompt = Prompt(row["template"], tuple(map(int, row["subset"].split("+"))))
        text = scene.text_with_handles(prompt)
        try:
            picture = read_picture(self._folder.path / row["file"])
        except UserError:
            return AttentionExhibit(scene.name, row["method"], text, None, ())
        maps = self._maps(row["unit"]).get(key, {})
        of_concepts = self._records[key].groupby("concept")
        cells = (tuple(_cells(scene, picture, maps, shares)) for _, shares in of_concepts)
        return AttentionExhibit(scene.name, row["method"], text, uri(picture), tuple(cells))


def _cells(
    scene: Scene, picture: ImageArray, maps: dict[tuple[int, int], NDArray[np.float32]], shares: pd.DataFrame
) -> Iterator[AttentionCell]:
    for one in shares.sort_values("step").to_dict("records"):
        concept, step = int(one["concept"]), int(one["step"])
        shown = uri(dimmed(picture, _enlarged(maps[concept, step], len(picture))))
        reason = "" if pd.isna(one["reason"]) else str(one["reason"])
        yield AttentionCell(scene.concepts[concept].handle, step, shown, float(one["share"]), reason)


def _enlarged(attention: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """A map [s, s] as [side, side], bilinearly."""
    image = Image.fromarray(attention, mode="F").resize((side, side), Image.Resampling.BILINEAR)
    return np.asarray(image, dtype=np.float32)
