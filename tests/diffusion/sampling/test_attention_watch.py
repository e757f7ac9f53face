"""Watching does not change what is drawn, and gives every picture of a batch the maps of its own handles."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bench.core.scenes import Scene
from bench.diffusion.backbone.handles import add_handles
from bench.diffusion.clic.two_stage import begin, finish
from bench.diffusion.sampling.attention_watch import AttentionWatch, current_watch, watching
from bench.diffusion.sampling.sampler import DrawJob, draw
from bench.diffusion.training.samples import TextTemplate
from bench.plugins.backbone import Backbone

JOBS = [DrawJob("a photo of [v1] and [v2]", 7), DrawJob("a photo of a beach", 8), DrawJob("[v2] in the snow", 9)]


@pytest.fixture
def taught(backbone: Backbone, scene: Scene) -> Backbone:
    add_handles(backbone.tokenizer, backbone.text_encoder, scene.concepts, "mean")
    return backbone


def watched(backbone: Backbone, jobs: list[DrawJob], batch: int) -> tuple[list[np.ndarray], AttentionWatch]:
    with watching(AttentionWatch(("[v1]", "[v2]"), {0, 2})) as watch:
        pictures = list(draw(backbone, jobs, batch))
    return pictures, watch


def test_pictures_are_the_same_with_a_watch(taught: Backbone) -> None:
    pictures, _ = watched(taught, JOBS, 3)
    for one, plain in zip(pictures, draw(taught, JOBS, 3), strict=True):
        np.testing.assert_array_equal(one, plain)
    assert current_watch() is None


def test_each_picture_has_the_maps_of_the_handles_in_its_text(taught: Backbone) -> None:
    _, watch = watched(taught, JOBS, 2)
    assert set(watch.seen) == {0, 2}
    for pictures in watch.seen.values():
        assert [set(maps) for maps in pictures] == [{"[v1]", "[v2]"}, set(), {"[v2]"}]
        assert all(maps["[v2]"].shape == (16, 16) for maps in pictures if maps)


def test_a_map_does_not_depend_on_the_batch(taught: Backbone) -> None:
    _, together = watched(taught, JOBS, 3)
    _, alone = watched(taught, JOBS, 1)
    for step in (0, 2):
        for one, other in zip(together.seen[step], alone.seen[step], strict=True):
            for handle, attention in one.items():
                torch.testing.assert_close(attention, other[handle], rtol=1e-3, atol=1e-5)


def test_a_method_of_two_stages_is_watched_where_its_text_has_handles(taught: Backbone, scene: Scene) -> None:
    """CLiC's first steps read class words, so its handles have no maps there."""
    with watching(AttentionWatch(("[v1]",), {0, 3})) as watch:
        plain = [DrawJob(TextTemplate(phrase="{label}").prompt_text(scene, prompt), 3) for prompt in scene.prompts]
        begun = begin(taught, plain, 2, batch_size=2)
        list(finish(taught, ["a photo of [v1]"] * 2, begun, 2, batch_size=1))
    assert watch.seen[0] == [{}, {}]
    assert [set(maps) for maps in watch.seen[3]] == [{"[v1]"}, {"[v1]"}]
