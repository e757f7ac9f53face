"""COCO's annotations and pictures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from random import Random

from cases import Attack
from mutate.files import mutate_file
from mutate.json_text import mutate_json

from kinds.own_pictures import mutate_picture

SELECT = ("--scenes", "2", "--mix", "1,0,0", "--size", "32", "--formats", "1", "--samples", "1", "--out", "out")


def annotations(rng: Random, place: Path, valid: Path) -> Attack:
    """The annotations of drawn or of photographed scenes, few enough that a damage meets a scene that is chosen."""
    folder = rng.choice(("coco", "photos"))
    shutil.copytree(valid / folder, place / "coco", copy_function=_link)
    file = next((place / "coco" / "annotations").glob("*.json"))
    content = json.loads(file.read_bytes())
    file.unlink()
    file.write_text(json.dumps(_fewer(rng, content)))
    told = mutate_json(rng, file)
    builder = rng.choice(("break-a-scene", "break-a-scene", "em-coco"))
    if builder == "em-coco":
        return Attack(told, ("build-dataset", builder, "--coco", "coco", "--size", "32", "--out", "out"))
    crop = rng.choice(("center", "best"))
    argv = ("build-dataset", builder, "--coco", "coco", *SELECT, "--crop", crop)
    return Attack(told, (*argv, "--manifest-only") if rng.random() < 0.3 else argv)


def pictures(rng: Random, place: Path, valid: Path) -> Attack:
    """The pictures that annotations name."""
    shutil.copytree(valid / "coco", place / "coco")
    files = sorted(path for path in (place / "coco").rglob("*") if path.suffix in (".jpg", ".png"))
    damage = rng.choice((mutate_file, mutate_picture))
    told = {damage(rng, file) for file in files}
    return Attack("; ".join(sorted(told)[:3]), ("build-dataset", "break-a-scene", "--coco", "coco", *SELECT))


def _fewer(rng: Random, content: dict[str, list[dict[str, object]]]) -> dict[str, list[dict[str, object]]]:
    """Some images only, with their annotations."""
    images = rng.sample(content["images"], min(8, len(content["images"])))
    kept = {image["id"] for image in images}
    own = [annotation for annotation in content["annotations"] if annotation["image_id"] in kept]
    return {**content, "images": images, "annotations": own}


def _link(source: str, target: str) -> None:
    Path(target).symlink_to(source)


KINDS = {"COCO annotations": annotations, "COCO pictures": pictures}
