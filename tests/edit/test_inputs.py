"""What an edit reads: sources of both kinds, targets, and what is wrong with others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.core.errors import UserError
from bench.core.hashing import scene_digest
from bench.core.scenes import Scene
from bench.data.builders.folder import FolderBuilder
from bench.data.prompts import PromptPlan, parse_formats
from bench.edit.inputs import named_concepts, read_sharing, read_source, read_target


def build(source: Path, out: Path) -> Path:
    FolderBuilder(source, 32, background=False, plan=PromptPlan(parse_formats("1"), 1, "powerset", 0)).build(out)
    return out


def test_ones_own_folder_and_the_built_scene_are_the_same_source(source: Path, scene: Scene, tmp_path: Path) -> None:
    own, built = read_source(source, 32), read_source(build(source, tmp_path / "data") / "scenes" / "pair", 32)
    assert scene_digest(own) == scene_digest(built) == scene_digest(scene)
    assert built.name == "pair"


def test_a_whole_dataset_is_no_source(source: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is a whole dataset; name one of its scenes: .*NAME \(pair, ...\)"):
        read_source(build(source, tmp_path / "data"), 32)


def test_a_folder_without_masks_needs_labels(source: Path) -> None:
    (source / "mask0.png").unlink()
    (source / "mask1.png").unlink()
    assert [concept.label for concept in read_source(source, 32).concepts] == ["cat", "umbrella"]
    (source / "labels.txt").unlink()
    with pytest.raises(UserError, match=r"has no mask0\.png"):
        read_source(source, 32)


def test_the_target_and_its_mask_are_cropped_alike(target: Path) -> None:
    read = read_target(target, [target.with_name("room-mask.png")], 16)
    with Image.open(target) as image:
        expected = np.asarray(image.crop((8, 0, 40, 32)).resize((16, 16), Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(read.picture, expected)
    (mask,) = read.masks
    assert mask[4:12, 4:12].all()
    assert mask.sum() == 64
    assert read_target(target, [], 16).masks == ()


def test_a_mask_of_another_size_is_refused(target: Path, tmp_path: Path) -> None:
    Image.new("L", (32, 32), 255).save(tmp_path / "other.png")
    with pytest.raises(UserError, match="is 32 x 32 pixels, its picture is 48 x 32"):
        read_target(target, [tmp_path / "other.png"], 16)


def test_a_mask_outside_the_crop_is_refused(target: Path, tmp_path: Path) -> None:
    mask = Image.new("L", (48, 32))
    mask.paste(255, (0, 0, 6, 32))
    mask.save(tmp_path / "edge.png")
    with pytest.raises(UserError, match="nothing of the mask is left in the centred square crop"):
        read_target(target, [tmp_path / "edge.png"], 16)


def test_a_target_that_is_no_picture_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(UserError, match="cannot read the picture"):
        read_target(tmp_path / "text.png", [], 16)


def test_concepts_are_found_by_their_handles(scene: Scene) -> None:
    assert [one.label for one in named_concepts(scene, "a photo of [v2] and [v1]")] == ["cat", "umbrella"]
    assert [one.label for one in named_concepts(scene, "an umbrella with [v2] style")] == ["umbrella"]
    with pytest.raises(UserError, match=r"names no handle of the source; it has \[v1\] \(cat\), \[v2\] \(umbrella\)"):
        named_concepts(scene, "a photo of a cat")


def test_sharing_pictures_come_after_the_source_and_masks_are_none(source: Path, target: Path, tmp_path: Path) -> None:
    pictures = read_sharing(source, tmp_path, 32)  # room.png and room-mask.png lie there
    assert len(pictures) == 3
    np.testing.assert_array_equal(pictures[0], read_source(source, 32).picture)
    (tmp_path / "none").mkdir()
    with pytest.raises(UserError, match="has no picture; --shared names a folder of pictures"):
        read_sharing(source, tmp_path / "none", 32)
