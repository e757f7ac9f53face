import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from transformers import CLIPModel, CLIPProcessor, CLIPTokenizer

from bench.core.scenes import Concept, Prompt, Scene
from bench.metrics.prompt_similarity import Metric, on_scale
from bench.plugins.metric import PictureJob
from bench.plugins.spec import configure
from bench.scoring.evaluators import Evaluators
from bench.scoring.models.clip_embedder import BACKENDS
from bench.scoring.models.model_loading import load_processor, load_tokenizer
from bench.scoring.presets import Preset
from bench.scoring.scorer import Scorer

CPU = torch.device("cpu")
TEXTS = ["a photo of a cat in the snow", "a photo of an umbrella", "a"]


class PromptSimilarity:
    """The metric by a preset's CLIP, for any texts."""

    def __init__(self, preset: Preset) -> None:
        self.scorer = Scorer(Evaluators(preset, CPU, batch_size=8), [configure("metrics", "prompt-similarity")])

    def similarities(self, pictures: list[np.ndarray], texts: list[str]) -> np.ndarray:
        blank = Scene("blank", pictures[0], (Concept("cat", np.ones(pictures[0].shape[:2], bool), "[v1]"),))
        jobs = [PictureJob(blank, Prompt(text, (0,)), p) for p, text in zip(pictures, texts, strict=True)]
        return np.array([row["prompt_similarity"] for row in self.scorer.score(jobs)])


@pytest.fixture
def pictures() -> list[np.ndarray]:
    return [np.random.default_rng(seed).integers(0, 256, (40, 40, 3), dtype=np.uint8) for seed in range(3)]


@pytest.fixture(params=BACKENDS)
def either(preset: Preset, request: pytest.FixtureRequest) -> Preset:
    """The tiny preset by one of the back ends."""
    return replace(preset, clip_backend=request.param)


@pytest.fixture
def clip(either: Preset) -> PromptSimilarity:
    return PromptSimilarity(either)


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
            expected.append(float(output.logits_per_image / model.logit_scale.exp().detach()))
    found = clip.similarities(pictures, TEXTS)
    assert found == pytest.approx(expected, abs=1e-5)
    assert found.shape == (3,)
    assert len(set(np.round(found, 6))) == 3


