"""Prior-preservation pictures are drawn once, from seeds of their own, whoever needs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.core.scenes import BACKGROUND, Concept, ImageArray, Scene
from bench.diffusion.training import prior
from bench.diffusion.training.prior import PriorImages, class_text, class_texts
from bench.plugins.backbone import Backbone
from bench.plugins.backbone_settings import BackboneSettings, Budget, Sampler
from bench.plugins.method import MethodContext
from bench.plugins.spec import configure

TEXT = "a photo at the snow"


@pytest.fixture
def backbone_settings() -> BackboneSettings:
    """Two sampling steps, and a budget of a step a phase and one prior picture a class."""
    return BackboneSettings(sampler=Sampler(2, 2.0), budgets={"full": Budget(steps=0.001, prior_pictures=0.01)})


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many pictures each call of the sampler drew."""
    found: list[int] = []
    draw = prior.draw
    monkeypatch.setattr(
        prior, "draw", lambda backbone, jobs, size: found.append(len(jobs)) or draw(backbone, jobs, size)
    )
    prior._DRAWN.clear()
    yield found
    prior._DRAWN.clear()


def pictures(prior_images: PriorImages) -> tuple[ImageArray, ...]:
    return prior_images.pictures(lambda: None)


@pytest.mark.parametrize("kept", [False, True], ids=["in memory", "in a folder"])
def test_they_are_drawn_once_and_a_longer_series_begins_with_a_shorter(
    kept: bool, backbone: Backbone, calls: list[int], tmp_path: Path
) -> None:
    folder = tmp_path if kept else None
    two = pictures(PriorImages(backbone, TEXT, 2, 0, folder))
    again = pictures(PriorImages(backbone, TEXT, 2, 0, folder))
    six = pictures(PriorImages(backbone, TEXT, 6, 0, folder))
    assert [count for count in calls if count] == [4, 4], "whole batches, and only what is missing"
    assert (len(two), len(six)) == (2, 6)
    np.testing.assert_array_equal(two, again)
    np.testing.assert_array_equal(two, six[:2])
    assert not np.array_equal(two[0], two[1])


def test_another_seed_text_or_sampler_has_others(
    backbone: Backbone, backbone_with: Callable[[BackboneSettings], Backbone], calls: list[int], tmp_path: Path
) -> None:
    first = pictures(PriorImages(backbone, TEXT, 1, 0, tmp_path))
    others = [
        pictures(PriorImages(backbone, TEXT, 1, 1, tmp_path)),
        pictures(PriorImages(backbone, "a cat", 1, 0, tmp_path)),
    ]
    longer = backbone_with(backbone.settings.with_sampler(3, None))
    others.append(pictures(PriorImages(longer, TEXT, 1, 0, tmp_path)))
    assert len(calls) == 4
    assert all(not np.array_equal(first[0], other[0]) for other in others)


def test_all_methods_and_scenes_of_a_run_share_them(
    scene: Scene, backbone: Backbone, calls: list[int], tmp_path: Path
) -> None:
    """Two methods on two scenes of the same classes: one series a class, whatever the seeds of the fits are."""
    for seed, other in enumerate((scene, replace(scene, name="other", picture=scene.picture[::-1]))):
        for text in ("db-m:prior", "cd-m:prior"):
            backbone.restore()
            context = MethodContext(backbone, seed, 1, "full", lambda _done, _total: None, shared=tmp_path)
            configure("methods", text).instance.fit(other, context)
    assert [count for count in calls if count] == [4, 4]
    assert len(list((tmp_path / "prior").rglob("*.png"))) == 8


def test_an_interrupted_batch_is_drawn_again_as_it_was(backbone: Backbone, calls: list[int], tmp_path: Path) -> None:
    """The rounding of a picture depends on its batch, so a batch is whole or drawn anew."""
    whole = pictures(PriorImages(backbone, TEXT, 8, 0, tmp_path))
    next(iter(sorted(tmp_path.rglob("00006.png")))).unlink()
    prior_images = PriorImages(backbone, TEXT, 8, 0, tmp_path)
    assert prior_images.missing == 4
    told: list[None] = []
    again = prior_images.pictures(lambda: told.append(None))
    assert len(told) == 4
    np.testing.assert_array_equal(whole, again)
    assert prior_images.missing == 0


def test_a_text_may_ask_for_the_class_word_with_its_article(scene: Scene) -> None:
    assert class_text("a photo of {class}", "an umbrella") == "a photo of an umbrella"
    assert class_texts("a photo of {class}", scene.concepts) == ("a photo of a cat", "a photo of an umbrella")
    assert class_texts("a photo at the beach", scene.concepts) == ("a photo at the beach",)
    beach = Concept(BACKGROUND, scene.concepts[0].mask, "[v3]", "beach")
    assert class_texts("a photo of {class}", [beach]) == ("a photo of the beach",), "what it shows, not its label"
