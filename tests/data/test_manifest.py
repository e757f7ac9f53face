"""The manifest: the same content is the same bytes, and what is wrong with a foreign one is said."""

import hashlib
import json
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.core.errors import UserError
from bench.data.builders.coco import CocoBuilder
from bench.data.builders.rebuild import rebuild
from bench.data.coco.masks import counts_text
from bench.data.manifest import Manifest, read_manifest

Recipe = Callable[..., CocoBuilder]
Edit = Callable[[dict[str, Any]], None]


@pytest.fixture
def file(toys: Path, tmp_path: Path, recipe: Recipe) -> Path:
    recipe(toys, manifest_only=True).build(tmp_path / "out")
    return tmp_path / "out" / "manifest.json"


def forged(file: Path, edit: Edit) -> Path:
    """A manifest changed by someone who also made the hash right."""
    content = json.loads(file.read_bytes())
    edit(content)
    facts = {key: value for key, value in content.items() if key not in ("schema", "sha256")}
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    content["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    file.write_text(json.dumps(content))
    return file


def test_reading_and_encoding_are_inverse(file: Path) -> None:
    manifest = read_manifest(file)
    assert manifest.encode() == file.read_bytes()
    assert json.loads(file.read_bytes())["sha256"] == manifest.sha256


def test_keys_are_sorted_at_every_level(file: Path) -> None:
    def sorted_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert [key for key, _ in pairs] == sorted(key for key, _ in pairs)
        return dict(pairs)

    json.loads(file.read_bytes(), object_pairs_hook=sorted_keys)


def test_every_fact_is_in_the_hash(file: Path) -> None:
    manifest = read_manifest(file)
    first = manifest.scenes[0]
    changed = (
        replace(first, licence=None),
        replace(first, picture_sha256="0"),
        replace(first, prompts=first.prompts[1:]),
        replace(first, url="x"),
    )
    hashes = {Manifest(manifest.spec, (scene, *manifest.scenes[1:])).sha256 for scene in changed}
    assert len(hashes - {manifest.sha256}) == 4


def test_a_change_by_hand_is_noticed(file: Path) -> None:
    file.write_text(file.read_text().replace('"seed": 0', '"seed": 1'))
    with pytest.raises(UserError, match="was changed after it was written"):
        read_manifest(file)


def test_another_schema_is_refused(file: Path) -> None:
    file.write_text(file.read_text().replace('"schema": 1', '"schema": 2'))
    with pytest.raises(UserError, match="has schema 2, this version reads 1"):
        read_manifest(file)


def test_a_manifest_of_huge_pictures_is_refused_before_a_mask_is_drawn(tmp_path: Path) -> None:
    """A few hundred bytes that would be masks of 60,000 x 60,000."""
    side = 60_000
    scene = {
        "name": "a", "split": "x", "image_id": 1, "annotation_ids": [1], "file_name": "a.png",
        "source_size": [side, side], "crop": [0, 0, side, side], "classes": ["cat"],
        "masks": [{"size": [side, side], "counts": "0`0P0"}], "licence": None, "url": "", "prompts": [],
        "source_sha256": "", "picture_sha256": "",
    }  # fmt: skip
    identity = {"recipe": "x", "name": "x", "size": side, "options": {}, "sources": {}}
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps({"schema": 1, "sha256": "", "identity": identity, "scenes": [scene]}))
    forged(file, lambda content: None)
    with pytest.raises(UserError, match="has size 60000: its pictures may have 1 to 10,000 pixels per side"):
        read_manifest(file)


def test_a_huge_mask_is_checked_by_its_run_lengths_alone(file: Path) -> None:
    """10,000 pixels per side are admitted: 100 MB a mask, if one were drawn."""
    side = 10_000
    text = {"size": [side, side], "counts": counts_text(np.ones((side, side), dtype=np.bool_))}

    def edit(content: dict[str, Any]) -> None:
        content["identity"]["size"] = side
        for scene in content["scenes"]:
            scene["masks"] = [text for _ in scene["masks"]]

    forged(file, edit)
    tracemalloc.start()
    assert read_manifest(file).spec.size == side
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000


@pytest.mark.parametrize("content", ["{", "[]", "{}", "null", '{"schema": 1}', '{"schema": 1, "scenes": 3}'])
def test_what_is_no_manifest_is_one_line(file: Path, content: str) -> None:
    file.write_text(content)
    with pytest.raises(UserError) as caught:
        read_manifest(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def set_scene(**facts: Any) -> Edit:
    return lambda content: content["scenes"][0].update(facts)


def set_mask(**facts: Any) -> Edit:
    return lambda content: content["scenes"][0]["masks"][0].update(facts)


def empty_mask() -> str:
    return counts_text(np.zeros((32, 32), dtype=np.bool_))


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (set_scene(name="../../evil"), "not safe as a file name"),
        (set_scene(name=".."), "not safe as a file name"),
        (set_scene(classes=["cat"]), "does not have one mask per class"),
        (set_scene(crop=[0, 0, 97, 97]), "not a square inside its picture"),
        (set_scene(crop=[0, 0, 40, 30]), "not a square inside its picture"),
        (set_scene(prompts=[{"template": "x", "subset": [0], "sample": 0}]), "does not fit its concepts"),
        (
            set_scene(prompts=[{"template": "{tokens}", "subset": [2], "sample": 0}]),
            "does not fit its concepts",
        ),
        (
            set_scene(prompts=[{"template": "{tokens} at {background}", "subset": [0], "sample": 0}]),
            "does not fit its concepts",
        ),
        (
            set_scene(prompts=[{"template": "{tokens}", "subset": [], "sample": 0}]),
            "does not fit its concepts",
        ),
        (set_scene(source_size=[96, 16_385]), "a source that is of 96 x 16385 pixels, more than the limit"),
        (set_scene(image_id="x"), "scenes.0.image_id"),
        (set_mask(size=[16, 16]), r"a mask 0 of size \(16, 16\), not 32 x 32"),
        (set_mask(counts="PP"), "damaged run lengths"),
        (set_mask(counts=empty_mask()), "an empty mask 0"),
        (lambda content: content.update(scenes=[]), "it has no scenes"),
        (lambda content: content["scenes"].append(content["scenes"][0]), "two of one name"),
    ],
)
def test_a_manifest_that_cannot_be_is_refused(file: Path, edit: Edit, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_manifest(forged(file, edit))


def test_a_picture_outside_the_folder_is_refused_when_rebuilding(file: Path, toys: Path, tmp_path: Path) -> None:
    forged(file, set_scene(file_name="../../secret.png"))
    with pytest.raises(UserError, match="lies outside the image folder"):
        rebuild(file, toys, tmp_path / "b")
