"""The drivers of official code: what they make of a request, against modules with the official signatures."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, StableDiffusionInpaintPipeline, UNet2DConditionModel
from PIL import Image

from bench.core.scenes import Prompt, Scene
from bench.external.method import DRIVERS
from bench.plugins.backbone import Backbone
from bench.plugins.method import MethodContext, Request
from bench.plugins.spec import configure

ELITE = {
    "datasets.py": """
import torch
class CustomDatasetWithBG:
    def __init__(self, data_root, tokenizer, size, placeholder_token, template):
        self.root, self.text, self.token = data_root, template.format(placeholder_token), placeholder_token
        self.tokenizer = tokenizer
    def __getitem__(self, number):
        from PIL import Image
        import numpy as np
        mask = np.array(Image.open(self.root + "/0_bg.png"))
        image = np.array(Image.open(self.root + "/0.png")) * np.where(mask > 0, 1, 0)
        index = self.text.split(" ").index(self.token) + 1
        clip = torch.zeros(3, 4, 4)
        ids = torch.tensor(self.tokenizer(self.text).input_ids)
        return {"text": self.text, "index": torch.tensor(index), "input_ids": ids,
                "pixel_values": torch.from_numpy(image).float(), "pixel_values_clip": clip,
                "pixel_values_obj": clip, "pixel_values_seg": clip}
""",
    "inference_local.py": """
import train_local
def pww_load_tools(device, mapper_model_path=None, mapper_local_model_path=None, diffusion_model_path=None):
    from pathlib import Path
    assert Path(mapper_model_path).is_file() and Path(mapper_local_model_path).is_file(), "no checkpoints"
    return "vae", "unet", "text_encoder", Tokenizer(), "image_encoder", "mapper", "local", "scheduler"
class Tokenizer:  # one token a letter of "cat", one a word of all others, and one at each end
    def __call__(self, text):
        pieces = [piece for word in text.split() for piece in (word if word == "cat" else [word])]
        self.input_ids = [0, *(2 + hash(piece) % 10**9 for piece in pieces), 1]
        return self
""",
    "train_local.py": """
import json
from PIL import Image
def validation(example, tokenizer, image_encoder, text_encoder, unet, mapper, mapper_local, vae, device, guidance_scale,
               token_index='full', seed=None, llambda=1):
    image = example["pixel_values"][0].numpy().astype("uint8")
    with open("calls.jsonl", "a") as log:
        log.write(json.dumps([example["text"][0], int(example["index"]), guidance_scale, seed, llambda]) + chr(10))
    return [Image.fromarray(image).resize((512, 512), 0)]
""",
}


def driver(name: str) -> ModuleType:
    """A driver as a module, imported from its file as it is run."""
    specification = importlib.util.spec_from_file_location(f"driver_{name}", DRIVERS / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def request_of(
    scene: Scene, context: Callable[..., MethodContext], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, Any]]:
    """Writes a method's request for three prompts into a work folder and goes there."""
    work = tmp_path / "work"
    for folder in ("out", "learned"):
        (work / folder).mkdir(parents=True)
    monkeypatch.chdir(work)

    def write(spec: str, verb: str) -> dict[str, Any]:
        template = "a photo of {tokens} at the beach"
        prompts = [Prompt(template, (0, 1), 0), Prompt(template, (0, 1), 1), Prompt(template, (1,), 0)]
        requests = [Request(prompt, 40 + number) for number, prompt in enumerate(prompts)]
        configure("methods", spec).instance._write_request(work, verb, scene, context(), requests)
        content: dict[str, Any] = json.loads((work / "request.json").read_text())
        return content

    return write


