"""Valid inputs of every kind, small; each case damages a copy of some of them."""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from bench.cli.main import main
from bench.core.checkpoints import CHECKPOINTS
from bench.data.builders.pairs import GROUPS
from bench.data.imported import expected
from bench.data.load import load_dataset
from bench.playroom.world.coco import CocoSpec, write_coco

FIXTURES = Path(__file__).parents[1] / "fixtures"
DATASET = "playroom[scenes=2,formats=1,mix=1,0,0,samples=1,pool=20]"


def make(folder: Path) -> None:
    """Write all valid inputs into an empty folder; ends the process if one is refused."""
    os.chdir(folder)
    own_picture(Path("own"), masks=2)
    Path("own/templates.txt").write_text("a photo of {tokens} at sea\na drawing of {tokens}")
    own_picture(Path("other"), masks=1)
    _pairs(Path("pairs"))
    write_coco(Path("coco"), CocoSpec(pictures=30, seed=1, size=96))
    _photographs(Path("photos"))
    _answers(Path("answers"))
    shutil.copytree(CHECKPOINTS.parents[1] / "stats" / "audit" / "published", "tables")
    _backbone(Path("backbone"))
    Path("mine").mkdir()
    shutil.copy(FIXTURES / "quick.py", "mine")
    Path("file").write_text("a file\n")
    _bench("run", "--path", "mine", "--dataset", DATASET, "--name", "r", "--methods", "quick")
    _notes(Path("runs/r"))
    shutil.copytree("runs/r/dataset", "data")
    _imported(Path("ext"))


def _bench(*argv: str) -> None:
    try:
        main(argv)
    except SystemExit as ended:
        if ended.code:
            raise


def own_picture(folder: Path, masks: int) -> None:
    """A picture of 48 x 32 in a scene's layout, with masks and words."""
    folder.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "img.png")
    for number in range(masks):
        mask = Image.new("L", (48, 32))
        mask.paste(255, (12 + 10 * number, 8, 20 + 10 * number, 24))
        mask.save(folder / f"mask{number}.png")
    for name in ("labels.txt", "objects.txt"):
        (folder / name).write_text("\n".join(("ball", "cup")[:masks]))


def _pairs(folder: Path) -> None:

    for side in ("source", "target"):
        own_picture(folder / GROUPS[0] / "one" / side, masks=1)


def _photographs(folder: Path) -> None:
    """Real annotation records, with noise as photographs."""
    shutil.copytree(FIXTURES / "coco", folder)
    (folder / "images").mkdir()
    for image in json.loads((folder / "annotations" / "instances_sample.json").read_bytes())["images"]:
        Image.new("RGB", (image["width"], image["height"]), (90, 120, 60)).save(folder / "images" / image["file_name"])


def _answers(folder: Path) -> None:
    """A user study of each kind: two raters, three items, the methods quick and real."""
    folder.mkdir()
    pairs = [(f"p{rater}", f"i{item}") for rater in range(2) for item in range(3)]
    methods = ("quick", "real")
    both = [(*pair, method, 1 + place) for pair in pairs for place, method in enumerate(methods)]
    choices = [(*pair, *methods, (*methods, "neutral")[number % 3]) for number, pair in enumerate(pairs)]
    tables = {
        "ratings": [("rater", "item", "method", "rating"), *both],
        "choices": [("rater", "item", "first", "second", "choice"), *choices],
        "rankings": [("rater", "item", "method", "rank"), *both],
    }
    for name, rows in tables.items():
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)


def _backbone(folder: Path) -> None:
    """Playroom's backbone: its small files, and links to its weights."""
    shutil.copytree(CHECKPOINTS / "pipeline", folder, copy_function=_small_or_link)


def _small_or_link(source: str, target: str) -> None:
    if source.endswith(".safetensors"):
        Path(target).symlink_to(source)
    else:
        shutil.copy(source, target)


def _notes(run: Path) -> None:
    """What a method might have noted of its masks, and its losses."""
    (run / "fit_records").mkdir()
    (run / "losses").mkdir()
    for unit in (run / "units").glob("*.json"):
        head = "step,concept,label,estimated,iou,iou_without_crf"
        rows = ("0,0,ball,False,1,1", "5,0,ball,True,0.75,0.5", "10,0,ball,True,0.8,0.7", "")
        (run / "fit_records" / f"{unit.stem}.csv").write_text("\n".join((head, *rows)))
        (run / "losses" / f"{unit.stem}.csv").write_text("phase,step,total,prior\n1,1,0.5,\n1,2,0.25,\n2,1,nan,0.125\n")


def _imported(folder: Path) -> None:
    """Pictures for every prompt of the dataset, in a folder and by a CSV."""
    text = expected(load_dataset(Path("data")))
    picture = next(Path("runs/r/pictures").glob("*.png"))
    for row in csv.DictReader(text.splitlines()):
        (folder / row["file"]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, folder / row["file"])
    Path("ext.csv").write_text(text.replace(",scene", ",ext/scene"))
