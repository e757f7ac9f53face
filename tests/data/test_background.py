"""The background of one's own pictures as a concept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from bench.core.images import mask_png
from bench.core.scenes import BACKGROUND
from bench.data.builders.folder import FolderBuilder
from bench.data.load import load_dataset
from bench.data.prompts import PromptPlan


def test_it_is_asked_for_alone_and_behind_the_others_and_has_a_word(tmp_path: Path) -> None:
    folder = tmp_path / "pair"
    folder.mkdir()
    Image.new("RGB", (32, 32), "white").save(folder / "img.png")
    for number in range(2):
        mask = np.zeros((32, 32), bool)
        mask[8:24, 16 * number : 16 * number + 12] = True
        (folder / f"mask{number}.png").write_bytes(mask_png(mask))
    (folder / "labels.txt").write_text("cat\numbrella\n")
    plan = PromptPlan(("a photo of {tokens} in the snow",), 1, "powerset", 0)
    FolderBuilder(folder, 32, background=True, plan=plan, background_word="beach").build(tmp_path / "out")
    (built,) = load_dataset(tmp_path / "out").scenes
    assert (built.concepts[2].label, built.concepts[2].word) == (BACKGROUND, "beach")
    assert [built.text_with_classes(prompt) for prompt in built.prompts if 2 in prompt.subset] == [
        "a photo of the beach",
        "a photo of a cat at the beach",
        "a photo of an umbrella at the beach",
        "a photo of a cat and an umbrella at the beach",
    ]
