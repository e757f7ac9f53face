"""Fits of several scenes as rows of one batch: each learns what it would learn alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from bench.methods.ti_m import Method as TextualInversion
from safetensors.torch import load, save
from torch import Tensor

from bench.core.errors import UserError
from bench.core.scenes import Concept, Scene, handle
from bench.diffusion.training.objective import Objective
from bench.diffusion.training.recipe import CODE_ADAMW, PAPER_ADAM, AttentionLoss, Phase, Prior, Recipe
from bench.diffusion.training.rows import Rows
from bench.diffusion.training.samples import CollectionSamples, SceneSamples
from bench.diffusion.training.step import Step
from bench.diffusion.training.trainer import HANDLES, begin_together, end_recipe, fit_recipe
from bench.diffusion.training.update import Update
from bench.plugins.backbone import Backbone
from bench.plugins.backbone_settings import BackboneSettings, Sampler
from bench.plugins.method import FitState, MethodContext

Benches = Callable[..., MethodContext]
INVERSION = Recipe((Phase("handles", 20, 5e-3),), CollectionSamples(), PAPER_ADAM, "mean", masked=False)
BREAK_A_SCENE = Recipe(
    (Phase("handles", 20, 5e-3), Phase("everything", 3, 1e-4)),
    SceneSamples("size-first", 0.5),
    CODE_ADAMW,
    "first",
    masked=True,
    attention=AttentionLoss(1.0, "sum"),
    prior=Prior("a photo at the beach", pictures=3, weight=1.0),
)
BATCHED = replace(INVERSION, phases=(Phase("handles", 5, 5e-3, batch=2),))


@pytest.fixture
def backbone_settings() -> BackboneSettings:
    """Two sampling steps."""
    return BackboneSettings(sampler=Sampler(steps=2, guidance=2.0))


@pytest.fixture
def scenes(scene: Scene) -> tuple[Scene, ...]:
    """Three scenes of two, one and three concepts."""
    other = np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    bars = [np.zeros((32, 32), bool) for _ in range(3)]
    for index, bar in enumerate(bars):
        bar[2:30, 10 * index + 1 : 10 * index + 10] = True
    words = ("snow", "beach", "cat")
    many = tuple(Concept(word, bar, handle(index)) for index, (word, bar) in enumerate(zip(words, bars, strict=True)))
    return scene, replace(scene, name="one", concepts=scene.concepts[:1]), Scene("three", other, many, ())


def together(recipe: Recipe, scenes: Sequence[Scene], context: Benches) -> list[Callable[[], FitState]]:
    """Begins the scenes' fits; returns what ends each, or raises what its beginning did."""
    backbone: Backbone = context().backbone
    backbone.restore()
    contexts = [context(seed) for seed in range(len(scenes))]
    begun = begin_together([recipe] * len(scenes), scenes, contexts)

    def ended(number: int) -> FitState:
        state = begun[number]
        if isinstance(state, Exception):
            raise state
        backbone.restore()
        return end_recipe(recipe, load(save(state)), scenes[number], contexts[number])

    return [partial(ended, number) for number in range(len(scenes))]


