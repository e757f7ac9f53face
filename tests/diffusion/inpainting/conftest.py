"""An inpainting pipeline made from the tiny one: nine input channels and random weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel


@pytest.fixture(scope="session")
def tiny_inpainting(tiny_pipeline: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = shutil.copytree(tiny_pipeline, tmp_path_factory.mktemp("inpainting") / "pipeline")
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps({**index, "_class_name": "StableDiffusionInpaintPipeline"}))
    config = json.loads((folder / "unet" / "config.json").read_text())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        unet = UNet2DConditionModel.from_config({**config, "in_channels": 9})
    unet.save_pretrained(folder / "unet")
    return folder
