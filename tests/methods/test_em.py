"""EM: what the paper says, its variants, and that the given masks are never learned from."""

from __future__ import annotations

import importlib.util
import math
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from bench.methods.em import Method
from bench.methods.ours import Method as BreakAScene
from safetensors.torch import load, save

from bench.core.errors import UserError
from bench.core.scenes import Scene
from bench.diffusion.em.alternation import ExpectationMaximization, unmasked
from bench.diffusion.em.latent_scene import with_masks
from bench.diffusion.training.recipe import PAPER_ADAM, AttentionLoss, Phase
from bench.diffusion.training.samples import SceneSamples
from bench.plugins.backbone import Backbone
from bench.plugins.backbone_settings import BackboneSettings, Budget, Sampler
from bench.plugins.method import FitRecords, MethodContext, Request

Benches = Callable[..., MethodContext]
QUICK = {"times": 2, "crf": False}


@pytest.fixture
def backbone_settings() -> BackboneSettings:
    """Two steps a phase."""
    return BackboneSettings(sampler=Sampler(steps=2, guidance=2.0), budgets={"full": Budget(steps=0.005)})


@pytest.fixture
def fit(backbone: Backbone, context: Benches) -> Callable[[Method, Scene], tuple[dict[str, torch.Tensor], FitRecords]]:
    """Two steps a phase on the tiny backbone; what was learned, and the notes."""

    def run(method: Method, scene: Scene) -> tuple[dict[str, torch.Tensor], FitRecords]:
        backbone.restore()
        records: list[FitRecords] = []
        state = method.fit(scene, replace(context(), record=records.append))
        return dict(state), records[0] if records else ()

    return run


def test_the_default_is_the_paper() -> None:
    recipe = Method().recipe()
    alternating, joint = recipe.phases
    assert (alternating.trains, alternating.steps, alternating.learning_rate) == ("handles", 400, 5e-4)
    assert (joint.trains, joint.steps, joint.learning_rate) == ("everything", 400, 2e-6)
    assert _verbs(recipe.phases) == ["learn", "hold"]
    assert getattr(alternating.after_step, "__name__", "none") == "expect"
    assert recipe.samples == SceneSamples("uniform", flip=0.0)
    assert (recipe.optimiser, recipe.initialiser, recipe.masked, recipe.prior) == (PAPER_ADAM, "mean", True, None)
    assert recipe.attention == AttentionLoss(0.01, "mean")
    assert not recipe.given_masks
    assert (Method().times, Method().crf, Method().init) == (50, True, "class")
    # the variance of a running mean is that of a plain mean of (1 + m) / (1 - m) values
    assert (1 + Method().momentum) / (1 - Method().momentum) == pytest.approx(Method().times, rel=0.05)


def _verbs(phases: tuple[Phase, ...]) -> list[str]:
    """What each phase does with the masks, checking that all phases share one state."""
    assert len({id(getattr(phase.draw, "__self__", None)) for phase in phases}) == 1
    return [getattr(phase.draw, "__name__", "none") for phase in phases]


def test_each_variant_changes_one_thing() -> None:
    recipes = {name: Method(**fields).recipe() for name, fields in Method.variants.items()}
    assert _verbs(recipes["fixed-masks"].phases) == ["hold", "hold"]
    assert recipes["no-attention-loss"].attention is None
    assert not recipes["no-masked-loss"].masked
    assert recipes["augment"].samples == SceneSamples("uniform", flip=0.5)
    inversion, *others = recipes["inversion"].phases
    assert (inversion.trains, inversion.steps, inversion.draw) == ("handles", 100, unmasked)
    assert _verbs(tuple(others)) == ["learn", "hold"]
    assert _verbs(recipes["step-maps"].phases) == ["learn_and_expect", "hold"]
    assert [phase.after_step for phase in recipes["step-maps"].phases] == [None, None]
    assert Method(**Method.variants["no-crf"]) == Method(crf=False)


def test_a_recipe_is_for_one_fit() -> None:
    """Masks of one scene must not get into the next one's fit."""
    method = Method()
    states = [method.recipe().phases[0].draw for _ in range(2)]
    owners = [getattr(state, "__self__", None) for state in states]
    assert all(isinstance(owner, ExpectationMaximization) for owner in owners)
    assert owners[0] is not owners[1]


def test_given_masks_are_break_a_scene(
    scene: Scene, fit: Callable[..., tuple[dict[str, torch.Tensor], FitRecords]]
) -> None:
    """The paper's upper bound, bit for bit."""
    given, records = fit(Method(masks="given"), scene)
    ours, _ = fit(BreakAScene(), scene)
    assert records == ()
    assert given.keys() == ours.keys()
    assert all(torch.equal(given[name], ours[name]) for name in given)


@pytest.mark.parametrize(
    "fields", [{}, {"estimation": "in-step"}, {"masks": "fixed"}, {"flip": 0.5}, {"init": "inversion"}]
)
def test_the_scenes_masks_are_never_learned_from(
    scene: Scene, fit: Callable[..., tuple[dict[str, torch.Tensor], FitRecords]], fields: dict[str, object]
) -> None:
    method = Method(**QUICK, **fields)  # type: ignore[arg-type]
    lying = with_masks(scene, [~concept.mask for concept in scene.concepts])
    (honest, told), (blind, lied) = fit(method, scene), fit(method, lying)
    assert all(torch.equal(honest[name], blind[name]) for name in honest)
    assert [row["iou"] for row in told] != [row["iou"] for row in lied]


