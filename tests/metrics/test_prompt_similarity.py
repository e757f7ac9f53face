from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPModel, CLIPTokenizer

from bench.metrics.presets import ModelSource
from bench.metrics.prompt_similarity import PromptSimilarity

CPU = torch.device("cpu")
TEXTS = ["a photo of a cat in the snow", "a photo of an umbrella", "a"]


@pytest.fixture
def pictures() -> list[np.ndarray]:
    return [np.random.default_rng(seed).integers(0, 256, (40, 40, 3), dtype=np.uint8) for seed in range(3)]


@pytest.fixture
def clip(models: Path) -> PromptSimilarity:
    return PromptSimilarity.load(ModelSource(str(models / "clip")), CPU)


def openai_view(picture: np.ndarray) -> torch.Tensor:
    """CLIP's published pre-processing at 32 pixels: bicubic, [0, 1], its mean and standard deviation."""
    resized = np.asarray(Image.fromarray(picture).resize((32, 32), Image.Resampling.BICUBIC)) / 255
    mean = [0.48145466, 0.4578275, 0.40821073]
    deviation = [0.26862954, 0.26130258, 0.27577711]
    return torch.tensor((resized - mean) / deviation, dtype=torch.float32).permute(2, 0, 1)[None]


def test_equals_clips_own_logits_without_their_scale(
    clip: PromptSimilarity, pictures: list[np.ndarray], models: Path
) -> None:
    model = CLIPModel.from_pretrained(models / "clip").eval()
    tokenizer = CLIPTokenizer.from_pretrained(models / "clip")
    expected = []
    for picture, text in zip(pictures, TEXTS, strict=True):
        with torch.no_grad():
            output = model(pixel_values=openai_view(picture), **tokenizer(text, return_tensors="pt"))
            expected.append(float(output.logits_per_image / model.logit_scale.exp()))
    found = clip.similarities(pictures, TEXTS)
    assert found == pytest.approx(expected, abs=1e-5)
    assert found.shape == (3,)
    assert len(set(np.round(found, 6))) == 3


def test_pictures_that_are_not_square_are_cropped_in_the_middle(clip: PromptSimilarity) -> None:
    wide = np.zeros((32, 64, 3), np.uint8)
    wide[:, 16:48] = np.random.default_rng(0).integers(0, 256, (32, 32, 3))
    both = [clip.similarities([picture], TEXTS[:1])[0] for picture in (wide, wide[:, 16:48])]
    assert both[0] == pytest.approx(both[1], abs=1e-6)


def test_a_text_counts_alone_or_among_others(clip: PromptSimilarity, pictures: list[np.ndarray], models: Path) -> None:
    together = clip.similarities(pictures, TEXTS)
    fresh = PromptSimilarity.load(ModelSource(str(models / "clip")), CPU)
    alone = [fresh.similarities([picture], [text])[0] for picture, text in zip(pictures, TEXTS, strict=True)]
    assert together == pytest.approx(alone, abs=1e-6)


def test_a_text_beyond_the_context_is_cut(clip: PromptSimilarity, pictures: list[np.ndarray]) -> None:
    cut, longer = clip.similarities(pictures[:1] * 2, ["b" * 90, "b" * 200])
    assert cut == pytest.approx(longer)
