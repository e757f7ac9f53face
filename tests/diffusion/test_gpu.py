"""The engine on a CUDA device, in half precision."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from bench.core.device import resolve
from bench.core.scenes import Scene
from bench.diffusion.backbone.attention import recording
from bench.diffusion.backbone.checkpoint import BackboneSpec
from bench.diffusion.backbone.loading import load_backbone
from bench.diffusion.backbone.terms import at_16
from bench.plugins.backbone import Backbone
from bench.plugins.backbone_settings import BackboneSettings, Sampler
from bench.plugins.method import MethodContext, Request
from bench.plugins.spec import configure

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]
QUICK = BackboneSettings(sampler=Sampler(steps=4, guidance=2.0))


def _load(folder: Path, precision: str) -> Backbone:
    return load_backbone(BackboneSpec(str(folder)), resolve("cuda", precision), QUICK)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
@pytest.mark.parametrize("method", ["ours[phase1_steps=2,phase2_steps=2]", "ours:code[phase1_steps=2,phase2_steps=2]"])
def test_fit_and_generate(precision: str, method: str, tiny_pipeline: Path, scene: Scene) -> None:
    backbone = _load(tiny_pipeline, precision)
    bench = MethodContext(backbone, 0, batch_size=2, budget="full", on_step=lambda done, total: None)
    instance = configure("methods", method).instance
    state = instance.fit(scene, bench)
    assert all(torch.isfinite(value).all() and value.dtype == torch.float32 for value in state.values())
    assert {value.dtype for value in backbone.parameters().values()} == {torch.float32}
    backbone.restore()
    requests = [Request(prompt, seed) for seed, prompt in enumerate(scene.prompts)]
    pictures = list(instance.generate(state, scene, requests, bench))
    assert [picture.shape for picture in pictures] == [(32, 32, 3)] * 2
    assert all(picture.std() > 0 for picture in pictures)


def test_half_precision_draws_nearly_what_the_cpu_draws(tiny_pipeline: Path, scene: Scene) -> None:
    from bench.diffusion.sampling.sampler import DrawJob, draw

    jobs = [DrawJob("a photo of cat", 3)]
    cpu = load_backbone(BackboneSpec(str(tiny_pipeline)), resolve("cpu", "fp32"), QUICK)
    (expected,) = draw(cpu, jobs, 1)
    for precision, close in (("fp32", 2), ("fp16", 8), ("bf16", 32)):
        (picture,) = draw(_load(tiny_pipeline, precision), jobs, 1)
        assert np.abs(picture.astype(int) - expected.astype(int)).max() <= close


def test_recorded_maps_are_probabilities_in_half_precision(tiny_pipeline: Path) -> None:
    backbone = _load(tiny_pipeline, "fp16")
    with recording(backbone.unet, 16, at_16) as recorder, backbone.hardware.autocast():
        states = backbone.encode_text(["a photo of cat"])
        backbone.unet(torch.randn(1, 4, 16, 16, device="cuda"), torch.tensor([500], device="cuda"), states)
    for maps in recorder.maps:
        assert maps.dtype == torch.float32
        torch.testing.assert_close(maps.sum(dim=-1), torch.ones_like(maps[..., 0]))
