"""The controls: what each of them hands over for a prompt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.core.errors import UserError
from bench.core.scenes import Concept, Dataset, ImageArray, Prompt, Scene, handle
from bench.diffusion.sampling.sampler import DrawJob, draw
from bench.plugins.method import MethodContext, Request
from bench.plugins.spec import configure
from bench.run.plan import find_external_inputs


def handed_over(text: str, *scenes: Scene) -> dict[Prompt, ImageArray]:
    """What a method that draws nothing gives for the prompts of the first scene."""
    precomputed = find_external_inputs(configure("methods", text), Dataset("d", scenes)).precomputed[scenes[0].name]
    return {prompt: one.read() for prompt, one in precomputed.items()}


def alike(scene: Scene, name: str, shade: int, labels: tuple[str, ...]) -> Scene:
    """A plain grey picture with the scene's masks under other class words."""
    concepts = tuple(replace(concept, label=label) for concept, label in zip(scene.concepts, labels, strict=False))
    return replace(scene, name=name, picture=np.full((32, 32, 3), shade, np.uint8), concepts=concepts)


def test_real_hands_over_the_scene_itself_for_every_prompt(scene: Scene) -> None:
    pictures = handed_over("real", scene)
    assert pictures.keys() == set(scene.prompts)
    assert all(np.array_equal(picture, scene.picture) for picture in pictures.values())


def test_of_several_pictures_real_takes_the_one_that_shows_the_subset(scene: Scene) -> None:
    first, second = scene.concepts
    other = np.zeros_like(scene.picture)
    two = replace(scene, concepts=(first, replace(second, picture=1)), more=(other,))
    pictures = handed_over("real", two)
    assert np.array_equal(pictures[scene.prompts[0]], scene.picture)  # concepts 0 and 1
    assert np.array_equal(pictures[scene.prompts[1]], other)  # concept 1


def test_redrawn_hands_over_each_prompts_reference(scene: Scene, tmp_path: Path) -> None:
    references = {}
    for number, prompt in enumerate(scene.prompts):
        references[prompt] = tmp_path / f"{number}.png"
        Image.new("RGB", (8, 8), (number, 0, 0)).save(references[prompt])
    pictures = handed_over("real:redrawn", replace(scene, references=references))
    assert [int(pictures[prompt][0, 0, 0]) for prompt in scene.prompts] == [0, 1]


def test_redrawn_refuses_a_dataset_without_references_in_one_line(scene: Scene) -> None:
    with pytest.raises(UserError, match=r"dataset d has none for 2 of its 2 prompts; .*--references") as error:
        handed_over("real:redrawn", scene)
    assert "\n" not in str(error.value)


def test_the_other_scene_shows_most_of_the_prompts_classes(scene: Scene) -> None:
    both, one, none = (
        alike(scene, "both", 10, ("umbrella", "cat")),
        alike(scene, "one", 20, ("cat", "snow")),
        alike(scene, "none", 30, ("snow", "beach")),
    )
    assert handed_over("other-scene", scene, none, one, both)[scene.prompts[0]][0, 0, 0] == 10
    assert handed_over("other-scene", scene, none, one)[scene.prompts[0]][0, 0, 0] == 20
    assert handed_over("other-scene", scene, none)[scene.prompts[0]][0, 0, 0] == 30


def test_samples_draw_their_own_other_scene_the_same_in_every_run(scene: Scene) -> None:
    others = [alike(scene, f"o{shade}", shade, ("cat", "umbrella")) for shade in range(10)]
    asked = replace(scene, prompts=tuple(Prompt("a photo of {tokens}", (0,), sample) for sample in range(20)))
    shades = [int(picture[0, 0, 0]) for picture in handed_over("other-scene", asked, *others).values()]
    assert shades == [int(picture[0, 0, 0]) for picture in handed_over("other-scene", asked, *others).values()]
    assert len(set(shades)) > 4  # of 10 scenes; fewer by chance: 2e-5
    assert np.array_equal(scene.picture, asked.picture)


def test_one_scene_has_no_other(scene: Scene) -> None:
    with pytest.raises(UserError, match="needs a dataset of two scenes or more; d has one"):
        handed_over("other-scene", scene)


def test_base_model_draws_the_class_words_on_the_common_noise(
    scene: Scene, context: Callable[..., MethodContext]
) -> None:
    bench = context()
    (picture,) = configure("methods", "base-model").instance.generate({}, scene, [Request(scene.prompts[0], 7)], bench)
    (wanted,) = draw(bench.backbone, [DrawJob("a photo of a cat and an umbrella at the beach", 7)], 1)
    assert np.array_equal(picture, wanted)


def test_copy_paste_is_the_scene_inside_the_masks_and_the_background_outside(
    scene: Scene, context: Callable[..., MethodContext]
) -> None:
    bench = context()
    method = configure("methods", "copy-paste").instance
    both, one = method.generate({}, scene, [Request(prompt, 7) for prompt in scene.prompts], bench)
    cat, umbrella = (concept.mask for concept in scene.concepts)
    beach, snow = draw(bench.backbone, [DrawJob("a photo at the beach", 7), DrawJob("a photo in the snow", 7)], 2)
    assert np.array_equal(both[cat | umbrella], scene.picture[cat | umbrella])
    assert np.array_equal(both[~(cat | umbrella)], beach[~(cat | umbrella)])
    assert np.array_equal(one[umbrella], scene.picture[umbrella])
    assert np.array_equal(one[~umbrella], snow[~umbrella])


def test_copy_paste_refuses_an_empty_mask(scene: Scene, context: Callable[..., MethodContext]) -> None:
    blank = Concept("cat", np.zeros((32, 32), bool), handle(0))
    with pytest.raises(UserError, match="pair: the mask of 'cat' is empty"):
        configure("methods", "copy-paste").instance.fit(replace(scene, concepts=(blank,)), context())


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("a photo of {tokens} floating on top of water", "a photo floating on top of water"),
        ("{tokens} in a field", "in a field"),
        ("a painting of {tokens}", "a painting"),
        ("a box with {tokens} inside", "a box with inside"),
    ],
)
def test_a_background_is_the_template_without_its_concepts(scene: Scene, template: str, text: str) -> None:
    assert scene.text_of_background(Prompt(template, (0,))) == text
