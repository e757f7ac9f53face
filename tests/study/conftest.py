"""A small finished run to ask people about, studies of it, and raters who answer as they are told."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from bench.core.scenes import Concept, Dataset, Prompt, Scene, handle
from bench.core.table import COLUMNS
from bench.plugins.report import ReportData
from bench.study.build import build_study
from bench.study.designs import find_design
from bench.study.options import StudyOptions
from bench.study.record import StudyQuestion, StudyRecord, read_study

SIDE = 24
METHODS = ("ZORP", "QUUX", "BLARG")
TEMPLATES = ("a photo of {tokens} in the snow", "a photo of {tokens} at the beach")
Answer = Callable[[str, StudyQuestion, tuple[str, ...]], Mapping[str, int]]
"""What a rater gives a question whose pictures (tokens) stand in this order: values by token."""


def make_scene(number: int, name: str, label: str) -> Scene:
    masks = np.zeros((2, SIDE, SIDE), dtype=bool)
    masks[0, 2:10, 2:10], masks[1, 14:20, 14:20] = True, True
    picture = np.full((SIDE, SIDE, 3), 10 * number, dtype=np.uint8)
    concepts = tuple(Concept(word, masks[i], handle(i)) for i, word in enumerate((label, "umbrella")))
    prompts = tuple(Prompt(template, subset) for template in TEMPLATES for subset in ((0,), (1,), (0, 1)))
    return Scene(f"{name}{number}", picture, concepts, prompts)


def make_run(
    folder: Path, methods: tuple[str, ...] = METHODS, scenes: int = 6, name: str = "scene-", label: str = "cat"
) -> ReportData:
    dataset = Dataset("tiny", tuple(make_scene(number, name, label) for number in range(scenes)))
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    rng, rows = np.random.default_rng(0), []
    for number, (method, scene) in enumerate(product(methods, dataset.scenes)):
        for prompt in scene.prompts:
            key = f"{number:04x}{len(rows):06x}"
            inside = PngInfo()
            inside.add_text("Software", method)
            pixels = rng.integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "pictures" / f"{key}.png", pnginfo=inside)
            for concept in prompt.subset:
                row = dict.fromkeys(COLUMNS, None) | {
                    "dataset": "tiny",
                    "scene": scene.name,
                    "method": method,
                    "seed": 0,
                    "picture": key,
                    "file": f"pictures/{key}.png",
                    "template": prompt.template,
                    "subset": "+".join(map(str, prompt.subset)),
                    "sample": 0,
                    "text": scene.text_with_classes(prompt),
                    "concept": concept,
                    "label": scene.concepts[concept].label,
                }
                rows.append(row)
    return ReportData(
        "run-of-ZORP", folder, pd.DataFrame(rows), dataset, {}, {m: {} for m in methods}, (), {}, (), 1, 1
    )


@pytest.fixture
def run(tmp_path: Path) -> ReportData:
    return make_run(tmp_path / "run-of-ZORP")


def options(**changed: object) -> StudyOptions:
    given: dict[str, object] = {
        "questions": 12, "raters": 6, "answers": 6, "checks": 2, "seed": 0, "title": "Which match?",
        "introduction": "Hello.\n\nThank you.", "against": None, "pictures_url": "",
    }  # fmt: skip
    return StudyOptions(**{**given, **changed})  # type: ignore[arg-type]


Built = tuple[Path, StudyRecord]


@pytest.fixture
def build(run: ReportData, tmp_path: Path) -> Callable[..., Built]:
    """Builds a study of a design about the run, or another one."""

    def made(design: str, data: ReportData | None = None, **changed: object) -> Built:
        out = tmp_path / f"study-{design}"
        build_study(data or run, find_design(design), options(**changed), out)
        return out, read_study(out)

    return made


def expected(rater: str, question: StudyQuestion, shown: tuple[str, ...]) -> Mapping[str, int]:
    """The answer to an attention check."""
    return question.expected


def page_rows(record: StudyRecord, rater: str, answer: Answer) -> Iterator[dict[str, object]]:
    """The rows that the page would save for a rater who answers so, and passes attention checks."""
    for placed in record.plan[rater]:
        question = record.by_id[placed.question]
        given = (expected if question.is_check else answer)(rater, question, placed.pictures)
        for option, value in given.items():
            place = placed.pictures.index(option) + 1 if option in placed.pictures else 0
            yield {"question": question.id, "option": option, "value": value, "place": place, "seconds": 3.5}


@pytest.fixture
def send(tmp_path: Path) -> Callable[..., Path]:
    """Writes the files that raters would send back, all of them or those named; returns their folder."""

    def sent(record: StudyRecord, answer: Answer, raters: tuple[str, ...] = ()) -> Path:
        folder = tmp_path / "results"
        folder.mkdir(exist_ok=True)
        for rater in raters or tuple(record.plan):
            rows = list(page_rows(record, rater, answer))
            content = {"schema": 1, "study": record.study, "rater": rater, "rows": rows}
            (folder / f"{rater}.json").write_text(json.dumps(content), encoding="utf-8")
        return folder

    return sent


@pytest.fixture(scope="module")
def browsers() -> Iterator[Any]:
    """The module `tests/browser.py`, as `browsers.Page`, and one browser, as `browsers.one`."""
    spec = importlib.util.spec_from_file_location("browser", Path(__file__).parents[1] / "browser.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    program = module.find_browser()
    if program is None:
        pytest.skip("there is no Chromium on this machine ($CHROMIUM names one)")
    module.one = module.Browser(program)
    yield module
    module.one.close()
