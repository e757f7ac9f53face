"""CSV files: published tables, answers of a user study, imported pictures."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

from cases import Attack
from mutate.csv_text import mutate_csv
from mutate.files import mutate_file

from kinds.own_pictures import mutate_picture


def audits(rng: Random, place: Path, valid: Path) -> Attack:
    """A published table that was mutated."""
    file = Path(shutil.copy(rng.choice(sorted((valid / "tables").glob("*.csv"))), place / "table.csv"))
    return Attack(mutate_csv(rng, file), ("audit", "table.csv"))


def answers(rng: Random, place: Path, valid: Path) -> Attack:
    """The answers of a user study, mutated."""
    for name in ("runs", "mine", "answers"):
        shutil.copytree(valid / name, place / name)
    file = rng.choice(sorted((place / "answers").glob("*.csv")))
    told = mutate_csv(rng, file)
    named = rng.choice((f"answers/{file.name}", "answers"))
    return Attack(told, ("report", "runs/r", "--path", "mine", "--report", f"user-study[answers={named}]"))


def imported(rng: Random, place: Path, valid: Path) -> Attack:
    """Pictures made elsewhere: their CSV, their folder or one of them."""
    for name in ("data", "ext"):
        shutil.copytree(valid / name, place / name)
    shutil.copy(valid / "ext.csv", place)
    if rng.random() < 0.5:
        told, source = mutate_csv(rng, place / "ext.csv"), "ext.csv"
    else:
        file = rng.choice(sorted((place / "ext").rglob("*.png")))
        told, source = rng.choice((mutate_file, mutate_picture))(rng, file), "ext"
    return Attack(told, ("run", "--dry-run", "--dataset", "data", "--methods", f"import[from={source}],real"))


KINDS = {"audit table": audits, "answers": answers, "imported pictures": imported}
