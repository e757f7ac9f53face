"""A backbone's folder: settings and configurations."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

from cases import Attack
from mutate.files import mutate_file
from mutate.json_text import mutate_json


def backbones(rng: Random, place: Path, valid: Path) -> Attack:
    """One JSON of the backbone is mutated, mostly its settings; or a file of weights is damaged."""
    shutil.copytree(valid / "backbone", place / "backbone", symlinks=True)
    for name in ("data", "mine"):
        shutil.copytree(valid / name, place / name)
    files = sorted((place / "backbone").rglob("*.json"))
    if rng.random() < 0.8:
        file = place / "backbone" / "scenebench.json" if rng.random() < 0.5 else rng.choice(files)
        told = mutate_json(rng, file)
    else:
        file = rng.choice(sorted((place / "backbone").rglob("*.safetensors")))
        content = file.read_bytes()
        file.unlink()
        file.write_bytes(content)
        told = mutate_file(rng, file)
    argv = ("run", "--dry-run", "--path", "mine", "--methods", "quick,ours", "--dataset", "data")
    return Attack(told, (*argv, "--backbone", "backbone"))


KINDS = {"backbone": backbones}
