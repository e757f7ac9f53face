"""The sampler step by step gives what the pipeline gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bench.core.device import resolve
from bench.diffusion.backbone.checkpoint import BackboneSpec
from bench.diffusion.backbone.loading import load_backbone
from bench.diffusion.sampling.denoise import Denoiser
from bench.diffusion.sampling.latents import decode, initial_noise
from bench.diffusion.sampling.sampler import DrawJob, draw
from bench.plugins.backbone import Backbone
from bench.plugins.backbone_settings import BackboneSettings, Sampler

TEXTS = ("a photo of a cat", "an umbrella in the snow")


def stepped(backbone: Backbone, seeds: tuple[int, ...]) -> torch.Tensor:
    denoiser = Denoiser.of(backbone, TEXTS)
    latents = torch.cat([initial_noise(backbone, seed) for seed in seeds])
    for index in range(len(denoiser.times)):
        latents = denoiser.step(latents, index)
    return latents


@pytest.mark.parametrize("guidance", [0.0, 1.0, 7.5])
@pytest.mark.parametrize("pipeline", ["tiny_pipeline", "tiny_velocity_pipeline"])
def test_it_is_the_pipelines_sampler(pipeline: str, guidance: float, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(pipeline)
    settings = BackboneSettings(sampler=Sampler(4, guidance))
    backbone = load_backbone(BackboneSpec(str(folder)), resolve("cpu", "fp32"), settings)
    latents = stepped(backbone, (3, 4))
    drawn = list(draw(backbone, [DrawJob(text, seed) for text, seed in zip(TEXTS, (3, 4), strict=True)], 2))
    for one, picture in zip(latents, drawn, strict=True):
        difference = decode(backbone, one).astype(int) - picture.astype(int)
        assert abs(difference).max() <= 1


def test_noised_follows_the_schedule_down_to_the_clean_latents(
    backbone_with: Callable[[BackboneSettings], Backbone],
) -> None:
    backbone = backbone_with(BackboneSettings(sampler=Sampler(5, 2.0)))
    denoiser = Denoiser.of(backbone, TEXTS[:1])
    assert denoiser.times == (800, 600, 400, 200, 0)
    clean, noise = torch.ones(1, 4, 16, 16), torch.full((1, 4, 16, 16), 2.0)
    kept = backbone.scheduler.alphas_cumprod
    for index, time in enumerate(denoiser.times):
        by_hand = kept[time] ** 0.5 * clean + (1 - kept[time]) ** 0.5 * noise
        torch.testing.assert_close(denoiser.noised(clean, noise, index), by_hand)
    assert denoiser.noised(clean, noise, 5) is clean
