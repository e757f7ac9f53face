"""A training step's schedule: noising and targets against their equations in double precision, times and noises."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import chisquare, kstest
from torch import Tensor

from bench.diffusion.backbone.stable_diffusion import official_scheduler
from bench.diffusion.training.step import Step
from bench.plugins.backbone import Backbone

UNLIKELY = 1e-3
"""A true distribution is refused this often; the seeds are fixed, so a test that passes goes on passing."""


@pytest.fixture(params=["epsilon", "v_prediction"])
def scheduled(backbone: Backbone, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Backbone:
    """The tiny backbone, predicting noise, then velocity."""
    config = {**backbone.scheduler.config, "prediction_type": request.param}
    monkeypatch.setattr(backbone, "scheduler", official_scheduler(config))
    return backbone


def alphas_bar() -> Tensor:
    """The products of 1 - beta, with the square roots of beta evenly spaced from .00085 to .012 (latent diffusion)."""
    betas = [(0.00085**0.5 + (0.012**0.5 - 0.00085**0.5) * t / 999) ** 2 for t in range(1000)]
    products, last = [], 1.0
    for beta in betas:
        last *= 1 - beta
        products.append(last)
    return torch.tensor(products, dtype=torch.float64)


def test_the_schedule_is_latent_diffusions(backbone: Backbone) -> None:
    torch.testing.assert_close(backbone.scheduler.alphas_cumprod.double(), alphas_bar(), rtol=2e-5, atol=0)


def test_noising_and_target_are_their_equations_with_their_gradients(scheduled: Backbone) -> None:
    """Ho et al. 2020, equation 4; Salimans and Ho 2022, appendix D: v = sqrt(a) noise - sqrt(1 - a) latents."""
    generator = torch.Generator().manual_seed(0)
    latents, noise, upstream = torch.randn((3, 2, 4, 3, 3), generator=generator, dtype=torch.float64)
    time = torch.tensor([7, 930])
    a = scheduled.scheduler.alphas_cumprod[time].double().reshape(2, 1, 1, 1)
    free = latents.clone().requires_grad_()
    step = Step(scheduled, free, noise, time)
    noisy = step.noisy
    torch.testing.assert_close(noisy, a.sqrt() * latents + (1 - a).sqrt() * noise, rtol=1e-12, atol=1e-12)
    (gradient,) = torch.autograd.grad(noisy, free, upstream)
    torch.testing.assert_close(gradient, a.sqrt() * upstream, rtol=1e-12, atol=1e-12)
    velocity = scheduled.scheduler.config["prediction_type"] == "v_prediction"
    expected = a.sqrt() * noise - (1 - a).sqrt() * latents if velocity else noise
    torch.testing.assert_close(step.target.double(), expected, rtol=0, atol=1e-6)  # the target is of single precision


def test_prediction_and_target_give_the_clean_latents_back(scheduled: Backbone) -> None:
    """What a perfect prediction means: the latents, from the noised ones and the target."""
    generator = torch.Generator().manual_seed(1)
    latents, noise = torch.randn((2, 1, 4, 3, 3), generator=generator, dtype=torch.float64)
    step = Step(scheduled, latents, noise, torch.tensor([400]))
    a = scheduled.scheduler.alphas_cumprod[400].double()
    if scheduled.scheduler.config["prediction_type"] == "epsilon":
        back = (step.noisy - (1 - a).sqrt() * step.target) / a.sqrt()
    else:
        back = a.sqrt() * step.noisy - (1 - a).sqrt() * step.target
    torch.testing.assert_close(back, latents, rtol=0, atol=1e-6)


def test_times_are_uniform_and_noises_standard_normal(backbone: Backbone) -> None:
    step = Step.drawn(backbone, torch.zeros(40_000, 1, 1, 1), torch.Generator().manual_seed(0))
    assert (int(step.time.min()), int(step.time.max())) == (0, 999)
    assert chisquare(torch.bincount(step.time // 20, minlength=50).numpy()).pvalue > UNLIKELY
    assert kstest(step.noise.flatten().numpy(), "norm").pvalue > UNLIKELY
