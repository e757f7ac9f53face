"""Amazon Mechanical Turk: a CSV of HITs and the HTML that shows one, and the batch results that come back."""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from bench.core.files import write_bytes
from bench.stats.user_study.answers import NEUTRAL
from bench.study.designs import Design
from bench.study.pictures import SUFFIX
from bench.study.record import PlacedQuestion, StudyQuestion, StudyRecord
from bench.study.responses import RaterResponse

WORKER, QUESTION, CHOSEN = "WorkerId", "Input.question", "chosen"
_ONE_PER_RANK = """<script>
document.addEventListener("change", (event) => {
  for (const other of document.querySelectorAll("input[type=radio]:checked")) {
    if (other !== event.target && other.value === event.target.value) other.checked = false;
  }
});
</script>"""


def write(record: StudyRecord, url: str, folder: Path) -> None:
    """Write `TASK.csv` (a HIT per question and rater of the plan, for one assignment each) and `TASK.html` per task."""
    for task in record.how.tasks:
        own = [question for question in record.questions if question.task == task.name]
        name = task.name.replace(" ", "-")
        write_bytes(folder / f"{name}.csv", _hits(record, own, url).encode())
        write_bytes(folder / f"{name}.html", _template(record.how, own[0]).encode())


def _hits(record: StudyRecord, questions: list[StudyQuestion], url: str) -> str:
    known = {question.id: question for question in questions}
    rows = [_hit(known[one.question], one, url) for own in record.plan.values() for one in own if one.question in known]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _hit(question: StudyQuestion, placed: PlacedQuestion, url: str) -> dict[str, str]:
    """The variables of one HIT. Mechanical Turk puts them into the HTML as they are, so they are escaped here."""
    values = {"question": question.id, "instruction": question.instruction, "text": question.text}
    if question.reference:
        values["reference"] = f"{url}{question.reference}{SUFFIX}"
    for place, token in enumerate(placed.pictures, 1):
        values |= {f"option{place}": token, f"image{place}": f"{url}{token}{SUFFIX}"}
    return {name: html.escape(value) for name, value in values.items()}


def _template(design: Design, question: StudyQuestion) -> str:
    """The HTML of a HIT of one task: crowd HTML elements, with variables as `${name}`."""
    pictures = len(question.pictures)
    beside = any(task.name == question.task and task.reference == "beside each" for task in design.tasks)
    reference = '<img src="${reference}" alt="what is to be shown">' if question.reference else ""
    parts = ["<h2>${instruction}</h2>", "<h3>${text}</h3>"]
    if reference and not beside:
        parts.append(f"<p>{reference}</p>")
    for place in range(1, pictures + 1):
        shown = f'{reference if beside else ""}<img src="${{image{place}}}" alt="picture {place}">'
        scale = "" if design.kind == "choices" else _scale(design, f"value{place}", pictures)
        parts.append(f"<fieldset><legend>Picture {place}</legend><p>{shown}</p>{scale}</fieldset>")
    if design.kind == "choices":
        choices = (("1", "Picture 1"), ("0", "No preference"), ("2", "Picture 2"))
        parts.append("".join(_radio(CHOSEN, value, text) for value, text in choices))
    style = "<style>img { max-width: 48%; min-width: 8rem } label { margin-right: 1rem }</style>"
    script = _ONE_PER_RANK if design.kind == "rankings" else ""
    body = "\n".join(parts)
    source = '<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>'
    return f'{source}\n{style}\n<crowd-form answer-format="flatten-objects">\n{body}\n</crowd-form>\n{script}\n'


def _scale(design: Design, name: str, pictures: int) -> str:
    low, high = design.ends
    values = range(1, design.highest(pictures) + 1)
    return f"{low} {''.join(_radio(name, str(value), str(value)) for value in values)} {high}"


def _radio(name: str, value: str, text: str) -> str:
    return f'<label><input type="radio" name="{name}" value="{value}" required> {text}</label>'


def is_batch(columns: list[str]) -> bool:
    """Whether a CSV with these columns is Mechanical Turk's of a batch."""
    return WORKER in columns and QUESTION in columns


def read_batch(frame: pd.DataFrame) -> Iterator[RaterResponse]:
    """The answers of a batch's results, the columns as text; rejected assignments are left out.

    Radio buttons arrive as `Answer.NAME` with the value, as `Answer.NAME.VALUE` with true and false, or within
    `Answer.taskAnswers` as JSON.
    """
    for row in frame.to_dict("records"):
        values = {str(name): str(value) for name, value in row.items()}
        if values.get("AssignmentStatus", "") == "Rejected":
            continue
        tokens = _tokens(values)
        answers = _answers(values)
        seconds = float(values.get("WorkTimeInSeconds") or 0)
        for name, value in answers.items():
            place = value if name == CHOSEN else int(name.removeprefix("value"))
            option = tokens[place - 1] if place else NEUTRAL
            given = 1 if name == CHOSEN else value
            yield RaterResponse(values[WORKER], values[QUESTION], option, given, place, seconds)


def _tokens(values: Mapping[str, str]) -> list[str]:
    """The pictures' tokens in the order shown."""
    return [token for place in range(1, len(values)) if (token := values.get(f"Input.option{place}", ""))]


def _answers(values: Mapping[str, str]) -> dict[str, int]:
    """What was answered: a number by the name of its radio buttons; what was not answered is not in it."""
    found: dict[str, int] = {}
    flat = {name.removeprefix("Answer."): value for name, value in values.items() if name.startswith("Answer.")}
    for answers in json.loads(flat.pop("taskAnswers", "") or "[]"):
        for name, given in answers.items():
            options = given if isinstance(given, dict) else {given: True}
            flat |= {f"{name}.{option}": str(on) for option, on in options.items()}
    for name, value in flat.items():
        radio, dot, number = name.partition(".")
        told = number if dot and value.lower() == "true" else value
        if (radio == CHOSEN or radio.startswith("value")) and told.isdigit():
            found[radio] = int(told)
    return found
