"""Each evaluation counts what it says it counts: known answers by evaluators that the test knows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.core.scenes import ImageArray, Mask
from bench.playroom.evaluate import headroom, vit
from bench.playroom.evaluate.appearance import BACKDROP, Verdict, appearance_figures, judge_appearance
from bench.playroom.evaluate.base_model import Judged, judge
from bench.playroom.evaluate.clip import context_first
from bench.playroom.evaluate.drawn_samples import SampleText
from bench.playroom.evaluate.headroom import Outcome, make_trial, shortlist, summarise
from bench.playroom.evaluate.maskformer import Seen, describe_iou
from bench.playroom.evaluate.size import median_seconds, size_figures
from bench.playroom.train.data import masked_toy
from bench.playroom.train.maskformer import LABELS
from bench.playroom.world.captions import describe
from bench.playroom.world.contexts import CONTEXTS
from bench.playroom.world.scene import PlacedToy, ToyScene, draw
from bench.playroom.world.toys import CLASSES, COLOURS, UNSEEN_COLOURS, ToyIdentity, all_appearances
from bench.scoring.models.segmenter import Segmentation

MUG = ToyIdentity("mug", "red", "white", "striped")
PICTURE = np.full((64, 64, 3), 200, np.uint8)


class Knowing:
    """Evaluators that find `names`, like one text, and see a toy's mean colour."""

    def __init__(self, names: set[str] = frozenset(), liked: str = "") -> None:
        self.names, self.liked = names, liked
        self.shown: list[ImageArray] = []

    def find(self, picture: ImageArray, class_name: str) -> Mask | None:
        mask = np.zeros(picture.shape[:2], bool)
        mask[:8] = True
        return mask if class_name in self.names else None

    def classes(self, picture: ImageArray) -> set[str]:
        return set(self.names)

    def likeness(self, picture: ImageArray, texts: list[str]) -> Tensor:
        self.shown.append(picture)
        return torch.tensor([float(text == self.liked) for text in texts])

    def identity(self, pictures: Sequence[ImageArray]) -> Tensor:
        colours = [picture[picture.any(axis=-1)].mean(axis=0) for picture in pictures]
        return torch.nn.functional.normalize(torch.tensor(np.array(colours)).float() - 128, dim=-1)


def test_the_likeliest_context_counts() -> None:
    knowing = Knowing(liked="a photo of a mug in the snow")
    assert context_first(knowing, PICTURE, "a mug", "in the snow")
    assert not context_first(knowing, PICTURE, "a mug", "at the beach")


@pytest.mark.parametrize(
    ("liked", "colours", "motif"),
    [
        ("a photo of a red and white striped mug", True, True),
        ("a photo of a white and red striped mug", True, True),
        ("a photo of a red and white dotted mug", True, False),
        ("a photo of a red mug", False, False),
        ("a photo of a blue and white striped mug", False, True),
    ],
)
def test_looks_are_what_clip_names_in_either_order_of_colours(liked: str, colours: bool, motif: bool) -> None:
    knowing = Knowing({"mug"}, liked)
    verdict = judge_appearance(knowing, PICTURE, MUG)
    assert (verdict.found, verdict.colours, verdict.motif) == (True, colours, motif)
    assert verdict.both == (colours and motif)
    assert (knowing.shown[0][:8] == 200).all()
    assert (knowing.shown[0][8:] == BACKDROP).all()


def test_a_toy_that_is_not_found_has_no_right_looks() -> None:
    verdicts = [judge_appearance(Knowing({"duck"}), PICTURE, MUG), Verdict(True, True, True)]
    figures = appearance_figures(verdicts)
    assert figures["colours_and_motif"]["rate"] == 0.5
    assert figures["colours_and_motif_of_found"] == {"rate": 1.0, "low": 0.2065, "high": 1.0, "n": 1}


def test_all_looks_are_all_descriptions_once() -> None:
    said = [describe(each) for each in all_appearances("mug")]
    assert len(said) == len(set(said)) == len(COLOURS) + 3 * 46
    assert {"red mug", "red and white striped mug", "white and red dotted mug"} <= set(said)


def test_a_picture_is_judged_by_all_asked_classes_and_by_strangers() -> None:
    asked = SampleText(("mug", "duck"), "in the snow")
    judged = judge(PICTURE, asked, Knowing({"mug", "car"}, "a photo of a mug and a duck in the snow"))
    assert judged == Judged(asked, frozenset({"mug", "car"}), context_first=True)
    assert (judged.all_found, judged.strangers) == (False, 1)


def test_mean_iou_is_pooled_over_scenes_and_averaged_over_classes() -> None:
    # Class 0: (10 + 20) / (20 + 20) = .75; class 1 only in the second scene: .5; class 2 nowhere.
    both, either = np.array([[10.0, 0, 0], [20, 5, 0]]), np.array([[20.0, 0, 0], [20, 10, 0]])
    told = describe_iou(both, either)
    assert told["value"] == 0.625
    # A resample has the first scene twice (IoU .5), the second twice ((1 + .5) / 2), or both.
    assert (told["low"], told["high"], told["n"]) == (0.5, 0.75, 2)


