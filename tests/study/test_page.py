"""The page that raters get, in a browser: it is filled in, closed, gone on with, and what it saves is read back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.study.record import StudyRecord
from bench.study.results import read_results

from .conftest import make_run

Build = Callable[..., tuple[Path, StudyRecord]]
HOSTILE = '"><script>document.title="broken"</script>'
DESIGNS = ("likert", "forced-choice", "ranking")
NEXT = "[...document.querySelectorAll('button.main')].find((one) => one.textContent === 'Next').click()"
SHOWN = "[...document.images].every((one) => !one.getAttribute('src') || (one.complete && one.naturalWidth > 0))"


def open_study(browsers: Any, out: Path, width: int = 1280, dark: bool = False, fresh: bool = True) -> Any:
    """The page in a new tab; `fresh` forgets what the browser kept of it, as studies of other tests may be the same."""
    page = browsers.Page(browsers.one, out / "page" / "index.html", width=width, dark=dark)
    if fresh:
        page.run("localStorage.clear()")
    return page


def start(page: Any, code: str) -> None:
    page.run(f"document.getElementById('code').value = {json.dumps(code)}")
    page.run("document.querySelector('button.main').click()")


def key(page: Any, text: str) -> None:
    """Press a key, by the keyboard and not by a script."""
    page.call("Input.dispatchKeyEvent", type="keyDown", key=text, text="\r" if text == "Enter" else text)
    page.call("Input.dispatchKeyEvent", type="keyUp", key=text)


def answers_by_keyboard(
    page: Any, record: StudyRecord, rater: str, until: int | None = None
) -> dict[str, dict[str, int]]:
    """Answer what is left of a rater's questions with the keyboard alone; returns what was meant, by question."""
    meant = {}
    at = page.run("Number(document.getElementById('place').textContent.match(/Question (\\d+)/)[1]) - 1")
    for number, placed in list(enumerate(record.plan[rater]))[at:until]:
        kind, pictures = record.how.kind, placed.pictures
        if kind == "choices":
            digits = (number % 3,)
            option = "neutral" if not digits[0] else pictures[digits[0] - 1]
            meant[placed.question] = {option: 1}
        else:
            digits = tuple(1 + (number + place) % len(pictures) for place in range(len(pictures)))
            meant[placed.question] = dict(zip(pictures, digits, strict=True))
        for digit in digits:
            key(page, str(digit))
        key(page, "Enter")
    return meant


def saved(page: Any, folder: Path, button: str) -> Path:
    """The file that a button saves."""
    folder.mkdir()
    page.browser.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
    page.run(
        f"[...document.querySelectorAll('button')].find((one) => one.textContent === {json.dumps(button)}).click()"
    )
    end = time.monotonic() + 60
    while not (found := [file for file in folder.iterdir() if file.suffix in (".json", ".csv")]):
        assert time.monotonic() < end, "nothing was saved"
        time.sleep(0.05)
    return found[0]


def read(file: Path, record: StudyRecord) -> dict[str, dict[str, int]]:
    ((_, responses),) = read_results([file], record)
    found: dict[str, dict[str, int]] = {}
    for response in responses:
        found.setdefault(response.question, {})[response.option] = response.value
    return found


@pytest.mark.parametrize("design", DESIGNS)
def test_a_study_is_filled_in_by_keyboard_closed_gone_on_with_and_read_back(
    browsers: Any, build: Build, tmp_path: Path, design: str
) -> None:
    out, record = build(design, questions=2, raters=2, answers=2, checks=1)
    rater = list(record.plan)[1]
    with open_study(browsers, out) as page:
        start(page, rater.upper())
        meant = answers_by_keyboard(page, record, rater, until=2)
        assert page.complaints == []
    with open_study(browsers, out, fresh=False) as page:
        assert page.run("document.querySelector('button.main').textContent") == "Go on"
        start(page, rater)
        assert page.run("document.getElementById('place').textContent").startswith("Question 3 of")
        meant |= answers_by_keyboard(page, record, rater)
        assert "all questions are answered" in page.run("document.querySelector('h1').textContent")
        assert read(saved(page, tmp_path / "json", "Save answers"), record) == meant
        assert read(saved(page, tmp_path / "csv", "Save as CSV"), record) == meant
        assert page.run("JSON.parse(document.getElementById('copy').value).rows.length") == sum(
            map(len, meant.values())
        )
        assert page.complaints == []
        assert all(address.startswith(out.resolve().as_uri()) for address in page.requests)