@pytest.fixture
def losses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Every loss that is learned from, in order."""
    seen: list[float] = []
    scaled = Update.scaled
    monkeypatch.setattr(Update, "scaled", lambda own, loss: seen.append(loss.item()) or scaled(own, loss))
    return seen


@pytest.mark.parametrize("recipe", [INVERSION, BREAK_A_SCENE, BATCHED], ids=["collection", "two phases", "batches"])
def test_a_fit_is_the_same_beside_others_as_alone(
    recipe: Recipe, scenes: tuple[Scene, ...], context: Benches, losses: list[float]
) -> None:
    """The same losses step by step, the same handles, and the same weights of the phase that follows alone."""
    steps = recipe.phases[0].steps
    ends = together(recipe, scenes, context)
    shared = np.reshape(losses, (steps, len(scenes)))
    found = [end() for end in ends]
    for number, scene in enumerate(scenes):
        context().backbone.restore()
        losses.clear()
        alone = fit_recipe(recipe, scene, context(number))
        np.testing.assert_allclose(shared[:, number], losses[:steps], rtol=1e-5)
        assert found[number].keys() == alone.keys()
        for name in alone:
            torch.testing.assert_close(found[number][name], alone[name], rtol=1e-4, atol=1e-4)


def test_a_row_does_not_depend_on_its_partners(scenes: tuple[Scene, ...], context: Benches) -> None:
    """Bit for bit, also beside one that cannot be learned."""
    recipe = replace(BREAK_A_SCENE, phases=(Phase("handles", 5, 5e-3),), prior=None)
    first, second, third = scenes
    blank = replace(second, concepts=(replace(second.concepts[0], mask=np.zeros((32, 32), bool)),))
    wordless = replace(third, concepts=(replace(third.concepts[0], label="", mask=third.concepts[0].mask),))
    expected = together(recipe, (first, second, third), context)[0]()[HANDLES]
    for partners in ((third, first), (second, second), (blank, third), (second, wordless)):
        assert torch.equal(together(recipe, (first, *partners), context)[0]()[HANDLES], expected)


def test_what_a_scene_raises_is_its_own(scenes: tuple[Scene, ...], context: Benches) -> None:
    recipe = replace(BREAK_A_SCENE, phases=(Phase("handles", 3, 5e-3),), prior=None)
    blank = replace(scenes[1], concepts=(replace(scenes[1].concepts[0], mask=np.zeros((32, 32), bool)),))
    long = replace(scenes[2], concepts=scenes[2].concepts * 8)
    long = replace(
        long, concepts=tuple(replace(one, handle=f"[v{index}]") for index, one in enumerate(long.concepts, 1))
    )
    ends = together(replace(recipe, samples=SceneSamples("all", 0.0)), (blank, scenes[0], long), context)
    with pytest.raises(UserError, match="is empty"):
        ends[0]()
    with pytest.raises(UserError, match="longer than the 24 tokens"):
        ends[2]()
    assert torch.isfinite(ends[1]()[HANDLES]).all()


def test_one_pass_a_step_and_the_batch_keeps_its_shape(
    scenes: tuple[Scene, ...], context: Benches, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[int] = []
    denoised = Step.denoised
    monkeypatch.setattr(Step, "denoised", lambda step, *texts: passes.append(len(texts)) or denoised(step, *texts))
    together(replace(INVERSION, phases=(Phase("handles", 2, 5e-3, batch=2),)), scenes, context)
    assert passes == [6, 6]
    blank = replace(scenes[0], concepts=(replace(scenes[0].concepts[0], mask=np.zeros((32, 32), bool)),))
    passes.clear()
    together(replace(BREAK_A_SCENE, phases=(Phase("handles", 2, 5e-3),)), (scenes[1], blank, scenes[2]), context)
    assert passes[-2:] == [3, 3]


def test_what_follows_a_step_is_one_pass_too_and_without_gradients(
    scenes: tuple[Scene, ...], context: Benches, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fit that has more to look at than the others is beside copies, so that each pass has the same shape."""
    passes: list[tuple[int, bool]] = []
    denoised = Step.denoised

    def seen(step: Step, *texts: str) -> tuple[Tensor, Tensor]:
        passes.append((len(texts), torch.is_grad_enabled()))
        return denoised(step, *texts)

    monkeypatch.setattr(Step, "denoised", seen)

    def look(own: Objective) -> list[Rows]:
        return [own.draw() for _ in own.scene.concepts[:2]]

    together(replace(INVERSION, phases=(Phase("handles", 2, 5e-3, after_step=look),)), scenes, context)
    assert passes == [(3, True), (3, False), (3, False)] * 2


