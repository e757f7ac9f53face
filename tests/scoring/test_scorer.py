import gc
import json
import math
import weakref
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from bench.core.errors import UserError
from bench.core.scenes import Concept, Prompt, Scene, with_background
from bench.core.table import COLUMNS, alternative_columns
from bench.plugins.metric import PictureJob
from bench.scoring.comparison import ON_THE_PICTURE, embedding
from bench.scoring.evaluators import Evaluators
from bench.scoring.models.clip_embedder import ClipEmbedder
from bench.scoring.models.identity import IdentityFeatures
from bench.scoring.models.segmenter import Segmentation, Segmenter
from bench.scoring.models.sources import ModelSource
from bench.scoring.presets import Preset
from bench.scoring.scorer import Scorer
from bench.scoring.selection import columns_of, standard_metrics
from bench.scoring.views import masked

CPU = torch.device("cpu")
BOTH = Prompt("a photo of {tokens} at the beach", (0, 1))


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (40, 40, 3), dtype=np.uint8)


class Finds(Segmenter):
    """A segmenter that finds what a test says: the segment of each class in every picture."""

    def __init__(self, preset: Preset, masks: dict[str, np.ndarray]) -> None:
        real = Segmenter.load(preset, CPU)
        super().__init__(real._model, real._processor, preset)
        self.masks = masks

    def segment(self, pictures: Sequence[np.ndarray]) -> list[Segmentation]:
        ids = np.zeros((40, 40), np.int32)
        for number, mask in enumerate(self.masks.values()):
            ids[mask] = number + 1
        indices = [self.class_index(word) for word in self.masks]
        assert None not in indices
        return [Segmentation(ids, {k + 1: index or 0 for k, index in enumerate(indices)}) for _ in pictures]


def scorer(preset: Preset, masks: dict[str, np.ndarray], batch_size: int = 8) -> Scorer:
    return with_segmenter(preset, Finds(preset, masks), batch_size)


def with_segmenter(preset: Preset, segmenter: Segmenter, batch_size: int = 8) -> Scorer:
    evaluators = Evaluators(preset, CPU, batch_size)
    evaluators.segmenter = segmenter
    return Scorer(evaluators, standard_metrics())


def features(preset: Preset) -> IdentityFeatures:
    return IdentityFeatures.load(preset.comparison.view.embedding, CPU)


@pytest.fixture
def block() -> np.ndarray:
    mask = np.zeros((40, 40), bool)
    mask[5:30, 8:25] = True
    return mask


