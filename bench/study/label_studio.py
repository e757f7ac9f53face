"""Label Studio: tasks and a labelling configuration per task of a study, and the JSON export that comes back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.core.files import write_bytes
from bench.stats.user_study.answers import NEUTRAL
from bench.study.designs import Design
from bench.study.latin_square import balanced_square
from bench.study.pictures import SUFFIX
from bench.study.record import StudyQuestion, StudyRecord
from bench.study.responses import RaterResponse

_CHOICES = ("picture 1", "no preference", "picture 2")


def write(record: StudyRecord, url: str, folder: Path) -> None:
    """Write `TASK.json` (a task per question, its pictures in the rows of a Latin square) and `TASK.xml` per task."""
    for task in record.how.tasks:
        own = [question for question in record.questions if question.task == task.name]
        tasks = [{"data": _data(question, number, url, record.how)} for number, question in enumerate(own)]
        name = task.name.replace(" ", "-")
        write_bytes(folder / f"{name}.json", (json.dumps(tasks, indent=1) + "\n").encode())
        write_bytes(folder / f"{name}.xml", _configuration(record.how, own[0]).encode())


def _data(question: StudyQuestion, number: int, url: str, design: Design) -> dict[str, object]:
    tokens = sorted(question.pictures)
    square = balanced_square(len(tokens))
    shown = tokens if question.is_check else [tokens[index] for index in square[number % len(square)]]
    data: dict[str, object] = {
        "question": question.id,
        "instruction": question.instruction,
        "text": question.text or " ",
        "options": shown,
    }
    if question.reference:
        data["reference"] = f"{url}{question.reference}{SUFFIX}"
    if design.kind == "rankings":
        data["items"] = [{"id": token, "html": f'<img src="{url}{token}{SUFFIX}" width="256">'} for token in shown]
    for place, token in enumerate(shown, 1):
        data[f"image{place}"] = f"{url}{token}{SUFFIX}"
    return data


def _configuration(design: Design, question: StudyQuestion) -> str:
    reference = '<Image name="reference" value="$reference"/>' if question.reference else ""
    head = f'<Header value="$instruction"/><Text name="text" value="$text"/>{reference}'
    images = [f'<Image name="image{place}" value="$image{place}"/>' for place in range(1, len(question.pictures) + 1)]
    if design.kind == "ratings":
        highest = design.highest(len(question.pictures))
        rated = (
            f'<Rating name="value{n}" toName="image{n}" maxRating="{highest}" required="true"/>'
            for n in _from_1(images)
        )
        body = "".join(f"<View>{image}{rating}</View>" for image, rating in zip(images, rated, strict=True))
    elif design.kind == "choices":
        choices = "".join(f'<Choice value="{text}"/>' for text in _CHOICES)
        control = f'<Choices name="chosen" toName="image1" choice="single" required="true">{choices}</Choices>'
        body = "".join(images) + control
    else:
        body = '<List name="pictures" value="$items" title="best first"/><Ranker name="rank" toName="pictures"/>'
    return f"<View>{head}{body}</View>\n"


def _from_1(values: Sequence[object]) -> range:
    return range(1, len(values) + 1)


def is_export(content: object) -> bool:
    """Whether a JSON file's content is Label Studio's export of tasks."""
    return isinstance(content, list) and all(
        isinstance(one, dict) and {"data", "annotations"} <= one.keys() for one in content
    )


def read_export(tasks: Sequence[Mapping[str, Any]]) -> Iterator[RaterResponse]:
    """The answers of an export ("JSON", not "JSON-MIN"); cancelled annotations are left out.

    Raises `KeyError`, `TypeError` or `ValueError` for a task that was not made by `write`.
    """
    for task in tasks:
        data = task["data"]
        for annotation in task["annotations"]:
            if annotation.get("was_cancelled"):
                continue
            rater, seconds = _annotator(annotation.get("completed_by")), float(annotation.get("lead_time") or 0)
            for result in annotation["result"]:
                for option, value, place in _given(result, list(data["options"])):
                    yield RaterResponse(rater, str(data["question"]), option, value, place, seconds)


def _annotator(completed_by: object) -> str:
    """A user's number, or what an export with users says of them."""
    if isinstance(completed_by, dict):
        completed_by = completed_by.get("email") or completed_by.get("id")
    return str(completed_by)


def _given(result: Mapping[str, Any], tokens: list[str]) -> Iterator[tuple[str, int, int]]:
    """Option, value and place of every value in one control's result."""
    name, value = str(result["from_name"]), result["value"]
    if name == "chosen":
        place = (1, 0, 2)[_CHOICES.index(value["choices"][0])]
        yield (tokens[place - 1] if place else NEUTRAL), 1, place
    elif name == "rank":
        ranked = value["ranker"]
        order = next(iter(ranked.values())) if isinstance(ranked, dict) else ranked
        for rank, token in enumerate(order, 1):
            yield str(token), rank, tokens.index(str(token)) + 1
    elif name.startswith("value"):
        place = int(name.removeprefix("value"))
        yield tokens[place - 1], int(value["rating"]), place
