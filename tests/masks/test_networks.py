"""The real architectures, tiny and random, saved as folders and loaded as a hub id is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    GroundingDinoForObjectDetection,
    Sam2Model,
    Sam2Processor,
    Sam2VideoConfig,
    Sam2VideoModel,
    Sam3Model,
)

from bench.core.errors import UserError
from bench.core.scenes import ImageArray
from bench.masks.choice import FoundInstance
from bench.masks.models import MODELS, find_model
from bench.masks.sam import Sam
from bench.masks.words import WORD_MODELS, FindsWords, GroundedWords
from bench.scoring.models.sources import ModelSource

CPU = torch.device("cpu")
SIZE = (48, 64)
SAM2_SIDE = 128


@pytest.fixture(scope="module")
def sam(tiny: Path) -> Sam:
    return Sam.load(ModelSource(str(tiny / "sam2")), CPU)


def loaded(name: str, threshold: float, **folders: str) -> FindsWords:
    model = find_model(name, threshold=threshold, **folders)
    return WORD_MODELS[model.kind](model, CPU)


def test_sam_gives_a_mask_per_point_group_at_the_pictures_size(sam: Sam, picture: ImageArray) -> None:
    found = sam.by_points(picture, [[(10, 20)], [(50, 30), (52, 31)], [(1, 1)]])
    assert [one.mask.shape for one in found] == [SIZE] * 3
    assert all(one.mask.dtype == np.bool_ for one in found)


def test_a_group_is_segmented_as_if_alone(sam: Sam, picture: ImageArray) -> None:
    """Groups of several lengths are padded to one length, which must change nothing."""
    together = sam.by_points(picture, [[(10, 20)], [(50, 30), (52, 31)]])
    for one, group in zip(together, ([(10, 20)], [(50, 30), (52, 31)]), strict=True):
        (alone,) = sam.by_points(picture, [group])
        assert one.score == pytest.approx(alone.score, abs=1e-4)
        assert np.mean(one.mask == alone.mask) > 0.99


def test_sam_takes_the_best_of_its_three_masks(tiny: Path, sam: Sam, picture: ImageArray) -> None:
    model = Sam2Model.from_pretrained(tiny / "sam2").eval()
    processor = Sam2Processor.from_pretrained(tiny / "sam2")
    inputs = processor(images=picture, input_points=[[[[10, 20]]]], input_labels=[[[1]]], return_tensors="pt")
    with torch.inference_mode():
        outputs = model(**inputs)
    scores = outputs.iou_scores[0, 0]
    assert len(scores) == 3
    (masks,) = processor.post_process_masks(outputs.pred_masks, inputs["original_sizes"])
    (found,) = sam.by_points(picture, [[(10, 20)]])
    assert found.score == pytest.approx(scores.max().item(), abs=1e-5)
    assert np.mean(found.mask == masks[0, scores.argmax()].numpy()) > 0.99


def test_sam_gives_a_mask_per_box(sam: Sam, picture: ImageArray) -> None:
    found = sam.by_boxes(picture, [(5, 5, 30, 40), (35, 10, 60, 44)])
    assert [one.mask.shape for one in found] == [SIZE] * 2
    assert sam.by_boxes(picture, []) == []


def test_sam2_for_videos_is_loaded_as_one_for_pictures(tiny: Path, tmp_path: Path) -> None:
    """As the official checkpoints on the hub are: the same weights, and those of the memory beside them."""
    images = Sam2Model.from_pretrained(tiny / "sam2")
    settings = images.config.to_dict()
    parts = {
        name: {key: value for key, value in settings[name].items() if key != "model_type"}
        for name in ("prompt_encoder_config", "mask_decoder_config")
    }
    small = {"memory_attention_hidden_size": 16, "memory_encoder_hidden_size": 16, "memory_fuser_embed_dim": 16}
    video = Sam2VideoModel(
        Sam2VideoConfig(vision_config=settings["vision_config"], **parts, image_size=SAM2_SIDE, **small)
    )
    video.load_state_dict(images.state_dict(), strict=False)
    video.save_pretrained(tmp_path)
    Sam2Processor.from_pretrained(tiny / "sam2").save_pretrained(tmp_path)
    again = Sam.load(ModelSource(str(tmp_path)), CPU)._model.state_dict()
    assert all(torch.equal(again[name], weight) for name, weight in images.state_dict().items())


def test_sam3_for_videos_is_loaded_as_one_for_pictures(tiny: Path, tmp_path: Path, picture: ImageArray) -> None:
    """As on the hub: the detector's settings and weights stand beside a tracker's."""
    for file in (tiny / "sam3").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    detector = json.loads((tmp_path / "config.json").read_bytes())
    settings = {"model_type": "sam3_video", "architectures": ["Sam3VideoModel"], "detector_config": detector}
    (tmp_path / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    weights = {f"detector_model.{name}": weight for name, weight in load_file(tmp_path / "model.safetensors").items()}
    weights["tracker_model.mask_decoder.iou_token.weight"] = torch.zeros(1, 4)
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    one = loaded("sam3", 0.0, checkpoint=str(tmp_path)).find(picture, ["cat"])["cat"]
    other = loaded("sam3", 0.0, checkpoint=str(tiny / "sam3")).find(picture, ["cat"])["cat"]
    assert [found.score for found in one] == pytest.approx([found.score for found in other], abs=1e-4)


def test_sam3_finds_masks_of_any_word(tiny: Path, picture: ImageArray) -> None:
    found = loaded("sam3", 0.0, checkpoint=str(tiny / "sam3")).find(picture, ["cat", "red umbrella", "cat"])
    assert sorted(found) == ["cat", "red umbrella"]
    assert len(found["cat"]) == 5  # all its queries
    assert all(one.mask.shape == SIZE for one in found["cat"])
    assert all(0 < one.score < 1 for one in found["cat"])


def test_what_scores_less_than_the_threshold_is_not_found(tiny: Path, picture: ImageArray) -> None:
    assert loaded("sam3", 1.0, checkpoint=str(tiny / "sam3")).find(picture, ["cat"]) == {"cat": []}
    folders = {"checkpoint": str(tiny / "sam2"), "detector": str(tiny / "dino")}
    assert loaded("grounded-sam", 1.0, **folders).find(picture, ["cat"]) == {"cat": []}


def test_grounded_sam_segments_the_detectors_boxes(tiny: Path, picture: ImageArray, sam: Sam) -> None:
    model = loaded("grounded-sam", 0.0, checkpoint=str(tiny / "sam2"), detector=str(tiny / "dino"))
    assert isinstance(model, GroundedWords)
    boxes = model.boxes(picture, "Cat")
    found = model.find(picture, ["cat"])["cat"]
    assert len(found) == len(boxes) > 0
    scores = [score for _, score in boxes]
    assert scores == sorted(scores, reverse=True)
    assert [one.score for one in found] == pytest.approx(scores, abs=1e-5)
    assert all(0 <= left < right <= 64 and 0 <= top < bottom <= 48 for (left, top, right, bottom), _ in boxes)
    (direct,) = sam.by_boxes(picture, [boxes[0][0]])
    assert np.mean(direct.mask == found[0].mask) > 0.99


@pytest.mark.parametrize(
    ("name", "folder", "kind"),
    [("sam3", "sam2", Sam3Model), ("grounded-sam", "sam2", GroundingDinoForObjectDetection)],
)
def test_a_checkpoint_of_another_architecture_is_one_line(tiny: Path, name: str, folder: str, kind: type) -> None:
    role = "detector" if name == "grounded-sam" else "checkpoint"
    with pytest.raises(UserError, match=rf"{kind.__name__}|cannot be loaded"):
        loaded(name, 0.5, **{role: str(tiny / folder)})


def test_a_folder_without_a_model_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no model in"):
        Sam.load(ModelSource(str(tmp_path)), CPU)


def test_weights_that_are_missing_are_not_made_up(tiny: Path, tmp_path: Path) -> None:
    model = Sam2Model.from_pretrained(tiny / "sam2")
    weights = {name: weight for name, weight in model.state_dict().items() if "iou_prediction_head" not in name}
    model.save_pretrained(tmp_path, state_dict=weights)
    Sam2Processor.from_pretrained(tiny / "sam2").save_pretrained(tmp_path)
    with pytest.raises(UserError, match="is not a whole Sam2Model"):
        Sam.load(ModelSource(str(tmp_path)), CPU)


def test_a_hub_checkpoint_is_asked_for_at_its_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, object]] = []

    def refuse(place: str, **options: object) -> None:
        asked.append((place, options["revision"]))
        raise OSError("We couldn't connect")

    monkeypatch.setattr(Sam2Model, "from_pretrained", refuse)
    source = MODELS["sam"].checkpoint
    with pytest.raises(UserError, match=rf"{source.place} \(revision {source.revision}\).*hf download {source.place}"):
        Sam.load(source, CPU)
    assert asked == [(source.place, source.revision)]
    assert source.is_pinned


def test_instances_know_their_area() -> None:
    assert FoundInstance(np.eye(3, dtype=bool), 1.0).area == 3
