"""Distortions grow with their grade, are what their units say, and the figures count their order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from bench.core.checkpoints import CHECKPOINTS
from bench.core.scenes import ImageArray
from bench.playroom.evaluate.lpips import lpips_figures
from bench.playroom.world.contexts import CONTEXTS
from bench.playroom.world.distortions import ANOTHER, GRADES, OTHER_TOY, Kind, distort, other_toys
from bench.playroom.world.scene import sample_scene
from bench.playroom.world.toys import COLOURS, UNSEEN_COLOURS, Appearance
from bench.scoring.models.lpips import LpipsDiversity


def pictures(count: int = 2, size: int = 64) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kind", GRADES)
def test_stronger_is_farther_and_the_same_seed_is_the_same_distortion(kind: Kind) -> None:
    smooth = torch.nn.functional.interpolate(pictures(2, 8), size=(64, 64), mode="bilinear")
    graded = [distort(kind, smooth, torch.full((2,), float(strength)), 7) for strength in GRADES[kind]]
    errors = [float((each - smooth).square().mean()) for each in graded]
    assert errors == sorted(errors)
    assert errors[0] > 0
    assert torch.equal(graded[0], distort(kind, smooth, torch.full((2,), float(GRADES[kind][0])), 7))


@pytest.mark.parametrize("kind", GRADES)
def test_each_picture_has_its_own_strength(kind: Kind) -> None:
    both = pictures()
    strengths = torch.tensor([GRADES[kind][0], GRADES[kind][-1]], dtype=torch.float32)
    mixed = distort(kind, both, strengths, 3)
    assert torch.allclose(mixed[0], distort(kind, both, strengths[[0, 0]], 3)[0], atol=1e-6)
    assert torch.allclose(mixed[1], distort(kind, both, strengths[[1, 1]], 3)[1], atol=1e-6)
    assert mixed.min() >= -1e-6
    assert mixed.max() <= 1 + 1e-6


def test_shift_moves_by_whole_pixels_and_repeats_the_border() -> None:
    picture = pictures(1)
    for seed in range(8):
        (moved,) = distort("shift", picture, torch.tensor([3.0]), seed)
        candidates = [
            torch.cat([picture[0, :, :1].expand(-1, 3, -1), picture[0, :, :-3]], dim=1),
            torch.cat([picture[0, :, 3:], picture[0, :, -1:].expand(-1, 3, -1)], dim=1),
            torch.cat([picture[0, :, :, :1].expand(-1, -1, 3), picture[0, :, :, :-3]], dim=2),
            torch.cat([picture[0, :, :, 3:], picture[0, :, :, -1:].expand(-1, -1, 3)], dim=2),
        ]
        assert sum(torch.equal(moved, candidate) for candidate in candidates) == 1


def test_noise_has_the_stated_deviation() -> None:
    grey = torch.full((1, 3, 64, 64), 0.5)
    noisy = distort("noise", grey, torch.tensor([0.06]), 0)
    assert float((noisy - grey).std()) == pytest.approx(0.06, rel=0.05)


def test_blur_is_a_gaussian_of_the_stated_sigma() -> None:
    point = torch.zeros(1, 3, 63, 63)
    point[:, :, 31, 31] = 1
    (blurred,) = distort("blur", point, torch.tensor([2.0]), 0)
    places = torch.arange(63.0) - 31
    rows = blurred[0].sum(dim=1)
    assert float(rows.sum()) == pytest.approx(1, abs=1e-5)
    assert float((rows * places**2).sum()) == pytest.approx(4, rel=1e-2)


def test_colours_turn_about_grey() -> None:
    red = torch.tensor([0.8, 0.2, 0.2])[None, :, None, None].expand(1, 3, 4, 4)
    grey = torch.full((1, 3, 4, 4), 0.4)
    turned = distort("colour", red, torch.tensor([120.0]), 0)[0, :, 0, 0]
    assert sorted(turned.tolist()) == pytest.approx([0.2, 0.2, 0.8], abs=1e-6)
    assert turned[0] == pytest.approx(0.2, abs=1e-6)
    assert torch.allclose(distort("colour", grey, torch.tensor([120.0]), 0), grey, atol=1e-6)


@pytest.mark.parametrize("appearance", ["seen", "unseen"])
def test_another_toy_changes_one_thing_more_at_every_grade(appearance: Appearance) -> None:
    for number in range(30):
        rng = np.random.default_rng(number)
        scene = sample_scene(rng, appearance=appearance, count=1 + number % 2, context=CONTEXTS[number % 10])
        ladder = other_toys(scene, rng)
        own, (proportions, motif, colours, other) = scene.toys[-1].identity, [s.toys[-1].identity for s in ladder]
        assert len(ladder) == len(OTHER_TOY)
        assert (proportions.class_name, proportions.motif, proportions.first) == (own.class_name, own.motif, own.first)
        assert proportions.aspect != own.aspect
        assert (motif.class_name, motif.first) == (own.class_name, own.first)
        assert motif.motif not in {own.motif, "plain"}
        assert motif.second != motif.first
        assert {colours.first, colours.second}.isdisjoint({own.first, own.second})
        assert (colours.class_name, colours.motif) == (own.class_name, motif.motif)
        assert other.class_name != own.class_name
        assert {other.first, other.second} <= set(COLOURS if appearance == "seen" else UNSEEN_COLOURS)
        for changed in ladder:
            assert (changed.context, changed.seed, changed.toys[:-1]) == (scene.context, scene.seed, scene.toys[:-1])


class ByPixels(LpipsDiversity):
    """A distance that the test knows: the mean square of the difference, or less of it the farther."""

    sign = 1.0

    def __init__(self) -> None:
        pass

    def distances(self, picture: ImageArray, others: list[ImageArray]) -> np.ndarray:
        return self.sign * np.array([np.square(picture.astype(float) - other).mean() for other in others])


@pytest.mark.parametrize("sign", [1.0, -1.0, 0.0])
def test_figures_count_pairs_in_order(sign: float, monkeypatch: pytest.MonkeyPatch) -> None:
    network = ByPixels()
    network.sign = sign
    monkeypatch.setattr(LpipsDiversity, "load", lambda *_, **__: network)
    figures = lpips_figures(Path("anywhere"), 4)
    assert figures["all"]["n"] == 4 * 5 * 6
    assert {name: figures[name]["n"] for name in (*GRADES, ANOTHER)} == dict.fromkeys((*GRADES, ANOTHER), 24)
    assert figures["mild_before_other_toy"]["n"] == 4 * (4 * 2) * 2
    assert figures["seen_looks"]["n"] == figures["unseen_looks"]["n"] == 60
    # More noise is always a larger mean square; a tie is no order.
    assert figures["noise"]["rate"] == (1.0 if sign > 0 else 0.0)
    assert figures["noise"]["low"] <= figures["noise"]["rate"] <= figures["noise"]["high"]
    pixels = figures.pop("pixels")
    assert pixels["noise"]["rate"] == 1
    assert (pixels == figures) == (sign > 0)


def test_the_packages_network_puts_the_grades_in_order() -> None:
    figures = lpips_figures(CHECKPOINTS / "lpips", 16)
    assert figures["all"]["rate"] >= 0.95
    assert figures["mild_before_other_toy"]["rate"] > figures["pixels"]["mild_before_other_toy"]["rate"]
