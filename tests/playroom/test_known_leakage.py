"""Drawn truth: toys that look like each other's, are not asked for, come twice or not at all are reported as such.

The real scorer and the package's checkpoints judge pictures whose toys are known, eight scenes of two never-seen toys.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest

from bench.core.scenes import ImageArray, Prompt
from bench.playroom.world import scene as world
from bench.playroom.world.ground_truth import as_benchmark_scene, redrawn
from bench.playroom.world.toys import CLASSES, ToyIdentity, sample_toy_identity
from bench.plugins.metric import PictureJob
from bench.scoring.presets import find_preset
from bench.scoring.scorer import Scorer

SCENES = 8
SIZE = 64
HERE, THERE = "at the beach", "in the snow"


@dataclass(frozen=True)
class Two:
    """A scene of two toys, and a hand that draws toys anew."""

    toys: tuple[ToyIdentity, ToyIdentity]
    rng: np.random.Generator

    @classmethod
    def of(cls, number: int, alike: bool) -> Two:
        """Toys of two classes, or two of one class."""
        rng = np.random.default_rng([7, number, alike])
        first, other = map(str, rng.choice(CLASSES, 2, replace=False))
        names = (first, first if alike else other)
        return cls((sample_toy_identity(rng, "unseen", names[0]), sample_toy_identity(rng, "unseen", names[1])), rng)

    def draw(self, *toys: ToyIdentity) -> ImageArray:
        return world.draw(redrawn(toys, THERE, self.rng), SIZE).picture


def disguised(toy: ToyIdentity, other: ToyIdentity) -> ToyIdentity:
    """A toy of the one's class with the other's looks."""
    return replace(other, class_name=toy.class_name)


CASES: dict[str, tuple[bool, tuple[int, ...], Callable[[ToyIdentity, ToyIdentity], Sequence[ToyIdentity]]]] = {
    "as asked": (False, (0, 1), lambda a, b: (a, b)),
    "looks swapped": (False, (0, 1), lambda a, b: (disguised(a, b), disguised(b, a))),
    "second not asked for": (False, (0,), lambda a, b: (a, b)),
    "alone": (False, (0,), lambda a, _b: (a,)),
    "twice": (False, (0,), lambda a, _b: (a, a)),
    "second left out": (False, (0, 1), lambda a, _b: (a,)),
    "alike, as asked": (True, (0, 1), lambda a, b: (a, b)),
    "alike, second left out": (True, (0, 1), lambda a, _b: (a,)),
    "alike, the wrong one": (True, (0,), lambda _a, b: (b,)),
}
"""Name: whether the toys are of one class, what is asked for, what is drawn."""


@pytest.fixture(scope="module")
def rates() -> pd.DataFrame:
    """Means over scenes of every case and concept."""
    names, jobs = [], []
    for name, (alike, subset, choose) in CASES.items():
        for number in range(SCENES):
            two = Two.of(number, alike)
            scene = as_benchmark_scene(f"{name}-{number}", redrawn(two.toys, HERE, two.rng), SIZE)
            jobs.append(PictureJob(scene, Prompt("a photo of {tokens}", subset), two.draw(*choose(*two.toys))))
            names += [name] * len(subset)
    table = pd.DataFrame(Scorer.load(find_preset("playroom"), "cpu").score(jobs)).assign(case=names)
    for column in ("detected", "duplicated", "swapped", "intruded"):
        table[column] = table[column].astype("boolean").astype("Float64")
    return table.groupby(["case", "concept"])[["detected", "duplicated", "swapped", "intruded", "instances"]].mean()


def test_what_was_asked_for_and_drawn_leaks_nothing(rates: pd.DataFrame) -> None:
    # Measured: all found, none swapped, none twice; over 16 scenes one swapped.
    for case in ("as asked", "alike, as asked"):
        assert rates.loc[case]["detected"].min() >= 0.7
        assert rates.loc[case][["swapped", "duplicated"]].max().max() <= 0.2
        assert rates.loc[case]["intruded"].isna().all(), "nothing else could have come"
    assert rates.loc["alone", 0]["intruded"] == 0


def test_swapped_looks_are_swaps(rates: pd.DataFrame) -> None:
    # Measured over 16 scenes: .81 and .87.
    assert rates.loc["looks swapped"]["swapped"].min() >= 0.6


def test_a_toy_that_was_not_asked_for_is_an_intrusion_and_no_duplicate(rates: pd.DataFrame) -> None:
    assert rates.loc["second not asked for", 0]["intruded"] >= 0.8
    assert rates.loc["second not asked for", 0]["duplicated"] <= 0.2


def test_a_toy_twice_is_a_duplication_and_no_intrusion(rates: pd.DataFrame) -> None:
    assert rates.loc["twice", 0]["duplicated"] >= 0.7
    assert rates.loc["twice", 0]["instances"] == pytest.approx(2, abs=0.3)
    assert rates.loc["twice", 0]["intruded"] <= 0.2


def test_a_toy_left_out_is_an_omission_of_that_one(rates: pd.DataFrame) -> None:
    for case in ("second left out", "alike, second left out"):
        assert rates.loc[case, 0]["detected"] >= 0.7
        assert rates.loc[case, 1]["detected"] <= 0.3


def test_the_wrong_one_of_two_alike_is_a_swap_and_an_intrusion(rates: pd.DataFrame) -> None:
    # Measured: found in .88, and then always both.
    assert rates.loc["alike, the wrong one", 0]["detected"] >= 0.7
    assert rates.loc["alike, the wrong one", 0]["swapped"] >= 0.8
    assert rates.loc["alike, the wrong one", 0]["intruded"] >= 0.7


def test_the_background_that_came_along_is_seen_and_another_is_not() -> None:
    """The toys elsewhere, before the very background of the scene or before another."""
    jobs = []
    for number in range(SCENES):
        two = Two.of(number, alike=False)
        origin = redrawn(two.toys, HERE, two.rng)
        scene = as_benchmark_scene(f"scene-{number}", origin, SIZE)
        along = replace(redrawn(two.toys, HERE, two.rng), seed=origin.seed)
        pictures = scene.picture, world.draw(along, SIZE).picture, two.draw(*two.toys)
        jobs += [PictureJob(scene, Prompt("a photo of {tokens}", (0,)), picture) for picture in pictures]
    rows = Scorer.load(find_preset("playroom"), "cpu").score(jobs)
    same, along_with_it, another = np.array([row["background_copy"] for row in rows]).reshape(SCENES, 3).mean(axis=0)
    # Measured: 1.00, .98 and -.03.
    assert same >= 0.9
    assert along_with_it > another + 0.5


@pytest.mark.skipif(find_spec("ultralytics") is None, reason="ultralytics (the extra `yolo`) not installed")
def test_by_the_em_papers_protocol_the_true_toy_is_nearer_than_a_stranger() -> None:
    jobs = []
    for number in range(SCENES):
        two = Two.of(number, alike=False)
        scene = as_benchmark_scene(f"scene-{number}", redrawn(two.toys, HERE, two.rng), SIZE)
        stranger = sample_toy_identity(two.rng, "unseen", two.toys[0].class_name)
        jobs += [
            PictureJob(scene, Prompt("a photo of {tokens}", (0,)), two.draw(toy)) for toy in (two.toys[0], stranger)
        ]
    rows = Scorer.load(find_preset("playroom-em"), "cpu").score(jobs)
    # Measured: .56 against .43.
    true, other = np.array([row["identity_similarity"] for row in rows]).reshape(SCENES, 2).T
    assert np.nanmean(true) > np.nanmean(other) + 0.02
    assert {"identity[fill=black]", "identity[instances=best]", "identity[embedding=dino]"} <= set(rows[0])
