"""What a study's folder holds, and what raters cannot learn from it."""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.core.errors import UserError
from bench.core.images import read_picture
from bench.plugins.report import ReportData
from bench.study.record import StudyRecord

from .conftest import METHODS, make_run, options

Build = Callable[..., tuple[Path, StudyRecord]]
DESIGNS = ("likert", "forced-choice", "ranking")


def everything(folder: Path) -> bytes:
    """All names and contents of a folder's files."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert files
    return b"\n".join(str(file.relative_to(folder)).encode() + file.read_bytes() for file in files)


@pytest.mark.parametrize("design", DESIGNS)
def test_no_rater_can_learn_which_method_is_which(build: Build, run: ReportData, design: str) -> None:
    out, record = build(design, pictures_url="https://example.org/study/")
    for part in ("page", "mturk", "label-studio"):
        sent = everything(out / part)
        keys = {shown.picture for question in record.questions for shown in question.pictures.values()}
        for secret in (*METHODS, run.name, "scene-", "expected", *keys):
            assert secret.encode() not in sent, f"{part}: {secret}"
    assert all(method in (out / "key.json").read_text() for method in METHODS)


def test_a_picture_is_the_runs_own_without_what_its_file_tells(build: Build, run: ReportData) -> None:
    out, record = build("likert")
    question = record.questions[0]
    files = dict(zip(run.table["picture"], run.table["file"], strict=True))
    for token, shown in question.pictures.items():
        copied = out / "page" / "pictures" / f"{token}.webp"
        assert np.array_equal(read_picture(copied), read_picture(run.run_folder / files[shown.picture]))
        assert Image.open(copied).info.keys() <= {"loop", "background", "timestamp", "duration"}


def test_the_reference_shows_the_concept_alone(build: Build, run: ReportData) -> None:
    out, record = build("likert")
    question = next(one for one in record.questions if one.task == "identity similarity")
    shown = read_picture(out / "page" / "pictures" / f"{question.reference}.webp")
    scene = next(one for one in run.dataset.scenes if one.name == question.scene)
    alone = [np.where(c.mask[:, :, None], scene.picture, np.uint8(127)) for c in scene.concepts]
    assert any(np.array_equal(shown, one) for one in alone)


def test_likert_asks_for_prompt_and_identity_of_the_same_pictures(build: Build) -> None:
    _, record = build("likert")
    asked = defaultdict(set)
    for question in record.questions:
        if not question.is_check:
            asked[question.task].add(frozenset(question.pictures))
            assert bool(question.text) == (question.task == "prompt similarity")
            assert bool(question.reference) == (question.task == "identity similarity")
    assert asked["prompt similarity"] == asked["identity similarity"]
    assert len(asked["prompt similarity"]) == 12


@pytest.mark.parametrize(("raters", "answers"), [(6, 6), (8, 3), (5, 2)])
def test_every_question_has_its_answers_by_different_raters(build: Build, raters: int, answers: int) -> None:
    _, record = build("likert", raters=raters, answers=answers)
    checks = {question.id for question in record.questions if question.is_check}
    asked = Counter(one.question for own in record.plan.values() for one in own if one.question not in checks)
    assert set(asked.values()) == {answers}
    assert len(asked) == 24
    loads = [sum(one.question not in checks for one in own) for own in record.plan.values()]
    assert max(loads) - min(loads) <= 2  # one of each task
    assert all(len({one.question for one in own}) == len(own) for own in record.plan.values())
    assert all({one.question for one in own} > checks for own in record.plan.values())


def test_each_method_stands_at_each_place_equally_often(build: Build) -> None:
    _, record = build("ranking")
    places: dict[str, Counter[tuple[str, int]]] = defaultdict(Counter)
    for own in record.plan.values():
        for placed in own:
            question = record.by_id[placed.question]
            if not question.is_check:
                for place, token in enumerate(placed.pictures):
                    places[question.id][question.pictures[token].method, place] += 1
    assert all(set(counts.values()) == {2} for counts in places.values())  # 6 raters, 3 methods: 6 rows


def test_the_same_run_and_seed_give_the_same_study(build: Build, run: ReportData, tmp_path: Path) -> None:
    from bench.study.build import build_study
    from bench.study.designs import LIKERT

    out, _ = build("likert")
    build_study(run, LIKERT, options(), tmp_path / "again")
    build_study(run, LIKERT, options(seed=1), tmp_path / "other")
    assert everything(out) == everything(tmp_path / "again")
    assert everything(out) != everything(tmp_path / "other")


def test_hits_and_tasks_name_pictures_where_they_lie(build: Build) -> None:
    out, record = build("likert", pictures_url="https://example.org/study/")
    with (out / "mturk" / "identity-similarity.csv").open() as file:
        hits = list(csv.DictReader(file))
    plan = sum(record.by_id[one.question].task == "identity similarity" for own in record.plan.values() for one in own)
    assert len(hits) == plan
    assert all(hit["image3"] == f"https://example.org/study/{hit['option3']}.webp" for hit in hits)
    template = (out / "mturk" / "identity-similarity.html").read_text()
    assert all(f"${{{name}}}" in template for name in ("instruction", "reference", "image1", "image2", "image3"))
    tasks = json.loads((out / "label-studio" / "identity-similarity.json").read_text())
    assert len(tasks) == 12 + 1  # and one of the two attention checks
    assert all((out / "page" / "pictures" / Path(hit["image1"]).name).is_file() for hit in hits)


def test_names_in_a_hit_are_escaped(build: Build, tmp_path: Path) -> None:
    data = make_run(tmp_path / "evil", label='"><script>')
    out, _ = build("forced-choice", data, pictures_url="https://example.org/study/")
    assert "<script" not in (out / "mturk" / "preference.csv").read_text()


def test_what_cannot_be_built(build: Build, run: ReportData, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--against is for --design forced-choice"):
        build("likert", against="ZORP")
    with pytest.raises(UserError, match="there are --raters 6"):
        options(answers=7)
    with pytest.raises(UserError, match="a method is called 'neutral'"):
        build("forced-choice", make_run(tmp_path / "neutral", methods=("neutral", "QUUX")))
    for file in (run.run_folder / "pictures").iterdir():
        file.write_bytes(b"")
    with pytest.raises(UserError, match="cannot read the picture"):
        build("likert")
    assert not (tmp_path / "study-likert").exists()
