"""Mutations of JSON: of its values, and of its text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

from mutate.files import mutate_file
from mutate.words import NINES, shown

Place: TypeAlias = "tuple[Any, Any]"
"""A list or an object, and an index or a key in it."""
_MARK = "@the mutated place@"
DEPTH = 10_000
VALUES = (
    "null", "true", "false", "0", "-1", "1", "1.5", "1e400", "1e308", "NaN", "Infinity", "-Infinity", NINES,
    f"-{NINES}", "9223372036854775808", '""', '"a"', '"\\ud800"', '"\\u0000"', '"a\\nb"', '"\\u001b[31m"', '"../../x"',
    '"/"', "[]", "{}", "[[]]", "[null]", '{"a": 1}', f'"{"x" * 5000}"', "[" * DEPTH + "]" * DEPTH,
    '{"a":' * DEPTH + "1" + "}" * DEPTH, "[0, 0, 0, 0, 0]", "[1e999]", '"NaN"', '"[/bold]"',
)  # fmt: skip


def mutate_json(rng: Random, file: Path) -> str:
    """Change one or two values of a JSON file, or its bytes."""
    if rng.random() < 0.2:
        return mutate_file(rng, file)
    told = []
    for _ in range(rng.choice((1, 1, 1, 2))):
        try:
            content = json.loads(file.read_bytes())
        except (ValueError, RecursionError):
            break
        text, how = mutated(rng, content)
        file.write_text(text)
        told.append(how)
    return f"{file.name}: {', '.join(told)}"


def mutated(rng: Random, content: Any) -> tuple[str, str]:
    """The text of `content` with one value changed, and what was changed."""
    holder, key = rng.choice([([content], 0), *_places(content)])
    if isinstance(holder, list) and holder[0] is content and len(holder) == 1:
        value = rng.choice(VALUES)
        return value, f"all is {shown(value)}"
    if isinstance(holder, dict) and rng.random() < 0.25:
        return _key_mutated(rng, content, holder, key)
    if isinstance(holder[key], list) and holder[key] and rng.random() < 0.3:
        return _list_mutated(rng, content, holder, key)
    value = rng.choice(VALUES)
    holder[key] = _MARK
    return json.dumps(content).replace(f'"{_MARK}"', value), f"{key} is {shown(value)}"


def _key_mutated(rng: Random, content: Any, holder: dict[str, Any], key: str) -> tuple[str, str]:
    value = holder.pop(key)
    how = rng.choice(("missing", "doubled", "renamed"))
    if how == "doubled":
        holder[_MARK] = 0
        pair = f"{json.dumps(key)}: {json.dumps(value)}, {json.dumps(key)}: {rng.choice(VALUES)}"
        return json.dumps(content).replace(f'"{_MARK}": 0', pair), f"{key} is there twice"
    if how == "renamed":
        holder[f"{key}x"] = value
    return json.dumps(content), f"{key} is {how}"


def _list_mutated(rng: Random, content: Any, holder: Any, key: Any) -> tuple[str, str]:
    items = holder[key]
    how, others = rng.choice((
        ("doubled", items * 2), ("without its last", items[:-1]), ("backwards", items[::-1]),
        ("one value", items[0]), ("one deeper", [items]),
    ))  # fmt: skip
    holder[key] = others
    return json.dumps(content), f"{key} is {how}"


def _places(content: Any) -> Iterator[Place]:
    """Every value in lists and objects, by what holds it."""
    keys = range(len(content)) if isinstance(content, list) else content if isinstance(content, dict) else ()
    for key in list(keys):
        yield content, key
        yield from _places(content[key])
