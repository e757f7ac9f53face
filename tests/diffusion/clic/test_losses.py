"""CLiC's equations against direct transcriptions, in double precision, gradients included."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from bench.diffusion.backbone.token_maps import concept_maps, min_max
from bench.diffusion.clic.losses import (
    code_weights,
    context_loss,
    shrink_bilinear,
    soft_mask,
)
from bench.diffusion.editing.guidance import blend, guidance_energy, towards
from bench.diffusion.training.losses import region_loss


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def binary(*shape: int, seed: int = 9) -> Tensor:
    return (normal(*shape, seed=seed) > 0).double()


@given(alpha=st.floats(0, 1))
def test_the_soft_mask_is_alpha_outside_and_one_inside(alpha: float) -> None:
    mask = torch.tensor([[0.0, 1.0], [1.0, 0.0]], dtype=torch.float64)
    assert soft_mask(mask, alpha).tolist() == [[alpha, 1.0], [1.0, alpha]]


@given(seed=st.integers(0, 99))
def test_the_codes_masks_are_those_of_its_collate_fn(seed: int) -> None:
    """A transcription: bilinear to the latents' side; .25 where that is below .05; no weight in the outermost ring."""
    mask = (normal(1, 512, 512, seed=seed) > 0.8).float()
    mask[:, :, :256] *= 0.05
    shrunk = shrink_bilinear(mask, 64)
    middle = mask[0].reshape(64, 8, 64, 8)[:, 3:5, :, 3:5].mean(dim=(1, 3))
    torch.testing.assert_close(shrunk[0], middle, rtol=0, atol=1e-7)
    weights = code_weights(shrunk, 0.25)
    for y, x in ((0, 5), (63, 9), (30, 0), (30, 63)):
        assert weights[0, y, x] == 0
    inside = shrunk[0, 1:-1, 1:-1]
    expected = inside.clone()
    expected[inside < 0.05] = 0.25
    assert torch.equal(weights[0, 1:-1, 1:-1], expected)
    assert {0.0, 0.25, 0.5, 0.75, 1.0} <= set(shrunk[0, :, 32:].unique().tolist())


def test_context_loss_is_equation_3_with_its_gradient() -> None:
    predicted, noise, mask = normal(2, 4, 3, 3).requires_grad_(), normal(2, 4, 3, 3, seed=1), binary(2, 1, 3, 3)
    soft = 0.5 + 0.5 * mask
    transcribed = sum(
        (soft[b, 0, y, x] * (predicted[b, c, y, x] - noise[b, c, y, x])) ** 2
        for b in range(2) for c in range(4) for y in range(3) for x in range(3)
    ) / predicted.numel()  # fmt: skip
    loss = context_loss(predicted, noise, soft)
    torch.testing.assert_close(loss, transcribed, rtol=1e-12, atol=0)
    (gradient,) = torch.autograd.grad(loss, predicted)
    by_hand = 2 * soft**2 * (predicted.detach() - noise) / predicted.numel()
    torch.testing.assert_close(gradient, by_hand, rtol=1e-12, atol=1e-15)


def test_context_loss_weighs_the_outside_by_alpha_squared() -> None:
    mask = torch.tensor([[[[1.0, 0.0]]]], dtype=torch.float64)
    error = torch.ones(1, 4, 1, 2, dtype=torch.float64)
    assert context_loss(error, torch.zeros_like(error), soft_mask(mask, 0.5)).item() == pytest.approx((1 + 0.25) / 2)


def test_concept_maps_average_heads_and_layers_of_one_side() -> None:
    layers = [normal(1, 2, 9, 5, seed=seed) for seed in (1, 2, 3)]
    maps = concept_maps(layers, torch.tensor([4, 1]), 3)
    for index, token in enumerate((4, 1)):
        by_hand = np.mean([layer[0, head, :, token].numpy() for layer in layers for head in range(2)], axis=0)
        np.testing.assert_allclose(maps[index].numpy(), by_hand.reshape(3, 3), rtol=1e-12)


def test_concept_maps_bring_layers_of_other_sides_to_one() -> None:
    small, large = torch.full((1, 1, 4, 2), 0.25).double(), torch.full((1, 1, 16, 2), 0.75).double()
    maps = concept_maps([small, large], torch.tensor([0]), 4)
    assert maps.shape == (1, 4, 4)
    torch.testing.assert_close(maps, torch.full((1, 4, 4), 0.5).double())


