"""Drawing: the official DDIM, the same noise whatever the batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.core.device import Hardware, resolve
from bench.core.errors import NotFiniteError
from bench.diffusion.backbone.checkpoint import BackboneSpec
from bench.diffusion.backbone.loading import load_backbone
from bench.diffusion.sampling.latents import decode, initial_noise
from bench.diffusion.sampling.sampler import DrawJob, draw
from bench.plugins.backbone import Backbone
from bench.plugins.backbone_settings import BackboneSettings, Sampler

QUICK = BackboneSettings(sampler=Sampler(steps=5, guidance=3.0))
ORDERS = [DrawJob(f"a photo of {word}", seed) for seed, word in enumerate(("cat", "umbrella", "snow") * 3)][:8]


@pytest.fixture
def quick(backbone_with: Callable[[BackboneSettings], Backbone]) -> Backbone:
    """The tiny backbone with five steps."""
    return backbone_with(QUICK)


def test_a_picture_does_not_depend_on_its_batch(quick: Backbone) -> None:
    alone = np.stack(list(draw(quick, ORDERS, batch_size=1))).astype(int)
    concepts_by_image = np.stack(list(draw(quick, ORDERS, batch_size=8))).astype(int)
    assert alone.shape == (8, 32, 32, 3)
    assert np.abs(alone - concepts_by_image).max() <= 1
    assert np.abs(alone[0] - alone[1]).max() > 1


def test_the_noise_is_of_the_seed_alone(backbone: Backbone) -> None:
    state = torch.get_rng_state()
    assert torch.equal(initial_noise(backbone, 5), initial_noise(backbone, 5))
    assert not torch.equal(initial_noise(backbone, 5), initial_noise(backbone, 6))
    assert initial_noise(backbone, 2**63 - 1).shape == (1, 4, 16, 16)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_drawing_is_ddim_with_guidance_written_out(
    prediction_type: str, tiny_pipeline: Path, tiny_velocity_pipeline: Path
) -> None:
    """Song et al. 2021, equation 12, with eta 0; the last step goes to alpha-bar of time 0."""
    path = tiny_pipeline if prediction_type == "epsilon" else tiny_velocity_pipeline
    settings = BackboneSettings(sampler=Sampler(steps=4, guidance=3.0))
    backbone = load_backbone(BackboneSpec(str(path)), resolve("cpu", "fp32"), settings)
    (drawn,) = draw(backbone, [DrawJob("a photo of cat", 7)], batch_size=1)
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    alphas = torch.cumprod(1 - betas, dim=0)
    with torch.no_grad():
        states = backbone.encode_text(["", "a photo of cat"])
        latents = initial_noise(backbone, 7)
        for time in (750, 500, 250, 0):
            latents = _ddim(backbone, latents, states, time, alphas)
    np.testing.assert_allclose(drawn.astype(int), decode(backbone, latents[0]).astype(int), atol=1)


def _ddim(backbone: Backbone, latents: Tensor, states: Tensor, time: int, alphas: Tensor) -> Tensor:
    a, b = alphas[time], alphas[max(time - 250, 0)]
    without, with_text = backbone.unet(latents.repeat(2, 1, 1, 1), time, states).sample.chunk(2)
    predicted = without + 3.0 * (with_text - without)
    if backbone.scheduler.config["prediction_type"] == "epsilon":
        clean, noise = (latents - (1 - a).sqrt() * predicted) / a.sqrt(), predicted
    else:
        clean = a.sqrt() * latents - (1 - a).sqrt() * predicted
        noise = a.sqrt() * predicted + (1 - a).sqrt() * latents
    return b.sqrt() * clean + (1 - b).sqrt() * noise


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_drawing_of_bf16_is_that_of_fp16(precision: str, quick: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick, "hardware", Hardware(torch.device("cpu"), "fp16"))
    (half,) = draw(quick, ORDERS[:1], batch_size=1)
    monkeypatch.setattr(quick, "hardware", Hardware(torch.device("cpu"), precision))
    (drawn,) = draw(quick, ORDERS[:1], batch_size=1)
    assert np.array_equal(drawn, half) == (precision == "bf16")


@pytest.mark.parametrize(
    ("precision", "told"), [("fp16", "use --precision fp32"), ("fp32", "the fit diverged; lower its learning rate")]
)
def test_latents_that_are_not_finite_are_no_picture(
    precision: str, told: str, quick: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quick, "hardware", Hardware(torch.device("cpu"), precision))
    latents = torch.zeros(4, 16, 16)
    latents[1, 2, 3] = torch.inf
    with pytest.raises(NotFiniteError, match=told):
        decode(quick, latents)


def test_a_smaller_resolution_may_be_asked_for(backbone_with: Callable[[BackboneSettings], Backbone]) -> None:
    (picture,) = draw(backbone_with(replace(QUICK, resolution=16)), ORDERS[:1], batch_size=1)
    assert picture.shape == (16, 16, 3)
    assert picture.dtype == np.uint8


def test_texts_beyond_what_the_encoder_reads_are_told_once(quick: Backbone, caplog: pytest.LogCaptureFixture) -> None:
    long = "a photo of " + " and ".join(["a cat"] * 10)
    assert len(list(draw(quick, [*ORDERS[:2], DrawJob(long, 0), DrawJob(long, 1)], batch_size=2))) == 4
    (message,) = caplog.messages
    assert message.startswith("2 of 4 texts are longer than the text encoder's 24 tokens")
    assert message.endswith(f"'{long}'")