def test_each_row_is_clipped_by_its_own_gradient(
    scenes: tuple[Scene, ...], context: Benches, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups: list[list[Tensor]] = []
    clip = torch.nn.utils.clip_grad_norm_
    monkeypatch.setattr(
        torch.nn.utils, "clip_grad_norm_", lambda parameters, norm: groups.append(parameters) or clip(parameters, norm)
    )
    together(replace(INVERSION, phases=(Phase("handles", 1, 5e-3),), optimiser=CODE_ADAMW), scenes, context)
    assert [[len(handles) for handles in group] for group in groups] == [[2], [1], [3]]


def test_a_phase_with_a_loss_of_its_own_or_weights_is_not_shared() -> None:
    own = Phase("handles", 1, 1e-3, objective=lambda objective: objective)
    phases = [own.__class__("handles", 1, 1e-3), own, Phase("everything", 1, 1e-3)]
    counts = [replace(INVERSION, phases=tuple(phases[index:])).shared_phases for index in range(3)]
    assert counts == [1, 0, 0]
    assert replace(INVERSION, phases=(phases[0], phases[0])).shared_phases == 2


def test_progress_ends_at_its_total_for_each(scenes: tuple[Scene, ...], context: Benches) -> None:
    steps: list[list[tuple[int, int]]] = [[], [], []]
    backbone = context().backbone
    contexts = [context(0, lambda done, total, own=own: own.append((done, total))) for own in steps]
    recipe = replace(BREAK_A_SCENE, phases=(Phase("handles", 2, 1e-3), Phase("everything", 1, 1e-4)))
    fit_recipe(recipe, scenes[0], context())
    backbone.restore()
    begun = begin_together([recipe] * len(scenes), scenes, contexts)
    assert [own[-1] for own in steps] == [(2, 3)] * 3, "the prior's pictures were there"
    for state, scene, own in zip(begun, scenes, contexts, strict=True):
        backbone.restore()
        assert not isinstance(state, Exception)
        end_recipe(recipe, state, scene, own)
    assert steps == [[(1, 3), (2, 3), (3, 3)]] * 3


def test_what_is_looked_at_after_a_step_fails_its_own_scene(scenes: tuple[Scene, ...], context: Benches) -> None:
    """The others learn what they learn undisturbed, bit for bit; the first error is the one that is told."""

    def look(own: Objective) -> list[Rows]:
        return [own.draw()]

    def look_badly(own: Objective) -> list[Rows]:
        def fail(_predicted: Tensor, _target: Tensor) -> Tensor:
            raise RuntimeError("nothing to be seen")

        return [replace(own.draw(), loss=fail if len(own.scene.concepts) == 1 else own.draw().loss)]

    def begun(look: Callable[[Objective], list[Rows]]) -> list[dict[str, Tensor] | Exception]:
        context().backbone.restore()
        shared = (Phase("handles", 3, 5e-3, after_step=look), Phase("handles", 2, 5e-3, draw=lambda own: own.draw))
        recipes = [replace(INVERSION, phases=shared)] * len(scenes)
        return begin_together(recipes, scenes, [context(seed) for seed in range(len(scenes))])

    def look_twice(own: Objective) -> list[Rows]:
        if len(own.scene.concepts) > 1:
            own.draw()
        return look(own)

    undisturbed, disturbed = begun(look_twice), begun(look_badly)
    assert "nothing to be seen" in str(disturbed[1])
    for number in (0, 2):
        one, other = undisturbed[number], disturbed[number]
        assert not isinstance(one, Exception)
        assert not isinstance(other, Exception)
        assert torch.equal(one[HANDLES], other[HANDLES])


def test_a_loss_that_raises_fails_its_own_scene(scenes: tuple[Scene, ...], context: Benches) -> None:
    def draw(own: Objective) -> Callable[[], Rows]:
        def rows() -> Rows:
            drawn = own.draw()
            return replace(drawn, loss=fail) if len(own.scene.concepts) == 1 else drawn

        def fail(_predicted: Tensor, _target: Tensor) -> Tensor:
            raise FloatingPointError("no number")

        return rows

    recipe = replace(INVERSION, phases=(Phase("handles", 3, 5e-3, draw=draw),))
    ends = together(recipe, scenes, context)
    with pytest.raises(FloatingPointError, match="no number"):
        ends[1]()
    plain = together(replace(INVERSION, phases=(Phase("handles", 3, 5e-3),)), scenes, context)
    for number in (0, 2):
        assert torch.equal(ends[number]()[HANDLES], plain[number]()[HANDLES])


class OwnFit(TextualInversion):
    """A method with a loop of its own."""

    def fit(self, scene: Scene, context: MethodContext) -> FitState:
        return {}


class OwnEnd(OwnFit):
    """And with an end of it."""

    def begin_fits(self, scenes: Sequence[Scene], contexts: Sequence[MethodContext]) -> list[FitState | Exception]:
        return [{} for _ in scenes]

    def end_fit(self, begun: FitState, scene: Scene, context: MethodContext) -> FitState:
        return {}


class OwnFitAgain(OwnEnd):
    """Of whose end its own fit knows nothing."""

    def fit(self, scene: Scene, context: MethodContext) -> FitState:
        return {}


def test_a_fit_of_ones_own_is_not_left_out() -> None:
    together = {one: one().fits_together for one in (TextualInversion, OwnFit, OwnEnd, OwnFitAgain)}
    assert together == {TextualInversion: True, OwnFit: False, OwnEnd: True, OwnFitAgain: False}
