"""Sources, targets and options of `bench edit`; each case has an error before anything is fitted."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

from cases import Attack
from mutate.files import mutate_file
from mutate.words import mutated_word, shown

from kinds.own_pictures import mutate_picture

LINE = {
    "--source": "own", "--target": "own/img.png", "--mask": "own/mask0.png", "--guidance-step-size": "0,0.1",
    "--start": "0.3", "--seed": "1", "--name": "e", "--device": "cpu",
}  # fmt: skip
UNKNOWN_HANDLE = ("--prompt", "a ball with [v9] style")
"""What is always wrong; it is told once the pictures were read, before anything is fitted."""


def edits(rng: Random, place: Path, valid: Path) -> Attack:
    """Options of an edit are mutated, or its pictures; nothing is ever fitted."""
    shutil.copytree(valid / "own", place / "own")
    options = dict(LINE)
    told = []
    if rng.random() < 0.5:
        file = rng.choice(sorted((place / "own").iterdir()))
        told.append(rng.choice((mutate_file, mutate_picture))(rng, file))
    name = rng.choice(list(options))
    options[name] = mutated_word(rng, options[name])
    told.append(f"{name} {shown(options[name])}")
    words = [word for pair in options.items() for word in pair]
    return Attack("; ".join(told), ("edit", "ours", *words, *UNKNOWN_HANDLE))


KINDS = {"edit": edits}
