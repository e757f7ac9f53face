"""Mutations of CSV files."""

from __future__ import annotations

from pathlib import Path
from random import Random

from mutate.files import mutate_file
from mutate.words import evil, shown

CELLS = (
    '"',
    '"unclosed',
    "x" * 200_000,
    "#",
    "# scale: 1 9999",
    "a,b,c,d,e,f,g,h,i",
    "\ufeff",
    "1e999",
    "-0",
    "NaN",
    "neutral",
)


def mutate_csv(rng: Random, file: Path) -> str:
    """Change a cell, a row or the header of a CSV file, or its bytes."""
    if rng.random() < 0.2:
        return mutate_file(rng, file)
    lines = file.read_text().splitlines()
    told = [_mutate(rng, lines) for _ in range(rng.choice((1, 1, 2)))]
    file.write_bytes("\n".join([*lines, ""]).encode("utf-8", "surrogateescape"))
    return f"{file.name}: {', '.join(told)}"


def _mutate(rng: Random, lines: list[str]) -> str:
    row = rng.randrange(len(lines)) if rng.random() < 0.7 else next(i for i, x in enumerate(lines) if x[:1] != "#")
    cells = lines[row].split(",")
    column = rng.randrange(len(cells))
    how = rng.choice(("cell", "cell", "cell", "more cells", "fewer cells", "row twice", "row missing", "cells swapped"))
    if how == "cell":
        value = rng.choice((evil(rng), rng.choice(CELLS), rng.choice(cells)))
        cells[column] = value
        how = f"a cell is {shown(value)}"
    elif how == "more cells":
        cells.insert(column, rng.choice((cells[column], "more")))
    elif how == "fewer cells":
        del cells[column]
    elif how == "cells swapped":
        cells.reverse()
    lines[row] = ",".join(cells)
    if how == "row twice":
        lines.insert(row, lines[row])
    elif how == "row missing" and len(lines) > 1:
        del lines[row]
    return f"{how} in line {row + 1}"
