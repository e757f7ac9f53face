"""Each loss against a direct transcription of its equation, element by element."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.diffusion.training.losses import (
    cross_attention_losses,
    diffusion_loss,
    inner_cells,
    masked_diffusion_loss,
    shrink_masks,
    weighted_loss,
)

SHAPE = (2, 4, 5, 5)


@pytest.fixture
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(SHAPE, generator=generator), torch.randn(SHAPE, generator=generator)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def binary(*shape: int, seed: int = 9) -> Tensor:
    return (normal(*shape, seed=seed) > 0).double()


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


def transcribed_masked(predicted: Tensor, target: Tensor, mask: Tensor) -> float:
    """Equation 1 as it is written, the norm's square as a mean."""
    b, c, h, w = predicted.shape
    total = 0.0
    for i, j, y, x in product(range(b), range(c), range(h), range(w)):
        m = mask[i, 0, y, x].item()
        total += (target[i, j, y, x].item() * m - predicted[i, j, y, x].item() * m) ** 2
    return total / (b * c * h * w)


def transcribed_attention(maps: Tensor, masks: Tensor) -> float:
    """Equation 2 as it is written, summed over the concepts."""
    total = 0.0
    for values, mask in zip(maps.tolist(), masks.tolist(), strict=True):
        largest = max(map(max, values))
        errors = [
            (v / largest - m) ** 2 for vs, ms in zip(values, mask, strict=True) for v, m in zip(vs, ms, strict=True)
        ]
        total += sum(errors) / len(errors)
    return total


def differences(loss: Callable[[Tensor], float], at: Tensor) -> Tensor:
    """The gradient of `loss` by central differences."""
    gradient, step = torch.zeros_like(at), 1e-6
    for index in product(*map(range, at.shape)):
        ahead, behind = at.clone(), at.clone()
        ahead[index] += step
        behind[index] -= step
        gradient[index] = (loss(ahead) - loss(behind)) / (2 * step)
    return gradient


@pytest.mark.parametrize("kind", ["masked", "plain", "attention"])
def test_values_and_gradients_are_the_equations_in_double_precision(kind: str) -> None:
    generator = torch.Generator().manual_seed(3)
    predicted, target = torch.randn((2, 2, 3, 3, 3), generator=generator, dtype=torch.float64)
    mask = torch.rand((2, 1, 3, 3), generator=generator, dtype=torch.float64)
    maps, masks = torch.rand((2, 2, 3, 3), generator=generator, dtype=torch.float64)
    at = maps if kind == "attention" else predicted
    here, written = {
        "masked": (
            lambda x: masked_diffusion_loss(x, target, mask),
            lambda x: transcribed_masked(x, target, mask),
        ),
        "plain": (
            lambda x: diffusion_loss(x, target),
            lambda x: transcribed_masked(x, target, torch.ones_like(mask)),
        ),
        "attention": (
            lambda x: cross_attention_losses(x, masks).sum(),
            lambda x: transcribed_attention(x, masks),
        ),
    }[kind]
    free = at.clone().requires_grad_()
    value = here(free)
    (gradient,) = torch.autograd.grad(value, free)
    assert value.item() == pytest.approx(written(at), rel=1e-12)
    torch.testing.assert_close(gradient, differences(written, at), rtol=1e-6, atol=1e-9)


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


def test_weighted_loss_is_the_codes_reduction_with_its_gradient() -> None:
    predicted, noise = normal(2, 4, 3, 3).requires_grad_(), normal(2, 4, 3, 3, seed=1)
    weights = 0.25 + 0.75 * binary(2, 1, 3, 3)
    error, wide = ((predicted - noise) ** 2).detach().numpy(), np.broadcast_to(weights.numpy(), (2, 4, 3, 3))
    by_hand = np.mean([(wide[b] * error[b]).sum() / weights[b].sum().item() for b in range(2)])
    loss = weighted_loss(predicted, noise, weights)
    assert loss.item() == pytest.approx(by_hand, rel=1e-12)
    assert torch.autograd.gradcheck(lambda value: weighted_loss(value, noise, weights), predicted)


def test_weighted_loss_is_as_many_times_a_mean_as_there_are_channels() -> None:
    predicted, noise = normal(1, 4, 3, 3), normal(1, 4, 3, 3, seed=1)
    whole = weighted_loss(predicted, noise, torch.ones(1, 1, 3, 3, dtype=torch.float64))
    assert whole.item() == pytest.approx(4 * ((predicted - noise) ** 2).mean().item())


def test_an_empty_mask_weighs_nothing_and_breaks_nothing() -> None:
    assert weighted_loss(normal(1, 4, 3, 3), normal(1, 4, 3, 3, seed=1), torch.zeros(1, 1, 3, 3).double()).item() == 0


def test_the_valid_region_is_all_but_the_outermost_cells() -> None:
    assert inner_cells(4).tolist() == [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