def test_the_segmenter_is_compared_to_the_truth_pixel_by_pixel() -> None:
    duck = ToyIdentity("duck", "red", "red", "plain")
    scene = ToyScene((PlacedToy(MUG, 0.3, 0.5, 0.4), PlacedToy(duck, 0.7, 0.5, 0.4)), None, 0)
    drawing = draw(scene, 64)
    ids = np.where(drawing.masks[0], 1, np.where(drawing.masks[1], 2, 0)).astype(np.int32)
    seen = Seen()
    seen.add(scene, drawing, Segmentation(ids, {1: LABELS.index("mug"), 2: LABELS.index("car")}))
    assert seen.toys == [True, False]
    assert seen.alarms == [True]
    mugs, ducks, cars = (CLASSES.index(name) for name in ("mug", "duck", "car"))
    assert seen.both[0][mugs] == seen.either[0][mugs] == drawing.masks[0].sum()
    assert (seen.both[0][ducks], seen.either[0][ducks]) == (0, drawing.masks[1].sum())
    assert (seen.both[0][cars], seen.either[0][cars]) == (0, drawing.masks[1].sum())


def test_identity_is_first_when_features_tell_toys_apart() -> None:
    # The first of 22 pictures is the toy, the second the same again, the others are others.
    codes = {0: 0, 1: 0}

    class Telling(Knowing):
        def identity(self, pictures: Sequence[ImageArray]) -> Tensor:
            return torch.eye(22)[[codes.get(k, k) for k in range(len(pictures))]]

    figures = vit.vit_figures(Telling(), 3)
    assert [figures[f"{appearance}_first_of_21"]["rate"] for appearance in ("seen", "unseen")] == [1, 1]
    codes[1] = 21
    codes[5] = 0
    assert vit.vit_figures(Telling(), 3)["seen_first_of_21"]["rate"] == 0


def test_headroom_is_the_mean_difference_within_scenes() -> None:
    outcomes = [Outcome(0.9, 0.2, (0.4, 0.5)), Outcome(0.7, 0.4, (math.nan, 0.3)), Outcome(0.8, math.nan, (0.1, 0.1))]
    told = summarise(outcomes)
    assert told["above_class_words"] == {"value": 0.5, "n": 2}
    assert told["above_best_words"] == {"value": 0.4, "n": 2}
    assert told["redrawn"]["value"] == 0.8
    assert told["rank_of_best_words"] == [2, 2]
    assert told["compared"] == {"scenes": 2, "of": 3}
    assert summarise(outcomes[2:]) == {"compared": {"scenes": 0, "of": 1}}


def test_trials_ask_for_a_never_seen_toy_in_another_context() -> None:
    for number in range(12):
        trial = make_trial(number)
        assert {trial.toy.first, trial.toy.second} <= set(UNSEEN_COLOURS)
        assert trial.context == CONTEXTS[(number + 5) % 10]
        assert trial.scene.concepts[trial.prompt.subset[0]].label == trial.toy.class_name
        assert trial.scene.text_with_classes(trial.prompt) == trial.text(trial.toy.class_name)


def test_the_shortlist_has_the_descriptions_whose_renderings_are_nearest() -> None:
    trial = make_trial(0)
    listed = shortlist(trial, Knowing(), 146)
    assert len(set(listed)) == 146
    rng = np.random.default_rng(0)
    own = Knowing().identity([masked_toy(trial.toy, rng)])
    near, far = (Knowing().identity([masked_toy(each, rng)]) @ own.T for each in (listed[0], listed[-1]))
    assert near > far
    assert shortlist(trial, Knowing(), 3) == listed[:3]


def test_similarity_leaves_out_pictures_without_the_toy() -> None:
    class Scoring:
        def score(self, jobs: Sequence[Any]) -> list[dict[str, float]]:
            return [{"identity_similarity": value} for value in (0.5, math.nan, 0.7)[: len(jobs)]]

    trial = make_trial(0)
    assert headroom.similarity(Scoring(), trial, [PICTURE] * 3) == pytest.approx(0.6)
    assert math.isnan(headroom.similarity(Scoring(), trial, []))


def test_sizes_add_up_files(tmp_path: Path) -> None:
    for name, count in (("clip/a.json", 3_000), ("clip/b/c.bin", 4_000_000), ("vit/d.bin", 5_000_000)):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x" * count)
    figures = size_figures(tmp_path)
    assert figures["bytes"] == {"clip": 4_003_000, "vit": 5_000_000}
    assert (figures["all"]["value"], figures["largest_file"]["value"]) == (9.003, 5.0)


def test_a_median_of_fifteen_lies_between_the_fourth_and_the_twelfth() -> None:
    # Conover 1999, table A3: for 15 values and p = .5, 4 to 12 has a confidence of .9648.
    told = median_seconds([float(k) for k in range(15, 0, -1)])
    assert (told["value"], told["low"], told["high"], told["n"]) == (8, 4, 12, 15)
    assert "low" not in median_seconds([1, 2, 3, 4, 5])
