"""Studies whose answers are drawn around known opinions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench.stats.user_study.answers import Answers, read_answers

Study = Callable[..., Answers]
QUALITY = {"ours": 3.9, "ti-m": 2.2, "em": 3.1}


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """Builds the answers of so many raters on so many items, of a kind."""

    def build(kind: str, raters: int = 5, items: int = 6, spread: float = 0.8) -> Answers:
        rng = np.random.default_rng(0)
        lines = []
        for rater in range(raters):
            for item in range(items):
                felt = {name: value + spread * rng.normal() for name, value in QUALITY.items()}
                lines += [f"r{rater},i{item},{rest}" for rest in LINES[kind](felt)]
        path = tmp_path / f"{kind}.csv"
        path.write_text("\n".join([f"rater,item,{HEADS[kind]}", *lines]) + "\n", encoding="utf-8")
        (answers,) = read_answers(path)
        return answers

    return build


def ratings(felt: dict[str, float]) -> list[str]:
    return [f"{name},{int(np.clip(round(value), 1, 5))}" for name, value in felt.items()]


def choices(felt: dict[str, float]) -> list[str]:
    pairs = [("ours", "ti-m"), ("em", "ours"), ("ti-m", "em")]
    net = [felt[a] - felt[b] for a, b in pairs]
    chosen = [a if x > 0.3 else b if x < -0.3 else "neutral" for (a, b), x in zip(pairs, net, strict=True)]
    return [f"{a},{b},{choice}" for (a, b), choice in zip(pairs, chosen, strict=True)]


def ranks(felt: dict[str, float]) -> list[str]:
    ordered = sorted(felt, key=lambda name: -felt[name])
    return [f"{name},{place + 1}" for place, name in enumerate(ordered)]


LINES = {"ratings": ratings, "choices": choices, "rankings": ranks}
HEADS = {"ratings": "method,rating", "choices": "first,second,choice", "rankings": "method,rank"}
