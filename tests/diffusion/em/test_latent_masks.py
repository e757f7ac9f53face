"""Masks from cross-attention: worked by hand, and against loops that spell the equations out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import zoom
from torch import Tensor

from bench.diffusion.em.latent_masks import attended, binarised
from bench.diffusion.em.latent_scene import smoothed


def _probabilities(heads: int, side: int, tokens: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(heads, side * side, tokens, generator=generator).softmax(dim=-1)


def test_maps_are_averaged_over_heads_and_then_over_layers() -> None:
    """Every layer counts the same, however many heads it has: a loop over tokens, pixels, layers and heads."""
    layers = [_probabilities(2, 4, 6, seed=0), _probabilities(8, 4, 6, seed=1)]
    found = attended(layers, torch.tensor([4, 1]), side=4)
    for row, token in enumerate((4, 1)):
        for pixel in range(16):
            expected = np.mean([np.mean([float(head[pixel, token]) for head in layer]) for layer in layers])
            assert float(found[row, pixel // 4, pixel % 4]) == pytest.approx(expected, abs=1e-6)


def test_smaller_layers_are_enlarged_bilinearly() -> None:
    """scipy's linear zoom on a grid of pixel centres is the reference."""
    small = _probabilities(3, 4, 5, seed=2)
    expected = zoom(small.mean(dim=0)[:, 2].reshape(4, 4).numpy(), 3, order=1, mode="nearest", grid_mode=True)
    np.testing.assert_allclose(attended([small], torch.tensor([2]), side=12)[0].numpy(), expected, atol=1e-6)


def test_layers_of_different_sizes_count_the_same() -> None:
    bright, dark = torch.full((1, 64, 3), 0.9), torch.full((1, 4, 3), 0.1)
    torch.testing.assert_close(attended([bright, dark], torch.tensor([0]), side=8), torch.full((1, 8, 8), 0.5))


def test_no_gradient_flows_through_a_mask() -> None:
    layer = _probabilities(2, 4, 6, seed=0).requires_grad_()
    assert not attended([layer], torch.tensor([0]), side=4).requires_grad


def test_the_running_mean_forgets_by_the_momentum() -> None:
    maps = [_probabilities(1, 2, 2, seed)[0] for seed in range(3)]
    running = smoothed(smoothed(maps[0], maps[1], 0.9), maps[2], 0.9)
    torch.testing.assert_close(running, 0.81 * maps[0] + 0.09 * maps[1] + 0.1 * maps[2])


def test_a_mask_is_where_the_stretched_map_exceeds_the_threshold() -> None:
    """Each map by its own smallest and largest value: .3125 is half of the way from .125 to .5, and not larger."""
    maps = torch.tensor([[[0.125, 0.3125], [0.375, 0.5]], [[10.0, 20.0], [14.0, 16.0]]])
    first, second = binarised(maps, 0.5)
    np.testing.assert_array_equal(first, [[False, False], [True, True]])
    np.testing.assert_array_equal(second, [[False, True], [False, True]])


def test_a_flat_map_tells_nothing() -> None:
    (mask,) = binarised(torch.full((1, 3, 3), 0.25), 0.5)
    assert mask.all()


@given(st.integers(0, 10_000), st.floats(0.0, 0.99), st.floats(0.1, 10.0), st.floats(-5.0, 5.0))
def test_a_mask_is_never_empty_and_knows_no_unit(seed: int, threshold: float, scale: float, shift: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    maps = torch.randint(0, 50, (2, 5, 5), generator=generator).double()
    masks = binarised(maps, threshold)
    assert all(mask.any() for mask in masks)
    # thresholds of a rational grid may sit on a value itself, where rounding decides
    near = ((maps - maps.amin((1, 2), True)) / (maps.amax((1, 2), True) - maps.amin((1, 2), True)) - threshold).abs()
    for mask, other, close in zip(masks, binarised(maps * scale + shift, threshold), near < 1e-6, strict=True):
        assert ((mask == other) | close.numpy()).all()
