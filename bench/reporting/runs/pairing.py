"""Methods of two runs, paired by scene and prompt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from bench.core.errors import UserError, did_you_mean
from bench.core.text import count
from bench.data.manifest import SceneRecord
from bench.plugins.metric import Column
from bench.reporting.runs.recorded import RecordedRun
from bench.stats.common import CommonScores, Scores
from bench.stats.scene_means import PICTURE, numbers

FIRST, SECOND = "first", "second"
"""What the methods of a pair are called in its joined table."""
SIDES = (FIRST, SECOND)
_TOLD = ["text", "file", "picture"]


@dataclass(frozen=True, eq=False)
class MethodPair:
    """A method of the first run and one of the second, on the scenes that are the same in both.

    `table` has the rows of both, with the methods `FIRST` and `SECOND`.
    """

    first: str
    second: str
    table: pd.DataFrame
    metrics: tuple[Column, ...]

    @property
    def name(self) -> str:
        """`ours`, or `ours → ti-m` where the two have different names."""
        return self.first if self.first == self.second else f"{self.first} → {self.second}"

    @cached_property
    def scores(self) -> Scores:
        """The scores of both on the pictures that both have."""
        return CommonScores(self.table, self.metrics).of(SIDES)

    @property
    def n_pictures(self) -> int:
        """The pictures that both have."""
        return int((self.scores.pictures["method"] == FIRST).sum())

    def pictures(self) -> pd.DataFrame:
        """A row per picture that both have: its key, `text`, files `file_first` and `file_second`, and every metric.

        Metrics (by label) stand as `LABEL_first`, `LABEL_second` and `LABEL`, the second less the first.
        """
        about = self.table.drop_duplicates(["method", *PICTURE])[["method", *PICTURE, *_TOLD]]
        values = self.scores.pictures.merge(about, on=["method", *PICTURE], how="left")
        sides = [values[values["method"] == side].drop(columns="method") for side in SIDES]
        joined = sides[0].merge(sides[1].drop(columns="text"), on=PICTURE, suffixes=("_first", "_second"))
        for metric in self.metrics:
            joined[metric.label] = joined[f"{metric.label}_second"] - joined[f"{metric.label}_first"]
        return joined


def pair_methods(
    first: RecordedRun, second: RecordedRun, metrics: Sequence[Column], methods: Sequence[str] = ()
) -> tuple[MethodPair, ...]:
    """The methods to compare: `methods` (one of each run; one name stands for both), else all that both runs have.

    Raises `UserError` for a name that a run has not, for more than two names, and where nothing is in common.
    """
    if len(methods) > 2:
        raise UserError(
            f"--method is given {len(methods)} times; once or twice: one of the first run, one of the second"
        )
    names = [(methods[0], methods[-1])] if methods else _shared(first, second)
    kept = same_scenes(first, second)
    known = [(_known(first, one), _known(second, other)) for one, other in names]
    pairs = tuple(
        _pair(_chosen(first, one, kept, metrics), _chosen(second, other, kept, metrics), metrics)
        for one, other in (known if kept else ())
    )
    if not any(pair.n_pictures for pair in pairs):
        raise UserError(f"{first.path} and {second.path} have no scene and prompt in common, so nothing can be paired")
    return pairs


def same_scenes(first: RecordedRun, second: RecordedRun) -> frozenset[str]:
    """The names of the scored scenes that are the same in both runs: the same pixels, masks and words.

    Raises `UserError` where the runs' datasets differ and a manifest is missing, so that this cannot be told.
    """
    shared = set(first.table["scene"]) & set(second.table["scene"])
    if first.settings.dataset_hash == second.settings.dataset_hash:
        return frozenset(shared)
    contents = []
    for run in (first, second):
        if run.manifest is None:
            raise UserError(
                f"{first.path} and {second.path} have other datasets, and the manifest of {run.path}'s is not at "
                f"{run.settings.dataset}, so nobody can say which scenes are the same; put it there"
            )
        contents.append({scene.name: _content(scene) for scene in run.manifest.scenes})
    one, other = contents
    return frozenset(name for name in shared & set(one) & set(other) if one[name] == other[name])


def pairing_notes(first: RecordedRun, second: RecordedRun, pairs: Sequence[MethodPair]) -> Iterator[str]:
    """What a reader must know of how the runs were paired, a sentence each."""
    if first.settings.seed != second.settings.seed:
        yield "The runs have different seeds, so their pictures start from different noise."
    if first.preset_digest != second.preset_digest:
        yield "The runs were scored with different presets or models: differences are of the scoring as well."
    if first.scoring != second.scoring:
        found = " and ".join(
            "one not recorded" if run.scoring_version is None else f"version {run.scoring}" for run in (first, second)
        )
        yield f"The runs were scored by different versions of the scoring, {found}: bench score RUN brings both to one."
    if first.settings.dataset_hash != second.settings.dataset_hash:
        kept = len(same_scenes(first, second))
        yield f"The datasets differ; {count(kept, 'scene')} with the same pixels, masks and words are compared."
    for run in (first, second):
        for spec in run.unread:
            yield f"The metric {spec} of {run.path} is not installed here and is left out."
    for pair in pairs:
        drawn = [len(pair.table[pair.table["method"] == side].drop_duplicates(PICTURE)) for side in SIDES]
        if not pair.n_pictures:
            yield f"{pair.name}: no picture is in both runs, so nothing of it is compared."
        elif drawn != [pair.n_pictures] * 2:
            yield f"{pair.name}: {pair.n_pictures} of {drawn[0]} and {drawn[1]} pictures are in both runs."


def key_notes(first: RecordedRun, second: RecordedRun, pairs: Sequence[MethodPair]) -> Iterator[str]:
    """How many pictures of one and the same method have equal keys: keys are hashes of code, settings and scene."""
    for pair in pairs:
        if first.spec(pair.first) == second.spec(pair.second) and pair.n_pictures:
            table = pair.pictures()
            same = int((table["picture_first"] == table["picture_second"]).sum())
            told = f"{same} of {count(len(table), 'picture')} have the same key in both runs"
            why = "" if same == len(table) else ": code, settings, backbone or scene changed for the others"
            yield f"{pair.name}: {told}{why}."


def _shared(first: RecordedRun, second: RecordedRun) -> list[tuple[str, str]]:
    """The methods that both runs have, by their specs or, where these differ, by their names."""
    by_spec = {second.spec(name): name for name in second.methods}
    found = [(name, by_spec[first.spec(name)]) for name in first.methods if first.spec(name) in by_spec]
    taken = {name for pair in found for name in pair}
    found += [(name, name) for name in first.methods if name in second.methods and name not in taken]
    if not found:
        raise UserError(
            f"{first.path} and {second.path} have no method in common; name one of each: --method A --method B; the "
            f"first has {', '.join(first.methods)}, the second {', '.join(second.methods)}"
        )
    return found


def _known(run: RecordedRun, method: str) -> str:
    found = next((name for name in run.methods if method in (name, run.spec(name))), None)
    if found is None:
        hint = did_you_mean(method, run.methods)
        raise UserError(f"{run.path} has no scores of a method '{method}'{hint} It has {', '.join(run.methods)}")
    return found


def _chosen(
    run: RecordedRun, method: str, scenes: frozenset[str], metrics: Sequence[Column]
) -> tuple[str, pd.DataFrame]:
    """The method's rows on those scenes, metrics as numbers: what tables of two versions have in common."""
    rows = run.table[(run.table["method"] == method) & run.table["scene"].isin(scenes)]
    values = {metric.name: numbers(rows[metric.name]) for metric in metrics}
    return method, rows[[*PICTURE, *_TOLD]].assign(**values)


def _pair(first: tuple[str, pd.DataFrame], second: tuple[str, pd.DataFrame], metrics: Sequence[Column]) -> MethodPair:
    sides = [rows.assign(method=side) for side, (_, rows) in zip(SIDES, (first, second), strict=True)]
    if all(side["seed"].nunique() <= 1 for side in sides):
        sides = [side.assign(seed=0) for side in sides]  # a run has one seed, which the pairing is not about
    return MethodPair(first[0], second[0], pd.concat(sides, ignore_index=True), tuple(metrics))


def _content(scene: SceneRecord) -> dict[str, Any]:
    """What methods and metrics get of a scene, besides its prompts and where it came from."""
    about = ("picture_sha256", "classes", "objects", "masks", "more", "edges", "no_masks")
    content = asdict(scene)
    return {name: content[name] for name in about}
