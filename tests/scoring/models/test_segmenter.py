from typing import Any

import numpy as np
import pytest
import torch
from transformers import MaskFormerForInstanceSegmentation, MaskFormerImageProcessorPil
from transformers.models.maskformer.modeling_maskformer import MaskFormerForInstanceSegmentationOutput

from bench.scoring.models.segmenter import Segmentation, Segmenter, find_class
from bench.scoring.presets import Preset

CPU = torch.device("cpu")
COCO = dict(
    enumerate(
        ["person", "cat", "dining table", "door-stuff", "table-merged", "wall-brick", "wall-other-merged",
         "window-blind", "window-other", "tree-merged", "LABEL_10", "potted_plant"]
    )
)  # fmt: skip


@pytest.mark.parametrize(
    ("word", "label"),
    [
        ("cat", "cat"),
        ("Cat", "cat"),
        ("dining table", "dining table"),
        ("table", "table-merged"),
        ("wall", "wall-other-merged"),
        ("window", "window-other"),
        ("door", "door-stuff"),
        ("tree", "tree-merged"),
        ("potted plant", "potted_plant"),
        ("tree-merged", "tree-merged"),
    ],
)
def test_class_words_find_their_label(word: str, label: str) -> None:
    index = find_class(word, COCO)
    assert index is not None
    assert COCO[index] == label


@pytest.mark.parametrize("word", ["object", "background", "ca", "brick", ""])
def test_unknown_words_find_none(word: str) -> None:
    assert find_class(word, COCO) is None


def test_the_largest_of_several_segments_of_a_class() -> None:
    ids = np.array([[1, 1, 2, 2], [3, 2, 2, 2]], np.int32)
    segmentation = Segmentation(ids, {1: 0, 2: 5, 3: 0})
    mask = segmentation.largest(0)
    assert mask is not None
    assert mask.tolist() == [[True, True, False, False], [False] * 4]
    assert segmentation.largest(7) is None


class Drawn(torch.nn.Module):
    """In the place of MaskFormer: says what a test wants, three queries on a grid of 4 x 4."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.config = config
        self.device = CPU
        masks = torch.full((3, 4, 4), -9.0)
        masks[0, :, :2] = 9.0  # the left half
        masks[1, :1, 2:] = 9.0  # a strip above on the right
        masks[2, 1:, 2:] = 9.0  # the rest of the right
        self.masks = masks
        self.probability = 0.9

    def forward(self, pixel_values: torch.Tensor, pixel_mask: torch.Tensor) -> MaskFormerForInstanceSegmentationOutput:
        classes = torch.full((3, 5), (1 - self.probability) / 4)
        for query, label in enumerate((0, 1, 1)):
            classes[query, label] = self.probability
        n = len(pixel_values)
        return MaskFormerForInstanceSegmentationOutput(
            class_queries_logits=classes.log().expand(n, -1, -1),
            masks_queries_logits=self.masks.expand(n, -1, -1, -1),
        )


@pytest.fixture
def segmenter(preset: Preset) -> Segmenter:
    whole = MaskFormerForInstanceSegmentation.from_pretrained(preset.segmenter.place)
    processor = MaskFormerImageProcessorPil.from_pretrained(preset.segmenter.place)
    return Segmenter(Drawn(whole.config), processor, preset)


def test_masks_come_at_the_pictures_size(segmenter: Segmenter) -> None:
    (found,) = segmenter.segment([np.zeros((40, 80, 3), np.uint8)])
    cat = found.largest(segmenter.class_index("cat"))
    assert cat is not None
    assert cat.shape == (40, 80)
    assert cat[:, :30].all()
    assert not cat[:, 50:].any()


def test_segments_of_one_class_are_not_fused(segmenter: Segmenter) -> None:
    (found,) = segmenter.segment([np.zeros((40, 40, 3), np.uint8)])
    assert sorted(found.classes.values()) == [0, 1, 1]
    table = found.largest(segmenter.class_index("dining table"))
    assert table is not None
    assert table[20:, 30:].all()
    assert not table[:5].any()


def test_segments_below_the_presets_threshold_are_dropped(segmenter: Segmenter) -> None:
    segmenter._model.probability = 0.45
    (found,) = segmenter.segment([np.zeros((40, 40, 3), np.uint8)])
    assert found.classes == {}
    assert found.largest(segmenter.class_index("cat")) is None


def test_pictures_of_several_sizes_are_segmented_as_if_alone(lenient: Preset) -> None:
    segmenter = Segmenter.load(lenient, CPU)
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, shape, dtype=np.uint8) for shape in ((40, 40, 3), (40, 60, 3))]
    concepts_by_image = segmenter.segment(pictures)
    for picture, found in zip(pictures, concepts_by_image, strict=True):
        (alone,) = segmenter.segment([picture])
        assert found.ids.shape == picture.shape[:2]
        assert np.array_equal(found.ids, alone.ids)


def test_equals_the_librarys_own_pipeline(lenient: Preset) -> None:
    rng = np.random.default_rng(1)
    pictures = [rng.integers(0, 256, (48, 48, 3), dtype=np.uint8) for _ in range(2)]
    model = MaskFormerForInstanceSegmentation.from_pretrained(lenient.segmenter.place).eval()
    processor = MaskFormerImageProcessorPil.from_pretrained(lenient.segmenter.place)
    with torch.no_grad():
        outputs = model(**processor(images=pictures, return_tensors="pt"))
    expected = processor.post_process_panoptic_segmentation(
        outputs, 0.0, 0.0, 0.0, label_ids_to_fuse=set(), target_sizes=[(48, 48)] * 2
    )
    for found, reference in zip(Segmenter.load(lenient, CPU).segment(pictures), expected, strict=True):
        assert np.array_equal(found.ids, reference["segmentation"].numpy())
        assert found.classes == {each["id"]: each["label_id"] for each in reference["segments_info"]}
        assert found.classes
