"""Both back ends against each other, and open_clip's against open_clip used as its own documentation uses it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTextConfig, CLIPTokenizer, CLIPVisionConfig

from bench.core.checkpoints import CHECKPOINTS
from bench.core.errors import UserError
from bench.scoring.models.clip import HuggingFaceClip
from bench.scoring.models.clip_embedder import ClipEmbedder
from bench.scoring.models.open_clip import OpenClip, build, converted
from bench.scoring.models.sources import ModelSource
from bench.scoring.presets import Preset

open_clip = pytest.importorskip("open_clip", reason="open_clip is not installed")

CPU = torch.device("cpu")
PROMPTS = ["a photo of a cat", "a cat and a dining table, on the beach!", "Two  Umbrellas;", "don't", "a" * 300]
ODD_TEXT = {"intermediate_size": 101, "layer_norm_eps": 0.3, "hidden_act": "gelu", "eos_token_id": 7}
ODD_VISION = {"intermediate_size": 77, "layer_norm_eps": 0.2, "hidden_act": "gelu"}


def config(text: dict[str, Any], vision: dict[str, Any]) -> CLIPConfig:
    """OpenAI's ViT-B/32 (transformers' defaults: quick_gelu, 77 tokens, 49,408 words; end id 2), but small."""
    small = {"hidden_size": 64, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 2}
    ends = {"bos_token_id": 49406, "eos_token_id": 2, "pad_token_id": 1}
    return CLIPConfig(
        text_config=CLIPTextConfig(**{**small, **ends, "projection_dim": 48, **text}),
        vision_config=CLIPVisionConfig(**{**small, "hidden_size": 96, "projection_dim": 48, **vision}),
        projection_dim=48,
    )


def random_clip(text: dict[str, Any], vision: dict[str, Any]) -> CLIPModel:
    """Every weight is random, biases and norms as well, so that no two may be exchanged unseen."""
    model = CLIPModel(config(text, vision)).eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    for weight in model.parameters():
        weight.add_(0.1 * torch.randn(weight.shape, generator=generator))
    return model


def openai_tokenizer() -> CLIPTokenizer:
    """OpenAI's vocabulary, which open_clip brings along, in Hugging Face's tokenizer."""
    own = open_clip.SimpleTokenizer()
    ends = {"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}
    vocabulary = {ends.get(name, name): index for name, index in own.encoder.items()}
    merges = sorted(own.bpe_ranks, key=own.bpe_ranks.get)
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=77)


@pytest.fixture(scope="module")
def openai_like(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as of OpenAI's ViT-B/32: its tokenizer, its view of pictures, a narrower model."""
    folder = tmp_path_factory.mktemp("openai")
    random_clip({}, {}).save_pretrained(folder)
    openai_tokenizer().save_pretrained(folder)
    CLIPImageProcessor().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def playroom() -> Path:
    folder = CHECKPOINTS / "clip"
    if not (folder / "model.safetensors").is_file():
        pytest.skip("Playroom's CLIP is not present")
    return folder


