"""Scenes at the backbone's resolution."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.core.scenes import Scene
from bench.diffusion.backbone.resize import fit_resolution


def test_a_scene_of_that_size_stays_as_it_is(scene: Scene) -> None:
    assert fit_resolution(scene, 32) is scene


def test_every_picture_and_mask_gets_the_size(scene: Scene) -> None:
    first, second = scene.concepts
    light = np.full((32, 32, 3), 200, dtype=np.uint8)
    several = replace(scene, more=(light,), concepts=(first, replace(second, picture=1)))
    soft = np.where(first.mask, np.uint8(200), np.uint8(7))
    several = replace(several, concepts=(replace(first, soft=soft), several.concepts[1]))
    small = fit_resolution(several, 16)
    assert np.array_equal(small.concepts[0].soft, np.where(small.concepts[0].mask, 200, 7))
    assert [picture.shape for picture in small.pictures] == [(16, 16, 3)] * 2
    assert (small.picture_of(1) == 200).all()
    for concept, before in zip(small.concepts, several.concepts, strict=True):
        assert concept.picture == before.picture
        assert concept.mask.shape == (16, 16)
        assert abs(concept.mask.mean() - before.mask.mean()) < 0.05
