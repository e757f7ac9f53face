"""em-coco: the paper's numbers, our versioned lists, built from drawn annotations and from real ones where present."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from bench.datasets.em_coco import CLASSES, ORIGIN, PROMPTS, Builder
from PIL import Image

from bench.core.errors import UserError
from bench.data.coco.rules import DROPPED
from bench.data.load import load_dataset
from bench.data.manifest import read_manifest


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    return drawn(tmp_path / "coco", 2)


def drawn(folder: Path, pictures: int) -> Path:
    """So many pictures of each class, on which two rectangles of it stand, the larger one second."""
    (folder / "annotations").mkdir(parents=True)
    (folder / "val").mkdir()
    images, annotations = [], []
    for number in range(pictures * len(CLASSES)):
        images.append({"id": number, "file_name": f"{number}.png", "width": 60, "height": 40})
        Image.fromarray(np.full((40, 60, 3), number, np.uint8)).save(folder / "val" / f"{number}.png")
        for place, wide in enumerate((10, 20)):
            left = 12 + 14 * place
            outline = [left, 5, left + wide, 5, left + wide, 35, left, 35]
            annotation = {"image_id": number, "category_id": 1 + number % len(CLASSES), "segmentation": [outline]}
            annotations.append({"id": 2 * number + place, **annotation})
    categories = [{"id": number, "name": name} for number, name in enumerate(CLASSES, start=1)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations" / "instances_val.json").write_text(json.dumps(content))
    return folder


def test_the_paper_has_eleven_classes_twenty_prompts_and_eight_pictures() -> None:
    assert len(set(CLASSES)) == 11
    assert not DROPPED & set(CLASSES)
    assert len(set(PROMPTS)) == 20
    assert all(prompt.count("{tokens}") == 1 for prompt in PROMPTS)
    assert (Builder().concepts, Builder().prompts, Builder().samples) == (120, 20, 8)


def test_a_built_dataset_has_one_concept_a_scene_and_all_prompts(coco: Path, tmp_path: Path) -> None:
    Builder(coco=coco, concepts=11, samples=2, size=32, strict=True).build(tmp_path / "out")
    dataset = load_dataset(tmp_path / "out")
    assert dataset.name == "em-coco"
    assert Counter(scene.concepts[0].label for scene in dataset.scenes) == dict.fromkeys(CLASSES, 1)
    for scene in dataset.scenes:
        assert len(scene.concepts) == 1
        # 20 x 30 of the crop's 40 x 40 pixels, from column 26 - 10 on
        assert scene.concepts[0].mask.mean() == pytest.approx(20 * 30 / 1600, abs=0.05)
        assert [prompt.template for prompt in scene.prompts] == [prompt for prompt in PROMPTS for _ in range(2)]
        assert {prompt.subset for prompt in scene.prompts} == {(0,)}


def test_the_manifest_says_whose_lists_they_are(coco: Path, tmp_path: Path) -> None:
    Builder(coco=coco, concepts=11, manifest_only=True, size=32).build(tmp_path / "out")
    options = read_manifest(tmp_path / "out" / "manifest.json").spec.options
    assert options["origin"] == ORIGIN
    assert "unpublished" in ORIGIN
    assert options["classes"] == ",".join(CLASSES)
    assert str(options["prompts"]).splitlines() == list(PROMPTS)


def test_a_manifest_gives_the_dataset_back(coco: Path, tmp_path: Path) -> None:
    Builder(coco=coco, concepts=5, size=32).build(tmp_path / "out")
    manifest = tmp_path / "out" / "manifest.json"
    Builder(coco=coco, from_manifest=manifest).build(tmp_path / "again")
    assert (tmp_path / "again" / "manifest.json").read_bytes() == manifest.read_bytes()


def test_strict_refuses_and_otherwise_it_is_said(
    coco: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lacking = Builder(coco=coco, concepts=33, size=32, strict=True)
    with pytest.raises(
        UserError, match="33 concepts of 11 classes need up to 3 of each, the pool has only 2 of person"
    ):
        lacking.build(tmp_path / "out")
    Builder(coco=coco, concepts=33, size=32).build(tmp_path / "out")
    said = capsys.readouterr().out
    assert "took 22, more of the other classes" in said
    assert "this is not the paper's 19,200" in said


@pytest.mark.parametrize(
    ("builder", "said"),
    [
        (Builder(), "em-coco needs --coco DIR"),
        (Builder(coco=Path("c"), prompts=21), "--prompts 21: write 1 to 20"),
        (Builder(coco=Path("c"), concepts=0), "--concepts and --samples must be at least 1"),
        (Builder(coco=Path("c")), "has no instances_"),
    ],
)
def test_bad_input_is_one_line(builder: Builder, said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=said) as caught:
        builder.build(tmp_path / "out")
    assert "\n" not in str(caught.value)


def test_the_papers_size(tmp_path: Path) -> None:
    Builder(coco=drawn(tmp_path / "coco", 11), manifest_only=True).build(tmp_path / "out")
    manifest = read_manifest(tmp_path / "out" / "manifest.json")
    assert (len(manifest.scenes), manifest.prompts) == (120, 19_200)


def test_pictures_of_real_records_become_scenes(coco_sample: Path, tmp_path: Path) -> None:
    Builder(coco=coco_sample, only_present=True, size=64, samples=1).build(tmp_path / "out")
    scenes = load_dataset(tmp_path / "out").scenes
    assert len(scenes) == 14
    assert all(0.149 < scene.concepts[0].mask.mean() <= 1 for scene in scenes)
    assert all(scene.picture.shape == (64, 64, 3) for scene in scenes)
