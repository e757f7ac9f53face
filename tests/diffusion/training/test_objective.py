"""A recipe's total loss at one step, put together again from its parts, in double precision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor

from bench.core.errors import UserError
from bench.core.scenes import ImageArray, Scene
from bench.diffusion.backbone.attention import Recorder, cross_attention_layers, recording
from bench.diffusion.backbone.encode import Encoder
from bench.diffusion.backbone.handles import add_handles
from bench.diffusion.backbone.terms import at_16
from bench.diffusion.training.objective import Objective, Randomness
from bench.diffusion.training.recipe import PAPER_ADAM, AttentionLoss, Prior, Recipe, Reduction
from bench.diffusion.training.rows import losses
from bench.diffusion.training.samples import CollectionSamples, Sample, SceneSamples
from bench.diffusion.training.step import Step
from bench.plugins.backbone import Backbone
from bench.plugins.method import MethodContext

RECIPE = Recipe((), SceneSamples("uniform", 0.5), PAPER_ADAM, "mean", masked=True)
PRIOR = Prior("a photo of {class}", pictures=2, weight=0.7)
Benches = Callable[..., MethodContext]
Denoised = tuple[Tensor, Tensor]


@pytest.fixture
def objective(scene: Scene, backbone: Backbone, context: Benches) -> Callable[..., Objective]:
    """Makes objectives on the tiny backbone, with two prior pictures a class."""
    ids = add_handles(backbone.tokenizer, backbone.text_encoder, scene.concepts, "mean")
    rng = np.random.default_rng(5)
    prior = {
        text: [rng.integers(0, 256, (32, 32, 3), dtype=np.uint8) for _ in range(2)]
        for text in ("a photo of a cat", "a photo of an umbrella")
    }

    def make(recipe: Recipe, recorder: Recorder | None, seed: int = 0) -> Objective:
        random = Randomness.seeded(seed)
        grey = np.random.default_rng(6).integers(128, 256, scene.picture.shape[:2], dtype=np.uint8)
        edged = replace(
            scene,
            concepts=tuple(replace(one, soft=np.where(one.mask, grey, grey - np.uint8(128))) for one in scene.concepts),
        )
        return Objective(recipe, edged, context(), Encoder(backbone), random, ids, prior, recorder)

    return make


def transcribed(own: Objective, seed: int) -> Tensor:
    """Equations 1 to 3 with prior preservation, step by step, from the same random numbers."""
    recipe, backbone = own.recipe, own.backbone
    rng, noise_of = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    sample = recipe.samples.draw(own.scene, rng)
    pictures, texts = [sample.picture], [sample.text]
    if recipe.prior is not None:
        label = own.scene.concepts[sample.subset[rng.integers(len(sample.subset))]].label
        texts.append({"cat": "a photo of a cat", "umbrella": "a photo of an umbrella"}[label])
        pictures.append(own.prior[texts[1]][rng.integers(2)])
    z = torch.cat([own.encoder.sample(picture, noise_of) for picture in pictures])
    noise = torch.randn(z.shape, generator=noise_of)
    t = torch.randint(1000, (len(z),), generator=noise_of)
    alpha = backbone.scheduler.alphas_cumprod[t].reshape(-1, 1, 1, 1)
    with recording(backbone.unet, 16, at_16) as recorder:
        answer = backbone.unet(alpha.sqrt() * z + (1 - alpha).sqrt() * noise, t, backbone.encode_text(texts)).sample
    answer, noise = answer.double(), noise.double()
    union = torch.from_numpy(sample.masks.max(axis=0)[::2, ::2].astype(float)) if recipe.masked else torch.ones(16, 16)
    total = ((noise[0] * union - answer[0] * union) ** 2).sum() / noise[0].numel()
    if recipe.valid_region:  # CLiC's code, mode `content`: the squared errors of 14 x 14 cells over their number
        total = ((noise[0] - answer[0]) ** 2)[:, 1:15, 1:15].sum() / 14**2
    if recipe.attention is not None:
        words = backbone.tokenizer(sample.text).input_ids
        for mask, index in zip(sample.masks, sample.subset, strict=True):
            place = words.index(backbone.tokenizer.convert_tokens_to_ids(own.scene.concepts[index].handle))
            maps = torch.stack([one[0, :, :, place].double().mean(dim=0) for one in recorder.maps]).mean(dim=0)
            error = (maps / maps.max() - torch.from_numpy(mask[::2, ::2].reshape(-1).astype(float))) ** 2
            share = len(sample.subset) if recipe.attention.reduction == "mean" else 1
            total = total + recipe.attention.weight * error.mean() / share
    if recipe.prior is not None:
        total = total + recipe.prior.weight * ((noise[1] - answer[1]) ** 2).mean()
    return total


@pytest.mark.parametrize(
    "recipe",
    [
        pytest.param(RECIPE, id="masked"),
        pytest.param(replace(RECIPE, masked=False), id="plain"),
        pytest.param(replace(RECIPE, masked=False, valid_region=True), id="valid region"),
        pytest.param(replace(RECIPE, attention=AttentionLoss(0.5, "mean")), id="attention, mean"),
        pytest.param(replace(RECIPE, attention=AttentionLoss(0.5, "sum")), id="attention, sum"),
        pytest.param(replace(RECIPE, attention=AttentionLoss(0.5, "sum"), prior=PRIOR), id="prior preservation"),
        pytest.param(
            replace(RECIPE, samples=SceneSamples("size-first", 0.5, soft=True), attention=AttentionLoss(0.5, "sum")),
            id="soft masks",
        ),
    ],
)
def test_the_total_and_its_gradient_are_the_papers(
    recipe: Recipe, backbone: Backbone, objective: Callable[..., Objective]
) -> None:
    weight = backbone.parameters()["unet.conv_out.weight"].requires_grad_()
    for seed in range(3):
        with recording(backbone.unet, 16, at_16) as recorder:
            own = objective(recipe, recorder, seed)
            value = own()
            (gradient,) = torch.autograd.grad(value, weight)
        expected = transcribed(own, seed)
        (slope,) = torch.autograd.grad(expected, weight)
        assert value.item() == pytest.approx(expected.item(), rel=1e-5)
        torch.testing.assert_close(gradient, slope, rtol=1e-3, atol=1e-6)


def test_prior_pictures_are_drawn_evenly_over_the_steps_classes_and_their_pictures(
    backbone: Backbone, objective: Callable[..., Objective], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A class of the step's subset, then one of its pictures: with three even subsets all four are as likely."""
    monkeypatch.setattr(Step, "denoised", lambda step, *_texts: (torch.zeros_like(step.latents), step.latents))
    own = objective(replace(RECIPE, prior=PRIOR), None)
    names = {picture.tobytes(): (text, n) for text, found in own.prior.items() for n, picture in enumerate(found)}
    seen: Counter[tuple[str, int]] = Counter()

    def latents(pictures: Sequence[ImageArray], _noise: Tensor, fresh: bool) -> Tensor:
        seen.update(names[picture.tobytes()] for picture in pictures if picture.tobytes() in names)
        return torch.zeros(len(pictures), 4, 16, 16)

    monkeypatch.setattr(own.encoder, "latents", latents)
    for _ in range(800):
        own()
    assert len(seen) == 4
    assert seen.total() == 800
    assert chisquare(list(seen.values())).pvalue > 1e-3


