"""What many tests need: a Stable Diffusion pipeline of some thousand random parameters, and where real data lies."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import hypothesis
import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from PIL import Image
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from bench.cli.main import main
from bench.core.device import resolve
from bench.core.scenes import Concept, ImageArray, Prompt, Scene, handle
from bench.diffusion.backbone.checkpoint import BackboneSpec
from bench.diffusion.backbone.loading import load_backbone
from bench.diffusion.backbone.stable_diffusion import StableDiffusion
from bench.plugins.backbone_settings import BackboneSettings, Sampler
from bench.plugins.method import MethodContext
from bench.scoring.models.yolo_network import ultralytics

hypothesis.settings.register_profile("patient", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("patient")
FIXTURES = Path(__file__).parent / "fixtures"
SHARED = Path(__file__).parents[2] / "shared" / "data"
WORDS = ("a", "photo", "of", "and", "at", "the", "beach", "in", "snow", "cat", "umbrella", "an")


def pytest_configure() -> None:
    """A worker of pytest-xdist computes with one thread, for there are as many workers as cores.

    So do the commands that tests start. Whoever sets OMP_NUM_THREADS has it as it is.
    """
    if "PYTEST_XDIST_WORKER" in os.environ and "OMP_NUM_THREADS" not in os.environ:
        os.environ["OMP_NUM_THREADS"] = "1"
        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """The folder of small real data that is part of the checkout; its README names sources and licences."""
    return FIXTURES


@pytest.fixture(scope="session")
def call() -> Callable[..., int]:
    """Runs the command line in this process; gives its exit code."""

    def run(*arguments: str) -> int:
        with pytest.raises(SystemExit) as exit_:
            main(arguments)
        assert isinstance(exit_.value.code, int)
        return exit_.value.code

    return run


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Finds real data that is too large for the repository and lies beside the checkout; skips where it is missing."""

    def find(name: str) -> Path:
        if not (SHARED / name).exists():
            pytest.skip(f"../shared/data/{name} not present: too large for the repository")
        return SHARED / name

    return find


@pytest.fixture(scope="session")
def coco_sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A COCO folder: the real annotation records of `fixtures`, and noise of the right size for each photograph."""
    folder = Path(shutil.copytree(FIXTURES / "coco", tmp_path_factory.mktemp("sample") / "coco"))
    (folder / "images").mkdir()
    for image in json.loads((folder / "annotations" / "instances_sample.json").read_bytes())["images"]:
        noise = np.random.default_rng(image["id"]).integers(0, 256, (image["height"], image["width"], 3), np.uint8)
        Image.fromarray(noise).save(folder / "images" / image["file_name"])
    return folder


@pytest.fixture(scope="session")
def tiny_pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline's folder: 32-px pictures, latents 16x16x4, cross-attention at 16x16, predicts the noise."""
    return _write_pipeline(tmp_path_factory.mktemp("epsilon"), "epsilon")


@pytest.fixture(scope="session")
def tiny_velocity_pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same that predicts velocities."""
    return _write_pipeline(tmp_path_factory.mktemp("velocity"), "v_prediction")


@pytest.fixture(scope="session")
def backbone_with(tiny_pipeline: Path) -> Callable[[BackboneSettings], StableDiffusion]:
    """The tiny backbone, pristine, with settings of the test's own; loaded once for each."""
    loaded: dict[str, StableDiffusion] = {}

    def load(settings: BackboneSettings) -> StableDiffusion:
        if repr(settings) not in loaded:
            loaded[repr(settings)] = load_backbone(BackboneSpec(str(tiny_pipeline)), resolve("cpu", "fp32"), settings)
        loaded[repr(settings)].restore()
        return loaded[repr(settings)]

    return load


@pytest.fixture
def backbone_settings() -> BackboneSettings:
    """The tiny backbone's settings, of few sampling steps; a module that needs others has a fixture of this name."""
    return BackboneSettings(sampler=Sampler(steps=4, guidance=2.0))


@pytest.fixture
def backbone(
    backbone_with: Callable[[BackboneSettings], StableDiffusion], backbone_settings: BackboneSettings
) -> StableDiffusion:
    """The tiny backbone, pristine."""
    return backbone_with(backbone_settings)


