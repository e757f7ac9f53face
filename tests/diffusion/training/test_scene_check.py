"""A scene is checked before it is trained on: its masks at the sides where they are read, and its texts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.core.errors import UserError
from bench.core.scenes import Mask, Scene
from bench.diffusion.training.recipe import PAPER_ADAM, AttentionLoss, Phase, Recipe
from bench.diffusion.training.samples import CollectionSamples, SceneSamples, TextTemplate
from bench.diffusion.training.scene_check import check_masks, check_scene, warn_of_limits
from bench.diffusion.training.trainer import HANDLES, fit_recipe
from bench.plugins.backbone import BackboneLimits
from bench.plugins.method import MethodContext

Benches = Callable[..., MethodContext]
MASKED = Recipe((Phase("handles", 3, 0.01),), SceneSamples("uniform", 0.0), PAPER_ADAM, "mean", masked=True)
COLLECTION = replace(MASKED, samples=CollectionSamples(), masked=False)


def limits(text_length: int = 77) -> BackboneLimits:
    """Words as tokens."""
    return BackboneLimits(32, 16, text_length, lambda text: len(text.split()))


def marked(scene: Scene, first: Mask) -> Scene:
    cat, umbrella = scene.concepts
    return replace(scene, concepts=(replace(cat, mask=first), umbrella))


@pytest.fixture
def bar() -> Mask:
    """One column of 32, which 16 x 16 does not read."""
    mask = np.zeros((32, 32), bool)
    mask[4:28, 5] = True
    return mask


def test_a_part_that_vanishes_at_the_latents_is_refused_where_the_loss_is_confined_to_it(
    scene: Scene, bar: Mask
) -> None:
    with pytest.raises(UserError, match=r"pair: the mask of \[v1\] \(cat\) has no pixel left at 16 x 16"):
        check_masks(MASKED, marked(scene, bar), 32, 16)
    check_masks(MASKED, marked(scene, np.roll(bar, 1, axis=1)), 32, 16)
    check_masks(COLLECTION, marked(scene, bar), 32, 16)
    check_masks(replace(MASKED, given_masks=False), marked(scene, bar), 32, 16)


def test_a_part_that_vanishes_at_the_backbones_resolution_is_refused(scene: Scene) -> None:
    speck = np.zeros((320, 320), bool)
    speck[1, 1] = True
    with pytest.raises(UserError, match="has no pixel left at 32 x 32"):
        check_masks(COLLECTION, marked(scene, speck), 32, 16)


def test_an_empty_mask_is_refused_where_masks_are_learned_from(scene: Scene) -> None:
    nothing = np.zeros((32, 32), bool)
    with pytest.raises(UserError, match="is empty, and this method learns from masks"):
        check_masks(COLLECTION, marked(scene, nothing), 32, 16)


def test_a_part_that_vanishes_at_the_attention_alone_is_said(
    scene: Scene, bar: Mask, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        warn_of_limits(replace(MASKED, attention=AttentionLoss(0.1, "mean")), marked(scene, bar), 32, {16, 32})
    (told,) = caplog.messages
    assert told.startswith("pair: nothing of the mask of [v1] (cat) is left at 16 x 16, where the attention loss")


@pytest.mark.parametrize("number", [4, 5, 6])
def test_more_than_four_concepts_are_said(scene: Scene, number: int, caplog: pytest.LogCaptureFixture) -> None:
    many = replace(scene, concepts=(scene.concepts[0],) * number)
    with caplog.at_level(logging.WARNING):
        warn_of_limits(COLLECTION, many, 32, set())
    told = [f"pair has {number} concepts; more than 4 are learned badly (Break-A-Scene, section 5, limitation c)"]
    assert caplog.messages == (told if number > 4 else [])


def test_concepts_that_leave_no_background_are_refused_where_it_is_learned(scene: Scene) -> None:
    everything = marked(scene, np.ones((32, 32), bool))
    check_scene(MASKED, everything, limits())
    with pytest.raises(UserError, match="cover the whole picture"):
        check_scene(replace(MASKED, background=True), everything, limits())


def test_an_initial_word_without_letters_is_refused(scene: Scene) -> None:
    with pytest.raises(UserError, match="initial_word=' ': the backbone has no token for it"):
        check_scene(replace(MASKED, initial_word=" "), scene, limits())
    check_scene(replace(MASKED, initial_word="toy"), scene, limits())


def test_a_text_of_all_concepts_must_be_read_up_to_its_last_handle(scene: Scene) -> None:
    """`a photo of [v1] and [v2]`: six words, and two tokens for the beginning and the end."""
    check_scene(MASKED, scene, limits(8))
    with pytest.raises(UserError, match=r"'a photo of \[v1\] and \[v2\]' is longer than the 7 tokens"):
        check_scene(MASKED, scene, limits(7))


def test_what_follows_the_last_handle_may_be_cut_and_concepts_taught_alone_are_read_alone(scene: Scene) -> None:
    """`a cat with [v1] style`: four words up to the handle."""
    phrase = TextTemplate(template="{tokens}", phrase="{a_object} with {handle} style")
    recipe = replace(MASKED, samples=SceneSamples("uniform", 0.0, single=1.0, text_template=phrase))
    check_scene(recipe, scene, limits(6))
    with pytest.raises(UserError, match="longer than the 5 tokens"):
        check_scene(recipe, scene, limits(5))


def test_a_fit_without_a_mask_is_refused_where_masks_are_needed(scene: Scene, context: Benches) -> None:
    blank = replace(scene.concepts[1], mask=np.zeros((32, 32), bool))
    nothing = replace(scene, concepts=(scene.concepts[0], blank))
    with pytest.raises(UserError, match=r"pair: the mask of \[v2\] \(umbrella\) is empty"):
        fit_recipe(MASKED, nothing, context())
    raw = replace(MASKED, samples=SceneSamples("all", 0.0), masked=False, given_masks=False)
    assert torch.isfinite(fit_recipe(raw, nothing, context())[HANDLES]).all()


def test_a_text_longer_than_the_backbone_reads_is_one_line(scene: Scene, context: Benches) -> None:
    many = tuple(replace(scene.concepts[0], handle=f"[v{index}]") for index in range(1, 16))
    recipe = replace(MASKED, samples=SceneSamples("all", 0.0), attention=AttentionLoss(100.0, "mean"))
    with pytest.raises(UserError, match="longer than the 24 tokens"):
        fit_recipe(recipe, replace(scene, concepts=many), context())
