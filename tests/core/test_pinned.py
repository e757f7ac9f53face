"""What is stored under hashes keeps its values: a renamed keyword or field would refit and redraw everything.

A change of one of these numbers makes every earlier run and dataset useless; it belongs into CHANGELOG.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from bench.core.hashing import digest, folder_hash, pixel_hash, scene_digest
from bench.core.scenes import Concept, Dataset, ImageArray, Prompt, Scene, handle
from bench.core.seeds import seed_from
from bench.data.builders.folder import FolderBuilder
from bench.data.manifest import read_manifest
from bench.data.prompts import PromptPlan
from bench.plugins.spec import configure
from bench.run import plan


@pytest.fixture
def scene() -> Scene:
    """Two squares on a ramp of colours, 16 px; one prompt of both, one of the second."""
    picture = (np.arange(16 * 16 * 3) % 256).astype(np.uint8).reshape(16, 16, 3)
    left, right = np.zeros((2, 16, 16), np.bool_)
    left[2:8, 2:8], right[8:14, 10:16] = True, True
    concepts = (Concept("cat", left, handle(0)), Concept("arm", right, handle(1), object="chair"))
    prompts = (Prompt("a photo of {tokens} at the beach", (0, 1)), Prompt("a photo of {tokens}", (1,), sample=1))
    return Scene("pair", picture, concepts, prompts)


@pytest.fixture
def own_pictures(tmp_path: Path, scene: Scene) -> Path:
    """The scene as a folder of one's own."""
    folder = tmp_path / "pair"
    folder.mkdir()
    (folder / "img.png").write_bytes(png(scene.picture))
    for number, concept in enumerate(scene.concepts):
        white = np.where(concept.mask, np.uint8(255), np.uint8(0))
        (folder / f"mask{number}.png").write_bytes(png(np.stack([white] * 3, axis=-1)))
    (folder / "labels.txt").write_text("cat\narm\n")
    return folder


def png(picture: ImageArray) -> bytes:
    """A PNG without compression: its bytes do not depend on the version of a library."""
    height, width = picture.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in picture)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 0)), (b"IEND", b""))
    packed = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def test_a_seed() -> None:
    assert seed_from(scene="pair", seed=1, subset=(0, 1)) == 7213663731215014671


def test_digests_of_data_pixels_and_scenes(scene: Scene) -> None:
    assert digest({"b": [1, 2.5], "a": None}) == "e57f5d37865437a82e11"
    assert pixel_hash(scene.picture)[:20] == "8e97a805a49e445d2ced"
    assert scene_digest(scene) == "a3d20fe68d2043edd368"


def test_a_dataset(own_pictures: Path, tmp_path: Path) -> None:
    options = {"formats": "2", "samples": 1, "seed": 0, "prompts": "powerset", "background": False}
    formats = ("a photo of {tokens} at the beach", "a photo of {tokens} in the jungle")
    FolderBuilder(own_pictures, 16, False, PromptPlan(formats, 1, "powerset", 0), options).build(tmp_path / "out")
    assert read_manifest(tmp_path / "out" / "manifest.json").sha256[:20] == "0635d2a59ec31ea8f870"


def test_the_noise_and_the_keys_of_pictures(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fit's key aside, of which the method's source is a part."""
    monkeypatch.setattr(plan, "_fit_key", lambda *_: "0" * 20)
    conditions = plan.Conditions("sha256:abc", "fp32", {"steps": 1.0}, 20, 4.0, seed=3)
    (unit,) = plan.make_plan(Dataset("d", (scene,)), (configure("methods", "ti-m"),), conditions)
    assert unit.fit_seed == 5691723275624264057
    assert [picture.request.noise_seed for picture in unit.pictures] == [7134303279161396225, 7618245897419165959]
    assert [picture.key for picture in unit.pictures] == ["33b65d9efeedfc0f6bc9", "2f45c016cfd6dc4f3d1c"]


def test_a_folder_of_weights(tmp_path: Path) -> None:
    """Names and contents of weights and configurations, sub-folders included; other files and names left out."""
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "settings.json").write_text("{}")
    (tmp_path / "picture.png").write_bytes(b"")
    assert folder_hash(tmp_path, left_out=("settings.json",)) == "6ad671c09fc0a19c4539572d4b7274afd211867c"
    assert folder_hash(tmp_path) != folder_hash(tmp_path, left_out=("settings.json",))
