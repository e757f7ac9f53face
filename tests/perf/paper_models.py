"""The evaluators of the preset `paper`, at their own sizes, with random weights: for timings alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torchvision.models import alexnet
from transformers import (
    BitImageProcessor,
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPTokenizer,
    Dinov2Config,
    Dinov2Model,
    MaskFormerConfig,
    MaskFormerForInstanceSegmentation,
    MaskFormerImageProcessor,
    MaskFormerSwinConfig,
    ViTConfig,
    ViTModel,
)

from bench.scoring.comparison import Alternative, Embedding
from bench.scoring.models.sources import LpipsSource, ModelSource
from bench.scoring.presets import PRESETS, Preset

LABELS = dict(enumerate(["cat", "bowl", *(f"class {k}" for k in range(2, 133))]))
"""COCO panoptic has 133 classes; two of these are the scenes' concepts."""


def build_evaluators(path: Path) -> Preset:
    """The preset `paper` with each of its models replaced by a folder of random weights."""
    torch.manual_seed(0)
    paper = PRESETS["paper"]
    builders = {paper.clip: build_clip, paper.identity: build_dino, paper.segmenter: build_maskformer}
    places: dict[ModelSource, ModelSource] = {}
    for number, source in enumerate(paper.sources):
        folder = path / f"model-{number}"
        builders.get(source, build_dinov2)(folder)
        places[source] = ModelSource(str(folder))
    trunk = path / "alexnet.safetensors"
    save_file(alexnet(weights=None).state_dict(), trunk)
    return replace(
        paper,
        clip=places[paper.clip],
        identity=places[paper.identity],
        segmenter=places[paper.segmenter],
        lpips=LpipsSource("alex", str(trunk)),
        alternatives=tuple(moved(one, places) for one in paper.alternatives),
    )


def moved(alternative: Alternative, places: dict[ModelSource, ModelSource]) -> Alternative:
    change = alternative.change
    if not isinstance(change, Embedding):
        return alternative
    return replace(alternative, change=replace(change, source=places[change.source]))


def build_clip(folder: Path) -> None:
    """CLIP ViT-L/14 with a tokenizer whose every letter is a token."""
    names = [chr(code) for code in range(33, 127)]
    names = [*names, *(f"{name}</w>" for name in names), "<|startoftext|>", "<|endoftext|>"]
    tokenizer = CLIPTokenizer(vocab={name: index for index, name in enumerate(names)}, merges=[], model_max_length=77)
    tokenizer.save_pretrained(folder)
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    text = {"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12, "projection_dim": 768, **ends}
    vision = {
        "hidden_size": 1024,
        "intermediate_size": 4096,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "patch_size": 14,
        "projection_dim": 768,
    }
    save(CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=768)), folder)
    CLIPImageProcessor().save_pretrained(folder)


def build_dino(folder: Path) -> None:
    """DINO ViT-B/16; the preset has its own view of pictures."""
    save(ViTModel(ViTConfig(), add_pooling_layer=False), folder)


def build_dinov2(folder: Path) -> None:
    """DINOv2 ViT-B/14 with the view of its processor."""
    save(Dinov2Model(Dinov2Config(image_size=518, patch_size=14)), folder)
    BitImageProcessor(size={"shortest_edge": 256}, crop_size={"height": 224, "width": 224}).save_pretrained(folder)


def build_maskformer(folder: Path) -> None:
    """MaskFormer Swin-L with COCO panoptic's 133 classes; it sees 512 px as 800 px."""
    swin = MaskFormerSwinConfig(
        image_size=384,
        embed_dim=192,
        depths=[2, 2, 18, 2],
        num_heads=[6, 12, 24, 48],
        window_size=12,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )
    labels = {name: index for index, name in LABELS.items()}
    save(
        MaskFormerForInstanceSegmentation(MaskFormerConfig(backbone_config=swin, id2label=LABELS, label2id=labels)),
        folder,
    )
    size = {"shortest_edge": 800, "longest_edge": 1333}
    MaskFormerImageProcessor(size=size, size_divisor=32, ignore_index=255).save_pretrained(folder)


def save(model: Any, folder: Path) -> None:
    model.half().save_pretrained(folder)  # the evaluators are loaded in float32