def test_the_notes_have_every_concept_at_every_step(
    scene: Scene, fit: Callable[..., tuple[dict[str, torch.Tensor], FitRecords]]
) -> None:
    _, records = fit(Method(**QUICK), scene)  # type: ignore[arg-type]
    assert [(row["step"], row["concept"]) for row in records] == [(step, c) for step in range(3) for c in (0, 1)]
    assert {row["label"] for row in records} == {"cat", "umbrella"}
    assert all(row["estimated"] for row in records), "each estimate is of every concept"
    assert all(0 <= float(row["iou"]) <= 1 and row["iou"] == row["iou_without_crf"] for row in records)


def test_a_scene_without_masks_can_be_learned_and_is_compared_with_nothing(
    scene: Scene, fit: Callable[..., tuple[dict[str, torch.Tensor], FitRecords]]
) -> None:
    bare = with_masks(scene, [np.zeros_like(concept.mask) for concept in scene.concepts])
    state, records = fit(Method(**QUICK), bare)  # type: ignore[arg-type]
    assert torch.isfinite(state["handles"]).all()
    assert all(math.isnan(float(row["iou"])) for row in records)


def test_what_it_learned_draws(scene: Scene, backbone: Backbone, context: Benches, fit: Callable[..., object]) -> None:
    if importlib.util.find_spec("pydensecrf") is None:
        pytest.skip("the extra 'crf' is missing")
    method = Method(times=2)
    state = method.fit(scene, context())
    backbone.restore()
    (picture,) = method.generate(state, scene, [Request(scene.prompts[0], 3)], context())
    assert picture.shape == scene.picture.shape
    assert picture.dtype == np.uint8


def test_without_pydensecrf_it_is_one_line_before_anything_is_trained(
    scene: Scene, context: Benches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pydensecrf", None)
    steps: list[int] = []
    with pytest.raises(UserError, match="pydensecrf2"):
        Method().fit(scene, context(on_step=lambda done, total: steps.append(done)))
    assert steps == []


@pytest.mark.parametrize("fields", [{}, {"estimation": "in-step"}, {"masks": "fixed"}, {"init": "inversion"}])
def test_fits_that_are_begun_together_have_masks_of_their_own(
    scene: Scene, backbone: Backbone, context: Benches, fit: Callable[..., Any], fields: dict[str, Any]
) -> None:
    """Handles, weights and fit records are those of each fit alone, also of a scene with two pictures."""
    method = Method(**QUICK | {"phase1_steps": 3, "inversion_steps": 2} | fields)
    other = np.ascontiguousarray(scene.picture[::-1])
    first, second = scene.concepts
    pair = replace(scene, name="pair", more=(other,), concepts=(first, replace(second, picture=1)))
    scenes, contexts = [scene, pair], [context(), context()]
    alone = [fit(method, one) for one in scenes]
    backbone.restore()
    begun = method.begin_fits(scenes, contexts)
    assert method.fits_together
    for one, state, (learned, records) in zip(scenes, begun, alone, strict=True):
        assert not isinstance(state, Exception)
        kept: list[FitRecords] = []
        backbone.restore()
        ended = method.end_fit(load(save(dict(state))), one, replace(context(), record=kept.append))
        assert ended.keys() == learned.keys()
        for name, tensor in learned.items():
            torch.testing.assert_close(ended[name], tensor, rtol=1e-4, atol=1e-4)
        for row, expected in zip(kept[0], records, strict=True):
            assert row == {**expected, "iou": row["iou"], "iou_without_crf": row["iou_without_crf"]}
            assert row["iou"] == pytest.approx(expected["iou"], abs=0.02)


def test_masks_do_not_depend_on_what_is_fitted_beside(scene: Scene, backbone: Backbone, context: Benches) -> None:
    method = Method(**QUICK)  # type: ignore[arg-type]
    other = replace(scene, name="other", picture=np.ascontiguousarray(scene.picture[::-1]))
    impossible = replace(scene, name="long", concepts=tuple(replace(one, label="") for one in scene.concepts))
    found = []
    for partners in ((other, scene), (scene, scene), (other, impossible)):
        backbone.restore()
        (state, *_) = method.begin_fits([scene, *partners], [context() for _ in range(3)])
        assert not isinstance(state, Exception)
        found.append(state)
    for state in found[1:]:
        assert all(torch.equal(found[0][name], state[name]) for name in found[0])


@pytest.mark.parametrize(
    "fields",
    [
        {"masks": "some"},
        {"estimation": "never"},
        {"init": "noise"},
        {"times": 0},
        {"threshold": 1.0},
        {"momentum": 1.0},
        {"flip": 1.5},
    ],
)
def test_an_impossible_value_is_one_line(fields: dict[str, object]) -> None:
    with pytest.raises(UserError, match=f"^{next(iter(fields))}=") as caught:
        Method(**fields)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
