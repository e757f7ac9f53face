"""The evaluation measures each part once, again when what it depends on changes, and goes on after a failure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.core.errors import UserError
from bench.playroom.evaluate import __main__ as evaluate
from bench.playroom.evaluate import card
from bench.playroom.evaluate.suite import PARTS, Evaluation, SuitePart


@pytest.fixture
def checkpoints(tmp_path: Path) -> Path:
    """A folder with a CLIP of one file and nothing else."""
    file = tmp_path / "checkpoints" / "clip" / "model.safetensors"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"weights")
    return tmp_path / "checkpoints"


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the parts that were measured: three quick ones, the second of which lacks its checkpoint."""
    names: list[str] = []

    def quick(name: str, reads: str) -> SuitePart:
        def measure(evaluation: Evaluation) -> dict[str, Any]:
            names.append(name)
            return {"context_first_of_ten": {"rate": 1.0, "low": 0.9, "high": 1.0, "n": evaluation.amount.scenes}}

        return SuitePart(name, (reads,), ("scenes",), measure)

    monkeypatch.setattr(evaluate, "PARTS", (quick("clip", "clip"), quick("vit", "vit"), quick("two-toys", "clip")))
    return names


def run(checkpoints: Path, **options: object) -> Path:
    out = checkpoints.parent / "card.json"
    given = {"only": "", "seeds": 1, "scenes": 20, "toys": 4, "descriptions": 1, "again": False, **options}
    evaluate.main(out=out, checkpoints=checkpoints, pictures=checkpoints.parent, device="cpu", **given)
    return out


def test_chosen_parts_are_measured_once_and_kept(checkpoints: Path, measured: list[str]) -> None:
    for _ in range(2):
        out = run(checkpoints, only="clip")
    assert measured == ["clip"]
    run(checkpoints, only="two-toys, clip")
    assert measured == ["clip", "two-toys"]
    assert set(card.read_card(out)) == {"clip", "two-toys"}


def test_other_amounts_other_weights_and_the_wish_measure_again(checkpoints: Path, measured: list[str]) -> None:
    run(checkpoints, only="clip")
    run(checkpoints, only="clip", scenes=30)
    assert measured == ["clip"] * 2
    (checkpoints / "clip" / "model.safetensors").write_bytes(b"other weights")
    out = run(checkpoints, only="clip", scenes=30)
    assert measured == ["clip"] * 3
    run(checkpoints, only="clip", scenes=30, again=True)
    assert measured == ["clip"] * 4
    assert card.read_card(out)["clip"]["figures"]["context_first_of_ten"]["n"] == 30


def test_a_part_that_fails_is_told_at_the_end(checkpoints: Path, measured: list[str]) -> None:
    with pytest.raises(UserError, match=r"^vit: there is no .*vit; run"):
        run(checkpoints)
    assert measured == ["clip", "two-toys"]


def test_an_unknown_part_names_the_known_ones(checkpoints: Path, measured: list[str]) -> None:
    with pytest.raises(UserError, match="no part is called vae; known: size, clip"):
        run(checkpoints, only="clip,vae")
    assert measured == []


def test_every_part_with_a_bar_is_there() -> None:
    from bench.playroom.evaluate.thresholds import LINES

    assert {line.part for line in LINES} == {part.name for part in PARTS}
