import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Normalize, Resize, ToTensor
from transformers import AutoImageProcessor

from bench.scoring.models.identity import processor_view, resize_crop_view
from bench.scoring.models.segmenter import Segmenter
from bench.scoring.models.sources import ModelSource, ResizeCrop
from bench.scoring.presets import Preset
from bench.scoring.threads import parallel_map

ROUNDING = 1e-6
"""A picture alone and in a batch may be rounded otherwise; one of 255 levels is a step of .004 or more."""


def pictures(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [rng.integers(0, 256, (70, 60, 3), dtype=np.uint8) for _ in range(count)]


def test_results_are_in_the_items_order_whichever_is_ready_first() -> None:
    def slow_first(number: int) -> int:
        time.sleep(0.01 * (number == 0))
        return number * number

    assert parallel_map(slow_first, range(40)) == [number * number for number in range(40)]
    assert parallel_map(slow_first, []) == []


def test_the_first_error_in_order_is_raised_and_the_threads_go_on() -> None:
    with pytest.raises(ValueError, match="2"):
        parallel_map(lambda number: number if number < 2 else int(f"{number}?"), [0, 1, 2, 3])
    assert parallel_map(lambda number: number, [1, 2]) == [1, 2]
    main = threading.get_ident()
    assert main not in parallel_map(lambda _: threading.get_ident(), [0, 1, 2])


@pytest.mark.parametrize("count", [1, 9])
def test_a_processors_view_is_what_it_makes_of_the_whole_batch(models: Path, count: int) -> None:
    shown = pictures(count)
    processor = AutoImageProcessor.from_pretrained(models / "vit", backend="pil")
    expected = processor(images=shown, return_tensors="pt")["pixel_values"]
    found = processor_view(ModelSource(str(models / "vit")))(shown)
    torch.testing.assert_close(found, expected, rtol=0, atol=ROUNDING)


def test_the_official_view_is_torchvisions_chain() -> None:
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    steps = [Resize(56, InterpolationMode.BICUBIC), CenterCrop(48), ToTensor(), Normalize(mean, std)]
    expected = torch.stack([Compose(steps)(Image.fromarray(picture)) for picture in pictures(9)])
    found = resize_crop_view(ResizeCrop(56, 48, mean, std))(pictures(9))
    torch.testing.assert_close(found, expected, rtol=0, atol=ROUNDING)


def test_a_segmenter_sees_what_its_processor_makes_of_the_whole_batch(
    lenient: Preset, monkeypatch: pytest.MonkeyPatch
) -> None:
    segmenter = Segmenter.load(lenient, torch.device("cpu"))
    seen: list[dict[str, torch.Tensor]] = []
    forward = segmenter._model.forward
    monkeypatch.setattr(segmenter._model, "forward", lambda **inputs: (seen.append(inputs), forward(**inputs))[1])
    assert len(segmenter.segment(pictures(5))) == 5
    expected = segmenter._processor(images=pictures(5), return_tensors="pt")
    torch.testing.assert_close(seen[0]["pixel_values"], expected["pixel_values"], rtol=0, atol=ROUNDING)
    assert torch.equal(seen[0]["pixel_mask"], expected["pixel_mask"])
