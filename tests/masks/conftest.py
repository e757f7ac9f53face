"""Tiny random networks of the real architectures (SAM 2, SAM 3, GroundingDINO), saved as Hugging Face folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import (
    BertConfig,
    BertTokenizer,
    CLIPTextConfig,
    CLIPTokenizer,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoImageProcessor,
    GroundingDinoProcessor,
    Sam2Config,
    Sam2HieraDetConfig,
    Sam2ImageProcessor,
    Sam2MaskDecoderConfig,
    Sam2Model,
    Sam2Processor,
    Sam2PromptEncoderConfig,
    Sam2VisionConfig,
    Sam3Config,
    Sam3ImageProcessor,
    Sam3Model,
    Sam3Processor,
    SwinConfig,
)

from bench.core.scenes import ImageArray

LETTERS = [chr(code) for code in range(97, 123)]
SAM3_SIDE, SAM2_SIDE = 112, 128


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `sam2`, `sam3` and `dino`."""
    folder = tmp_path_factory.mktemp("tiny")
    torch.manual_seed(0)
    save_sam2(folder / "sam2")
    save_sam3(folder / "sam3")
    save_dino(folder / "dino")
    return folder


@pytest.fixture
def picture() -> ImageArray:
    """Noise, 48 pixels high and 64 wide."""
    return np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path: Path, picture: ImageArray) -> Path:
    """A scene's folder that has only its picture."""
    scene = tmp_path / "scene"
    scene.mkdir()
    Image.fromarray(picture).save(scene / "img.png")
    return scene


def save_sam2(folder: Path) -> None:
    """SAM 2 with a Hiera of five blocks, for pictures of 128 pixels."""
    hiera = Sam2HieraDetConfig(
        hidden_size=8,
        image_size=[SAM2_SIDE, SAM2_SIDE],
        blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[8, 16, 32, 64],
        num_attention_heads_per_stage=[1, 2, 4, 8],
        window_size_per_stage=[8, 4, 4, 2],
        global_attention_blocks=[3],  # none may be the first of its stage
        window_positional_embedding_background_size=[4, 4],
    )
    vision = Sam2VisionConfig(
        backbone_config=hiera,
        backbone_channel_list=[64, 32, 16, 8],
        backbone_feature_sizes=[[32, 32], [16, 16], [8, 8]],
        fpn_hidden_size=16,
    )
    prompts = Sam2PromptEncoderConfig(hidden_size=16, image_size=SAM2_SIDE, patch_size=16, mask_input_channels=8)
    decoder = Sam2MaskDecoderConfig(hidden_size=16, mlp_dim=32, num_attention_heads=2, iou_head_hidden_dim=16)
    config = Sam2Config(vision_config=vision, prompt_encoder_config=prompts, mask_decoder_config=decoder)
    Sam2Model(config).save_pretrained(folder)
    sides = {"height": SAM2_SIDE, "width": SAM2_SIDE}
    Sam2Processor(Sam2ImageProcessor(size=sides)).save_pretrained(folder)


def save_sam3(folder: Path) -> None:
    """SAM 3 with a ViT of two layers, for pictures of 112 pixels, and CLIP's text encoder."""
    small = {"hidden_size": 32, "num_attention_heads": 2}
    layers = {**small, "num_layers": 1, "intermediate_size": 32}
    vit = {
        **small, "intermediate_size": 32, "num_hidden_layers": 2, "image_size": SAM3_SIDE, "patch_size": 14,
        "pretrain_image_size": SAM3_SIDE, "window_size": 4, "global_attn_indexes": [1],
    }  # fmt: skip
    config = Sam3Config(
        vision_config={
            "backbone_config": {"model_type": "sam3_vit_model", **vit},
            "fpn_hidden_size": 32,
            "backbone_feature_sizes": [[32, 32], [16, 16], [8, 8]],
        },
        text_config=CLIPTextConfig(
            **small, vocab_size=len(LETTERS) * 2 + 2, intermediate_size=32, num_hidden_layers=1,
            max_position_embeddings=32, projection_dim=32, bos_token_id=52, eos_token_id=53,
        ).to_dict(),
        geometry_encoder_config=layers,
        detr_encoder_config=layers,
        detr_decoder_config={**layers, "num_queries": 5},
        mask_decoder_config=small,
    )  # fmt: skip
    Sam3Model(config).save_pretrained(folder)
    pieces = [*LETTERS, *(f"{letter}</w>" for letter in LETTERS), "<|startoftext|>", "<|endoftext|>"]
    tokenizer = CLIPTokenizer(vocab={piece: index for index, piece in enumerate(pieces)}, merges=[])
    sides = {"height": SAM3_SIDE, "width": SAM3_SIDE}
    images = Sam3ImageProcessor(size=sides, mask_size={"height": 32, "width": 32})
    Sam3Processor(images, tokenizer).save_pretrained(folder)


def save_dino(folder: Path) -> None:
    """GroundingDINO with a Swin of four layers and a BERT of one, for pictures of 64 pixels."""
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?", "cat", "umbrella"]
    tokenizer = BertTokenizer(vocab={piece: index for index, piece in enumerate(pieces)}, model_max_length=32)
    config = GroundingDinoConfig(
        backbone_config=SwinConfig(
            image_size=64, embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2], window_size=4,
            out_indices=[2, 3, 4],
        ),
        text_config=BertConfig(
            vocab_size=len(pieces), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
            max_position_embeddings=32,
        ),
        d_model=32, encoder_layers=1, decoder_layers=2, encoder_ffn_dim=32, decoder_ffn_dim=32,
        encoder_attention_heads=2, decoder_attention_heads=2, num_queries=6, max_text_len=32,
    )  # fmt: skip
    GroundingDinoForObjectDetection(config).save_pretrained(folder)
    sides = {"shortest_edge": 64, "longest_edge": 96}
    GroundingDinoProcessor(GroundingDinoImageProcessor(size=sides), tokenizer).save_pretrained(folder)
