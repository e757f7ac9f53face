"""Background copy by hand: what is left once the objects are black."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from bench.core.scenes import BACKGROUND, Concept, Prompt, Scene, with_background
from bench.plugins.metric import PictureJob
from bench.plugins.spec import configure
from bench.scoring.evaluators import Evaluators
from bench.scoring.models.segmenter import Segmentation
from bench.scoring.models.sources import LpipsSource, ModelSource
from bench.scoring.presets import Preset
from bench.scoring.scorer import Scorer

NOWHERE = ModelSource("nowhere")
RED, SAND, SNOW = (250, 0, 0), (200, 150, 0), (0, 0, 200)
BOTH = Prompt("{tokens}", (0, 1))


class Told:
    def __init__(self, found: Sequence[Segmentation]) -> None:
        self.found = list(found)

    def class_index(self, word: str) -> int | None:
        return {"cat": 0, "dog": 1}.get(word)

    def segment(self, pictures: Sequence[np.ndarray]) -> list[Segmentation]:
        return self.found


class Colours:
    """Features: the sum of a picture's colours, normalised; black adds nothing."""

    def features(self, pictures: Sequence[np.ndarray]) -> torch.Tensor:
        sums = [picture.reshape(-1, 3).sum(axis=0, dtype=float) for picture in pictures]
        return normalize(torch.tensor(np.stack(sums), dtype=torch.float32), dim=-1)


def drawn(ground: tuple[int, int, int]) -> tuple[np.ndarray, Segmentation]:
    """A red cat left, a red dog right, and the ground in between: 4 of 8 columns."""
    picture, ids = np.full((8, 8, 3), ground, np.uint8), np.zeros((8, 8), np.int32)
    picture[:, :2], picture[:, 6:] = RED, RED
    ids[:, :2], ids[:, 6:] = 1, 2
    return picture, Segmentation(ids, {1: 0, 2: 1})


@pytest.fixture
def scene() -> Scene:
    picture, found = drawn(SAND)
    concepts = [Concept(label, found.ids == k, f"[v{k}]") for k, label in enumerate(("cat", "dog"), start=1)]
    return Scene("sand", picture, tuple(concepts))


def copies(jobs: Sequence[PictureJob], found: Sequence[Segmentation]) -> list[tuple[float, str]]:
    """The value and the reason of each picture."""
    preset = Preset("fake", "told", NOWHERE, NOWHERE, NOWHERE, LpipsSource("none"))
    evaluators = Evaluators(preset, torch.device("cpu"), batch_size=8)
    evaluators.segmenter, evaluators.embeddings = Told(found), {preset.comparison.view.embedding: Colours()}
    values = Scorer(evaluators, []).values(jobs, [configure("metrics", "background-copy")])["background-copy"]
    return [(one["background_copy"], one["copy_reason"]) for one, *_ in values]


def copy(scene: Scene, picture: np.ndarray, found: Segmentation, prompt: Prompt = BOTH) -> float:
    ((value, _),) = copies([PictureJob(scene, prompt, picture)], [found])
    return value


def test_the_scene_itself_is_one_and_another_ground_is_another(scene: Scene) -> None:
    assert copy(scene, *drawn(SAND)) == pytest.approx(1)
    assert copy(scene, *drawn(SNOW)) == pytest.approx(0)


def test_all_objects_of_the_scenes_classes_are_blacked_out_even_those_not_asked_for(scene: Scene) -> None:
    assert copy(scene, *drawn(SAND), Prompt("{tokens}", (0,))) == pytest.approx(1)


def test_what_was_not_found_counts_as_background(scene: Scene) -> None:
    picture, found = drawn(SNOW)
    blind = Segmentation(np.where(found.ids == 2, 0, found.ids), {1: 0})
    left = 4 * np.array(SNOW) + 2 * np.array(RED)
    expected = left @ SAND / np.linalg.norm(left) / np.linalg.norm(SAND)
    assert copy(scene, picture, blind) == pytest.approx(expected)


def test_of_several_pictures_the_one_it_is_most_like_counts(scene: Scene) -> None:
    cat, dog = scene.concepts
    several = replace(scene, more=(drawn(SNOW)[0],), concepts=(cat, replace(dog, picture=1)))
    found = copy(several, *drawn(SNOW))
    left = 4 * np.array(SNOW) + 2 * np.array(RED)  # the second picture shows the dog only as a concept
    assert found == pytest.approx(4 * np.array(SNOW) @ left / np.linalg.norm(left) / (4 * 200))


def test_a_background_that_is_a_concept_is_not_blacked_out(scene: Scene) -> None:
    whole = with_background(scene)
    assert whole.concepts[-1].label == BACKGROUND
    assert copy(whole, *drawn(SAND)) == pytest.approx(1)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("asked", "the prompt asks for the background"),
        ("unknown", "segmenter does not know 'thing': it cannot be blacked out"),
        ("full", "nothing is left of the picture without its objects"),
        ("covered", "nothing is left of the scene without its concepts"),
    ],
)
def test_what_cannot_be_compared_is_nan_with_a_reason(scene: Scene, change: str, reason: str) -> None:
    picture, found = drawn(SAND)
    prompt = BOTH
    cat, dog = scene.concepts
    if change == "asked":
        scene, prompt = with_background(scene), Prompt("{tokens}", (0, 2))
    elif change == "unknown":
        scene = replace(scene, concepts=(cat, replace(dog, label="thing")))
    elif change == "full":
        found = Segmentation(np.ones((8, 8), np.int32), {1: 0})
    else:
        scene = replace(scene, concepts=(cat, replace(dog, mask=~cat.mask)))
    ((value, why),) = copies([PictureJob(scene, prompt, picture)], [found])
    assert math.isnan(value)
    assert why == reason


def test_each_picture_of_a_batch_has_its_own(scene: Scene) -> None:
    thing = replace(scene, concepts=(scene.concepts[0], replace(scene.concepts[1], label="thing")))
    pictures = [drawn(SNOW), drawn(SAND), drawn(SAND)]
    jobs = [PictureJob(s, BOTH, p) for s, (p, _) in zip((scene, thing, scene), pictures, strict=True)]
    values = [value for value, _ in copies(jobs, [found for _, found in pictures])]
    assert values == pytest.approx([0, math.nan, 1], nan_ok=True)
