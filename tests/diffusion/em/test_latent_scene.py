"""The state of EM: masks that follow the maps, and notes that compare them with the truth."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.core.masks import mask_iou
from bench.core.scenes import ImageArray, Mask, Scene
from bench.diffusion.em.crf import DenseCrf
from bench.diffusion.em.latent_scene import LatentScene, MaskRule, with_masks

PLAIN = MaskRule(times=3, threshold=0.5, momentum=0.75, crf=None)


@dataclass(frozen=True)
class Erasing(DenseCrf):
    """A CRF that leaves nothing of any mask."""

    def on(self, picture: ImageArray) -> Callable[[Mask], Mask]:
        return lambda mask: mask & ~mask


@dataclass(frozen=True)
class Inverting(DenseCrf):
    """A CRF that turns masks inside out."""

    def on(self, picture: ImageArray) -> Callable[[Mask], Mask]:
        return lambda mask: ~mask


@dataclass(frozen=True)
class Counting(DenseCrf):
    """A CRF that changes nothing and counts the pictures and masks that it is given."""

    pictures: list[ImageArray] = field(default_factory=list)
    masks: list[Mask] = field(default_factory=list)

    def on(self, picture: ImageArray) -> Callable[[Mask], Mask]:
        self.pictures.append(picture)

        def refine(mask: Mask) -> Mask:
            self.masks.append(mask)
            return mask

        return refine


def maps_of(*masks: Mask) -> Tensor:
    return torch.stack([torch.from_numpy(mask.astype(np.float32)) for mask in masks])


@pytest.fixture
def truth(scene: Scene) -> tuple[Mask, Mask]:
    first, second = (concept.mask for concept in scene.concepts)
    return first, second


def test_no_given_mask_is_left_in_a_latent_scene(scene: Scene) -> None:
    latent = LatentScene(scene, PLAIN)
    assert all(concept.mask.all() for concept in latent.scene.concepts)
    np.testing.assert_array_equal(latent.scene.picture, scene.picture)
    assert latent.records == []


def test_the_first_estimate_is_of_every_concept(scene: Scene, truth: tuple[Mask, Mask]) -> None:
    latent = LatentScene(scene, PLAIN)
    latent.start(maps_of(truth[1], truth[1]))
    for concept in latent.scene.concepts:
        np.testing.assert_array_equal(concept.mask, truth[1])
    first, second = latent.records
    assert first == {"step": 0, "concept": 0, "label": "cat", "estimated": True, "iou": 0.0, "iou_without_crf": 0.0}
    assert (second["iou"], second["iou_without_crf"]) == (1.0, 1.0)


def test_a_step_moves_the_named_concepts_by_the_momentum(scene: Scene, truth: tuple[Mask, Mask]) -> None:
    """At .75 the new place has .25, .44, .58 and .68 of the mean: of the larger of both, .33, .78, .73 and .46."""
    latent = LatentScene(scene, PLAIN)
    latent.start(maps_of(*truth))
    found = []
    for _ in range(4):
        latent.update([0], maps_of(truth[1]))
        found.append(latent.scene.concepts[0].mask)
    both = truth[0] | truth[1]
    np.testing.assert_array_equal(found, [truth[0], both, both, truth[1]])
    np.testing.assert_array_equal(latent.scene.concepts[1].mask, truth[1])
    rows = [(row["step"], row["concept"], row["estimated"], row["iou"]) for row in latent.records]
    # 16 x 12 and 24 x 12 pixels, which do not overlap
    overlap = pytest.approx(16 / (16 + 24))
    assert rows[2:] == [
        (1, 0, True, 1.0), (1, 1, False, 1.0), (2, 0, True, overlap), (2, 1, False, 1.0),
        (3, 0, True, overlap), (3, 1, False, 1.0), (4, 0, True, 0.0), (4, 1, False, 1.0),
    ]  # fmt: skip


def test_a_step_names_concepts_in_any_order(scene: Scene, truth: tuple[Mask, Mask]) -> None:
    latent = LatentScene(scene, replace(PLAIN, momentum=0.0))
    latent.start(maps_of(truth[0], truth[0]))
    latent.update([1, 0], maps_of(truth[1], truth[0]))
    for concept, mask in zip(latent.scene.concepts, truth, strict=True):
        np.testing.assert_array_equal(concept.mask, mask)


def test_the_notes_tell_what_the_crf_gains(scene: Scene, truth: tuple[Mask, Mask]) -> None:
    latent = LatentScene(scene, replace(PLAIN, crf=Inverting()))
    latent.start(maps_of(*(~mask for mask in truth)))
    assert [(row["iou"], row["iou_without_crf"]) for row in latent.records] == [(1.0, 0.0), (1.0, 0.0)]


def test_a_mask_that_the_crf_would_erase_stays_as_it_was(scene: Scene, truth: tuple[Mask, Mask]) -> None:
    latent = LatentScene(scene, replace(PLAIN, crf=Erasing()))
    latent.start(maps_of(*truth))
    np.testing.assert_array_equal(latent.scene.concepts[0].mask, truth[0])


def test_the_crf_prepares_a_picture_once_and_works_only_on_masks_that_changed(
    scene: Scene, truth: tuple[Mask, Mask]
) -> None:
    crf = Counting()
    latent = LatentScene(scene, replace(PLAIN, crf=crf, momentum=0.0))
    latent.start(maps_of(*truth))
    latent.update([0, 1], maps_of(truth[1], truth[1]))
    assert len(crf.pictures) == 1
    np.testing.assert_array_equal(crf.masks, [truth[0], truth[1], truth[1]])


def test_the_crf_sees_the_scenes_picture(scene: Scene, truth: tuple[Mask, Mask]) -> None:
    if importlib.util.find_spec("pydensecrf") is None:
        pytest.skip("the extra 'crf' is missing")
    rough = np.roll(truth[0], 2, axis=0)
    latent = LatentScene(with_masks(scene, truth), replace(PLAIN, crf=DenseCrf()))
    latent.start(maps_of(rough, truth[1]))
    assert mask_iou(rough, truth[0]) < mask_iou(latent.scene.concepts[0].mask, truth[0])


def test_the_truth_changes_nothing_but_the_notes(scene: Scene, truth: tuple[Mask, Mask]) -> None:
    told, lied = LatentScene(scene, PLAIN), LatentScene(with_masks(scene, [~mask for mask in truth]), PLAIN)
    for latent in (told, lied):
        latent.start(maps_of(*truth))
        latent.update([0, 1], maps_of(truth[1], truth[0]))
    for one, other in zip(told.scene.concepts, lied.scene.concepts, strict=True):
        np.testing.assert_array_equal(one.mask, other.mask)
    assert told.records != lied.records
