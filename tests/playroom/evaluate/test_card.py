"""The card: figures with bars, its table, and that the model card shows this very table."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.core.errors import UserError
from bench.playroom.evaluate import card
from bench.playroom.evaluate.thresholds import LINES, Threshold, mark

RATE = {"rate": 0.96, "low": 0.94, "high": 0.975, "n": 520}


def test_a_bar_is_reached_from_its_own_side() -> None:
    assert [Threshold(0.9).reached(value) for value in (0.89, 0.9, 0.91)] == [False, True, True]
    assert [Threshold(0.9, at_most=True).reached(value) for value in (0.89, 0.9, 0.91)] == [True, True, False]


def test_every_line_is_another_figure() -> None:
    assert len({(line.part, line.name) for line in LINES}) == len(LINES)


def test_figures_are_marked_with_their_bars() -> None:
    figures = {"found": {"value": 0.94}, "false_alarms": {"value": 0.02}, "found_by_class": {"mug": 1.0}}
    assert mark("one-toy", figures) == {
        "found": {"value": 0.94, "bar": 0.95, "at_most": False, "reached": False},
        "false_alarms": {"value": 0.02, "bar": 0.03, "at_most": True, "reached": True},
        "found_by_class": {"mug": 1.0},
    }


def test_parts_are_put_in_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    card.put_part(path, "clip", {"scenes": 20}, {"context_first_of_ten": RATE})
    card.put_part(path, "lpips", {}, {"all": RATE, "pixels": {"all": RATE}})
    card.put_part(path, "clip", {"scenes": 30}, {"context_first_of_ten": RATE, "classes_among_50": RATE})
    known = card.read_card(path)
    assert set(known) == {"clip", "lpips"}
    assert known["clip"]["inputs"] == {"scenes": 30}
    told = {"value": 0.96, "low": 0.94, "high": 0.975, "n": 520, "method": "Wilson"}
    assert known["clip"]["figures"]["context_first_of_ten"] == {**told, "bar": 0.98, "at_most": False, "reached": False}
    assert known["lpips"]["figures"]["pixels"]["all"] == told


def test_a_card_of_another_schema_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text('{"schema": 1, "parts": {"clip": {}}}')
    assert card.read_card(tmp_path / "card.json") == {}
    assert card.read_card(tmp_path / "nowhere.json") == {}


def test_the_table_shows_value_interval_number_and_bar(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    card.put_part(path, "one-toy", {}, {"found": RATE})
    card.put_part(path, "size", {}, {"all": {"value": 41.26}})
    card.put_part(path, "speed", {}, {"guided_sample": {"value": 0.91234, "low": 0.9, "high": 0.95, "n": 15}})
    rows = card.table(card.read_card(path)).splitlines()
    assert len(rows) == 2 + len(LINES)
    assert rows[2].endswith("| 0.960 [0.940, 0.975], n = 520 | ≥ 0.95 | yes |")
    assert "| all checkpoints | 41.3 MB | ≤ 40 MB | **no** |" in rows
    assert any(row.endswith("| 0.912 s [0.900, 0.950], n = 15 | ≤ 1.00 s | yes |") for row in rows)
    assert sum("not measured" in row for row in rows) == len(LINES) - 3


def test_the_table_is_put_between_the_marks(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{card.BEGIN}\nold\n{card.END}\nafter\n")
    card.write_table(readme, {})
    card.write_table(readme, {})
    text = readme.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert card.shown_table(text) == card.table({})


def test_a_model_card_without_marks_is_left_alone(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("nothing")
    with pytest.raises(UserError, match="no place for the text"):
        card.write_table(readme, {})
    assert readme.read_text() == "nothing"


def test_the_model_card_shows_the_card() -> None:
    known = card.read_card(card.CARD)
    if not known:
        pytest.skip("card.json is of an earlier schema: run `python -m bench.playroom.evaluate`")
    assert card.shown_table(card.README.read_text(encoding="utf-8")) == card.table(known)


def test_bars_in_the_card_are_those_of_the_table() -> None:
    for part, content in card.read_card(card.CARD).items():
        assert mark(part, content["figures"]) == content["figures"]