@pytest.fixture
def scene() -> Scene:
    """A cat on the left and an umbrella on the right, 32 px, with two prompts."""
    left, right = np.zeros((2, 32, 32), bool)
    left[8:24, 2:14], right[4:28, 18:30] = True, True
    picture = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    picture[left], picture[right] = (250, 40, 40), (40, 40, 250)
    concepts = (Concept("cat", left, handle(0)), Concept("umbrella", right, handle(1)))
    prompts = (Prompt("a photo of {tokens} at the beach", (0, 1)), Prompt("a photo of {tokens} in the snow", (1,)))
    return Scene("pair", picture, concepts, prompts)


@pytest.fixture
def context(backbone: StableDiffusion) -> Callable[..., MethodContext]:
    """Makes workbenches with the tiny backbone."""

    def make(seed: int = 0, on_step: Callable[[int, int], None] = lambda done, total: None) -> MethodContext:
        return MethodContext(backbone, seed, batch_size=4, budget="full", on_step=on_step)

    return make


def _write_pipeline(folder: Path, prediction_type: str) -> Path:
    torch.manual_seed(0)
    tokenizer = _tokenizer()
    pipeline = StableDiffusionPipeline(
        vae=AutoencoderKL(
            down_block_types=("DownEncoderBlock2D", "DownEncoderBlock2D"),
            up_block_types=("UpDecoderBlock2D", "UpDecoderBlock2D"),
            block_out_channels=(8, 16),
            norm_num_groups=4,
            latent_channels=4,
            sample_size=32,
        ),
        text_encoder=CLIPTextModel(_text_config(tokenizer)),
        tokenizer=tokenizer,
        unet=UNet2DConditionModel(
            sample_size=16,
            block_out_channels=(16, 32),
            down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
            layers_per_block=1,
            cross_attention_dim=32,
            attention_head_dim=2,
            norm_num_groups=4,
        ),
        scheduler=DDIMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, steps_offset=1,
            prediction_type=prediction_type,
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )  # fmt: skip
    pipeline.save_pretrained(folder)
    return folder


def _tokenizer() -> CLIPTokenizer:
    """Printable ASCII, alone and at a word's end, and a chain of merges for each known word, long words first."""
    symbols = [chr(code) for code in range(33, 127)]
    pieces = [*symbols, *(f"{symbol}</w>" for symbol in symbols)]
    merges: list[tuple[str, str]] = []
    for word in sorted(WORDS, key=len, reverse=True):
        letters = [*word[:-1], f"{word[-1]}</w>"]
        while len(letters) > 1:
            merges.append((letters[0], letters[1]))
            letters[:2] = [letters[0] + letters[1]]
    pieces += ["".join(merge) for merge in dict.fromkeys(merges)]
    pieces = [*dict.fromkeys(pieces), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    return CLIPTokenizer(vocab=vocabulary, merges=list(dict.fromkeys(merges)), model_max_length=24)


def _text_config(tokenizer: CLIPTokenizer) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=24,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.eos_token_id,
    )


@pytest.fixture
def ultralytics_predicts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[torch.nn.Module, ImageArray, int], tuple[np.ndarray, np.ndarray]]:
    """What ultralytics' own `predict` finds in a picture at an input side: boxes [N, 6] and masks [N, H, W]."""
    if find_spec("ultralytics") is None:
        pytest.skip("ultralytics (the extra `yolo`) not installed")
    monkeypatch.chdir(tmp_path)  # it makes a folder `runs`

    def predict(model: torch.nn.Module, picture: ImageArray, side: int) -> tuple[np.ndarray, np.ndarray]:
        wrapper = ultralytics("models").YOLO("yolov8n-seg.yaml", task="segment")
        wrapper.model = model.eval()
        settings = {"imgsz": side, "retina_masks": True, "device": "cpu", "verbose": False}
        (result,) = wrapper.predict(np.ascontiguousarray(picture[:, :, ::-1]), **settings)
        masks = np.zeros((0, *picture.shape[:2])) if result.masks is None else result.masks.data.numpy()
        return result.boxes.data.numpy(), masks.astype(bool)

    return predict
