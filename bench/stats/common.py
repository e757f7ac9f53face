"""What methods have in common: their scores on the pictures that all of them, or two of them, have drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.plugins.metric import Column
from bench.stats.scene_means import PICTURE, Floats, methods_of, picture_values, scene_means


@dataclass(frozen=True, eq=False)
class Scores:
    """Every method's scores on some pictures: by picture and by scene, as `picture_values` and `scene_means` give."""

    pictures: pd.DataFrame
    means: pd.DataFrame

    def by_scene(self, metrics: Sequence[str], methods: Sequence[str]) -> Floats:
        """Scene means float [scenes, methods, metrics], on the scenes where each method has each metric (labels)."""
        if self.means.empty:
            return np.empty((0, len(methods), len(metrics)))
        values: Floats = np.stack([self._column(metric, methods) for metric in metrics], axis=-1)
        return np.asarray(values[~np.isnan(values).any(axis=(1, 2))])

    def matrix(self, metric: str, methods: Sequence[str]) -> Floats:
        """Scene means float [scenes, methods] of one metric, on the scenes where each of these methods has a value."""
        return self.by_scene([metric], methods)[:, :, 0]

    def pictures_by_scene(self, metric: str, methods: Sequence[str]) -> dict[str, list[Floats]]:
        """Each method's values by scene, float [pictures] each, on the scenes where each of these methods has one."""
        values = self._by_picture[metric]
        shared = set.intersection(*(set(values.get(method, {})) for method in methods))
        return {method: [values[method][scene] for scene in sorted(shared)] for method in methods}

    def _column(self, metric: str, methods: Sequence[str]) -> Floats:
        """Scene means float [scenes, methods], NaN where a method has none."""
        places, values = self._wide[metric]
        return values[:, [places.get(method, -1) for method in methods]]

    @cached_property
    def _wide(self) -> dict[str, tuple[dict[str, int], Floats]]:
        """By metric, each method's column of its scene means float [scenes, methods + 1]; the last is NaN."""
        found: dict[str, tuple[dict[str, int], Floats]] = {}
        for metric, rows in self.means.groupby("metric", sort=False):
            table = rows.pivot(index="scene", columns="method", values="mean")
            places = {str(method): place for place, method in enumerate(table.columns)}
            found[str(metric)] = places, np.pad(table.to_numpy(np.float64), ((0, 0), (0, 1)), constant_values=np.nan)
        return found

    @cached_property
    def _by_picture(self) -> dict[str, dict[str, dict[str, Floats]]]:
        """The pictures' values by metric, method and scene, without missing ones."""
        found: dict[str, dict[str, dict[str, Floats]]] = {}
        for metric in self.pictures.columns.difference(["method", *PICTURE]):
            of_metric = found.setdefault(str(metric), {})
            known = self.pictures[self.pictures[metric].notna()]
            for (method, scene), values in known.groupby(["method", "scene"], sort=False)[metric]:
                of_metric.setdefault(str(method), {})[str(scene)] = values.to_numpy(dtype=np.float64)
        return found


class CommonScores:
    """A table's scores on the pictures that some of its methods have in common, worked out once per set of pictures.

    Mostly all methods have drawn the same pictures, and one set serves every pair.
    """

    def __init__(self, table: pd.DataFrame, metrics: Sequence[Column]) -> None:
        self.table, self.metrics, self.methods = table, tuple(metrics), tuple(methods_of(table))
        self._found: dict[bytes, Scores] = {}

    @cached_property
    def together(self) -> Scores:
        """The scores on the pictures that every method has drawn."""
        return self.of(self.methods)

    def of(self, methods: Sequence[str]) -> Scores:
        """The scores on the pictures that each of these methods has drawn; one that the table lacks has drawn none."""
        none = np.zeros(self._n_pictures, np.bool_)
        shared = np.all([self._drawn.get(method, none) for method in methods], axis=0) if methods else none
        if (key := shared.tobytes()) not in self._found:
            rows = self.table[shared[self._picture]]
            self._found[key] = Scores(picture_values(rows, self.metrics), scene_means(rows, self.metrics))
        return self._found[key]

    @cached_property
    def _picture(self) -> NDArray[np.intp]:
        """The number of each row's picture, [rows]."""
        return np.asarray(self.table.groupby(PICTURE, sort=False, dropna=False).ngroup(), dtype=np.intp)

    @property
    def _n_pictures(self) -> int:
        return int(self._picture.max(initial=-1)) + 1

    @cached_property
    def _drawn(self) -> dict[str, NDArray[np.bool_]]:
        """Which pictures each method has drawn, bool [pictures]."""
        names, pictures = self.table["method"].to_numpy(), np.arange(self._n_pictures)
        return {method: np.isin(pictures, self._picture[names == method]) for method in self.methods}
