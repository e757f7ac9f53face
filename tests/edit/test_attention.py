"""Attention while drawing: the picture stays as it is, the maps are probabilities, and shares follow from masks."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.core.device import resolve
from bench.core.errors import UserError
from bench.core.images import dimmed, read_picture
from bench.core.scenes import Concept, Scene
from bench.diffusion.backbone.checkpoint import BackboneSpec
from bench.diffusion.backbone.handles import add_handles
from bench.diffusion.backbone.loading import load_backbone
from bench.diffusion.sampling.attention_maps import draw_with_maps, resized
from bench.diffusion.sampling.sampler import DrawJob, draw
from bench.edit.attention import AttentionShare, summary
from bench.edit.generation import generate
from bench.edit.options import EditPaths, GenerateOptions
from bench.plugins.backbone import Backbone
from bench.run.options import BackboneOptions
from bench.scoring.attention_share import attention_share, found_segments
from bench.scoring.models.segmenter import Segmentation

Made = Callable[..., EditPaths]
TEXT = "a photo of [v1] and [v2]"


@pytest.fixture
def backbone(tiny_backbone: Path, scene: Scene) -> Backbone:
    """The tiny backbone with the scene's handles in its vocabulary."""
    from bench.plugins.backbone_settings import read_settings

    loaded = load_backbone(BackboneSpec(str(tiny_backbone), None), resolve("cpu", "fp32"), read_settings(tiny_backbone))
    add_handles(loaded.tokenizer, loaded.text_encoder, scene.concepts, "mean")
    return loaded


def test_the_picture_is_the_one_that_draw_gives(backbone: Backbone) -> None:
    job = DrawJob(TEXT, 7)
    picture, maps = draw_with_maps(backbone, job, ["[v1]", "[v2]"], [0, 2])
    [plain] = draw(backbone, [job], 1)
    assert np.abs(picture.astype(int) - plain).max() <= 1
    assert maps.shape[:2] == (2, 2)
    assert maps.shape[2] == maps.shape[3]


def test_maps_are_probabilities_over_tokens(backbone: Backbone) -> None:
    """All tokens of the text together get the whole attention of every pixel."""
    import torch

    from bench.diffusion.backbone.token_maps import concept_maps  # what the maps are averaged by

    layers = [torch.rand(1, 2, 16, 5).softmax(dim=-1) for _ in range(3)]
    total = concept_maps(layers, torch.arange(5), 4).sum(dim=0)
    torch.testing.assert_close(total, torch.ones(4, 4))
    _, maps = draw_with_maps(backbone, DrawJob(TEXT, 7), ["[v1]", "[v2]"], [1])
    assert float(maps.min()) >= 0
    assert float(maps.sum(dim=1).max()) <= 1