def inputs(folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Random pixels, and the prompts' tokens cut to the context."""
    settings = CLIPConfig.from_pretrained(folder)
    pixels = torch.randn(3, 3, *[settings.vision_config.image_size] * 2, generator=torch.Generator().manual_seed(1))
    tokenizer: Any = CLIPTokenizer.from_pretrained(folder)
    length = settings.text_config.max_position_embeddings
    return pixels, tokenizer(PROMPTS, padding=True, truncation=True, max_length=length, return_tensors="pt")[
        "input_ids"
    ]


@pytest.mark.parametrize("name", ["playroom", "openai_like"])
def test_both_back_ends_agree_in_both_towers(name: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(name)
    pixels, tokens = inputs(folder)
    ours, theirs = (kind.load(ModelSource(str(folder)), CPU) for kind in (OpenClip, HuggingFaceClip))
    assert ours.context == theirs.context
    for found, expected in (
        (ours.pictures(pixels), theirs.pictures(pixels)),
        (ours.texts(tokens), theirs.texts(tokens)),
    ):
        assert expected.std(dim=0).min() > 1e-2
        torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize(("text", "vision"), [({}, {}), (ODD_TEXT, ODD_VISION)], ids=["openai", "unusual"])
def test_every_setting_of_the_configuration_counts(text: dict[str, Any], vision: dict[str, Any]) -> None:
    model = random_clip({**text, "vocab_size": 50}, vision)
    built = build(model.config).eval()
    built.load_state_dict(converted(model.state_dict()))
    tokens = torch.tensor([[40, 3, 45, 7, 7], [40, 48, 7, 49, 7]])
    pixels = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(2))
    expected = model(input_ids=tokens, pixel_values=pixels)
    with torch.no_grad():
        images, texts, scale = built(pixels, torch.nn.functional.pad(tokens, (0, 72)))
    torch.testing.assert_close(texts, expected.text_embeds, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(images, expected.image_embeds, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(scale * images @ texts.T, expected.logits_per_image, atol=1e-3, rtol=1e-4)


def test_the_architecture_of_openais_weights_is_open_clips_own() -> None:
    own = open_clip.get_model_config("ViT-B-32-quickgelu")
    with torch.device("meta"):
        expected, found = open_clip.CLIP(**own), build(CLIPConfig())
        hugging_face = converted(CLIPModel(CLIPConfig()).state_dict())
    shapes = {name: tensor.shape for name, tensor in expected.state_dict().items()}
    assert {name: tensor.shape for name, tensor in found.state_dict().items()} == shapes
    assert {name: tensor.shape for name, tensor in hugging_face.items()} == shapes
    assert str(found) == str(expected)


def test_texts_become_open_clips_own_tokens_and_are_cut_with_their_end(openai_like: Path) -> None:
    _, found = inputs(openai_like)
    for tokens, expected in zip(found, open_clip.tokenize(PROMPTS, context_length=77), strict=True):
        length = int(expected.argmax()) + 1
        assert tokens[:length].tolist() == expected[:length].tolist()
    assert found[-1][-1] == 49407


def test_similarities_are_those_of_open_clips_own_transform_tokens_and_forward(
    openai_like: Path, preset: Preset, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = [
        np.random.default_rng(seed).integers(0, 256, (60, 90, 3), dtype=np.uint8) for seed in range(len(PROMPTS))
    ]
    own = replace(preset, clip=ModelSource(str(openai_like)), clip_backend="open_clip")
    clip = ClipEmbedder.load(own, CPU)
    found = (clip.images(pictures) * clip.texts(PROMPTS)).sum(dim=-1).double().numpy()

    settings = CLIPConfig.from_pretrained(openai_like)
    model = build(settings).eval()
    model.load_state_dict(converted(CLIPModel.from_pretrained(openai_like).state_dict()))
    transform = open_clip.image_transform(224, is_train=False)
    pixels = torch.stack([transform(Image.fromarray(picture)) for picture in pictures])
    with torch.no_grad():
        images, texts, _ = model(pixels, open_clip.tokenize(PROMPTS, context_length=77))
    assert found == pytest.approx((images * texts).sum(dim=1).numpy(), abs=1e-3)
    assert np.ptp(found) > 1e-2


@pytest.mark.parametrize(
    ("change", "why"),
    [({"hidden_act": "silu"}, "activations quick_gelu and silu, not"), ({"num_channels": 1}, "pictures of 1 channels")],
)
def test_a_model_that_open_clip_has_not_is_one_line_with_the_next_step(
    change: dict[str, Any], why: str, tmp_path: Path
) -> None:
    random_clip({"vocab_size": 50}, change).save_pretrained(tmp_path)
    with pytest.raises(
        UserError, match=rf"does not fit open_clip's CLIP \({why}.*preset whose clip_backend is hf"
    ) as raised:
        OpenClip.load(ModelSource(str(tmp_path)), CPU)
    assert "\n" not in str(raised.value)


def test_a_weight_that_no_clip_has_is_an_error() -> None:
    with pytest.raises(UserError, match=r"no CLIP has the weight vision_model.encoder.layers.0.mlp.gate.weight"):
        converted({"vision_model.encoder.layers.0.mlp.gate.weight": torch.zeros(1)})