def test_a_map_keeps_its_orientation_when_resized() -> None:
    layer = torch.zeros(1, 1, 4, 1).double()
    layer[0, 0, 1, 0] = 1.0  # the upper right of 2 x 2
    resized = concept_maps([layer], torch.tensor([0]), 8)[0]
    assert resized.argmax().item() // 8 < 4
    assert resized.argmax().item() % 8 >= 4


def test_min_max_stretches_each_map_with_gradients_through_the_extremes() -> None:
    maps = normal(2, 3, 3).requires_grad_()
    stretched = min_max(maps)
    for index in range(2):
        own = maps[index].detach().numpy()
        np.testing.assert_allclose(stretched[index].detach().numpy(), (own - own.min()) / (own.max() - own.min()))
    assert torch.autograd.gradcheck(min_max, maps)
    assert min_max(torch.full((1, 2, 2), 0.3)).abs().sum() == 0


def test_region_loss_is_equation_1_with_its_gradient() -> None:
    maps, mask = normal(2, 3, 3).requires_grad_(), binary(2, 3, 3)
    cells = [(maps[k, y, x] - mask[k, y, x]) ** 2 for k in range(2) for y in range(3) for x in range(3)]
    loss = region_loss(maps, mask)
    torch.testing.assert_close(loss, torch.stack(cells).sum() / 18, rtol=1e-12, atol=0)
    (gradient,) = torch.autograd.grad(loss, maps)
    torch.testing.assert_close(gradient, 2 * (maps.detach() - mask) / 18, rtol=1e-12, atol=1e-15)


def test_blend_is_equation_6() -> None:
    latents, background, mask = normal(1, 4, 3, 3), normal(1, 4, 3, 3, seed=1), binary(1, 1, 3, 3)
    blended = blend(latents, background, mask)
    for y in range(3):
        for x in range(3):
            expected = latents if mask[0, 0, y, x] else background
            assert torch.equal(blended[0, :, y, x], expected[0, :, y, x])


def test_guidance_is_equation_7() -> None:
    """CA is taken as x^2 per pixel: the gradient of the squared norm of x^2 - M is 4 x (x^2 - M)."""
    latents, mask, guidance_step_size = normal(1, 2, 2), binary(1, 2, 2), 0.7
    moved = towards(
        variable := latents.clone().requires_grad_(), guidance_energy(variable**2, mask), guidance_step_size
    )
    by_hand = latents - guidance_step_size * 4 * latents * (latents**2 - mask)
    torch.testing.assert_close(moved, by_hand, rtol=1e-12, atol=1e-15)
    assert not moved.requires_grad


def test_several_handles_share_the_region() -> None:
    """Each on its half, none outside: there is nothing to be done. One that leaves the region is pulled back."""
    region = torch.tensor([[[1.0, 1.0, 0.0, 0.0]]], dtype=torch.float64)
    halves = torch.tensor([[[1.0, 0.0, 0.0, 0.0]], [[0.0, 1.0, 0.0, 0.0]]], dtype=torch.float64)
    assert guidance_energy(halves, region).item() == 0
    assert guidance_energy(halves[:1], region).item() == 1
    astray = (halves + torch.tensor([[[0.0, 0.0, 0.0, 0.0]], [[0.0, 0.0, 0.5, 0.0]]]).double()).requires_grad_()
    (gradient,) = torch.autograd.grad(guidance_energy(astray, region), astray)
    assert gradient[1, 0].tolist() == [0.0, 0.0, 1.0, 0.0]
    assert gradient[0, 0, :2].tolist() == [0.0, 0.0]


def test_guidance_of_step_zero_changes_nothing() -> None:
    latents = normal(1, 2, 2).requires_grad_()
    assert torch.equal(towards(latents, region_loss(latents**2, binary(1, 2, 2)), 0.0), latents)


def test_guidance_goes_downhill() -> None:
    latents, mask = normal(1, 4, 4).requires_grad_(), binary(1, 4, 4)
    loss = region_loss(torch.sigmoid(latents), mask)
    after = region_loss(torch.sigmoid(towards(latents, loss, 5.0)), mask)
    assert after < loss
    assert math.isfinite(after.item())