def test_scores_are_computed_without_tf32(
    preset: Preset, scene: Scene, block: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    own = scorer(preset, {"cat": block})
    find = Finds.segment
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    monkeypatch.setattr(Finds, "segment", lambda *told: seen.append(torch.backends.cudnn.allow_tf32) or find(*told))
    own.score([PictureJob(scene, BOTH, picture(9))])
    assert not any(seen)
    assert seen
    assert torch.backends.cudnn.allow_tf32


def test_identity_similarity_against_its_definition(preset: Preset, scene: Scene, block: np.ndarray) -> None:
    drawn = picture(9)
    row, _ = scorer(preset, {"cat": block}).score([PictureJob(scene, BOTH, drawn)])
    there = masked(scene.picture, scene.concepts[0].mask)
    one, other = features(preset).features([there, masked(drawn, block)])
    assert row["identity_similarity"] == pytest.approx(float(torch.cosine_similarity(one, other, dim=0)), abs=1e-6)
    assert (row["detected"], row["reason"]) == (True, "")


def test_the_real_picture_with_the_true_masks_scores_one(preset: Preset, scene: Scene) -> None:
    masks = {concept.label: concept.mask for concept in scene.concepts[:2]}
    rows = scorer(preset, masks).score([PictureJob(scene, BOTH, scene.picture)])
    assert [row["identity_similarity"] for row in rows] == pytest.approx([1, 1], abs=1e-6)


def test_a_concept_is_compared_with_its_own_picture(preset: Preset, scene: Scene) -> None:
    """The drawn picture is the scene's second one, which shows the dining table."""
    other = picture(7)
    cat, table, thing = scene.concepts
    several = replace(scene, more=(other,), concepts=(cat, replace(table, picture=1), thing))
    masks = {concept.label: concept.mask for concept in (cat, table)}
    first, second = scorer(preset, masks).score([PictureJob(several, BOTH, other)])
    assert second["identity_similarity"] == pytest.approx(1, abs=1e-6)
    assert first["identity_similarity"] < 0.999


def known(scene: Scene, *more: Concept) -> Scene:
    """The scene's cat and table, which the segmenter knows, five columns narrower, more concepts, and the rest."""
    cat, table, _ = scene.concepts
    narrow = cat.mask.copy()
    narrow[:, 15:] = False
    return with_background(replace(scene, concepts=(replace(cat, mask=narrow), table, *more)))


def test_the_background_is_what_the_segmenter_leaves(preset: Preset, scene: Scene, block: np.ndarray) -> None:
    whole, drawn = known(scene), picture(9)
    (row,) = scorer(preset, {"cat": block}).score([PictureJob(whole, Prompt("{tokens}", (2,)), drawn)])
    there = masked(whole.picture, whole.concepts[2].mask)
    one, other = features(preset).features([there, masked(drawn, ~block)])
    assert row["identity_similarity"] == pytest.approx(float(one @ other), abs=1e-6)
    assert (row["detected"], row["reason"], row["swapped"]) == (True, "", None)


def test_what_the_prompt_puts_on_the_background_is_no_part_of_it(
    preset: Preset, scene: Scene, block: np.ndarray
) -> None:
    table_and_background = with_background(replace(scene, concepts=scene.concepts[1:2]))
    job = PictureJob(table_and_background, Prompt("a photo of a cat at {tokens}", (1,)), picture(9))
    (row,) = scorer(preset, {"cat": block}).score([job])
    there = masked(scene.picture, ~scene.concepts[1].mask)
    one, other = features(preset).features([there, masked(picture(9), ~block)])
    assert row["identity_similarity"] == pytest.approx(float(one @ other), abs=1e-6)


def test_a_background_cannot_be_told_from_what_the_segmenter_does_not_know(preset: Preset, scene: Scene) -> None:
    whole = known(scene, replace(scene.concepts[2], mask=scene.concepts[1].mask))
    (row,) = scorer(preset, {}).score([PictureJob(whole, Prompt("{tokens}", (3,)), picture(9))])
    assert math.isnan(row["identity_similarity"])
    assert row["detected"] is None
    assert row["reason"] == "segmenter does not know 'object': it cannot be taken out of the background"


def test_a_picture_full_of_objects_has_no_background(preset: Preset, scene: Scene) -> None:
    full = np.ones((40, 40), bool)
    (row,) = scorer(preset, {"cat": full}).score([PictureJob(known(scene), Prompt("{tokens}", (2,)), picture(9))])
    assert (row["detected"], row["reason"]) == (False, "nothing is left of the picture without its objects")


def test_what_is_not_found_is_nan_with_a_reason_and_not_detected(
    preset: Preset, scene: Scene, block: np.ndarray
) -> None:
    _, row = scorer(preset, {"cat": block}).score([PictureJob(scene, BOTH, picture(1))])
    assert math.isnan(row["identity_similarity"])
    assert row["detected"] is False
    assert row["reason"] == "no 'dining table' found in the picture"


def test_what_the_segmenter_does_not_know_is_unknown_and_no_miss(preset: Preset, scene: Scene) -> None:
    (row,) = scorer(preset, {}).score([PictureJob(scene, Prompt("a photo of {tokens}", (2,)), picture(1))])
    assert math.isnan(row["identity_similarity"])
    assert row["detected"] is None
    assert row["reason"] == "segmenter does not know 'object'"
    assert math.isfinite(row["prompt_similarity"])


def test_an_empty_mask_in_the_scene_is_nan_with_a_reason(preset: Preset, scene: Scene, block: np.ndarray) -> None:
    empty = replace(scene.concepts[0], mask=np.zeros((40, 40), bool))
    bad = replace(scene, concepts=(empty, *scene.concepts[1:]))
    row, _ = scorer(preset, {"cat": block}).score([PictureJob(bad, BOTH, picture(1))])
    assert math.isnan(row["identity_similarity"])
    assert row["reason"] == "the mask of 'cat' in the scene is empty"


def test_the_largest_segment_counts(preset: Preset, scene: Scene, block: np.ndarray) -> None:
    small = np.zeros((40, 40), bool)
    small[35:, 35:] = True

    class Two(Finds):
        def segment(self, pictures: Sequence[np.ndarray]) -> list[Segmentation]:
            ids = np.where(block, 2, np.where(small, 1, 0)).astype(np.int32)
            return [Segmentation(ids, {1: 0, 2: 0}) for _ in pictures]

    job = PictureJob(scene, Prompt("{tokens}", (0,)), picture(3))
    (expected,) = scorer(preset, {"cat": block}).score([job])
    (found,) = with_segmenter(preset, Two(preset, {})).score([job])
    assert (found["identity_similarity"], found["reason"]) == (expected["identity_similarity"], expected["reason"])


def test_prompt_similarity_uses_class_words_and_repeats_on_a_pictures_rows(preset: Preset, scene: Scene) -> None:
    drawn = picture(5)
    rows = scorer(preset, {}).score([PictureJob(scene, BOTH, drawn)])
    text = "a photo of a cat and a dining table at the beach"
    clip = ClipEmbedder.load(preset, CPU)
    expected = float((clip.images([drawn]) * clip.texts([text])).sum())
    assert [row["prompt_similarity"] for row in rows] == pytest.approx([expected] * 2)


def test_rows_follow_the_jobs_and_their_subsets_in_any_batch(lenient: Preset, scene: Scene) -> None:
    subsets = [(0,), (1,), (0, 1), (0, 1, 2), (2,)]
    jobs = [PictureJob(scene, Prompt("a photo of {tokens}", subset), picture(k)) for k, subset in enumerate(subsets)]
    one, eight = (by_value(Scorer.load(lenient, "cpu", size).score(jobs)) for size in (1, 8))
    assert [row[0] for row in one] == [concept for subset in subsets for concept in subset]
    for left, right in zip(one, eight, strict=True):
        assert left[:3] == right[:3]
        assert left[3:] == pytest.approx(right[3:], abs=1e-5, nan_ok=True)


def by_value(rows: Sequence[dict[str, Any]]) -> list[tuple[object, ...]]:
    return [
        (row["concept"], row["detected"], row["reason"], row["prompt_similarity"], row["identity_similarity"])
        for row in rows
    ]


def test_rows_have_columns_of_the_table(preset: Preset, scene: Scene) -> None:
    (row,) = scorer(preset, {}).score([PictureJob(scene, Prompt("{tokens}", (0,)), picture(0))])
    metrics = {column.name for metric in standard_metrics() for column in columns_of(metric, preset)}
    assert set(row) == {"concept", "label", "preset"} | metrics
    assert not metrics & set(COLUMNS)
    assert (row["concept"], row["label"], row["preset"]) == (0, "cat", "tiny")


def test_every_row_has_all_columns_of_scoring_and_those_of_the_presets_alternatives(
    preset: Preset, scene: Scene, block: np.ndarray, tmp_path: Path
) -> None:
    """They survive the cache's JSON and the table's Parquet as they are."""
    preset = replace(preset, alternatives=(*ON_THE_PICTURE, embedding("clip", preset.clip)))
    jobs = [PictureJob(scene, Prompt("a photo of {tokens}", (0, 1, 2)), picture(seed)) for seed in range(3)]
    rows = scorer(preset, {"cat": block}, 2).score(jobs)
    names = [one.column for one in preset.alternatives]
    assert alternative_columns(rows[0]) == tuple(names)
    assert all(row.keys() == rows[0].keys() for row in rows)
    for row in rows:
        assert all(math.isnan(row[name]) == math.isnan(row["identity_similarity"]) for name in names)
        assert all(-1 - 1e-6 <= row[name] <= 1 + 1e-6 for name in names if math.isfinite(row[name]))
        assert math.isfinite(row["identity_whole_picture"])
        assert (row["similarity_to"] is None) == (not row["detected"])
        assert (row["reason"] == "") == math.isfinite(row["identity_similarity"])
    assert [row["detected"] for row in rows] == [True, False, None] * 3
    assert json.loads(json.dumps(rows))[0].keys() == rows[0].keys()
    pd.DataFrame(rows).to_parquet(tmp_path / "scores.parquet")
    again = pd.read_parquet(tmp_path / "scores.parquet")
    found = [row["similarity_to"] for row in rows if row["similarity_to"] is not None]
    for one, other in zip(again["similarity_to"].dropna(), found, strict=True):
        assert list(one) == pytest.approx(other)


def test_a_scenes_features_are_computed_once_and_forgotten_with_it(
    preset: Preset, scene: Scene, block: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []
    real = IdentityFeatures.features
    monkeypatch.setattr(IdentityFeatures, "features", lambda self, p: (counted.append(len(p)), real(self, p))[1])
    subject = scorer(preset, {"cat": block})
    copy = replace(scene)
    for _ in range(3):
        subject.score([PictureJob(copy, BOTH, picture(2))])
    in_the_picture = ["the cat", "the whole"]
    assert sum(counted) == len(scene.concepts) + 3 * len(in_the_picture)
    forgotten = weakref.ref(copy)
    del copy
    gc.collect()
    assert forgotten() is None


def test_no_jobs_give_no_rows(preset: Preset) -> None:
    assert scorer(preset, {}).score([]) == []


def test_a_missing_model_is_a_user_error(preset: Preset, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no model in"):
        Scorer.load(replace(preset, segmenter=ModelSource(str(tmp_path / "none"))), "cpu")
