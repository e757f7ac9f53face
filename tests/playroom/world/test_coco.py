"""The pool of scenes as COCO: loadable, exact, enough for the benchmark's filter, and written whole."""

import errno
import json
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from bench.core.errors import UserError
from bench.playroom.world.coco import CocoSpec, pool_scene, write_coco
from bench.playroom.world.scene import draw
from bench.playroom.world.toys import CLASSES, UNSEEN_COLOURS, UNSEEN_MOTIFS

SPEC = CocoSpec(pictures=8, seed=3, size=64)


def annotations(folder: Path) -> Path:
    return folder / "annotations" / "instances_playroom.json"


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("coco") / "pool"
    write_coco(folder, SPEC)
    return folder


def test_pycocotools_reads_back_the_drawn_masks_and_pictures(pool: Path) -> None:
    coco = COCO(annotations(pool))
    assert sorted(coco.imgs) == list(range(1, 9))
    for image_id, image in coco.imgs.items():
        scene = pool_scene(SPEC, image_id)
        drawing = draw(scene, SPEC.size)
        with Image.open(pool / "playroom" / image["file_name"]) as stored:
            assert np.array_equal(np.asarray(stored), drawing.picture)
        known = coco.loadAnns(coco.getAnnIds(imgIds=image_id))
        assert [coco.cats[a["category_id"]]["name"] for a in known] == [t.identity.class_name for t in scene.toys]
        for one, mask in zip(known, drawing.masks, strict=True):
            assert np.array_equal(coco.annToMask(one), mask)
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            box = [columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1]
            assert one["bbox"] == box
            assert one["area"] == mask.sum()
            assert one["iscrowd"] == 0


def test_the_file_has_coco_s_sections_and_the_toys_as_categories(pool: Path) -> None:
    content = json.loads(annotations(pool).read_text(encoding="utf-8"))
    assert set(content) == {"info", "licenses", "images", "annotations", "categories"}
    assert [c["name"] for c in content["categories"]] == list(CLASSES)
    assert {c["supercategory"] for c in content["categories"]} == {"toy"}
    assert {i["license"] for i in content["images"]} == {one["id"] for one in content["licenses"]}
    assert [a["id"] for a in content["annotations"]] == list(range(1, len(content["annotations"]) + 1))


def test_a_seed_gives_the_same_bytes_and_another_seed_other_scenes(pool: Path, tmp_path: Path) -> None:
    write_coco(tmp_path / "again", SPEC)
    files = sorted(p.relative_to(pool) for p in pool.rglob("*") if p.is_file())
    assert len(files) == 9
    assert all((pool / name).read_bytes() == (tmp_path / "again" / name).read_bytes() for name in files)
    assert pool_scene(CocoSpec(seed=4), 1) != pool_scene(SPEC, 1)


def test_a_scene_does_not_depend_on_how_many_pictures_or_pixels_there_are() -> None:
    assert pool_scene(CocoSpec(pictures=500, seed=3, size=128), 5) == pool_scene(SPEC, 5)


def test_the_toys_to_be_learned_have_looks_that_training_never_sees() -> None:
    toys = [toy.identity for k in range(1, 40) for toy in pool_scene(CocoSpec(), k).toys]
    assert {toy.motif for toy in toys} <= set(UNSEEN_MOTIFS)
    assert {toy.first for toy in toys} | {toy.second for toy in toys} <= set(UNSEEN_COLOURS)


def test_the_pool_has_enough_scenes_of_two_three_and_four_large_concepts() -> None:
    spec, concepts = CocoSpec(), Counter[int]()
    for image_id in range(1, spec.pictures + 1):
        scene = pool_scene(spec, image_id)
        shares = draw(scene, 32).masks.mean(axis=(1, 2))
        large: defaultdict[str, float] = defaultdict(float)
        for toy, share in zip(scene.toys, shares, strict=True):
            large[toy.identity.class_name] = max(large[toy.identity.class_name], float(share))
        concepts[sum(share >= 0.15 for share in large.values())] += 1
    assert concepts[2] >= 40
    assert concepts[3] >= 20
    assert concepts[4] >= 8


def test_an_existing_folder_is_left_alone(pool: Path) -> None:
    before = annotations(pool).read_bytes()
    with pytest.raises(UserError, match="already exists"):
        write_coco(pool, CocoSpec(pictures=1))
    assert annotations(pool).read_bytes() == before


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(UserError, match="no space left on the disk"):
        write_coco(tmp_path / "pool", SPEC)
    assert list(tmp_path.iterdir()) == []


def test_a_pool_of_two_toys_has_no_others() -> None:
    assert {len(pool_scene(CocoSpec(toys=(2,)), number).toys) for number in range(1, 20)} == {2}
