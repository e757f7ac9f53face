"""EM's two steps against direct transcriptions, with attention recomputed from hooks on q and k."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn

from bench.core.scenes import ImageArray, Mask, Scene
from bench.diffusion.backbone.attention import cross_attention_layers, recording
from bench.diffusion.backbone.encode import Encoder
from bench.diffusion.backbone.handles import add_handles, embedding, rows_replaced
from bench.diffusion.em.alternation import ExpectationMaximization, every_layer, unmasked
from bench.diffusion.em.latent_scene import MaskRule, with_masks
from bench.diffusion.em.maps import averaged_maps
from bench.diffusion.training.objective import Objective, Randomness
from bench.diffusion.training.recipe import PAPER_ADAM, AttentionLoss, Phase, Recipe
from bench.diffusion.training.rows import Rows, losses
from bench.diffusion.training.samples import SceneSamples
from bench.plugins.backbone import Backbone
from bench.plugins.method import MethodContext

Benches = Callable[..., MethodContext]
WEIGHT = 0.3
RULE = MaskRule(times=3, threshold=0.5, momentum=0.6, crf=None)
RECIPE = Recipe(
    phases=(Phase("handles", 1, 0.01),),
    samples=SceneSamples("uniform", 0.0),
    optimiser=PAPER_ADAM,
    initialiser="mean",
    masked=True,
    attention=AttentionLoss(WEIGHT, "mean"),
    layers=every_layer,
    given_masks=False,
)


@dataclass
class Fit:
    """An objective on the tiny backbone, its handles, and the same randomness once more."""

    own: Objective
    handles: nn.Parameter

    def twin(self) -> Randomness:
        """Generators that will draw what the objective's will."""
        mine = self.own.random
        torch_twin = torch.Generator().set_state(mine.torch.get_state())
        return Randomness(copy.deepcopy(mine.numpy), torch_twin)


@pytest.fixture
def make(backbone: Backbone, context: Benches) -> Iterator[Callable[[Scene, Recipe], Fit]]:
    with contextlib.ExitStack() as stack:

        def build(scene: Scene, recipe: Recipe = RECIPE) -> Fit:
            backbone.restore()
            ids = add_handles(backbone.tokenizer, backbone.text_encoder, scene.concepts, "mean")
            handles = nn.Parameter(embedding(backbone.text_encoder).detach()[ids])
            stack.enter_context(rows_replaced(backbone.text_encoder, ids, handles))
            recorder = stack.enter_context(recording(backbone.unet, 16, every_layer))
            bench = context()
            own = Objective(recipe, scene, bench, Encoder(backbone), Randomness.seeded(4), ids, {}, recorder)
            return Fit(own, handles)

        yield build


@dataclass
class Pass:
    """One forward pass, written out: latents, noise and time in their order, q and k caught by hooks."""

    predicted: Tensor
    noise: Tensor
    maps: dict[str, Tensor] = field(default_factory=dict)
    """Probabilities [heads, pixels, tokens] by layer."""

    @classmethod
    def run(cls, own: Objective, picture: ImageArray, text: str, generator: torch.Generator) -> Pass:
        latents = own.encoder.sample(picture, generator)
        noise = torch.randn(latents.shape, generator=generator)
        time = torch.randint(1000, (1,), generator=generator)
        alpha = own.backbone.scheduler.alphas_cumprod[time]
        noisy = alpha.sqrt() * latents + (1 - alpha).sqrt() * noise
        caught: dict[str, Tensor] = {}
        hooks = [
            module.register_forward_hook(lambda _m, _i, output, name=name: caught.__setitem__(name, output))
            for name, module in own.backbone.unet.named_modules()
            if name.endswith(("attn2.to_q", "attn2.to_k"))
        ]
        predicted = own.backbone.unet(noisy, time, own.backbone.encode_text([text])).sample
        for hook in hooks:
            hook.remove()
        found = cls(predicted, noise)
        for layer in cross_attention_layers(own.backbone.unet, 16):
            heads = own.backbone.unet.get_submodule(layer.name).heads
            found.maps[layer.name] = _softmax(caught[f"{layer.name}.to_q"], caught[f"{layer.name}.to_k"], heads)
        return found

    def of(self, own: Objective, concept: int, text: str, names: list[str], side: int) -> Tensor:
        """One concept's map, averaged over heads, enlarged, averaged over layers [side, side]."""
        place = own.backbone.tokenize([text])[0].tolist().index(int(own.ids[concept]))
        layers = []
        for name in names:
            column = self.maps[name].mean(dim=0)[:, place]
            square = column.reshape(1, 1, int(len(column) ** 0.5), -1)
            layers.append(nn.functional.interpolate(square, (side, side), mode="bilinear")[0, 0])
        return torch.stack(layers).mean(dim=0)


