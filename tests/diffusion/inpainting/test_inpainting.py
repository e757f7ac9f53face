"""Inpainting on the tiny pipeline: equal to the library's pipeline, undone by `restore`, and trained on holes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from bench.methods.realfill_clic import Method
from diffusers import StableDiffusionInpaintPipeline

from bench.core.errors import UserError
from bench.core.scenes import Mask, Scene
from bench.diffusion.backbone.encode import Encoder
from bench.diffusion.backbone.inpainting_input import InpaintingInput, narrow_input, widen_input
from bench.diffusion.inpainting import training
from bench.diffusion.inpainting.checkpoint import fingerprint
from bench.diffusion.inpainting.fill import fill
from bench.diffusion.inpainting.holes import random_hole
from bench.diffusion.inpainting.unet import GREY, make_inpainting, show_hole
from bench.diffusion.sampling.latents import decode, initial_noise
from bench.diffusion.sampling.sampler import DrawJob, draw
from bench.diffusion.training.losses import shrink_masks
from bench.plugins.backbone import Backbone
from bench.plugins.backbone_settings import BackboneSettings, Budget, Sampler
from bench.plugins.method import Hole, MethodContext


def silent(_done: int, _total: int) -> None: ...


@pytest.fixture
def backbone_settings() -> BackboneSettings:
    """A budget of two steps, and four sampling steps."""
    return BackboneSettings(sampler=Sampler(4, 2.0), budgets={"full": Budget(steps=0.004, weights_learning_rate=1e3)})


@pytest.fixture
def hole(scene: Scene) -> Hole:
    """The place of the umbrella."""
    return Hole(scene.picture, scene.concepts[1].mask, "a photo of a cat", 7)


def test_a_filled_hole_is_what_the_librarys_inpainting_pipeline_draws(
    backbone: Backbone, hole: Hole, tiny_inpainting: Path
) -> None:
    make_inpainting(backbone, str(tiny_inpainting))
    ours = fill(backbone, hole, silent)
    shown = np.where(hole.mask[:, :, None], GREY, hole.picture).astype(np.uint8)
    make: Any = StableDiffusionInpaintPipeline
    pipeline = make.from_pretrained(tiny_inpainting, safety_checker=None)
    pipeline.scheduler = backbone.scheduler
    pipeline.set_progress_bar_config(disable=True)
    drawn = pipeline(
        hole.text,
        image=torch.from_numpy(hole.picture.copy()).permute(2, 0, 1)[None] / 255,
        mask_image=torch.from_numpy(hole.mask.copy())[None, None].float(),
        masked_image_latents=Encoder(backbone).mean(shown),
        height=32,
        width=32,
        latents=initial_noise(backbone, hole.noise_seed),
        num_inference_steps=4,
        guidance_scale=2.0,
        output_type="latent",
    ).images[0]
    inside = np.zeros((32, 32), bool)
    inside[7:25, 21:27] = True  # at least three pixels within the hole, where nothing of the seam is left
    theirs = decode(backbone, drawn)
    assert np.abs(ours[inside].astype(int) - theirs[inside]).max() <= 1
    np.testing.assert_array_equal(ours[~hole.mask], hole.picture[~hole.mask])


def test_a_derived_one_draws_as_before_whatever_it_is_shown(backbone: Backbone, hole: Hole) -> None:
    """Its new input weights are 0."""
    (before,) = draw(backbone, [DrawJob("a photo of a cat", 7)], 1)
    make_inpainting(backbone, "")
    show_hole(backbone, Encoder(backbone), hole.picture, hole.mask)
    (after,) = draw(backbone, [DrawJob("a photo of a cat", 7)], 1)
    np.testing.assert_array_equal(after, before)


def test_the_input_reads_latents_then_mask_then_the_picture_without_its_hole(backbone: Backbone, hole: Hole) -> None:
    make_inpainting(backbone, "")
    first = backbone.unet.conv_in
    assert isinstance(first, InpaintingInput)
    assert first.condition[0, 0].min() == 1, "all is hole until it is shown a picture"
    show_hole(backbone, Encoder(backbone), hole.picture, hole.mask)
    inside = shrink_masks(torch.from_numpy(hole.mask.copy())[None], 16)
    torch.testing.assert_close(first.condition[:, 0], inside)
    latents = torch.randn(2, 4, 16, 16)
    with torch.no_grad():
        first.weight.zero_()[0, 4, 1, 1] = 5.0
        torch.testing.assert_close(first(latents)[:, 0] - first.bias[0], 5.0 * inside.expand(2, -1, -1))


def test_restore_undoes_it(backbone: Backbone, tiny_inpainting: Path) -> None:
    before = {name: value.clone() for name, value in backbone.unet.state_dict().items()}
    make_inpainting(backbone, str(tiny_inpainting))
    assert backbone.unet.conv_in.weight.shape[1] == 9
    backbone.restore()
    assert not isinstance(backbone.unet.conv_in, InpaintingInput)
    after = backbone.unet.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_a_plain_input_stays_when_it_is_narrowed(backbone: Backbone) -> None:
    first = backbone.unet.conv_in
    narrow_input(backbone.unet)
    assert backbone.unet.conv_in is first
    assert widen_input(backbone.unet).weight[:, 4:].abs().max() == 0


def test_another_pipeline_is_refused(backbone: Backbone, tiny_inpainting: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"inpainting=.*nowhere is neither a folder nor available"):
        fingerprint(str(tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"inpainting=.*empty is a folder without a readable model_index.json; name a"):
        fingerprint(str(tmp_path / "empty"))
    other = shutil.copytree(tiny_inpainting, tmp_path / "other")
    (other / "scheduler" / "scheduler_config.json").write_text(json.dumps({"prediction_type": "v_prediction"}))
    with pytest.raises(UserError, match="predicts v_prediction, the backbone epsilon"):
        make_inpainting(backbone, str(other))


def test_a_text_to_image_pipeline_is_refused(tiny_pipeline: Path) -> None:
    with pytest.raises(UserError, match="is a StableDiffusionPipeline; name a StableDiffusionInpaintPipeline for"):
        fingerprint(str(tiny_pipeline))


def test_what_it_is_derived_from_is_in_the_fits_key(tiny_inpainting: Path) -> None:
    assert Method().fingerprint() == "derived"
    assert Method(inpainting=str(tiny_inpainting)).fingerprint().startswith("sha256:")


def test_random_holes_are_realfills() -> None:
    """A tenth is all hole; of the others, boxes and all but boxes have equal chances, of 3 to 25 % of the side."""
    rng = np.random.default_rng(0)
    holes = [random_hole(100, rng) for _ in range(2000)]
    whole = np.mean([hole.all() for hole in holes])
    assert whole == pytest.approx(0.1, abs=0.02)
    border = [bool(hole[0].any()) for hole in holes if not hole.all()]
    assert np.mean(border) == pytest.approx(0.5, abs=0.04), "no box touches the border"
    boxes = [hole for hole, edge in zip((one for one in holes if not one.all()), border, strict=True) if not edge]
    assert min(int(hole.sum()) for hole in boxes) >= 9
    assert max(int(hole.sum()) for hole in boxes) > 24 * 24, "there are several"
    assert all(hole.any() for hole in holes)


def test_the_loss_counts_inside_the_mask_and_the_hole_is_not_seen(
    backbone: Backbone, scene: Scene, context: Callable[..., MethodContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the cat as the hole, its pixels reach the network through the noised latents alone."""
    seen: list[torch.Tensor] = []

    def as_the_cat(_side: int, _rng: np.random.Generator) -> Mask:
        return scene.concepts[0].mask

    def loss(predicted: torch.Tensor, target: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        first = backbone.unet.conv_in
        assert isinstance(first, InpaintingInput)
        seen.extend((first.condition, mask))
        return ((predicted - target) ** 2 * mask).mean()

    monkeypatch.setattr(training, "random_hole", as_the_cat)
    monkeypatch.setattr(training, "masked_diffusion_loss", loss)
    Method(steps=250).fit(scene, context())
    hidden = np.where(scene.concepts[0].mask[:, :, None], GREY, scene.picture).astype(np.uint8)
    masks = [shrink_masks(torch.from_numpy(concept.mask.copy())[None], 16)[None] for concept in scene.concepts]
    torch.testing.assert_close(seen[0], torch.cat([masks[0], Encoder(backbone).mean(hidden)], dim=1))
    assert any(torch.equal(seen[1], mask) for mask in masks), "one concept per step"


@pytest.mark.parametrize("derived", [True, False])
def test_what_is_trained(
    derived: bool, scene: Scene, context: Callable[..., MethodContext], tiny_inpainting: Path
) -> None:
    state = Method(inpainting="" if derived else str(tiny_inpainting)).fit(scene, context())
    weights = {name for name in state if name != "handles"}
    inputs = {name for name in weights if name.startswith("unet.conv_in.")}
    assert inputs == ({"unet.conv_in.weight", "unet.conv_in.bias"} if derived else set())
    assert {name.split(".attn2.")[1].split(".")[0] for name in weights - inputs} == {"to_k", "to_v"}
    if derived:
        assert state["unet.conv_in.weight"].shape[1] == 9
        assert state["unet.conv_in.weight"][:, 4:].abs().max() > 0


def test_a_loaded_fit_fills_a_hole(
    backbone: Backbone, scene: Scene, context: Callable[..., MethodContext], hole: Hole, tiny_inpainting: Path
) -> None:
    method = Method(inpainting=str(tiny_inpainting))
    state = method.fit(scene, context())
    backbone.restore()
    method.load_state(state, scene, backbone)
    steps: list[tuple[int, int]] = []
    filled = method.fill(backbone, hole, lambda *step: steps.append(step))
    assert steps == [(done, 4) for done in range(1, 5)]
    np.testing.assert_array_equal(filled[~hole.mask], hole.picture[~hole.mask])
    assert (filled[hole.mask] != hole.picture[hole.mask]).mean() > 0.5
