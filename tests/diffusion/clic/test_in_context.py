"""CLiC's step on the tiny pipeline against a transcription of equations 1 to 5, and its use of the recipe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.core.scenes import Scene
from bench.diffusion.backbone.attention import recording
from bench.diffusion.backbone.encode import Encoder
from bench.diffusion.backbone.handles import add_handles
from bench.diffusion.backbone.terms import in_up_blocks
from bench.diffusion.clic import in_context
from bench.diffusion.clic.in_context import (
    ConceptStep,
    InContext,
    LossRule,
    draw_concept_step,
)
from bench.diffusion.training.objective import Objective, Randomness
from bench.diffusion.training.recipe import ADAM, Phase, Recipe
from bench.diffusion.training.samples import SceneSamples, TextTemplate
from bench.diffusion.training.step import Step
from bench.plugins.backbone import Backbone
from bench.plugins.method import MethodContext

PAPER = InContext(0.5, 1.0, 0.5, 0.5, in_context.PAPER)
CODE = InContext(0.25, 0.5, 0.25, 0.25, in_context.CODE)
WORDING = TextTemplate("{tokens}", "{a_object} with {handle} style")
RECIPE = Recipe(
    (Phase("handles", 1, 1e-3),), SceneSamples("uniform", 0.0, 1.0, 0.0, WORDING), ADAM, "mean", masked=True
)


@pytest.fixture
def objective(backbone: Backbone, scene: Scene) -> Iterator[Objective]:
    ids = add_handles(backbone.tokenizer, backbone.text_encoder, scene.concepts, "mean")
    context = MethodContext(backbone, 0, 1, "full", lambda _done, _total: None)
    with recording(backbone.unet, 16, in_up_blocks) as recorder:
        yield Objective(RECIPE, scene, context, Encoder(backbone), Randomness.seeded(4), ids, {}, recorder)


def drawn(objective: Objective, seed: int = 4, rule: LossRule = in_context.PAPER) -> ConceptStep:
    return draw_concept_step(replace(objective, random=Randomness.seeded(seed)), rule)


def unet(view: ConceptStep, latents: torch.Tensor, text: str) -> torch.Tensor:
    backbone = view.objective.backbone
    return backbone.unet(latents, view.step.time, backbone.encode_text([text])).sample


def test_a_step_sees_one_concept_in_its_object(objective: Objective) -> None:
    texts = {drawn(objective, seed).sample.text for seed in range(12)}
    assert texts == {"a cat with [v1] style", "an umbrella with [v2] style"}
    view = drawn(objective)
    assert view.alone == f"a photo of [v{view.sample.subset[0] + 1}]"
    inside = view.sample.masks[0][::2, ::2]
    np.testing.assert_array_equal(view.mask[0, 0].numpy(), inside)


def attention_by_hand(objective: Objective, mask: torch.Tensor, token: int) -> torch.Tensor:
    """Equation 1: the up blocks' maps of the token, averaged over heads and layers at 16 x 16, stretched."""
    assert objective.recorder is not None
    layers = []
    for probabilities in objective.recorder.maps:
        side = int(probabilities.shape[2] ** 0.5)
        one = probabilities[0, :, :, token].mean(dim=0).reshape(1, 1, side, side)
        layers.append(torch.nn.functional.interpolate(one, size=(16, 16), mode="bilinear")[0, 0])
    mean = sum(layers) / len(layers)
    return (((mean - mean.min()) / (mean.max() - mean.min()) - mask) ** 2).mean()


def test_the_papers_loss_is_equation_5(objective: Objective) -> None:
    view = drawn(objective)
    token = int(objective.positions(view.sample)[0])
    x_t, noise, mask = view.step.noisy, view.step.noise, view.mask
    objective.recorder.clear()
    predicted = unet(view, x_t, view.sample.text)
    attention = attention_by_hand(objective, mask[0, 0], token)
    context = (((0.5 + 0.5 * mask) * (predicted - noise)) ** 2).mean()
    roi = ((unet(view, mask * x_t, view.alone) - noise) ** 2).mean()
    torch.testing.assert_close(PAPER.loss(view), context + 0.5 * attention + 0.5 * roi, rtol=1e-5, atol=0)


def test_the_codes_loss_is_the_codes(objective: Objective) -> None:
    """Of a mask whose edges lie between the latents' cells: bilinear for all, and 0 outside for the attention."""
    shifted = tuple(replace(one, mask=np.roll(one.mask, 1, axis=1)) for one in objective.scene.concepts)
    objective = replace(objective, scene=replace(objective.scene, concepts=shifted))
    view = drawn(objective, rule=in_context.CODE)
    generator = view.objective.random.torch
    state = generator.get_state()
    loss = CODE.loss(view)
    generator.set_state(state)
    token, noise = int(objective.positions(view.sample)[0]), view.step.noise
    mask = torch.from_numpy(view.sample.masks[0].reshape(16, 2, 16, 2).mean(axis=(1, 3))).float()
    assert 0.5 in mask
    soft = torch.zeros(16, 16)
    soft[1:-1, 1:-1] = torch.where(mask == 0, 0.25, mask)[1:-1, 1:-1]
    objective.recorder.clear()
    predicted = unet(view, view.step.noisy, view.sample.text)
    attention = attention_by_hand(objective, mask, token)
    context = (soft * (predicted - noise) ** 2).sum() / soft.sum()
    grey = np.where(view.sample.masks[0][:, :, None], view.sample.picture, np.uint8(128))
    step = Step(objective.backbone, objective.encoder.sample(grey, generator), noise, view.step.time)
    error = (unet(view, step.noisy, view.alone) - noise) ** 2
    roi = (mask * error).sum() / mask.sum()
    torch.testing.assert_close(loss, 0.5 * context + 0.25 * attention + 0.25 * roi, rtol=1e-5, atol=0)


@pytest.mark.parametrize("left_out", ["context_weight", "attention_weight", "roi_weight"])
def test_a_weight_of_zero_leaves_its_loss_out(objective: Objective, left_out: str) -> None:
    view = drawn(objective)
    whole, rest = PAPER.loss(view), replace(PAPER, **{left_out: 0.0}).loss(view)
    alone = replace(
        PAPER, **{name: 0.0 for name in ("context_weight", "attention_weight", "roi_weight") if name != left_out}
    )
    torch.testing.assert_close(whole - rest, alone.loss(view), rtol=1e-4, atol=1e-6)
    assert rest < whole


def test_gradients_reach_the_networks_from_all_three(objective: Objective) -> None:
    keys = [one for name, one in objective.backbone.parameters().items() if ".attn2.to_k." in name]
    view = drawn(objective)
    for parameter in keys:
        parameter.requires_grad_()
    for weights in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)):
        context, attention, roi = weights
        losses = replace(PAPER, context_weight=context, attention_weight=attention, roi_weight=roi)
        gradients = torch.autograd.grad(losses.loss(view), keys, allow_unused=True)
        assert any(one is not None and one.abs().sum() > 0 for one in gradients)


def test_the_step_is_the_seeds_alone(objective: Objective) -> None:
    first, again = (PAPER.begin(replace(objective, random=Randomness.seeded(6)))() for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(PAPER.begin(replace(objective, random=Randomness.seeded(7)))(), first)


def test_each_weighted_loss_is_logged_by_its_name(objective: Objective) -> None:
    total = PAPER.loss(drawn(objective))
    parts = objective.parts.take()
    assert list(parts) == ["context", "attention", "RoI"]
    torch.testing.assert_close(sum(parts.values()), total.detach())
