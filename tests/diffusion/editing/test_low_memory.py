"""Editing in low memory, which computes layers again for a gradient, comes to what it comes to in default."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.core.device import Memory, resolve
from bench.core.scenes import Scene
from bench.diffusion.backbone.checkpoint import BackboneSpec
from bench.diffusion.backbone.handles import add_handles, embedding
from bench.diffusion.backbone.loading import load_backbone
from bench.diffusion.backbone.stable_diffusion import StableDiffusion
from bench.diffusion.editing.blended import BlendedEdit, edited
from bench.diffusion.editing.roi_matching import RoiMatch, matched_region
from bench.plugins.backbone_settings import BackboneSettings, Budget, Sampler

SETTINGS = BackboneSettings(sampler=Sampler(3, 2.0), budgets={"full": Budget(0.02, 20.0)})
"""Three sampling steps, ten on w*."""


def silent(_done: int, _total: int) -> None: ...


@pytest.fixture
def editing(tiny_pipeline: Path, scene: Scene) -> dict[Memory, StableDiffusion]:
    """The tiny backbone with the scene's handles, for either use of memory."""
    modes: tuple[Memory, ...] = ("default", "low")
    spec = BackboneSpec(str(tiny_pipeline))
    loaded = {memory: load_backbone(spec, resolve("cpu", "fp32", memory), SETTINGS) for memory in modes}
    for backbone in loaded.values():
        add_handles(backbone.tokenizer, backbone.text_encoder, scene.concepts, "mean")
    return loaded


def test_guidance(editing: dict[Memory, StableDiffusion], scene: Scene) -> None:
    edit = BlendedEdit(scene.picture, scene.concepts[1].mask, "a photo of [v1]", ("[v1]",), 0.5, 0.5, 7)
    default, low = (edited(backbone, edit, silent).astype(int) for backbone in editing.values())
    assert abs(default - low).max() <= 1


def test_roi_matching(editing: dict[Memory, StableDiffusion], scene: Scene) -> None:
    match = RoiMatch(scene.picture, scene.concepts[0], scene.picture[:, ::-1], "full", 1)
    for backbone in editing.values():
        matched_region(backbone, match, silent)
    default, low = (embedding(backbone.text_encoder).detach()[-1].numpy() for backbone in editing.values())
    np.testing.assert_allclose(default, low, rtol=0, atol=1e-3 * abs(default).max())
