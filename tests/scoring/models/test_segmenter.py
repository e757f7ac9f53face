from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import MaskFormerForInstanceSegmentation, MaskFormerImageProcessorPil
from transformers.models.maskformer.modeling_maskformer import MaskFormerForInstanceSegmentationOutput

from bench.scoring.models.class_words import find_class
from bench.scoring.models.segmenter import Segmentation, Segmenter
from bench.scoring.models.sources import ModelSource
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


@pytest.fixture
def decisive(lenient: Preset, tmp_path: Path) -> Preset:
    """The lenient preset with a segmenter whose queries differ, so that few pixels are near ties."""
    model = MaskFormerForInstanceSegmentation.from_pretrained(lenient.segmenter.place)
    matrices = [one for one in model.model.transformer_module.parameters() if one.ndim > 1]
    with torch.no_grad():
        for weight in (*matrices, model.class_predictor.weight):
            weight.mul_(10)
    model.save_pretrained(tmp_path / "maskformer")
    MaskFormerImageProcessorPil.from_pretrained(lenient.segmenter.place).save_pretrained(tmp_path / "maskformer")
    return replace(lenient, segmenter=ModelSource(str(tmp_path / "maskformer")))


def margins(outputs: MaskFormerForInstanceSegmentationOutput, size: tuple[int, int]) -> np.ndarray:
    """By how much each pixel's most probable query leads the next, [pictures, height, width]."""
    probabilities, labels = outputs.class_queries_logits.softmax(dim=-1).max(dim=-1)
    probabilities = probabilities * labels.ne(outputs.class_queries_logits.shape[-1] - 1)  # the last: no object
    masks = torch.nn.functional.interpolate(outputs.masks_queries_logits.sigmoid(), size=size, mode="bilinear")
    first, second = (probabilities[:, :, None, None] * masks).topk(2, dim=1).values.unbind(dim=1)
    return (first - second).numpy()


Segment = tuple[int, int | None]


def paired(
    found: Segmentation, ids: np.ndarray, classes: Mapping[int, int], where: np.ndarray
) -> set[tuple[Segment, Segment]]:
    """What both call the same pixels: segment and class of the one, segment and class of the other."""
    pairs = set(zip(found.ids[where].tolist(), ids[where].tolist(), strict=True))
    return {((one, found.classes.get(one)), (other, classes.get(other))) for one, other in pairs}


def test_equals_the_librarys_own_pipeline(decisive: Preset) -> None:
    """Scores and logits to a tolerance, as frozen weights may take other kernels; segments where that cannot matter."""
    rng = np.random.default_rng(1)
    pictures = [rng.integers(0, 256, (48, 48, 3), dtype=np.uint8) for _ in range(2)]
    model = MaskFormerForInstanceSegmentation.from_pretrained(decisive.segmenter.place).eval()
    processor = MaskFormerImageProcessorPil.from_pretrained(decisive.segmenter.place)
    with torch.no_grad():
        expected = model(**processor(images=pictures, return_tensors="pt"))
    references = processor.post_process_panoptic_segmentation(
        expected, 0.0, 0.0, 0.0, label_ids_to_fuse=set(), target_sizes=[(48, 48)] * 2
    )

    segmenter = Segmenter.load(decisive, CPU)
    seen: list[MaskFormerForInstanceSegmentationOutput] = []
    segmenter._model.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    found = segmenter.segment(pictures)
    (outputs,) = seen
    for name in ("class_queries_logits", "masks_queries_logits"):
        assert expected[name].std() > 0.1
        torch.testing.assert_close(outputs[name], expected[name], rtol=1e-4, atol=1e-4)

    clear = margins(expected, (48, 48)) > 1e-3
    assert clear.mean() > 0.9
    for one, reference, sure in zip(found, references, clear, strict=True):
        classes = {each["id"]: each["label_id"] for each in reference["segments_info"]}
        pairs = paired(one, reference["segmentation"].numpy(), classes, sure)
        assert len(pairs) > 1
        assert len(pairs) == len({mine for mine, _ in pairs}) == len({theirs for _, theirs in pairs})
        assert all(mine[1] == theirs[1] for mine, theirs in pairs)