def test_while_only_handles_learn_no_prior_picture_is_computed_and_all_else_stays(
    backbone: Backbone, objective: Callable[..., Objective], monkeypatch: pytest.MonkeyPatch
) -> None:
    widths: list[int] = []
    monkeypatch.setattr(Step, "denoised", _counting(Step.denoised, widths))
    whole, lean = (
        objective(replace(RECIPE, prior=PRIOR), None, seed=3),
        objective(replace(RECIPE, prior=PRIOR), None, 3),
    )
    lean = replace(lean, trains_weights=False)
    for _ in range(3):
        rows = whole.draw()
        predicted, target = Step(
            backbone, whole.encoder.latents(rows.pictures, rows.latent_noise), rows.noise, rows.time
        ).denoised(*rows.texts)
        expected = rows.loss(predicted[:1], target[:1])
        torch.testing.assert_close(lean(), expected, rtol=1e-5, atol=1e-6)
    assert widths == [2, 1] * 3
    assert torch.equal(lean.random.torch.get_state(), whole.random.torch.get_state())
    assert lean.random.numpy.bit_generator.state == whole.random.numpy.bit_generator.state


def _counting(denoised: Callable[..., Denoised], widths: list[int]) -> Callable[..., Denoised]:
    def counted(step: Step, *texts: str) -> Denoised:
        widths.append(len(texts))
        return denoised(step, *texts)

    return counted