def test_elite_draws_each_prompt_for_one_concept_by_turns(
    request_of: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    home = tmp_path / "elite"
    for name, text in ELITE.items():
        (home / "code" / name).parent.mkdir(parents=True, exist_ok=True)
        (home / "code" / name).write_text(text)
    (home / "checkpoints").mkdir()
    for name in ("global", "local"):
        (home / "checkpoints" / f"{name}_mapper.pt").touch()
    request_of(f"elite[home={home},fusion=0.6]", "generate")
    command = [sys.executable, str(DRIVERS / "elite.py"), "request.json"]
    subprocess.run(command, check=True, timeout=240)
    calls = [json.loads(line) for line in Path("calls.jsonl").read_text().splitlines()]
    assert calls == [
        ["a photo of a S and an umbrella at the beach", 5, 5, 40, 0.6],
        ["a photo of a cat and a S at the beach", 10, 5, 41, 0.6],  # `cat` is three tokens
        ["a photo of a S at the beach", 5, 5, 42, 0.6],
    ]
    pictures = [np.asarray(Image.open(f"out/0000{number}.png")) for number in range(3)]
    assert {picture.shape for picture in pictures} == {(512, 512, 3)}
    # the stand-in draws what it was shown: the red cat, the blue umbrella, in the middle
    assert [tuple(picture[256, 256]) for picture in pictures] == [(250, 40, 40), (40, 40, 250), (40, 40, 250)]


def test_elite_sees_a_concept_in_the_middle_of_a_square() -> None:
    picture = np.arange(100 * 3, dtype=np.uint8).reshape(10, 10, 3)
    mask = np.zeros((10, 10), bool)
    mask[0:4, 8:10] = True  # box of 4 x 2 in the corner: side ceil(1.3 x 4) = 6, from row -1, column 6
    shown, inside = driver("elite").centred(picture, mask)
    assert shown.shape == (6, 6, 3)
    assert np.argwhere(inside).min(axis=0).tolist() == [1, 2]
    assert np.argwhere(inside).max(axis=0).tolist() == [4, 3]
    assert np.array_equal(shown[1:5, 2:4], picture[0:4, 8:10])
    assert np.array_equal(shown[0], shown[1]), "beyond the picture its edge is repeated"


def test_elite_takes_a_mask_of_the_whole_picture() -> None:
    shown, inside = driver("elite").centred(np.zeros((10, 10, 3), np.uint8), np.ones((10, 10), bool))
    assert shown.shape == (13, 13, 3)
    assert inside.sum() == 100


REALFILL = """
import sys
from pathlib import Path
import torch
from safetensors.torch import save_file
from PIL import Image
options = dict(argument[2:].split("=", 1) for argument in sys.argv[1:])
data = Path(options["train_data_dir"])
assert sorted(file.relative_to(data).as_posix() for file in data.rglob("*.png")) == [
    "ref/0.png", "target/mask.png", "target/target.png"]
assert Image.open(data / "target/mask.png").getextrema() == (0, 0), "nothing is to be filled"
assert Image.open(data / "ref/0.png").size == (512, 512)
for network, file in (("unet", "diffusion_pytorch_model.safetensors"), ("text_encoder", "model.safetensors")):
    (Path(options["output_dir"]) / network).mkdir(parents=True)
    save_file({"rank": torch.tensor(float(options["lora_rank"]))}, Path(options["output_dir"]) / network / file)
"""


def test_realfill_trains_on_the_scene_and_leaves_both_networks(
    request_of: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "realfill" / "code").mkdir(parents=True)
    (tmp_path / "realfill" / "code" / "train_realfill.py").write_text(REALFILL)
    request = request_of(f"realfill[home={tmp_path / 'realfill'},rank=3]", "fit")
    driver("realfill").main(request)
    assert sorted(file.name for file in Path("learned").iterdir()) == ["text_encoder.safetensors", "unet.safetensors"]


def test_a_step_of_realfill_has_as_many_samples_as_pictures_and_the_target(
    request_of: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    """Its loader makes one sample of each file, and no batch goes beyond a pass (train_realfill.py:442-457, 706)."""
    request = request_of("realfill", "fit")
    driver("realfill").write_training_data(tmp_path / "train", request)
    samples = [*(tmp_path / "train" / "ref").iterdir(), tmp_path / "train" / "target" / "target.png"]
    method = configure("methods", "realfill")
    assert min(method.configuration["batch"], len(samples)) == len(request["scene"]["pictures"]) + 1 == 2
    hidden = np.asarray(Image.open(tmp_path / "train" / "target" / "mask.png"))
    assert not hidden.any(), "so the target's sample hides nothing, and all of it has weight"
    (row,) = (one for one in method.drop_in.role.ledger if one.choice == "samples per step")
    assert "16 is never reached" in row.here


@pytest.mark.parametrize(("installed", "will_do"), [("0.20.1", False), ("0.21.0", True), ("0.42.1.dev0", True)])
def test_realfill_refuses_a_library_that_would_lose_the_training(installed: str, will_do: bool) -> None:
    if will_do:
        driver("realfill").check_diffusers(installed)
    else:
        with pytest.raises(SystemExit, match=r"saves no safetensors; install 0\.21 or later"):
            driver("realfill").check_diffusers(installed)


def test_realfill_fills_the_concepts_places_and_nothing_else(
    request_of: Callable[..., dict[str, Any]], backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tiny inpainting pipeline; its fit is itself. Outside the holes the background of the template is left."""
    home = tmp_path / "realfill"
    inpainting = _inpainting(backbone)
    inpainting.save_pretrained(home / "stable-diffusion-2-inpainting")
    request = {**request_of(f"realfill[home={home},sampling_steps=2]", "generate"), "side": 32}
    for network in ("unet", "text_encoder"):
        source = next((home / "stable-diffusion-2-inpainting" / network).glob("*.safetensors"))
        Path(f"learned/{network}.safetensors").write_bytes(source.read_bytes())
    module = driver("realfill")
    monkeypatch.setattr(module, "BACKGROUND_STEPS", 2)
    targets: list[Image.Image] = []
    drawn = module.background
    monkeypatch.setattr(module, "background", lambda *given: targets.append(drawn(*given)) or targets[-1])
    module.main(request)
    for number, wish in enumerate(request["pictures"]):
        picture = np.asarray(Image.open(f"out/0000{number}.png"))
        hole = np.asarray(module.hole(request, wish["subset"]))
        assert np.array_equal(picture[hole == 0], np.asarray(targets[number])[hole == 0])
        assert not np.array_equal(picture[hole == 255], np.asarray(targets[number])[hole == 255])
    umbrella = np.asarray(module.hole(request, [1]))
    assert umbrella[16, 24] == 255
    assert umbrella[16, 6] == 0
    assert np.asarray(module.hole(request, [0, 1]))[16, 6] == 255


def _inpainting(backbone: Backbone) -> StableDiffusionInpaintPipeline:
    torch.manual_seed(0)
    unet = UNet2DConditionModel.from_config({**backbone.unet.config, "in_channels": 9})
    own = backbone.pipeline()
    pipeline: StableDiffusionInpaintPipeline = StableDiffusionInpaintPipeline(
        vae=own.vae,
        text_encoder=own.text_encoder,
        tokenizer=own.tokenizer,
        unet=unet,
        scheduler=DDIMScheduler.from_config(own.scheduler.config, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    return pipeline