def test_an_open_question_is_not_passed_and_a_rank_is_given_once(browsers: Any, build: Build) -> None:
    out, record = build("ranking", questions=2, raters=2, answers=2, checks=0)
    with open_study(browsers, out) as page:
        start(page, "nobody")
        assert "no such code" in page.run("document.getElementById('message').textContent")
        start(page, next(iter(record.plan)))
        page.run(NEXT)
        assert page.run("document.getElementById('place').textContent") == "Question 1 of 4"
        assert "rank every picture" in page.run("document.getElementById('message').textContent")
        assert page.run("document.querySelectorAll('.lacking').length") == 3
        for card in (1, 2):  # both are ranked first: the second takes the rank from the first
            page.run(f"document.querySelectorAll('fieldset')[{card}].querySelector('input').click()")
        checked = "[...document.querySelectorAll('fieldset')].map((one) => one.querySelector(':checked') !== null)"
        assert page.run(checked) == [False, False, True]


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize(("width", "dark"), [(390, True), (1280, False)])
def test_every_screen_fits_and_can_be_read(browsers: Any, build: Build, design: str, width: int, dark: bool) -> None:
    out, record = build(design, questions=2, raters=2, answers=2, checks=1)
    rater = next(iter(record.plan))
    with open_study(browsers, out, width, dark) as page:
        start(page, rater)
        for _ in record.plan[rater]:
            page.wait(SHOWN)
            assert page.run("document.documentElement.scrollWidth <= window.innerWidth")
            assert page.run("[...document.querySelectorAll('img[src]')].every((one) => one.alt)")
            assert page.run("[...document.querySelectorAll('.scale label, .choices label')].every((one) => "
                            "one.offsetWidth >= 24 && one.offsetHeight >= 24)")  # fmt: skip
            page.run("for (const [n, one] of document.querySelectorAll('fieldset').entries()) "
                     "one.querySelectorAll('input')[n].click()")  # fmt: skip
            page.run(NEXT)
        colours = page.run("[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]")
        assert colours == (
            ["rgb(232, 235, 238)", "rgb(19, 22, 26)"] if dark else ["rgb(27, 32, 38)", "rgb(255, 255, 255)"]
        )
        assert page.complaints == []


def test_a_picture_is_enlarged_and_closed_again(browsers: Any, build: Build) -> None:
    out, record = build("likert", questions=2, raters=2, answers=2, checks=0)
    with open_study(browsers, out) as page:
        start(page, next(iter(record.plan)))
        page.wait(SHOWN)  # a picture that arrives moves what lies below it
        page.click(".zoom")
        page.wait("document.getElementById('large').open")
        page.press("Escape")
        page.wait("!document.getElementById('large').open")


def test_names_do_no_harm(browsers: Any, build: Build, tmp_path: Path) -> None:
    data = make_run(tmp_path / "hostile", methods=(HOSTILE, "QUUX"), name=HOSTILE, label=HOSTILE)
    out, record = build("forced-choice", data, title=HOSTILE, introduction=HOSTILE, questions=2)
    rater = next(iter(record.plan))
    with open_study(browsers, out) as page:
        assert page.run("document.title") == HOSTILE
        assert page.run("document.querySelector('main p').textContent") == HOSTILE
        start(page, rater)
        answers_by_keyboard(page, record, rater)
        assert page.run("document.title") == HOSTILE
        assert page.run("document.scripts.length") == 2
        assert page.complaints == []
