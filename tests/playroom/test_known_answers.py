"""Methods whose answers are known score as they must: the real scorer, the package's checkpoints, drawn scenes.

Each method redraws the toys that are truly behind a scene, or fails at exactly one thing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

from bench.core.scenes import ImageArray, Prompt, Scene
from bench.core.seeds import seed_from
from bench.data.load import load_dataset
from bench.playroom.world import scene as world
from bench.playroom.world.coco import CocoSpec, pool_scene
from bench.playroom.world.contexts import CONTEXTS
from bench.playroom.world.ground_truth import redrawn
from bench.playroom.world.toys import ToyIdentity, sample_toy_identity
from bench.plugins.backbone import Backbone
from bench.plugins.backbone_settings import BackboneSettings
from bench.plugins.method import FitState, Method, MethodContext, Request
from bench.plugins.metric import PictureJob
from bench.plugins.spec import configure
from bench.scoring.presets import find_preset
from bench.scoring.scorer import Scorer

SPEC = CocoSpec(pictures=30, seed=11, size=64, toys=(2,))
RECIPE = "playroom[scenes=6,mix=1,0,0,formats=2,samples=1,pool=30,seed=11]"


@dataclass(frozen=True)
class Truth:
    """What is behind a scene of the dataset: its toys in the order of the concepts, and its context."""

    toys: tuple[ToyIdentity, ...]
    context: str | None

    @classmethod
    def of(cls, scene: Scene) -> Truth:
        """Draw the pool's picture again, and find each concept's toy by its mask."""
        known = pool_scene(SPEC, int(scene.name.removeprefix("playroom-")))
        drawing = world.draw(known, SPEC.size)
        assert np.array_equal(drawing.picture, scene.picture)
        masks = [mask.tobytes() for mask in drawing.masks]
        toys = [known.toys[masks.index(concept.mask.tobytes())].identity for concept in scene.concepts]
        return cls(tuple(toys), known.context)


class Oracle:
    """Learns nothing and draws what it wants of the truth."""

    def fit(self, scene: Scene, context: MethodContext) -> FitState:
        return {}

    def generate(
        self, state: FitState, scene: Scene, requests: Sequence[Request], context: MethodContext
    ) -> Iterator[ImageArray]:
        for request in requests:
            yield self.picture(scene, request.prompt, np.random.default_rng(request.noise_seed))

    def picture(self, scene: Scene, prompt: Prompt, rng: np.random.Generator) -> ImageArray:
        truth = Truth.of(scene)
        toys = [truth.toys[k] for k in prompt.subset]
        return world.draw(redrawn(toys, asked_context(prompt), rng), SPEC.size).picture


class Promptless(Oracle):
    """The true toys drawn anew, always in the scene's own context."""

    def picture(self, scene: Scene, prompt: Prompt, rng: np.random.Generator) -> ImageArray:
        truth = Truth.of(scene)
        return world.draw(redrawn([truth.toys[k] for k in prompt.subset], truth.context, rng), SPEC.size).picture


class Astray(Oracle):
    """The true toys drawn anew, in a context that is neither the asked one nor the scene's."""

    def picture(self, scene: Scene, prompt: Prompt, rng: np.random.Generator) -> ImageArray:
        truth = Truth.of(scene)
        others = [each for each in CONTEXTS if each not in (asked_context(prompt), truth.context)]
        toys = [truth.toys[k] for k in prompt.subset]
        return world.draw(redrawn(toys, str(rng.choice(others)), rng), SPEC.size).picture


class Copy(Oracle):
    """The scene itself: the upper bound of identity."""

    def picture(self, scene: Scene, prompt: Prompt, rng: np.random.Generator) -> ImageArray:
        return scene.picture


class Stranger(Oracle):
    """Other toys of the right classes, with never-seen looks of their own, in the asked context."""

    def picture(self, scene: Scene, prompt: Prompt, rng: np.random.Generator) -> ImageArray:
        toys = [sample_toy_identity(rng, "unseen", scene.concepts[k].label) for k in prompt.subset]
        return world.draw(redrawn(toys, asked_context(prompt), rng), SPEC.size).picture