class PlainFeatures(torch.nn.Module):
    """A CLIPModel whose features are tensors, as torchmetrics expects them."""

    def __init__(self, model: CLIPModel) -> None:
        super().__init__()
        self.model = model
        self.config = model.config

    def get_image_features(self, pixels: torch.Tensor) -> Any:
        return self.model.get_image_features(pixels).pooler_output

    def get_text_features(self, tokens: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        return self.model.get_text_features(tokens, attention_mask).pooler_output


def test_a_hundredfold_without_negatives_is_torchmetrics_clip_score(
    either: Preset, pictures: list[np.ndarray], models: Path
) -> None:
    clip_score = pytest.importorskip("torchmetrics.multimodal", reason="torchmetrics is not installed").CLIPScore
    model = PlainFeatures(CLIPModel.from_pretrained(models / "clip").eval().requires_grad_(False))
    processor = CLIPProcessor(load_processor(either.clip), load_tokenizer(either.clip))
    scaled = PromptSimilarity(replace(either, clip_scale=100.0, clip_floor=0.0))
    cosines = PromptSimilarity(either).similarities(pictures, TEXTS)
    # of each picture by itself, since torchmetrics lifts the mean, not every value
    for picture, text, cosine in zip(pictures, TEXTS, cosines, strict=True):
        score = clip_score(model_name_or_path=lambda: (model, processor))
        expected = float(score(torch.from_numpy(picture).permute(2, 0, 1), text))
        assert scaled.similarities([picture], [text])[0] == pytest.approx(expected, abs=1e-3)
        assert expected == pytest.approx(max(0.0, 100 * cosine), abs=1e-3)
    assert np.ptp(cosines) > 1e-2


def test_pictures_that_are_not_square_are_cropped_in_the_middle(clip: PromptSimilarity) -> None:
    wide = np.zeros((32, 64, 3), np.uint8)
    wide[:, 16:48] = np.random.default_rng(0).integers(0, 256, (32, 32, 3))
    both = [clip.similarities([picture], TEXTS[:1])[0] for picture in (wide, wide[:, 16:48])]
    assert both[0] == pytest.approx(both[1], abs=1e-6)


def test_a_text_counts_alone_or_among_others(
    clip: PromptSimilarity, either: Preset, pictures: list[np.ndarray]
) -> None:
    among = clip.similarities(pictures, TEXTS)
    fresh = PromptSimilarity(either)
    alone = [fresh.similarities([picture], [text])[0] for picture, text in zip(pictures, TEXTS, strict=True)]
    assert among == pytest.approx(alone, abs=1e-6)


def test_neither_order_nor_what_was_embedded_before_makes_a_difference(
    clip: PromptSimilarity, pictures: list[np.ndarray]
) -> None:
    first = clip.similarities(pictures, TEXTS)
    again = clip.similarities(pictures[::-1], TEXTS[::-1])
    assert again[::-1] == pytest.approx(first, abs=1e-6)


def test_identical_pictures_and_texts_have_one_value(clip: PromptSimilarity, pictures: list[np.ndarray]) -> None:
    found = clip.similarities([pictures[0]] * 3, [TEXTS[0]] * 3)
    assert found == pytest.approx(found[0], abs=1e-6)
    assert clip.similarities(pictures[1:2], TEXTS[:1])[0] != pytest.approx(found[0], abs=1e-4)


def test_a_text_beyond_the_context_is_cut(clip: PromptSimilarity, pictures: list[np.ndarray]) -> None:
    cut, longer, other = clip.similarities(pictures[:1] * 3, ["b" * 90, "b" * 200, "c" * 90])
    assert cut == pytest.approx(longer)
    assert cut != pytest.approx(other, abs=1e-4)


def test_a_cut_text_is_its_first_tokens_with_the_end_of_text(
    clip: PromptSimilarity, pictures: list[np.ndarray], models: Path
) -> None:
    model = CLIPModel.from_pretrained(models / "clip").eval()
    tokenizer = CLIPTokenizer.from_pretrained(models / "clip")
    whole = tokenizer("b" * 200, return_tensors="pt")["input_ids"]
    tokens = torch.cat([whole[:, :76], whole[:, -1:]], dim=1)
    with torch.no_grad():
        output = model(pixel_values=openai_view(pictures[0]), input_ids=tokens)
    expected = float(output.logits_per_image / model.logit_scale.exp().detach())
    assert clip.similarities(pictures[:1], ["b" * 200])[0] == pytest.approx(expected, abs=1e-5)


def test_a_scale_multiplies_and_then_lifts_to_its_floor() -> None:
    cosines = [-0.4, 0.0, 0.2, 1.0]
    assert [on_scale(cosine, 1.0, None) for cosine in cosines] == cosines
    assert [on_scale(cosine, 2.5, 0.0) for cosine in cosines] == [0.0, 0.0, 0.5, 2.5]
    assert [on_scale(cosine, 100.0, None) for cosine in cosines] == pytest.approx([-40.0, 0.0, 20.0, 100.0])


@given(
    cosines=st.lists(st.floats(-1, 1), min_size=1),
    factor=st.floats(0.01, 100),
    floor=st.none() | st.floats(-1, 0),
)
def test_values_keep_the_presets_limits_and_the_order_of_cosines(
    preset: Preset, cosines: list[float], factor: float, floor: float | None
) -> None:
    (column,) = Metric().columns_of(replace(preset, clip_scale=factor, clip_floor=floor).describe())
    least, greatest = column.range
    values = np.array([on_scale(cosine, factor, floor) for cosine in sorted(cosines)])
    assert least <= values.min()
    assert values.max() <= greatest
    assert (np.diff(values) >= 0).all()
    assert math.isfinite(least)
