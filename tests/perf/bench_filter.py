"""Times the filter on a file of full train2017 size, beside the plain pycocotools loop on the same file.

Run by `nox -s perf`; prints machine, versions, times with their spread, and peak memory. The file repeats
the real sample in `../shared/data/coco` under new ids, or random polygons where that is absent.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import math
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

IMAGES, ANNOTATIONS = 118_287, 860_001
MOST_SECONDS, MOST_GIGABYTES = 40.0, 4.0
SAMPLE = Path(__file__).parents[3] / "shared" / "data" / "coco" / "annotations" / "instances_sample.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="runs of our filter")
    parser.add_argument("--plain-repeats", type=int, default=1, help="runs of the plain loop (minutes each)")
    parser.add_argument("--work", choices=["ours", "plain"], help="one measured run (used by the script itself)")
    parser.add_argument("--file", type=Path)
    options = parser.parse_args()
    if options.work:
        measure(options.work, options.file)
        return
    print_machine()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "annotations" / "instances_full.json"
        print(f"file: {write_full_size(file)}, {file.stat().st_size / 1e6:.0f} MB")
        ours = [run("ours", file) for _ in range(options.repeats)]
        plain = [run("plain", file) for _ in range(options.plain_repeats)]
    print_row("our filter", ours)
    print_row("plain pycocotools loop", plain)
    if len({result["scenes"] for result in ours + plain}) != 1:
        sys.exit("the two do not find the same images")
    seconds, memory = max(r["seconds"] for r in ours), max(r["gigabytes"] for r in ours)
    passed = seconds <= MOST_SECONDS and memory <= MOST_GIGABYTES
    print(f"bar: {MOST_SECONDS:.0f} s, {MOST_GIGABYTES:.0f} GB: {'held' if passed else 'MISSED'}")
    sys.exit(0 if passed else 1)


def run(work: str, file: Path) -> dict[str, Any]:
    """One measured run in a process of its own, so that its peak memory is its own."""
    command = [sys.executable, __file__, "--work", work, "--file", str(file)]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(result.stdout.splitlines()[-1]))


def measure(work: str, file: Path) -> None:
    started = time.perf_counter()
    found = our_filter(file) if work == "ours" else plain_loop(file)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    busy = time.process_time()
    scenes = hash(tuple(sorted(found)))
    print(json.dumps({"seconds": seconds, "cpu": busy, "gigabytes": peak, "scenes": scenes, "found": len(found)}))


def our_filter(file: Path) -> list[int]:
    from bench.data.coco.funnel import candidates
    from bench.data.coco.index import load_index

    pool, _ = candidates([load_index(file)], "center", lambda _: None)
    return [candidate.photo.id for candidate in pool]


def plain_loop(file: Path) -> list[int]:
    """What one writes in ten minutes with pycocotools: rasterise everything, crop, count."""
    from pycocotools.coco import COCO

    dropped = {"orange", "banana", "broccoli", "carrot", "zebra", "giraffe"}
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
    return found


def write_full_size(file: Path) -> str:
    """Write a file of train2017's size; returns what it is made of."""
    content = json.loads(SAMPLE.read_bytes()) if SAMPLE.is_file() else drawn_sample()
    file.parent.mkdir(parents=True)
    per_image: dict[int, list[dict[str, Any]]] = {image["id"]: [] for image in content["images"]}
    for annotation in content["annotations"]:
        per_image[annotation["image_id"]].append(annotation)
    categories = json.dumps(content["categories"])
    with file.open("w") as out:
        out.write(f'{{"info": {{}}, "licenses": [], "categories": {categories}, "images": [')
        out.write(", ".join(replicated_images(content["images"])))
        out.write('], "annotations": [')
        out.write(", ".join(replicated_annotations(content["images"], per_image)))
        out.write("]}")
    made_of = "the real sample, replicated" if SAMPLE.is_file() else "random polygons"
    return f"{IMAGES:,} images, {ANNOTATIONS:,} annotations, {made_of}"


def replicated_images(images: list[dict[str, Any]]) -> Iterator[str]:
    for number in range(IMAGES):
        image = images[number % len(images)]
        yield json.dumps({**image, "id": number + 1, "file_name": f"{number + 1:012d}.jpg"})


def replicated_annotations(images: list[dict[str, Any]], per_image: dict[int, list[dict[str, Any]]]) -> Iterator[str]:
    """Each image's own annotations, thinned (or doubled) evenly to the number that the real file has."""
    texts = {key: [json.dumps(rest(one))[1:] for one in group] for key, group in per_image.items()}
    keys = [images[number % len(images)]["id"] for number in range(IMAGES)]
    total = sum(len(texts[key]) for key in keys)
    seen = written = 0
    for number, key in enumerate(keys):
        for text in texts[key]:
            seen += 1
            while written < seen * ANNOTATIONS // total:
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


def print_machine() -> None:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    load = os.getloadavg()[0]
    print(f"machine: {platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GB; load {load:.1f}")
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "pycocotools")]
    print(f"versions: Python {platform.python_version()}, {', '.join(versions)}")


def print_row(name: str, results: list[dict[str, Any]]) -> None:
    if not results:
        return
    times = sorted(result["seconds"] for result in results)
    memory = max(result["gigabytes"] for result in results)
    middle = times[len(times) // 2]
    spread = f"{times[0]:.1f} to {times[-1]:.1f} over {len(times)} runs"
    cpu = max(result["cpu"] for result in results)
    found = results[0]["found"]
    print(f"{name}: {middle:.1f} s ({spread}; CPU {cpu:.1f} s), peak {memory:.2f} GB, {found} images")


if __name__ == "__main__":
    main()