@pytest.mark.parametrize("samples", [SceneSamples("uniform", 0.5), CollectionSamples()], ids=["scene", "collection"])
def test_a_batch_is_its_samples_in_turn(
    samples: SceneSamples | CollectionSamples, backbone: Backbone, objective: Callable[..., Objective]
) -> None:
    """The same losses and gradients, from one pass, with the prior picture of each and each its own maps."""
    recipe = replace(RECIPE, samples=samples, attention=AttentionLoss(0.5, "sum"), prior=PRIOR)
    weight = backbone.parameters()["unet.conv_in.weight"].requires_grad_()
    with recording(backbone.unet, 16, at_16) as recorder:
        own, twin = (objective(recipe, recorder, seed=7) for _ in range(2))
        batched = losses([own.draw() for _ in range(4)])
        (gradient,) = torch.autograd.grad(torch.stack(batched).mean(), weight)
        in_turn = [twin() for _ in range(4)]
        (expected,) = torch.autograd.grad(torch.stack(in_turn).mean(), weight)
    torch.testing.assert_close(torch.stack(batched), torch.stack(in_turn), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(gradient, expected, rtol=1e-5, atol=1e-6)


def test_layers_that_only_observers_read_are_recorded_for_them_alone(
    backbone: Backbone, objective: Callable[..., Objective]
) -> None:
    kept: list[int] = []
    with recording(backbone.unet, 16, lambda _layer: True) as recorder:
        own = objective(replace(RECIPE, attention=AttentionLoss(0.5, "mean"), layers=lambda _layer: True), recorder)
        own()
        kept.append(len(recorder.maps))
        replace(own, observe=lambda _sample: kept.append(len(recorder.maps)))()
        replace(own, recipe=replace(own.recipe, attention=None))()
        kept.append(len(recorder.maps))
    layers = cross_attention_layers(backbone.unet, 16)
    assert kept == [sum(at_16(layer) for layer in layers), len(layers), 0]
    assert kept[0] < kept[1]


def test_whoever_observes_sees_the_sample_while_its_maps_are_there(
    backbone: Backbone, objective: Callable[..., Objective]
) -> None:
    with recording(backbone.unet, 16, at_16) as recorder:
        seen: list[tuple[Sample, int, Tensor]] = []
        own = objective(replace(RECIPE, attention=AttentionLoss(0.5, "mean")), recorder)
        watched = replace(
            own, observe=lambda sample: seen.append((sample, len(recorder.maps), recorder.take(own.positions(sample))))
        )
        for _ in range(3):
            watched()
    counts = {count for _, count, _ in seen}
    assert len(counts) == 1, "the maps of one step are gone by the next"
    for sample, _, maps in seen:
        assert maps.shape == (len(sample.subset), 16, 16)


def test_masks_may_be_replaced_between_steps(backbone: Backbone, objective: Callable[..., Objective]) -> None:
    """With masks of everything, the masked loss is the plain one."""
    own = objective(RECIPE, None, seed=4)
    everything = tuple(replace(concept, mask=np.ones((32, 32), bool)) for concept in own.scene.concepts)
    replaced = replace(own, scene=replace(own.scene, concepts=everything))
    plain = objective(replace(RECIPE, masked=False), None, seed=4)
    assert replaced().item() == pytest.approx(plain().item(), rel=1e-6)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_mask_that_vanishes_where_the_maps_are_has_no_attention_loss(
    reduction: Reduction, backbone: Backbone, objective: Callable[..., Objective]
) -> None:
    """A bar of one pixel between those that 16 x 16 reads: its handle is not taught to be looked at nowhere."""
    bar = np.zeros((32, 32), bool)
    bar[:, 5] = True
    attention = AttentionLoss(0.5, reduction)
    recipe = replace(RECIPE, samples=SceneSamples("all", 0.0), attention=attention)
    with recording(backbone.unet, 16, at_16) as recorder:
        own = objective(recipe, recorder)
        thin, other = replace(own.scene.concepts[0], mask=bar), own.scene.concepts[1]
        value = replace(own, scene=replace(own.scene, concepts=(thin, other)))()
        words = own.backbone.tokenizer("a photo of [v1] and [v2]").input_ids
        (attended,) = recorder.take(torch.tensor([words.index(int(own.ids[1]))]))
        seen = torch.from_numpy(other.mask[::2, ::2].astype(np.float32))
        plain = replace(own, recipe=replace(recipe, attention=None), random=Randomness.seeded(0))
        without = replace(plain, scene=replace(own.scene, concepts=(thin, other)))()
    expected = without + 0.5 * ((attended / attended.max() - seen) ** 2).mean()
    torch.testing.assert_close(value, expected, rtol=1e-5, atol=1e-6)


def test_without_any_mask_where_the_maps_are_the_attention_loss_is_nothing(
    backbone: Backbone, objective: Callable[..., Objective]
) -> None:
    bar = np.zeros((32, 32), bool)
    bar[:, 5] = True
    recipe = replace(RECIPE, samples=SceneSamples("uniform", 0.0), attention=AttentionLoss(0.5, "mean"))
    weight = backbone.parameters()["unet.conv_in.weight"].requires_grad_()
    with recording(backbone.unet, 16, at_16) as recorder:
        own = objective(recipe, recorder)
        thin = tuple(replace(concept, mask=bar) for concept in own.scene.concepts)
        value = replace(own, scene=replace(own.scene, concepts=thin))()
        (gradient,) = torch.autograd.grad(value, weight)
    assert value.item() == 0.0
    assert torch.isfinite(gradient).all()


def test_a_handle_beyond_the_texts_end_is_one_line(objective: Callable[..., Objective]) -> None:
    own = objective(RECIPE, None)
    sample = own.recipe.samples.draw(own.scene, np.random.default_rng(0))
    with pytest.raises(UserError, match="longer than the 24 tokens"):
        own.positions(replace(sample, text=f"{'a ' * 30}[v1] [v2]"))
