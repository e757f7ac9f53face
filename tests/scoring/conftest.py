"""Tiny random evaluators of the real architectures, saved and loaded as Hugging Face folders."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPTextConfig,
    CLIPTokenizer,
    CLIPVisionConfig,
    DetrConfig,
    MaskFormerConfig,
    MaskFormerForInstanceSegmentation,
    MaskFormerImageProcessor,
    MaskFormerSwinConfig,
    ViTConfig,
    ViTImageProcessor,
    ViTModel,
)

from bench.core.scenes import Concept, ImageArray, Scene
from bench.scoring.models.lpips_networks import WEIGHTS, SmallLpips
from bench.scoring.models.sources import LpipsSource, ModelSource, ResizeCrop
from bench.scoring.presets import Preset

LABELS = ("cat", "dining table", "table-merged", "wall-other-merged")
SIZES = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `clip`, `vit`, `maskformer` and `lpips`."""
    folder = tmp_path_factory.mktemp("evaluators")
    torch.manual_seed(0)
    save_clip(folder / "clip")
    ViTModel(ViTConfig(**SIZES, image_size=48, patch_size=16), add_pooling_layer=False).save_pretrained(folder / "vit")
    ViTImageProcessor(size={"height": 48, "width": 48}).save_pretrained(folder / "vit")
    save_maskformer(folder / "maskformer")
    save_lpips(folder / "lpips")
    return folder


@pytest.fixture(scope="session")
def preset(models: Path) -> Preset:
    """A preset on the tiny models with the official view of the identity model, scaled down."""
    view = ResizeCrop(resize=56, crop=48, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    sources = {"clip": "clip", "identity": "vit", "segmenter": "maskformer"}
    places = {role: ModelSource(str(models / name)) for role, name in sources.items()}
    lpips = LpipsSource("tiny", str(models / "lpips"))
    return Preset(name="tiny", summary="random weights", lpips=lpips, identity_view=view, **places)


@pytest.fixture
def lenient(preset: Preset) -> Preset:
    """The preset with thresholds so low that a random segmenter finds something."""
    return replace(preset, score_threshold=0.0, mask_threshold=0.0, overlap_threshold=0.0)


@pytest.fixture
def scene() -> Scene:
    """A noisy picture with a cat on the left, a dining table on the right and an object everywhere."""
    left = np.zeros((40, 40), bool)
    left[:, :20] = True
    masks = {"cat": left, "dining table": ~left, "object": np.ones((40, 40), bool)}
    concepts = tuple(Concept(label, mask, f"[v{index + 1}]") for index, (label, mask) in enumerate(masks.items()))
    return Scene("noise", noise(0), concepts)


def noise(seed: int, height: int = 40, width: int = 40) -> ImageArray:
    """A random picture."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def save_clip(folder: Path) -> None:
    tokenizer = byte_tokenizer(folder)
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    text = CLIPTextConfig(**SIZES, **ends, vocab_size=len(tokenizer), max_position_embeddings=77, projection_dim=16)
    vision = CLIPVisionConfig(**SIZES, image_size=32, patch_size=8, projection_dim=16)
    CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=16)).save_pretrained(folder)
    CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(folder)


def save_lpips(folder: Path) -> None:
    folder.mkdir()
    network = SmallLpips((4, 8))
    save_file(network.state_dict(), folder / WEIGHTS)
    (folder / "config.json").write_text(json.dumps(network.config))


def byte_tokenizer(folder: Path) -> CLIPTokenizer:
    """CLIP's tokenizer without merges: every letter is a token."""
    letters = [chr(code) for code in range(33, 127)]
    names = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {name: index for index, name in enumerate(names)}
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=77)
    tokenizer.save_pretrained(folder)
    return tokenizer


def save_maskformer(folder: Path) -> None:
    swin = MaskFormerSwinConfig(
        image_size=64, embed_dim=16, depths=[1, 1, 1, 1], num_heads=[1, 2, 4, 8], window_size=4,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )  # fmt: skip
    decoder = DetrConfig(
        d_model=32, encoder_layers=1, decoder_layers=1, encoder_ffn_dim=32, decoder_ffn_dim=32,
        encoder_attention_heads=2, decoder_attention_heads=2, num_queries=8,
    )  # fmt: skip
    labels = dict(enumerate(LABELS))
    config = MaskFormerConfig(
        backbone_config=swin, decoder_config=decoder, fpn_feature_size=32, mask_feature_size=32,
        id2label=labels, label2id={label: index for index, label in labels.items()},
    )  # fmt: skip
    MaskFormerForInstanceSegmentation(config).save_pretrained(folder)
    MaskFormerImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder)