def _softmax(query: Tensor, key: Tensor, heads: int) -> Tensor:
    """softmax(Q K^T / sqrt(d)) of each head: equation 2 without V."""
    width = query.shape[-1] // heads
    parts = [slice(head * width, (head + 1) * width) for head in range(heads)]
    return torch.stack([(query[0][:, p] @ key[0][:, p].T / width**0.5).softmax(-1) for p in parts])


def layers_of(own: Objective, *places: str, side: int | None = None) -> list[str]:
    layers = cross_attention_layers(own.backbone.unet, 16)
    return [one.name for one in layers if one.place in places and side in (None, one.side)]


def loss_of(draw: Callable[[], Rows]) -> Tensor:
    (loss,) = losses([draw()])
    return loss


def threshold(attention: npt.NDArray[np.float32]) -> Mask:
    return np.asarray((attention - attention.min()) / (attention.max() - attention.min()) > 0.5)


def shrunk(mask: Mask) -> Tensor:
    """A mask of 32 at 16 pixels: the upper left of each four."""
    return torch.from_numpy(mask[::2, ::2].astype(np.float32))


def expected_first(fit: Fit, random: Randomness) -> list[Tensor]:
    """Step 1 of Figure 2: maps of the text of all concepts, averaged over three random times."""
    own, text = fit.own, "a photo of [v1] and [v2]"
    everywhere = layers_of(own, "down", "mid", "up")
    with torch.no_grad():
        passes = [Pass.run(own, own.scene.picture, text, random.torch) for _ in range(RULE.times)]
    return [torch.stack([p.of(own, c, text, everywhere, 32) for p in passes]).mean(dim=0) for c in (0, 1)]


def test_averaged_maps_are_averaged_over_random_times(scene: Scene, make: Callable[..., Fit]) -> None:
    fit = make(scene)
    expected = expected_first(fit, fit.twin())
    torch.testing.assert_close(averaged_maps(fit.own, RULE.times), torch.stack(expected), atol=2e-6, rtol=1e-4)


@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_a_step_may_estimate_the_masks_of_its_concepts_from_its_own_pass(
    scene: Scene, make: Callable[..., Fit], flip: float
) -> None:
    """Equations 3 and 4 with their gradients on the handles (M), then the running mean of maps (E)."""
    fit = make(scene, replace(RECIPE, samples=SceneSamples("uniform", flip)))
    own, random, learning = fit.own, fit.twin(), ExpectationMaximization(RULE)
    step = learning.learn_and_expect(own)
    maps = expected_first(fit, random)
    masks = [threshold(attention.numpy()) for attention in maps]
    for number in range(1, 4):
        fit.handles.grad = None
        loss = loss_of(step)
        loss.backward()
        found = fit.handles.grad
        fit.handles.grad = None
        sample = own.recipe.samples.draw(with_masks(scene, masks), random.numpy)
        seen = Pass.run(own, sample.picture, sample.text, random.torch)
        assert sample.flipped == bool(flip)
        expected = _m_step(own, seen, sample.text, sample.subset, list(sample.masks))
        expected.backward()
        torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(found, fit.handles.grad, rtol=1e-3, atol=1e-6)
        for concept in sample.subset:
            now = seen.of(own, concept, sample.text, layers_of(own, "down", "mid", "up"), 32).detach()
            maps[concept] = 0.6 * maps[concept] + 0.4 * (now.flip(1) if flip else now)
            masks[concept] = threshold(maps[concept].numpy())
        rows = [row for row in learning.records if row["step"] == number]
        for row, mask, concept in zip(rows, masks, scene.concepts, strict=True):
            union = (mask | concept.mask).sum()
            assert row["iou"] == pytest.approx((mask & concept.mask).sum() / union, abs=4 / union)


