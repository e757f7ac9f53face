"""Built datasets: manifests, with a hash that fits or not, and pictures."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from pathlib import Path
from random import Random

from cases import Attack
from mutate.files import mutate_file
from mutate.json_text import mutate_json

from kinds.own_pictures import mutate_picture

METHODS = ("--path", "mine", "--methods", "quick")


def manifests(rng: Random, place: Path, valid: Path) -> Attack:
    """A manifest that was mutated; mostly its hash is made to fit, as somebody who means harm would do."""
    shutil.copytree(valid / "data", place / "data")
    shutil.copytree(valid / "mine", place / "mine")
    file = place / "data" / "manifest.json"
    told = mutate_json(rng, file)
    if rng.random() < 0.8:
        _sign(file)
    return Attack(told, rng.choice((
        ("run", "--dry-run", "--dataset", "data", *METHODS),
        ("list", "--prompts", "data"),
        ("build-dataset", "break-a-scene", "--from-manifest", "data/manifest.json", "--coco", "data", "--out", "out"),
        ("build-dataset", "break-a-scene", "--from-manifest", "data/manifest.json", "--coco", str(valid / "coco"),
         "--out", "out"),
    )))  # fmt: skip


def pictures(rng: Random, place: Path, valid: Path) -> Attack:
    """A picture of a dataset that was damaged."""
    shutil.copytree(valid / "data", place / "data")
    shutil.copytree(valid / "mine", place / "mine")
    file = rng.choice(sorted((place / "data").rglob("*.png")))
    told = rng.choice((mutate_file, mutate_picture))(rng, file)
    return Attack(told, ("run", "--dry-run", "--dataset", "data", *METHODS))


def _sign(file: Path) -> None:
    """Give a manifest the hash of its content, if it still is one."""
    with contextlib.suppress(OSError, ValueError, RecursionError, AttributeError):
        content = json.loads(file.read_bytes())
        schema = content.pop("schema", None)
        content.pop("sha256", None)
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        content |= {"schema": schema, "sha256": hashlib.sha256(text.encode()).hexdigest()}
        file.write_text(json.dumps(content))


KINDS = {"manifest": manifests, "dataset's pictures": pictures}
