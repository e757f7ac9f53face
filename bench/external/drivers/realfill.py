"""Fits and fills with RealFill (Tang et al. 2023): its public training code, and inference with its numbers.

`bench.external` is the protocol. Runs in the environment of thuanz123/realfill (diffusers 0.21 or later); it imports
nothing of this package.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageFilter

TEXT = "a photo of sks"
"""The text of training and inference."""
BASE = "stable-diffusion-2-inpainting"
WEIGHTS = {"unet": "diffusion_pytorch_model.safetensors", "text_encoder": "model.safetensors"}
"""The file of each network that is learned."""
BACKGROUND_STEPS, BACKGROUND_GUIDANCE = 50, 7.5
OLDEST_DIFFUSERS = (0, 21)
"""The first diffusers version that saves safetensors; with earlier ones the training code writes pickled files."""


def main(request: dict[str, Any]) -> None:
    """Run `fit` or `generate`, as the request says."""
    verbs = {"fit": fit, "generate": generate}
    verbs[request["verb"]](request)


def fit(request: dict[str, Any]) -> None:
    """Train on the scene's pictures; the target is the scene again, with nothing to be filled."""
    check_diffusers(version("diffusers"))
    data = Path("train")
    write_training_data(data, request)
    home, own = Path(request["home"]), request["settings"]
    options = {
        "pretrained_model_name_or_path": home / BASE,
        "train_data_dir": data,
        "output_dir": "model",
        "seed": request["seed"],
        "resolution": request["side"],
        "train_batch_size": own["batch"],
        "gradient_accumulation_steps": 1,
        "unet_learning_rate": own["unet_learning_rate"],
        "text_encoder_learning_rate": own["text_encoder_learning_rate"],
        "lr_scheduler": "constant",
        "lr_warmup_steps": own["warmup_steps"],
        "max_train_steps": own["steps"],
        "lora_rank": own["rank"],
        "lora_dropout": own["dropout"],
        "lora_alpha": own["alpha"],
    }
    command = [sys.executable, str(home / "code" / "train_realfill.py")]
    command += [f"--{name}={value}" for name, value in options.items()]
    subprocess.run(command, stdout=sys.stderr, check=True)
    for network, file in WEIGHTS.items():
        shutil.copy(Path("model") / network / file, Path(request["learned"]) / f"{network}.safetensors")


def check_diffusers(installed: str) -> None:
    """Exit with one line, before hours of training, if this diffusers would not save safetensors."""
    if tuple(map(int, installed.split(".")[:2])) < OLDEST_DIFFUSERS:
        sys.exit(f"diffusers {installed} saves no safetensors; install {'.'.join(map(str, OLDEST_DIFFUSERS))} or later")


def write_training_data(folder: Path, request: dict[str, Any]) -> None:
    """The folder that the training code reads: `ref/`, `target/target.png` and `target/mask.png` (white: to fill)."""
    side = (request["side"], request["side"])
    (folder / "ref").mkdir(parents=True)
    (folder / "target").mkdir()
    pictures = [Image.open(file).convert("RGB").resize(side) for file in request["scene"]["pictures"]]
    for number, picture in enumerate(pictures):
        picture.save(folder / "ref" / f"{number}.png")
    pictures[0].save(folder / "target" / "target.png")
    Image.new("L", side).save(folder / "target" / "mask.png")


def generate(request: dict[str, Any]) -> None:
    """Draw each prompt's background with the base model, then let the fitted one fill the concepts' places."""
    import torch  # noqa: PLC0415 - only the environment of the official code has to have it

    diffusers: Any = import_module("diffusers")
    from safetensors.torch import load_file  # noqa: PLC0415

    device = "cuda" if torch.cuda.is_available() else "cpu"
    pipeline = diffusers.StableDiffusionInpaintPipeline.from_pretrained(
        Path(request["home"]) / BASE, safety_checker=None
    )
    pipeline = pipeline.to(device)
    backgrounds = [background(pipeline, request["side"], picture) for picture in request["pictures"]]
    for network in WEIGHTS:
        getattr(pipeline, network).load_state_dict(load_file(Path(request["learned"]) / f"{network}.safetensors"))
    pipeline.scheduler = diffusers.DDPMScheduler.from_config(pipeline.scheduler.config)
    for picture, target in zip(request["pictures"], backgrounds):  # noqa: B905 - Python 3.9 has no strict
        mask = hole(request, picture["subset"])
        save(fill(pipeline, target, mask, (picture["seed"], request["settings"]["sampling_steps"])), picture["file"])


def background(pipeline: Any, side: int, picture: dict[str, Any]) -> Image.Image:
    """The prompt without its concepts, drawn by the inpainting model into a picture that is all hole."""
    size = (side, side)
    drawn: Image.Image = pipeline(
        picture["text_of_background"],
        image=Image.new("RGB", size, (127, 127, 127)),
        mask_image=Image.new("L", size, 255),
        height=side,
        width=side,
        num_inference_steps=BACKGROUND_STEPS,
        guidance_scale=BACKGROUND_GUIDANCE,
        generator=_generator(picture["seed"]),
    ).images[0]
    return drawn


def hole(request: dict[str, Any], subset: list[int]) -> Image.Image:
    """The union of the subset's masks, at the side of the pictures, widened and softened as in infer.py."""
    side = (request["side"], request["side"])
    union = Image.new("L", side)
    for index in subset:
        mask = (
            Image.open(request["scene"]["concepts"][index]["mask"]).convert("L").resize(side, Image.Resampling.NEAREST)
        )
        union = ImageChops.lighter(union, mask)
    return union.filter(ImageFilter.MaxFilter(3)).filter(ImageFilter.BoxBlur(1))


def fill(pipeline: Any, target: Image.Image, mask: Image.Image, draw: tuple[int, int]) -> Image.Image:
    """The target with its hole filled by the fitted model; `draw` is the seed and the number of steps."""
    seed, steps = draw
    side = target.size[0]
    drawn: Image.Image = pipeline(
        TEXT,
        image=target,
        mask_image=mask,
        height=side,
        width=side,
        num_inference_steps=steps,
        guidance_scale=1,
        generator=_generator(seed),
    ).images[0]
    return Image.composite(drawn, target, mask)


def _generator(seed: int) -> Any:
    import torch  # noqa: PLC0415

    return torch.Generator("cpu").manual_seed(seed)


def save(picture: Image.Image, file: str) -> None:
    """Write a PNG atomically."""
    part = Path(file).name
    picture.convert("RGB").save(part, "PNG")
    os.replace(part, file)  # noqa: PTH105 - the same on every version


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
