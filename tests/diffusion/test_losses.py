"""Each loss against a direct transcription of its equation, element by element."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from bench.diffusion.losses import (
    cross_attention_losses,
    diffusion_loss,
    masked_diffusion_loss,
    shrink_masks,
)

SHAPE = (2, 4, 5, 5)


@pytest.fixture
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(SHAPE, generator=generator), torch.randn(SHAPE, generator=generator)


def test_masked_loss_is_the_mean_over_all_elements_channels_and_masked_out_pixels_included(
    pair: tuple[torch.Tensor, torch.Tensor],
) -> None:
    predicted, target = pair
    mask = (torch.rand((2, 1, 5, 5), generator=torch.Generator().manual_seed(1)) < 0.4).float()
    total = 0.0
    for b, c, y, x in product(*map(range, SHAPE)):
        m = float(mask[b, 0, y, x])
        total += (float(target[b, c, y, x]) * m - float(predicted[b, c, y, x]) * m) ** 2
    assert masked_diffusion_loss(predicted, target, mask).item() == pytest.approx(total / np.prod(SHAPE), rel=1e-5)


def test_masked_loss_of_a_quarter_of_the_pixels_is_a_quarter() -> None:
    mask = torch.zeros((1, 1, 4, 4))
    mask[..., :2, :2] = 1
    assert masked_diffusion_loss(torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4), mask).item() == 0.25


def test_diffusion_loss_is_the_mean_squared_error(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    predicted, target = pair
    total = sum((float(target[i]) - float(predicted[i])) ** 2 for i in product(*map(range, SHAPE)))
    assert diffusion_loss(predicted, target).item() == pytest.approx(total / np.prod(SHAPE), rel=1e-5)


def test_cross_attention_loss_divides_each_map_by_its_largest_value() -> None:
    maps = torch.rand((3, 4, 4), generator=torch.Generator().manual_seed(0)) * 0.1
    masks = (torch.rand((3, 4, 4), generator=torch.Generator().manual_seed(1)) < 0.5).float()
    expected = []
    for k in range(3):
        largest = max(float(maps[k, y, x]) for y, x in product(range(4), range(4)))
        total = sum(
            (float(maps[k, y, x]) / largest - float(masks[k, y, x])) ** 2 for y, x in product(range(4), range(4))
        )
        expected.append(total / 16)
    assert cross_attention_losses(maps, masks).tolist() == pytest.approx(expected, rel=1e-5)


def test_gradients_flow_through_the_largest_value() -> None:
    """With the maximum m at its own pixel, d/dm of the mean of (x/m - M)^2 is not zero, as it is when detached."""
    maps = torch.tensor([[[0.5, 0.25]]], requires_grad=True)
    cross_attention_losses(maps, torch.zeros(1, 1, 2)).sum().backward()
    assert maps.grad is not None
    # (1 + (x/m)^2) / 2 with x = .25, m = .5: d/dm = -x^2 / m^3 = -.5; d/dx = x / m^2 = 1
    assert maps.grad.flatten().tolist() == pytest.approx([-0.5, 1.0])


def test_a_map_of_zeros_gives_a_finite_loss() -> None:
    assert cross_attention_losses(torch.zeros(1, 2, 2), torch.ones(1, 2, 2)).tolist() == [1.0]


def test_masks_shrink_by_nearest_neighbour() -> None:
    mask = np.zeros((1, 8, 8), bool)
    mask[0, 0, 0] = mask[0, 4, 2] = mask[0, 7, 7] = True
    small = shrink_masks(torch.from_numpy(mask), 4)
    # nearest takes rows and columns 0, 2, 4, 6: (0,0) and (4,2) are seen, (7,7) is not.
    assert small.nonzero().tolist() == [[0, 0, 0], [0, 2, 1]]
