"""RoI matching on the tiny pipeline: the loss falls, only w* moves, and the region is one of the target."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bench.core.errors import UserError
from bench.core.scenes import Scene
from bench.diffusion.backbone.encode import Encoder
from bench.diffusion.backbone.handles import add_handles, embedding
from bench.diffusion.backbone.token_maps import token_maps, token_places
from bench.diffusion.editing.blended import latent_mask
from bench.diffusion.editing.roi_matching import REGION, RoiMatch, matched_region
from bench.diffusion.training.losses import region_loss
from bench.plugins.backbone import Backbone
from bench.plugins.backbone_settings import BackboneSettings, Budget, Sampler


def silent(_done: int, _total: int) -> None: ...


@pytest.fixture
def backbone_settings() -> BackboneSettings:
    """A budget of 60 steps on w*."""
    return BackboneSettings(sampler=Sampler(3, 2.0), budgets={"full": Budget(0.12, 20.0)})


@pytest.fixture
def fitted(backbone: Backbone, scene: Scene) -> Backbone:
    """The tiny backbone with the scene's handles."""
    add_handles(backbone.tokenizer, backbone.text_encoder, scene.concepts, "mean")
    return backbone


def matching(scene: Scene, seed: int = 1) -> RoiMatch:
    return RoiMatch(scene.picture, scene.concepts[0], scene.picture[:, ::-1], "full", seed)


def test_the_region_has_the_targets_shape_and_is_never_empty(fitted: Backbone, scene: Scene) -> None:
    steps: list[tuple[int, int]] = []
    mask = matched_region(fitted, matching(scene), lambda *step: steps.append(step))
    assert (mask.shape, mask.dtype) == ((32, 32), np.bool_)
    assert 0 < mask.sum() < mask.size
    assert steps == [(done, 60) for done in range(1, 61)]


def test_only_the_new_token_is_trained(fitted: Backbone, scene: Scene) -> None:
    before = {name: value.detach().clone() for name, value in fitted.parameters().items()}
    matched_region(fitted, matching(scene), silent)
    table = embedding(fitted.text_encoder).detach()
    identity = fitted.tokenizer.convert_tokens_to_ids(REGION)
    start = before["text_encoder.embeddings.token_embedding.weight"]
    assert torch.equal(table[:identity], start)
    assert not torch.equal(table[identity], table[fitted.tokenizer.convert_tokens_to_ids("[v1]")])
    after = fitted.parameters()
    assert all(torch.equal(after[name], value) for name, value in before.items() if "token_embedding" not in name)


def test_training_lowers_the_attention_loss_on_the_source(fitted: Backbone, scene: Scene) -> None:
    matched_region(fitted, matching(scene), silent)
    assert attention_loss(fitted, scene, REGION) < 0.9 * attention_loss(fitted, scene, "[v1]")


def attention_loss(backbone: Backbone, scene: Scene, token: str) -> float:
    """Equation 1 for a token, averaged over noises and times that the training did not see."""
    text = f"a {token} region of a cat"
    states, places = backbone.encode_text([text]), token_places(backbone, text, [token])
    mask = latent_mask(backbone, scene.concepts[0].mask)[0]
    clean, generator = Encoder(backbone).mean(scene.picture), torch.Generator().manual_seed(99)
    losses = []
    for time in range(20, 1000, 50):
        noisy = backbone.scheduler.add_noise(clean, torch.randn(clean.shape, generator=generator), torch.tensor([time]))
        with token_maps(backbone, noisy, time, states, places) as maps:
            losses.append(region_loss(maps, mask).item())
    return float(np.mean(losses))


def test_the_seed_alone_decides(fitted: Backbone, scene: Scene) -> None:
    first = matched_region(fitted, matching(scene), silent)
    fitted.restore()
    add_handles(fitted.tokenizer, fitted.text_encoder, scene.concepts, "mean")
    torch.manual_seed(3)
    np.testing.assert_array_equal(matched_region(fitted, matching(scene), silent), first)


def test_a_backbone_that_knows_the_token_is_refused(fitted: Backbone, scene: Scene) -> None:
    fitted.tokenizer.add_tokens([REGION])
    with pytest.raises(UserError, match="a token of the backbone already"):
        matched_region(fitted, matching(scene), silent)
