"""The composite of an edit and its target: exact outside, exact well inside, fading in between."""

from __future__ import annotations

import numpy as np

from bench.diffusion.editing.seam import composite, seam_weights


def test_the_seam_fades_linearly_within_the_mask_and_not_at_the_border() -> None:
    mask = np.zeros((1, 8), bool)
    mask[0, :6] = True
    np.testing.assert_allclose(seam_weights(mask, 3), [[1, 1, 1, 3 / 4, 2 / 4, 1 / 4, 0, 0]])
    np.testing.assert_allclose(seam_weights(mask, 0), [[1, 1, 1, 1, 1, 1, 0, 0]])


def test_edit_inside_target_outside_and_their_mixture_between() -> None:
    mask = np.zeros((8, 8), bool)
    mask[:, :6] = True
    target, edit = np.full((8, 8, 3), 100, np.uint8), np.full((8, 8, 3), 200, np.uint8)
    mixed = composite(edit, target, mask, 3)
    assert mixed.dtype == np.uint8
    assert mixed[4, :, 1].tolist() == [200, 200, 200, 175, 150, 125, 100, 100]


def test_without_a_region_all_is_the_target_and_with_the_whole_picture_none_of_it() -> None:
    target = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    np.testing.assert_array_equal(composite(255 - target, target, np.zeros((8, 8), bool), 2), target)
    np.testing.assert_array_equal(composite(255 - target, target, np.ones((8, 8), bool), 2), 255 - target)
