"""Words, points and boxes are read as written, or refused in one line that shows how to write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.core.errors import UserError
from bench.masks.models import MODELS, find_model, source_of
from bench.masks.options import Marks, labels_of, parse_boxes, parse_labels, parse_points
from bench.scoring.models.sources import ModelSource


def test_labels_are_parted_by_commas() -> None:
    assert parse_labels("cat, potted  plant") == ("cat", "potted plant")
    assert parse_labels(None) == ()


@pytest.mark.parametrize("text", ["", "cat,", ",", "cat,,dog"])
def test_an_empty_label_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="class words with commas"):
        parse_labels(text)


def test_points_are_grouped_by_concept() -> None:
    assert parse_points("10,20;50,60.5") == (((10, 20),), ((50, 60.5),))
    assert parse_points("10,20 12,30; 50,60;") == (((10, 20), (12, 30)), ((50, 60),))


@pytest.mark.parametrize("text", ["", ";", "10", "10,20,30", "a,b", "10,nan", "10,20;;30,40", "10, 20"])
def test_other_points_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="write x,y in pixels"):
        parse_points(text)


def test_boxes_are_left_top_right_bottom() -> None:
    assert parse_boxes("5,5,30,40;35,10,60,44") == ((5, 5, 30, 40), (35, 10, 60, 44))


@pytest.mark.parametrize("text", ["", "5,5,30", "30,5,5,40", "5,40,30,40", "5,5,inf,40"])
def test_other_boxes_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="write left,top,right,bottom"):
        parse_boxes(text)


@pytest.mark.parametrize(
    ("marks", "told"),
    [
        (Marks(points=(((64, 48),), ((65, 2),))), "65,2 is not in the picture of 64 x 48 pixels"),
        (Marks(points=(((3, -1),),)), "3,-1 is not"),
        (Marks(boxes=((0, 0, 64, 49),)), "0,0,64,49 is not"),
    ],
)
def test_marks_outside_the_picture_are_refused(marks: Marks, told: str) -> None:
    with pytest.raises(UserError, match=told):
        marks.check_inside(64, 48)


def test_marks_at_its_border_are_inside() -> None:
    Marks(points=(((0, 0),), ((64, 48),))).check_inside(64, 48)
    Marks(boxes=((0, 0, 64, 48),)).check_inside(64, 48)


def test_labels_come_from_the_folder_unless_given(tmp_path: Path) -> None:
    assert labels_of(tmp_path, []) == []
    assert labels_of(tmp_path, ["cat"]) == ["cat"]
    (tmp_path / "labels.txt").write_text("cat\n\numbrella\n", encoding="utf-8")
    assert labels_of(tmp_path, []) == ["cat", "umbrella"]
    assert labels_of(tmp_path, ["cat", "umbrella"]) == ["cat", "umbrella"]


def test_labels_that_contradict_the_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("cat\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"says cat and --labels dog; leave --labels out"):
        labels_of(tmp_path, ["dog"])


def test_nine_concepts_are_too_many(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="9 concepts; at most 8"):
        labels_of(tmp_path, [f"thing{number}" for number in range(9)])


def test_a_model_is_changed_only_in_what_is_given() -> None:
    model = find_model("grounded-sam", detector="IDEA-Research/grounding-dino-tiny", threshold=0.4)
    assert model.detector == ModelSource("IDEA-Research/grounding-dino-tiny", "main")
    assert model.checkpoint == MODELS["grounded-sam"].checkpoint
    assert model.threshold == 0.4


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("sma", {}, "--model sma is not known; did you mean sam"),
        ("maskformer", {"detector": "a/b"}, "maskformer has no detector"),
        ("sam", {"threshold": 0.5}, "sam searches for nothing"),
        ("sam", {"checkpoint": "nowhere"}, "there is no folder nowhere"),
    ],
)
def test_what_a_model_has_no_use_for_is_refused(name: str, options: dict[str, str], told: str) -> None:
    with pytest.raises(UserError, match=told):
        find_model(name, **options)


def test_a_checkpoint_is_a_folder_or_a_hub_id_with_or_without_a_commit(tmp_path: Path) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    assert source_of(str(tmp_path)).folder == tmp_path
    assert source_of(f"owner/name@{commit}") == ModelSource("owner/name", commit)
    assert source_of(f"owner/name@{commit}").is_pinned
    assert not source_of("owner/name").is_pinned


def test_all_hub_checkpoints_but_maskformers_are_pinned() -> None:
    moving = {name for name, one in MODELS.items() for source in one.sources.values() if source.revision == "main"}
    assert moving == {"maskformer"}
