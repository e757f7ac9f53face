"""Draws ELITE's pictures (Wei et al. 2023) with the official code and checkpoints; `bench.external` is the protocol.

Runs in the environment of the official repository (Python 3.9, diffusers 0.11.1): it imports nothing of this package
and calls functions of the repository's `inference_local.py`, `train_local.py` and `datasets.py`.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

PLACEHOLDER = "S"
"""The placeholder word of the concept; the official code finds it between spaces."""
GUIDANCE = 5
"""Of the official inference (inference_local.py); its sampler, LMS with 100 steps, stands in train_local.py."""
MARGIN = 1.3
"""Side of the square that is cut around a concept, in sides of its box: the official code wants it in the centre."""


def main(request: dict[str, Any]) -> None:
    """Draw every picture of a request, in order."""
    official = load(Path(request["home"]))
    data = Path("data").absolute()
    for number in range(len(request["scene"]["concepts"])):
        write_concept(data / str(number), request["scene"], number)
    for picture in request["pictures"]:
        concept = chosen(picture)
        text = text_for(picture, request["scene"]["concepts"])
        drawn = official.draw(data / str(concept), text, picture["seed"], request["settings"]["fusion"])
        save(drawn.resize((request["side"], request["side"])), Path(picture["file"]))


def chosen(picture: dict[str, Any]) -> int:
    """The one concept that ELITE is given for a prompt: those of the subset take turns by sample."""
    subset = picture["subset"]
    return int(subset[picture["sample"] % len(subset)])


def text_for(picture: dict[str, Any], concepts: list[dict[str, Any]]) -> str:
    """The prompt with `a S` for the chosen concept and class words for the others."""
    named = chosen(picture)
    words = [PLACEHOLDER if index == named else concepts[index]["label"] for index in picture["subset"]]
    articles = ["an" if word[0] in "aeiou" else "a" for word in words]
    phrases = [f"{article} {word}" for article, word in zip(articles, words)]  # noqa: B905 - Python 3.9 has no strict
    return str(picture["template"]).replace("{tokens}", " and ".join(phrases))


def write_concept(folder: Path, scene: dict[str, Any], number: int) -> None:
    """A folder as the official test data: the picture, and the mask with three channels beside it."""
    concept = scene["concepts"][number]
    picture = np.asarray(Image.open(scene["pictures"][concept["picture"]]).convert("RGB"))
    mask = np.asarray(Image.open(concept["mask"]).convert("L")) > 0
    centred_picture, centred_mask = centred(picture, mask)
    folder.mkdir(parents=True)
    Image.fromarray(centred_picture).save(folder / "0.png")
    Image.fromarray(np.repeat(centred_mask[:, :, None], 3, axis=2).astype(np.uint8) * 255).save(folder / "0_bg.png")


def centred(picture: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The square around a mask's box, with a margin, of picture [h, w, 3] and mask [h, w].

    What lies outside the picture repeats its edge, and is outside the mask.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    side = int(np.ceil(MARGIN * max(rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1)))
    top = (int(rows[0] + rows[-1]) + 1 - side) // 2 + side
    left = (int(columns[0] + columns[-1]) + 1 - side) // 2 + side
    border = ((side, side), (side, side))
    window = slice(top, top + side), slice(left, left + side)
    return np.pad(picture, (*border, (0, 0)), mode="edge")[window], np.pad(mask, border)[window]


class Official:
    """The official networks, loaded once."""

    def __init__(self, modules: tuple[Any, Any, Any], tools: tuple[Any, ...], device: str) -> None:
        self.loading, self.drawing, self.reading = modules
        self.tools = tools
        self.device = device

    def draw(self, folder: Path, text: str, seed: int, fusion: float) -> Image.Image:
        """The picture of a text for the one concept in a folder."""
        vae, unet, text_encoder, tokenizer, image_encoder, mapper, mapper_local, _ = self.tools
        data = self.reading.CustomDatasetWithBG(
            data_root=str(folder), tokenizer=tokenizer, size=512, placeholder_token=PLACEHOLDER, template=text
        )
        example = dict(data[0])
        example["index"] = example["index"].new_tensor(place_of_placeholder(tokenizer, example["input_ids"]))
        batch = self._batch(example)
        images = self.drawing.validation(
            batch, tokenizer, image_encoder, text_encoder, unet, mapper, mapper_local, vae,
            batch["pixel_values_clip"].device, GUIDANCE, seed=seed, llambda=fusion,
        )  # fmt: skip
        return Image.fromarray(np.array(images[0]))

    def _batch(self, example: dict[str, Any]) -> dict[str, Any]:
        """A batch of one example, in the precisions of the official inference."""
        batch = {name: value[None].to(self.device) for name, value in example.items() if name != "text"}
        for name in ("pixel_values_clip", "pixel_values_obj", "pixel_values_seg"):
            batch[name] = batch[name].half()
        return {**batch, "index": batch["index"].long(), "text": [example["text"]]}


def place_of_placeholder(tokenizer: Any, input_ids: Any) -> int:
    """The index of the placeholder among a text's tokens.

    The official code counts words, which is the same only where every word before the placeholder is one token.
    """
    token = tokenizer(PLACEHOLDER).input_ids[1]
    return int(input_ids.tolist().index(token))


def load(home: Path) -> Official:
    """The official code and networks; it runs on a CUDA device where there is one."""
    sys.path.insert(0, str(home / "code"))
    inference_local, train_local, datasets = map(import_module, ("inference_local", "train_local", "datasets"))
    import torch  # noqa: PLC0415 - only the environment of the official code has to have it

    device = "cuda:0" if torch.cuda.is_available() else "cpu"
    tools = inference_local.pww_load_tools(
        device,
        diffusion_model_path=str(home / "stable-diffusion-v1-4"),
        mapper_model_path=str(home / "checkpoints" / "global_mapper.pt"),
        mapper_local_model_path=str(home / "checkpoints" / "local_mapper.pt"),
    )
    return Official((inference_local, train_local, datasets), tools, device)


def save(picture: Image.Image, file: Path) -> None:
    """Write a PNG atomically."""
    part = Path(file.name)
    picture.convert("RGB").save(part, "PNG")
    os.replace(part, file)  # noqa: PTH105 - the same on every version


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
