"""Which prompts of a run people are asked about: drawn at random, but balanced over what might matter."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.core.errors import UserError
from bench.core.seeds import seed_from
from bench.core.text import count
from bench.plugins.report import ReportData
from bench.stats.scene_means import PICTURE, common_pictures, methods_of


@dataclass(frozen=True)
class DrawnPrompt:
    """One prompt of a scene and its pictures, from the same noise: by method, their key and file."""

    scene: str
    template: str
    subset: tuple[int, ...]
    text: str
    pictures: Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class SampledPrompt:
    """A prompt that people are asked about, and the methods whose pictures they see."""

    prompt: DrawnPrompt
    methods: tuple[str, ...]


def drawn_prompts(data: ReportData) -> tuple[DrawnPrompt, ...]:
    """Every prompt that all methods of the run have drawn, in the table's order.

    Raises `UserError` where there are not two methods, or no such prompt.
    """
    methods = methods_of(data.table)
    if len(methods) < 2:
        raise UserError(f"a study compares methods, and there is only {methods[0]}; name two or more by --methods")
    rows = common_pictures(data.table).drop_duplicates(["method", *PICTURE])
    if rows.empty:
        raise UserError(f"no picture was drawn by all of {', '.join(methods)}; finish the run, or name others")
    groups = rows.groupby(PICTURE, sort=False, dropna=False)
    return tuple(_drawn(rows.set_index("method")) for _, rows in groups)


def _drawn(rows: pd.DataFrame) -> DrawnPrompt:
    first = rows.iloc[0]
    files = zip(rows.index, rows["picture"], rows["file"], strict=True)
    return DrawnPrompt(
        scene=str(first["scene"]),
        template=str(first["template"]),
        subset=tuple(int(index) for index in str(first["subset"]).split("+")),
        text=str(first["text"]),
        pictures={str(method): (str(picture), str(file)) for method, picture, file in files},
    )


def all_together(prompts: Sequence[DrawnPrompt]) -> list[SampledPrompt]:
    """Every prompt with all its methods."""
    return [SampledPrompt(prompt, tuple(prompt.pictures)) for prompt in prompts]


def in_pairs(prompts: Sequence[DrawnPrompt], against: str | None) -> list[SampledPrompt]:
    """Every prompt with every pair of methods, or with those pairs alone that `against` is one of.

    Raises `UserError` where `against` is none of the methods.
    """
    methods = tuple(prompts[0].pictures)
    if against is not None and against not in methods:
        raise UserError(f"--against '{against}' is not one of the study's methods: {', '.join(methods)}")
    pairs = [pair for pair in combinations(methods, 2) if against is None or against in pair]
    return [SampledPrompt(prompt, pair) for prompt in prompts for pair in pairs]


def balanced_sample(candidates: Sequence[SampledPrompt], questions: int, seed: int) -> tuple[SampledPrompt, ...]:
    """So many candidates at random, balanced over scene, template, number of concepts and the methods compared.

    One after the other that candidate is taken whose scene, template, ... were taken least so far, in sum; ties are
    broken at random (minimisation: Pocock and Simon 1975). Then candidates are exchanged while that brings the sum of
    squared counts down. Raises `UserError` where there are not so many.
    """
    if questions > len(candidates):
        raise UserError(f"--questions {questions}: the run has only {count(len(candidates), 'prompt')} to ask about")
    rng = np.random.default_rng(seed_from(purpose="study-sample", seed=seed))
    shuffled = [candidates[int(index)] for index in rng.permutation(len(candidates))]
    factors = [_codes([key(one) for one in shuffled]) for key in (_scene, _template, _concepts, _methods)]
    counts = _Counts(factors)
    chosen: list[int] = []
    for _ in range(questions):
        chosen.append(counts.least(chosen))
        counts.add(chosen[-1], 1)
    while _exchanged(chosen, counts):
        pass
    return tuple(shuffled[index] for index in chosen)


class _Counts:
    """How often each value of each factor was taken; `factors` are its values by candidate as numbers, int [n] each."""

    def __init__(self, factors: Sequence[NDArray[np.intp]]) -> None:
        self._factors = factors
        self._taken = [np.zeros(int(codes.max()) + 1) for codes in factors]

    def add(self, candidate: int, times: int) -> None:
        for counts, codes in zip(self._taken, self._factors, strict=True):
            counts[codes[candidate]] += times

    @property
    def load(self) -> NDArray[np.float64]:
        """How often the values of each candidate were taken, in sum, float [n]."""
        loads = [counts[codes] for counts, codes in zip(self._taken, self._factors, strict=True)]
        return np.asarray(np.sum(loads, axis=0), dtype=np.float64)

    def least(self, chosen: Sequence[int]) -> int:
        """The first candidate of the least load that is not chosen."""
        load = self.load
        load[list(chosen)] = np.inf
        return int(np.argmin(load))


def _exchanged(chosen: list[int], counts: _Counts) -> bool:
    """Exchange each chosen candidate for one of less load, if there is one; whether any was."""
    any_exchanged = False
    for place, old in enumerate(chosen):
        counts.add(old, -1)
        new = counts.least([*chosen[:place], *chosen[place + 1 :]])
        if counts.load[new] < counts.load[old]:
            chosen[place], any_exchanged = new, True
        counts.add(chosen[place], 1)
    return any_exchanged


def _scene(one: SampledPrompt) -> Hashable:
    return one.prompt.scene


def _template(one: SampledPrompt) -> Hashable:
    return one.prompt.template


def _concepts(one: SampledPrompt) -> Hashable:
    return len(one.prompt.subset)


def _methods(one: SampledPrompt) -> Hashable:
    return one.methods


def _codes(values: Sequence[Hashable]) -> NDArray[np.intp]:
    """The values as numbers 0, 1, ..., int [n]."""
    known = {value: code for code, value in enumerate(dict.fromkeys(values))}
    return np.array([known[value] for value in values], dtype=np.intp)
