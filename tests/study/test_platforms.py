"""What Mechanical Turk and Label Studio send back means the same as the page's own file."""

from __future__ import annotations

import csv
import json
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.stats.user_study.answers import NEUTRAL
from bench.study.record import StudyRecord
from bench.study.responses import RaterResponse
from bench.study.results import read_results

Build = Callable[..., tuple[Path, StudyRecord]]
URL = "https://example.org/study/"
DESIGNS = ("likert", "forced-choice", "ranking")


def given(design: str, place: int, pictures: int) -> int:
    """What a worker gives the picture at a place (from 1)."""
    return place + 1 if design == "likert" else pictures + 1 - place


def hits(out: Path) -> Iterator[dict[str, str]]:
    for file in sorted((out / "mturk").glob("*.csv")):
        with file.open() as lines:
            yield from csv.DictReader(lines)


def batch(out: Path, design: str, form: str) -> list[dict[str, str]]:
    """The rows of a batch's results as Mechanical Turk writes radio buttons in one of its forms."""
    rows = []
    for hit in hits(out):
        pictures = sum(name.startswith("option") for name in hit)
        if design == "forced-choice":
            values = {"chosen": 0 if len(rows) % 3 == 2 else 1 + len(rows) % 2}
        else:
            values = {f"value{place}": given(design, place, pictures) for place in range(1, pictures + 1)}
        row = {f"Input.{name}": value for name, value in hit.items()}
        row |= {"WorkerId": f"W{len(rows)}", "AssignmentStatus": "Approved", "WorkTimeInSeconds": "40"}
        if form == "plain":
            row |= {f"Answer.{name}": str(value) for name, value in values.items()}
        elif form == "true and false":
            options = {(name, one): value == one for name, value in values.items() for one in range(6)}
            row |= {f"Answer.{name}.{one}": str(on).lower() for (name, one), on in options.items()}
        else:
            answers = {name: {str(one): value == one for one in range(6)} for name, value in values.items()}
            row["Answer.taskAnswers"] = json.dumps([answers])
        rows.append(row)
    return rows


def read(record: StudyRecord, file: Path) -> tuple[RaterResponse, ...]:
    ((_, responses),) = read_results([file], record)
    return responses


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("form", ["plain", "true and false", "task answers"])
def test_batch_results(build: Build, tmp_path: Path, design: str, form: str) -> None:
    out, record = build(design, pictures_url=URL, raters=2, answers=2)
    rows = batch(out, design, form)
    rejected = {**rows[0], "AssignmentStatus": "Rejected", "WorkerId": "nobody"}
    file = tmp_path / "batch.csv"
    with file.open("w") as lines:
        writer = csv.DictWriter(lines, list(rows[0]))
        writer.writeheader()
        writer.writerows([*rows, rejected])
    responses = read(record, file)
    assert {response.rater for response in responses} == {row["WorkerId"] for row in rows}
    assert all(response.seconds == 40 for response in responses)
    first = [response for response in responses if response.rater == "W0"]
    shown = [rows[0][f"Input.option{place}"] for place in range(1, len(first) + 1)]
    assert [response.option for response in first] == shown
    if design == "forced-choice":
        options = [response.option for response in responses]
        assert options[2] == NEUTRAL
        assert options[1] == rows[1]["Input.option2"]
        assert {response.value for response in responses} == {1}
    else:
        assert [one.value for one in first] == [given(design, place, 3) for place in (1, 2, 3)]


def annotation(design: str, data: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """The result of a task as Label Studio exports it."""
    if design == "forced-choice":
        choice = ("picture 1", "picture 2", "no preference")[number % 3]
        return [{"from_name": "chosen", "to_name": "image1", "type": "choices", "value": {"choices": [choice]}}]
    if design == "ranking":
        order = data["options"][::-1]
        return [{"from_name": "rank", "to_name": "pictures", "type": "ranker", "value": {"ranker": {"rank": order}}}]
    return [
        {"from_name": f"value{place}", "to_name": f"image{place}", "type": "rating", "value": {"rating": place + 1}}
        for place in (1, 2, 3)
    ]


@pytest.mark.parametrize("design", DESIGNS)
def test_an_export_of_label_studio(build: Build, tmp_path: Path, design: str) -> None:
    out, record = build(design, pictures_url=URL)
    tasks = [task for file in sorted((out / "label-studio").glob("*.json")) for task in json.loads(file.read_text())]
    assert len(tasks) == len(record.questions)
    for number, task in enumerate(tasks):
        done = {"completed_by": 7, "lead_time": 2.5, "result": annotation(design, task["data"], number)}
        cancelled = {"completed_by": 8, "was_cancelled": True, "result": done["result"]}
        named = {**done, "completed_by": {"id": 9, "email": "a@b.c"}}
        task["annotations"] = [done, cancelled, named]
    file = tmp_path / "export.json"
    file.write_text(json.dumps(tasks))
    responses = read(record, file)
    assert {response.rater for response in responses} == {"7", "a@b.c"}
    options = tasks[0]["data"]["options"]
    first = [one for one in responses if one.rater == "7" and one.question == tasks[0]["data"]["question"]]
    if design == "forced-choice":
        chosen = [one.option for one in responses if one.rater == "7"]
        assert chosen[:3] == [options[0], tasks[1]["data"]["options"][1], NEUTRAL]
    else:
        values = {one.option: one.value for one in first}
        assert [values[option] for option in options] == [given(design, place, 3) for place in (1, 2, 3)]
        assert [one.place for one in sorted(first, key=lambda one: options.index(one.option))] == [1, 2, 3]


@pytest.mark.parametrize("design", DESIGNS)
def test_a_labelling_configuration_names_what_its_tasks_have(build: Build, design: str) -> None:
    out, _ = build(design, pictures_url=URL)
    for file in (out / "label-studio").glob("*.xml"):
        tags = list(ET.fromstring(file.read_text()).iter())
        variables = {value[1:] for tag in tags for value in [tag.get("value", "")] if value.startswith("$")}
        names = {tag.get("name") for tag in tags}
        (task, *_) = json.loads(file.with_suffix(".json").read_text())
        assert variables <= task["data"].keys()
        assert {name for tag in tags if (name := tag.get("toName"))} <= names


@pytest.mark.parametrize("design", DESIGNS)
def test_an_attention_check_of_label_studio_shows_its_pictures_in_the_order_that_it_speaks_of(
    build: Build, design: str
) -> None:
    out, record = build(design, pictures_url=URL, checks=4)
    tasks = [task for file in (out / "label-studio").glob("*.json") for task in json.loads(file.read_text())]
    shown = {task["data"]["question"]: task["data"]["options"] for task in tasks}
    checks = [question for question in record.questions if question.is_check]
    assert len(checks) == 4
    for check in checks:
        if design == "forced-choice":
            place = ("first", "second").index(check.instruction.split("choose the ")[1].split(" picture")[0])
            assert check.expected == {shown[check.id][place]: 1}
        elif design == "ranking":
            assert check.expected == {token: place for place, token in enumerate(shown[check.id], 1)}
        else:
            assert set(check.expected) == set(shown[check.id])