@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_after_an_update_all_masks_are_estimated_anew_from_the_text_of_all_concepts(
    scene: Scene, make: Callable[..., Fit], flip: float
) -> None:
    """ "For the optimized token, we compute (3) to update the mask": one pass, with the handles after the update."""
    fit = make(scene, replace(RECIPE, samples=SceneSamples("uniform", flip)))
    own, random, learning = fit.own, fit.twin(), ExpectationMaximization(RULE)
    step = learning.learn(own)
    maps = expected_first(fit, random)
    masks = [threshold(attention.numpy()) for attention in maps]
    text, everywhere = "a photo of [v1] and [v2]", layers_of(own, "down", "mid", "up")
    for number in range(1, 4):
        loss = loss_of(step)
        sample = own.recipe.samples.draw(with_masks(scene, masks), random.numpy)
        seen = Pass.run(own, sample.picture, sample.text, random.torch)
        expected = _m_step(own, seen, sample.text, sample.subset, list(sample.masks))
        torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-6)
        with torch.no_grad():
            fit.handles += 0.3 * torch.randn(fit.handles.shape, generator=torch.Generator().manual_seed(number))
            for row in learning.expect(own):
                losses([row])
            now = Pass.run(own, scene.picture, text, random.torch)
        for concept in (0, 1):
            maps[concept] = 0.6 * maps[concept] + 0.4 * now.of(own, concept, text, everywhere, 32)
            masks[concept] = threshold(maps[concept].numpy())
        rows = [row for row in learning.records if row["step"] == number]
        assert [row["estimated"] for row in rows] == [True, True]
        for row, mask, concept in zip(rows, masks, scene.concepts, strict=True):
            union = (mask | concept.mask).sum()
            assert row["iou"] == pytest.approx((mask & concept.mask).sum() / union, abs=4 / union)


def _m_step(own: Objective, seen: Pass, text: str, subset: tuple[int, ...], masks: list[Mask]) -> Tensor:
    union = shrunk(np.logical_or.reduce(masks))
    error = seen.noise * union - seen.predicted * union
    loss = (error**2).mean()
    parts = []
    for concept, mask in zip(subset, masks, strict=True):
        attention = seen.of(own, concept, text, layers_of(own, "down", "up", side=16), 16)
        parts.append(((attention / attention.max() - shrunk(mask)) ** 2).mean())
    return loss + WEIGHT * torch.stack(parts).mean()


def test_masks_that_are_held_are_those_of_the_last_estimate(scene: Scene, make: Callable[..., Fit]) -> None:
    fit = make(scene)
    learning = ExpectationMaximization(RULE)
    step = learning.learn_and_expect(fit.own)
    for _ in range(3):
        loss_of(step)
    held = learning.hold(fit.own)
    from_metadata = len(learning.records)
    assert from_metadata == 2 * (1 + 3)
    loss_of(held)
    assert len(learning.records) == from_metadata


def test_holding_from_the_start_keeps_the_first_estimate(scene: Scene, make: Callable[..., Fit]) -> None:
    """The paper's baseline: the masks of pristine maps, in the loss of both phases."""
    fit = make(scene)
    random, learning = fit.twin(), ExpectationMaximization(RULE)
    held = learning.hold(fit.own)
    masks = [threshold(attention.numpy()) for attention in expected_first(fit, random)]
    sample = fit.own.recipe.samples.draw(with_masks(scene, masks), random.numpy)
    seen = Pass.run(fit.own, sample.picture, sample.text, random.torch)
    expected = _m_step(fit.own, seen, sample.text, sample.subset, list(sample.masks))
    torch.testing.assert_close(loss_of(held), expected, rtol=1e-5, atol=1e-6)
    assert {row["step"] for row in learning.records} == {0}


def test_inversion_is_the_plain_diffusion_loss(scene: Scene, make: Callable[..., Fit]) -> None:
    fit = make(scene)
    random = fit.twin()
    loss = loss_of(unmasked(fit.own))
    sample = fit.own.recipe.samples.draw(scene, random.numpy)
    seen = Pass.run(fit.own, sample.picture, sample.text, random.torch)
    torch.testing.assert_close(loss, ((seen.noise - seen.predicted) ** 2).mean(), rtol=1e-5, atol=1e-6)


def test_each_picture_is_looked_at_with_its_own_concepts(scene: Scene, make: Callable[..., Fit]) -> None:
    """[v1] from one picture and [v2] from another (Figure 2)."""
    other = np.ascontiguousarray(scene.picture[::-1])
    first, second = scene.concepts
    fit = make(replace(scene, more=(other,), concepts=(first, replace(second, picture=1))))
    random = fit.twin()
    found = averaged_maps(fit.own, times=2)
    everywhere = layers_of(fit.own, "down", "mid", "up")
    for concept, (picture, text) in enumerate([(scene.picture, "a photo of [v1]"), (other, "a photo of [v2]")]):
        with torch.no_grad():
            passes = [Pass.run(fit.own, picture, text, random.torch) for _ in range(2)]
        expected = torch.stack([one.of(fit.own, concept, text, everywhere, 32) for one in passes]).mean(dim=0)
        torch.testing.assert_close(found[concept], expected, atol=2e-6, rtol=1e-4)
