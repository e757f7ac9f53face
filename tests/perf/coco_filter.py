"""The case of the COCO filter: beside the plain pycocotools loop on the same file.

The file is a share of train2017's size, all of it for the figure that counts, and repeats the real sample in
`../shared/data/coco` under new ids, or random polygons where that is absent.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from harness import Case, Clock, Pair, alternating

IMAGES, ANNOTATIONS = 118_287, 860_001
"""Of train2017."""
SAMPLE = Path(__file__).parents[3] / "shared" / "data" / "coco" / "annotations" / "instances_sample.json"


def case(path: Path, share: float) -> Case:
    """Filtering a file of this share of train2017's size, in a scratch folder."""

    def pairs(repeats: int) -> list[Pair]:
        file = path / "annotations" / "instances_made.json"
        write_file(file, share)
        assert our_filter(file) == plain_loop(file), "the two do not find the same images"
        made = alternating(lambda: our_filter(file), lambda: plain_loop(file), Clock(torch.device("cpu")))
        return made(repeats)

    images = round(IMAGES * share)
    return Case("COCO filter", f"1000 images (of {images:,})", "a loop with pycocotools", pairs, max(1, images // 1000))


def our_filter(file: Path) -> list[int]:
    from bench.data.coco.funnel import candidates
    from bench.data.coco.index import load_index

    pool, _ = candidates([load_index(file)], "center", lambda _: None)
    return sorted(candidate.photo.id for candidate in pool)


def plain_loop(file: Path) -> list[int]:
    """What one writes in ten minutes with pycocotools: rasterise everything, crop, count."""
    from pycocotools.coco import COCO

    dropped = {"orange", "banana", "broccoli", "carrot", "zebra", "giraffe"}
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(file))
    found = []
    for image in coco.loadImgs(coco.getImgIds()):
        side = min(image["width"], image["height"])
        left, top = (image["width"] - side) // 2, (image["height"] - side) // 2
        classes = set()
        for annotation in coco.loadAnns(coco.getAnnIds(imgIds=image["id"], iscrowd=False)):
            name = coco.cats[annotation["category_id"]]["name"]
            inside = coco.annToMask(annotation)[top : top + side, left : left + side].sum(dtype=int)
            if name not in dropped and 20 * inside >= 3 * side * side:
                classes.add(name)
        if len(classes) >= 2:
            found.append(image["id"])
    return sorted(found)


def write_file(file: Path, share: float) -> None:
    """Write a file of this share of train2017's size."""
    content = json.loads(SAMPLE.read_bytes()) if SAMPLE.is_file() else drawn_sample()
    file.parent.mkdir(parents=True)
    per_image: dict[int, list[dict[str, Any]]] = {image["id"]: [] for image in content["images"]}
    for annotation in content["annotations"]:
        per_image[annotation["image_id"]].append(annotation)
    count = round(IMAGES * share)
    with file.open("w") as out:
        out.write(f'{{"info": {{}}, "licenses": [], "categories": {json.dumps(content["categories"])}, "images": [')
        out.write(", ".join(replicated_images(content["images"], count)))
        out.write('], "annotations": [')
        out.write(", ".join(replicated_annotations(content["images"], per_image, count)))
        out.write("]}")


def replicated_images(images: list[dict[str, Any]], count: int) -> Iterator[str]:
    for number in range(count):
        image = images[number % len(images)]
        yield json.dumps({**image, "id": number + 1, "file_name": f"{number + 1:012d}.jpg"})


def replicated_annotations(
    images: list[dict[str, Any]], per_image: dict[int, list[dict[str, Any]]], count: int
) -> Iterator[str]:
    """Each image's own annotations, thinned (or doubled) evenly to the number that the real file has."""
    texts = {key: [json.dumps(rest(one))[1:] for one in group] for key, group in per_image.items()}
    keys = [images[number % len(images)]["id"] for number in range(count)]
    total = sum(len(texts[key]) for key in keys)
    wanted, seen, written = round(ANNOTATIONS * count / IMAGES), 0, 0
    for number, key in enumerate(keys):
        for text in texts[key]:
            seen += 1
            while written < seen * wanted // total:
                written += 1
                yield f'{{"id": {written}, "image_id": {number + 1}, {text}'


def rest(annotation: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in annotation.items() if key not in ("id", "image_id")}


def drawn_sample() -> dict[str, Any]:
    """Random polygons, for machines without the real sample."""
    rng = random.Random(0)
    images = [{"id": k, "file_name": f"{k}.jpg", "width": 640, "height": 480} for k in range(1, 501)]
    categories = [{"id": k, "name": f"class {k}"} for k in range(1, 81)]
    annotations = [
        {
            "id": k,
            "image_id": k % 500 + 1,
            "category_id": rng.randint(1, 80),
            "iscrowd": 0,
            "segmentation": [polygon(rng)],
        }
        for k in range(1, 3641)
    ]
    return {"images": images, "categories": categories, "annotations": annotations}


def polygon(rng: random.Random) -> list[float]:
    x, y, radius = rng.uniform(0, 640), rng.uniform(0, 480), 10 ** rng.uniform(1, 2.5)
    angles = [2 * math.pi * k / 30 for k in range(30)]
    corners = [(x + radius * math.cos(a), y + radius * math.sin(a)) for a in angles]
    return [round(v, 2) for cx, cy in corners for v in (min(max(cx, 0), 640), min(max(cy, 0), 480))]