def test_only_steps_that_are_asked_for_cost_a_pass(backbone: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []
    forward = backbone.unet.forward
    monkeypatch.setattr(backbone.unet, "forward", lambda *args, **kwargs: passes.append(1) or forward(*args, **kwargs))
    draw_with_maps(backbone, DrawJob(TEXT, 7), ["[v1]"], [1])
    assert len(passes) == 3 + 1


def test_the_share_of_a_segment() -> None:
    attention = np.array([[3.0, 1.0], [0.0, 4.0]], dtype=np.float32)
    left = np.array([[True, False], [True, False]])
    assert attention_share(attention, left) == pytest.approx(3 / 8)
    assert attention_share(attention, ~left) == pytest.approx(5 / 8)
    assert math.isnan(attention_share(np.zeros((2, 2), np.float32), left))


def test_a_flat_map_has_the_share_of_the_area() -> None:
    mask = np.zeros((8, 8), np.bool_)
    mask[:2, :3] = True
    assert attention_share(np.full((8, 8), 0.2, np.float32), mask) == pytest.approx(6 / 64)


def test_an_overlay_is_the_picture_where_the_map_is_highest() -> None:
    picture = np.full((2, 2, 3), 200, np.uint8)
    shown = dimmed(picture, np.array([[0.5, 0.0], [0.25, 0.5]], np.float32))
    assert shown[:, :, 0].tolist() == [[200, 30], [115, 200]]


class _Knows:
    """A segmenter that finds a cat in the left half."""

    def class_index(self, word: str) -> int | None:
        return {"cat": 1, "dog": 2}.get(word)

    def segment(self, pictures: list[np.ndarray]) -> list[Segmentation]:
        ids = np.zeros(pictures[0].shape[:2], np.int32)
        ids[:, :2] = 5
        return [Segmentation(ids, {5: 1})]


@pytest.mark.parametrize(
    ("label", "area", "reason"),
    [("cat", 0.5, ""), ("dog", None, "not found"), ("toy", None, "the segmenter does not know 'toy'")],
)
def test_a_concept_is_its_largest_segment_or_has_a_reason(label: str, area: float | None, reason: str) -> None:
    [(mask, told)] = found_segments(_Knows(), np.zeros((4, 4, 3), np.uint8), [label])
    assert told == reason
    assert (None if mask is None else float(mask.mean())) == area


def test_the_summary_has_an_interval_and_says_how_many_were_found() -> None:
    scene = Scene("s", np.zeros((4, 4, 3), np.uint8), (Concept("cat", np.ones((4, 4), np.bool_), "[v1]"),))
    shares = [AttentionShare("t", number, 5, "[v1]", value, 0.25) for number, value in enumerate((0.4, 0.5, 0.6, 0.5))]
    lost = AttentionShare("t", 5, 5, "[v1]", math.nan, math.nan, "not found")
    [line] = summary([*shares, lost], scene)
    # mean .5, s = .0816, t(3) = 3.182: .5 +- .130
    assert line.startswith("[v1] (cat), step 5: 0.50 [0.37, 0.63] of its attention lies on the 0.25 of the picture")
    assert line.endswith("(4 of 5 found)")


def test_resizing_keeps_a_flat_map() -> None:
    import torch

    assert resized(torch.full((2, 1, 4, 4), 0.3), 8).shape == (2, 1, 8, 8)
    torch.testing.assert_close(resized(torch.full((2, 1, 4, 4), 0.3), 8), torch.full((2, 1, 8, 8), 0.3))


def test_a_step_that_the_sampler_does_not_take_is_told(source: Path, setup: BackboneOptions, places: Made) -> None:
    options = GenerateOptions("ours", source, (TEXT,), samples=1, batch_size=1, attention=(4,))
    with pytest.raises(UserError, match="--attention 4: the sampler takes steps 1 to 3"):
        generate(options, setup, places())


def test_a_sheet_and_the_shares_lie_beside_the_pictures(
    source: Path, setup: BackboneOptions, places: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.edit.attention.Evaluators", lambda *_, **__: type("E", (), {"segmenter": _Knows()}))
    plain = GenerateOptions("ours", source, (TEXT, "a beach"), samples=2, batch_size=1)
    drawn = generate(plain, setup, places("mine"))[1:]
    before = [read_picture(file) for file in drawn]
    sheet, attention, table, *pictures = generate(replace(plain, attention=(1, 3)), setup, places("mine"))
    assert (sheet.name, attention.name, table.name) == ("sheet.png", "attention.png", "attention.csv")
    assert all((read_picture(file) == old).all() for file, old in zip(pictures, before, strict=True))
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert len(rows) == 2 * 2 * 2, "two samples, two handles, two steps; a text without handles has none"
    cats = [row for row in rows if row["handle"] == "[v1]"]
    assert all(0 <= float(row["share"]) <= 1 and float(row["area"]) == 2 / 32 for row in cats)
    assert {row["reason"] for row in rows if row["handle"] == "[v2]"} == {"the segmenter does not know 'umbrella'"}
