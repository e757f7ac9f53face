"""The card of Playroom's checkpoints: `card.json`, part by part, and the table that the model card shows of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.core.errors import UserError
from bench.core.files import read_json, write_json
from bench.core.marked_text import marked_text, write_marked
from bench.playroom.evaluate.thresholds import LINES, Form, Line, Threshold, mark

SCHEMA = 2
CARD = Path(__file__).parents[1] / "card.json"
README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- the card's table: begin -->", "<!-- the card's table: end -->"
"""The marks around the table in a model card."""

Card = dict[str, Any]
"""Part -> `inputs` (all that its figures depend on) and `figures`."""


def read_card(path: Path) -> Card:
    """The card, or an empty one if there is none of this schema: then everything is measured again."""
    try:
        return dict(read_json(path, SCHEMA)["parts"])
    except (UserError, KeyError):
        return {}


def put_part(path: Path, part: str, inputs: Mapping[str, Any], figures: Mapping[str, Any]) -> None:
    """Add or replace one part of the card, each figure with its threshold and whether it is reached."""
    named = {name: _figure(figure) for name, figure in figures.items()}
    parts = {**read_card(path), part: {"inputs": dict(inputs), "figures": mark(part, named)}}
    write_json(path, {"parts": parts}, SCHEMA)


def table(card: Card) -> str:
    """The card's figures as a Markdown table: value, 95 % interval, number, threshold and whether it is reached."""
    head = ["| measured | value, 95 % interval | bar | reached |", "|---|---|---|---|"]
    return "\n".join([*head, *(_row(line, value_of(card, line)) for line in LINES)]) + "\n"


def value_of(card: Card, line: Line) -> Mapping[str, Any] | None:
    """The figure of a line, or None if the card does not have it."""
    figure: Mapping[str, Any] | None = card.get(line.part, {}).get("figures", {}).get(line.name)
    return figure


def shown_table(readme: str) -> str:
    """The text between the marks of a model card; raises `UserError` if they are missing."""
    return marked_text(readme, BEGIN, END)


def write_table(readme: Path, card: Card) -> None:
    """Replace the text between the marks of a model card; raises `UserError` if they are missing."""
    write_marked(readme, BEGIN, END, table(card))


def text_of(figure: Mapping[str, Any] | None, form: Form) -> str:
    """A figure with its interval and number, such as `0.952 [0.930, 0.967], n = 520`."""
    if figure is None:
        return "not measured"
    ends = [figure[end] for end in ("low", "high") if end in figure]
    interval = f" [{', '.join(_number(end, form) for end in ends)}]" if ends else ""
    count = f", n = {figure['n']}" if "n" in figure else ""
    return f"{_number(figure['value'], form)}{_UNITS.get(form, '')}{interval}{count}"


_UNITS: dict[Form, str] = {"seconds": " s", "megabytes": " MB"}


def _number(value: float, form: Form) -> str:
    return f"{value:.1f}" if form == "megabytes" else f"{value:.3f}"


def _row(line: Line, figure: Mapping[str, Any] | None) -> str:
    reached = "" if line.bar is None or figure is None else "yes" if line.bar.reached(figure["value"]) else "**no**"
    return f"| {line.words} | {text_of(figure, line.form)} | {_bar(line.bar, line.form)} | {reached} |"


def _bar(bar: Threshold | None, form: Form) -> str:
    if bar is None:
        return ""
    limit = f"{bar.limit:g}" if form == "megabytes" else f"{bar.limit:.2f}"
    return f"{'≤' if bar.at_most else '≥'} {limit}{_UNITS.get(form, '')}"


def _figure(figure: Any) -> Any:
    """The figure with its number under `value`; shares (`rate`) have Wilson's interval. Others stay as they are."""
    if not isinstance(figure, dict):
        return figure
    if "rate" not in figure:
        return {name: _figure(value) for name, value in figure.items()}
    rest = {name: value for name, value in figure.items() if name != "rate"}
    return {"value": figure["rate"], "method": "Wilson", **rest}
