"""The baselines: Textual Inversion, DreamBooth and Custom Diffusion, on the collection and on the raw picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from bench.core.errors import UserError
from bench.core.scenes import Scene
from bench.diffusion.training.recipe import Optimiser, Phase, Prior, Recipe
from bench.diffusion.training.samples import CollectionSamples, SceneSamples, TextTemplate
from bench.plugins.backbone_settings import BackboneSettings, Budget
from bench.plugins.method import MethodContext
from bench.plugins.spec import configure

ADAM = Optimiser("adam", (0.9, 0.99), weight_decay=1e-8, clip=None)
UNCLIPPED = Optimiser("adamw", (0.9, 0.999), weight_decay=1e-2)
"""As diffusers' example of Textual Inversion, the only one of the three that does not clip gradients."""
ADAMW = replace(UNCLIPPED, clip=1.0)
CLASS_PRIOR = Prior("a photo of {class}", pictures=200, weight=1.0)
COLLECTION = CollectionSamples("uniform", flip=0.5)
STYLE = TextTemplate("{tokens}", "{a_object} with {handle} style")

PAPER = {
    "ti-m": Recipe((Phase("handles", 800, 5e-4),), COLLECTION, ADAM, "mean", masked=False),
    "db-m": Recipe((Phase("everything", 800, 2e-6),), COLLECTION, ADAM, "mean", masked=False),
    "cd-m": Recipe((Phase("cross-attention", 800, 2e-6),), COLLECTION, ADAM, "mean", masked=False),
}
RAW = {"samples": SceneSamples("all", flip=0.0), "given_masks": False}
EXPECTED = {
    **PAPER,
    "ti": replace(PAPER["ti-m"], **RAW),
    "db": replace(PAPER["db-m"], **RAW),
    "cd": Recipe(
        (Phase("cross-attention", 500, 1e-5),),
        SceneSamples("all", flip=0.0, text_template=STYLE),
        Optimiser("adam", (0.9, 0.999), weight_decay=0.0),
        "mean",
        masked=False,
        given_masks=False,
    ),
    "db-m:prior": replace(PAPER["db-m"], prior=CLASS_PRIOR),
    "cd-m:prior": replace(PAPER["cd-m"], prior=CLASS_PRIOR),
    "db-m:fast-handles": replace(PAPER["db-m"], phases=(Phase("everything", 800, 2e-6, 5e-4),)),
    "cd-m:fast-handles": replace(PAPER["cd-m"], phases=(Phase("cross-attention", 800, 2e-6, 5e-4),)),
    "ti-m:code": Recipe((Phase("handles", 3000, 2e-3, batch=4),), COLLECTION, UNCLIPPED, "first", masked=False),
    "db-m:code": Recipe((Phase("everything", 800, 2e-6),), COLLECTION, ADAMW, "first", masked=False, prior=CLASS_PRIOR),
    "cd-m:code": Recipe(
        (Phase("cross-attention", 1000, 4e-5, batch=2),),
        COLLECTION,
        ADAMW,
        "first",
        masked=False,
        prior=CLASS_PRIOR,
        detach_bos=True,
    ),
    "cd:code": Recipe(
        (Phase("cross-attention-all", 500, 1e-5),),
        SceneSamples("all", flip=0.5, brightness=0.5, text_template=STYLE),
        Optimiser("adamw", (0.9, 0.999), weight_decay=0.1, clip=1.0),
        "first",
        masked=False,
        given_masks=False,
        detach_bos=True,
        valid_region=True,
    ),
}
EXPECTED |= {
    "db-m:code-no-prior": replace(EXPECTED["db-m:code"], prior=None),
    "cd-m:code-no-prior": replace(
        EXPECTED["cd-m:code"], phases=(Phase("cross-attention", 1000, 2e-5, batch=2),), prior=None
    ),
    "ti:code": replace(EXPECTED["ti-m:code"], samples=SceneSamples("all", flip=0.5), given_masks=False),
    "db:code": replace(EXPECTED["db-m:code"], **RAW),
    "db:code-no-prior": replace(EXPECTED["db-m:code"], prior=None, **RAW),
    "db:prior": replace(EXPECTED["db-m:prior"], **RAW),
    "cd:prior": replace(EXPECTED["cd"], prior=CLASS_PRIOR),
}


@pytest.mark.parametrize("text", EXPECTED)
def test_the_recipe_is_that_of_its_sources(text: str) -> None:
    assert configure("methods", text).instance.recipe() == EXPECTED[text]


@pytest.mark.parametrize("name", ["ti-m", "ti", "db-m", "db", "cd-m", "cd"])
def test_every_variant_is_stated_above(name: str) -> None:
    variants = configure("methods", name).drop_in.variants
    assert {name, *(f"{name}:{variant}" for variant in variants)} <= EXPECTED.keys()


@pytest.mark.parametrize("variant", ["", ":fast-handles"])
@pytest.mark.parametrize("factor", [1.0, 50.0])
def test_the_handles_of_db_m_and_cd_m_learn_at_one_rate(variant: str, factor: float) -> None:
    """So the two differ in the weights that they train, and in nothing else (Break-A-Scene, B.1)."""
    budget = Budget(handle_learning_rate=5.0, weights_learning_rate=factor)
    rates = set()
    for name in ("db-m", "cd-m"):
        (phase,) = configure("methods", name + variant).instance.recipe().phases
        scaled = phase.scaled(budget)
        rates.add((scaled.steps, scaled.learning_rate, scaled.handle_learning_rate))
    assert rates == {(800, 2e-6 * factor, 5e-4 * 5.0 if variant else None)}


@pytest.fixture
def backbone_settings() -> BackboneSettings:
    """A budget of a step or a few a phase."""
    return BackboneSettings(budgets={"full": Budget(steps=0.0025)})


@pytest.mark.parametrize(
    ("name", "pieces"),
    [
        ("ti-m", ()),
        ("ti", ()),
        ("db-m", ("unet.", "text_encoder.")),
        ("db", ("unet.", "text_encoder.")),
        ("cd-m", (".attn2.to_k.", ".attn2.to_v.")),
        ("cd", (".attn2.to_k.", ".attn2.to_v.")),
        ("cd:code", (".attn2.to_k.", ".attn2.to_v.", ".attn2.to_q.", ".attn2.to_out.")),
    ],
)
def test_what_it_learns_by_name(
    name: str, pieces: tuple[str, ...], scene: Scene, context: Callable[..., MethodContext]
) -> None:
    state = configure("methods", name).instance.fit(scene, context())
    learned = [piece for piece in pieces for weight in state if piece in weight]
    assert set(learned) == set(pieces)
    assert len(learned) == len(state) - 1, "and nothing else but the handles"


def test_an_impossible_value_is_one_line() -> None:
    with pytest.raises(UserError, match=r"ti-m\[steps=-1\]: "):
        configure("methods", "ti-m[steps=-1]")