METHODS: Mapping[str, Method] = {
    "redrawn": Oracle(),
    "promptless": Promptless(),
    "astray": Astray(),
    "copy": Copy(),
    "stranger": Stranger(),
}


def asked_context(prompt: Prompt) -> str:
    return prompt.template.removeprefix("a photo of {tokens} ")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scene, ...]:
    """The scenes of the recipe, with the prompts that ask for another context than the scene's own."""
    folder = tmp_path_factory.mktemp("known") / "dataset"
    configure("datasets", RECIPE).instance.build(folder)
    return tuple(elsewhere(scene) for scene in load_dataset(folder).scenes)


def elsewhere(scene: Scene) -> Scene:
    own = Truth.of(scene).context
    return replace(scene, prompts=tuple(prompt for prompt in scene.prompts if asked_context(prompt) != own))


@pytest.fixture(scope="module")
def table(scenes: tuple[Scene, ...], backbone_with: Callable[[BackboneSettings], Backbone]) -> pd.DataFrame:
    """The scorer's rows of every method, with the names of method and scene."""
    backbone = backbone_with(BackboneSettings())
    work = MethodContext(backbone, fit_seed=0, batch_size=4, budget="full", on_step=lambda _done, _total: None)
    scorer = Scorer.load(find_preset("playroom"), "cpu")
    rows = []
    for name, method in METHODS.items():
        for scene in scenes:
            requests = [
                Request(prompt, seed_from(scene=scene.name, prompt=k)) for k, prompt in enumerate(scene.prompts)
            ]
            drawn = method.generate(method.fit(scene, work), scene, requests, work)
            jobs = [PictureJob(scene, r.prompt, picture) for r, picture in zip(requests, drawn, strict=True)]
            rows += [{"method": name, "scene": scene.name, **row} for row in scorer.score(jobs)]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def means(table: pd.DataFrame) -> pd.DataFrame:
    """Scene means [method and scene] of prompt and identity similarity."""
    return table.groupby(["method", "scene"])[["prompt_similarity", "identity_similarity"]].mean()


def of(means: pd.DataFrame, method: str, metric: str) -> pd.Series:
    """One value a scene."""
    return means.loc[method][metric]


def test_every_method_draws_toys_that_are_found(table: pd.DataFrame) -> None:
    # Measured: .83 to 1.
    assert table.groupby("method")["detected"].mean().min() >= 0.7


def test_a_copy_is_the_upper_bound_of_identity(means: pd.DataFrame) -> None:
    # Measured: .993; what is missing is the segmenter's mask against the true one.
    assert of(means, "copy", "identity_similarity").min() >= 0.9


def test_the_true_toy_drawn_anew_is_near_the_upper_bound_of_identity(means: pd.DataFrame) -> None:
    # Measured: .12 below a copy on average.
    below = of(means, "copy", "identity_similarity") - of(means, "redrawn", "identity_similarity")
    assert below.mean() <= 0.2
    assert below.max() <= 0.35


def test_another_toy_of_the_class_is_at_the_identity_floor_and_says_what_the_prompt_says(means: pd.DataFrame) -> None:
    # Measured: .10 against .88 for the true toy, each scene apart; prompt similarity .715 against .716.
    above = of(means, "redrawn", "identity_similarity") - of(means, "stranger", "identity_similarity")
    assert above.min() >= 0.3
    assert of(means, "stranger", "identity_similarity").mean() <= 0.35
    prompts = of(means, "redrawn", "prompt_similarity") - of(means, "stranger", "prompt_similarity")
    assert abs(prompts.mean()) <= 0.06


def test_who_ignores_the_prompt_is_at_the_context_floor_and_keeps_the_identity(means: pd.DataFrame) -> None:
    # Measured: .26 against .72 for the asked context, each scene apart, and as low as any other wrong context.
    above = of(means, "redrawn", "prompt_similarity") - of(means, "promptless", "prompt_similarity")
    assert above.min() >= 0.15
    floor = of(means, "astray", "prompt_similarity").mean()
    assert abs(of(means, "promptless", "prompt_similarity").mean() - floor) <= 0.15
    identity = of(means, "redrawn", "identity_similarity") - of(means, "promptless", "identity_similarity")
    assert abs(identity.mean()) <= 0.06
