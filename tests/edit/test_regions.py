"""Several regions in one edit: painted one after the other, each with its text; one alone is as it always was."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.core.errors import UserError
from bench.core.hashing import digest, pixel_hash
from bench.core.images import read_picture
from bench.core.scenes import Mask, Scene
from bench.edit.engine import VERSION, edit
from bench.edit.inputs import read_target
from bench.edit.options import EditOptions, EditPaths
from bench.edit.output import pictures_of
from bench.edit.regions import paired
from bench.run.options import BackboneOptions

Made = Callable[..., EditPaths]


def no_fit(*_: object) -> None:
    raise AssertionError("it was fitted again")


def box(top: int, bottom: int) -> Mask:
    """Rows of a mask of 32 x 32."""
    mask = np.zeros((32, 32), bool)
    mask[top:bottom] = True
    return mask


def record(folder: Path) -> dict[str, object]:
    read: dict[str, object] = json.loads((folder / "edit.json").read_text())
    return read


def test_each_region_is_painted_on_the_result_of_the_one_before(
    two_regions: EditOptions, setup: BackboneOptions, places: Made
) -> None:
    folder = edit(replace(two_regions, guidance_step_sizes=(0.0, 0.5)), setup, places())
    assert [file.name for file in pictures_of(folder)] == [
        "grid.png",
        "step-size-0.png",
        "step-size-0.5.png",
        "region-1-step-size-0.png",
        "region-1-step-size-0.5.png",
        "mask-1.png",
        "mask-2.png",
    ]
    target = read_target(two_regions.target, two_regions.masks, 32)
    first, last = (read_picture(folder / f"{name}step-size-0.png") for name in ("region-1-", ""))
    upper, lower = target.masks
    for before, after, mask in ((target.picture, first, upper), (first, last, lower)):
        np.testing.assert_array_equal(after[~mask], before[~mask])
        assert (after[mask] != before[mask]).mean() > 0.5
    with Image.open(folder / "grid.png") as grid:
        assert grid.width == 6 * 256 + 7 * 8, "source, target, and two pictures for each step size"


def test_the_first_region_is_painted_as_if_it_were_the_only_one(
    two_regions: EditOptions, setup: BackboneOptions, places: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = edit(two_regions, setup, replace(places(), keep_weights=True))
    monkeypatch.setattr("bench.diffusion.training.trainer.fit_recipe", no_fit)
    one = edit(
        replace(two_regions, masks=two_regions.masks[:1], prompts=two_regions.prompts[:1]), setup, places("alone")
    )
    np.testing.assert_array_equal(
        read_picture(both / "region-1-step-size-0.png"), read_picture(one / "step-size-0.png")
    )
    assert record(one)["prompt"] == "a [v1]"
    assert record(both)["prompts"] == ["a [v1]", "[v2] on the table"]
    assert record(one)["fit"] == record(both)["fit"]


def test_one_region_keeps_the_key_it_always_had(options: EditOptions, setup: BackboneOptions, places: Made) -> None:
    made = record(edit(options, setup, places()))
    target = read_target(options.target, options.masks, 32)
    region = target.masks[0].tobytes().hex()
    content = [VERSION, made["fit"], pixel_hash(target.picture), region, "a photo of [v1]", (0.0,)]
    assert made["key"] == digest([*content, 0.25, "from-noise", 3, 2.0])


def test_the_same_regions_are_found_again_and_others_are_another_edit(
    two_regions: EditOptions, setup: BackboneOptions, places: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = edit(two_regions, setup, places("mine"))
    monkeypatch.setattr("bench.edit.engine.load_fit", no_fit)
    assert edit(two_regions, setup, places("mine")) == folder
    masks, prompts = two_regions.masks, two_regions.prompts
    for other in (
        replace(two_regions, masks=masks[::-1]),
        replace(two_regions, prompts=prompts[::-1]),
        replace(two_regions, masks=masks[::-1], prompts=prompts[::-1]),
        replace(two_regions, masks=masks[:1], prompts=prompts[:1]),
    ):
        with pytest.raises(UserError, match="holds another edit"):
            edit(other, setup, places("mine"))


def test_where_regions_overlap_the_later_one_wins_and_that_is_told(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = paired((box(0, 20), box(10, 30)), ("[v1]", "[v2]"), scene, 16)
    assert one.mask is not None
    assert (one.mask.sum(), other.concepts[0].label) == (20 * 32, "umbrella")
    told = capsys.readouterr()
    assert "the target's mask 1 overlaps later ones: what they share is theirs" in told.out + told.err
    paired((box(0, 10), box(10, 30)), ("[v1]", "[v2]"), scene, 16)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ((box(0, 10), box(11, 12)), "mask 2 has no pixel left at the latents' 16 x 16; mark a larger region"),
        ((box(4, 10), box(0, 6), box(6, 12)), "mask 1 lies under later ones, which are painted over it"),
    ],
)
def test_a_region_of_which_nothing_is_left_is_one_line(masks: tuple[Mask, ...], message: str, scene: Scene) -> None:
    with pytest.raises(UserError, match=message):
        paired(masks, ("[v1]", "[v2]", "[v1]")[: len(masks)], scene, 16)


def test_regions_and_texts_are_pairs(options: EditOptions) -> None:
    with pytest.raises(UserError, match="--mask 1 times and --prompt 2 times"):
        replace(options, prompts=("[v1]", "[v2]"))
    with pytest.raises(UserError, match=r"--mask 0 times and --prompt 2 times: .*; without --mask, one --prompt"):
        replace(options, masks=(), prompts=("[v1]", "[v2]"))
