"""The gallery's page in headless Chromium: filters, sorting, failures, enlarging, keys, names that are markup."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bench.reports.gallery import Report

from bench.plugins.report import ReportData

MakeData = Callable[..., ReportData]
OpenPage = Callable[..., Any]
METHODS = ("ours", "ti-m", "db-m", "cd-m", "em", "clic", "real")
HEADINGS = "[...document.querySelectorAll('#prompts article')].map((one) => one.children[1].textContent)"
STATUS = "document.getElementById('status').textContent"
FOCUS = "document.activeElement.dataset.column + ' ' + document.activeElement.closest('article').dataset.place"
FILLED = "document.querySelectorAll('.strip figure').length > 0"


@pytest.fixture(scope="module")
def written(make_data_once: MakeData, tmp_path_factory: pytest.TempPathFactory) -> tuple[ReportData, Path]:
    """A run of seven methods on six scenes with a second template in every other one, and its page."""
    data = make_data_once(scenes=6, methods=METHODS)
    even = data.table["scene"].isin(["scene-0", "scene-2", "scene-4"])
    other = data.table["template"].mask(even, "{tokens} at the beach")
    data = dataclasses.replace(data, table=data.table.assign(template=other))
    page, *_ = Report().write(data, tmp_path_factory.mktemp("gallery"))
    return data, page


@pytest.fixture(scope="module")
def opened(written: tuple[ReportData, Path], open_page: OpenPage) -> Iterator[Any]:
    with open_page(written[1]) as page:
        yield page


@pytest.fixture
def page(opened: Any) -> Any:
    """The open page, showing all in the dataset's order."""
    opened.run("scrollTo(0, 0); document.getElementById('reset').click()")
    opened.wait(FILLED)
    return opened


def test_it_opens_from_the_disk_without_a_complaint_and_asks_for_nothing_outside(
    written: tuple[ReportData, Path], page: Any
) -> None:
    page.wait("[...document.images].filter((image) => image.complete && image.naturalWidth).length > 8")
    assert page.complaints == []
    folder = written[1].parent.resolve().as_uri()
    assert page.requests
    assert [address for address in page.requests if not address.startswith(f"{folder}/")] == []
    assert page.run("[...document.images].filter((image) => !image.alt).length") == 0
    assert page.run(STATUS) == "18 of 18 prompts"


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1280, 390])
def test_a_prompt_is_one_row_that_scrolls_inside_itself(
    written: tuple[ReportData, Path], open_page: OpenPage, width: int, dark: bool
) -> None:
    with open_page(written[1], width=width, dark=dark) as page:
        page.wait(FILLED)
        buttons = "[...document.querySelector('.strip').querySelectorAll('.enlarge')]"
        tops = f"{buttons}.map((one) => one.getBoundingClientRect().top)"
        assert len(page.run(tops)) == 1 + len(METHODS)
        assert page.run(f"new Set({tops}).size") == 1
        assert page.run("document.documentElement.scrollWidth") <= width
        strip = "document.querySelector('.strip')"
        assert page.run(f"{strip}.scrollWidth > {strip}.clientWidth") or width > 390
        light = page.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert light != dark
        assert page.complaints == []


def test_rows_are_filtered_by_scene_template_and_number_of_concepts(page: Any) -> None:
    page.choose("template", "{tokens} at the beach")
    assert page.run(STATUS) == "9 of 18 prompts"
    page.choose("concepts", "2 concepts")
    assert page.run(STATUS) == "3 of 18 prompts"
    page.choose("scene", "scene-2")
    assert page.run(HEADINGS) == ["scene-2 · drawn from: [v1] and [v2] at the beach · sample 1"]
    page.choose("scene", "scene-1")
    assert page.run(STATUS) == "0 of 18 prompts"
    page.click("#reset")
    assert page.run(STATUS) == "18 of 18 prompts"


def test_methods_can_be_hidden(page: Any) -> None:
    page.run("document.querySelectorAll('#methods input')[1].click()")
    names = "[...document.querySelector('.strip').querySelectorAll('.name')].map((one) => one.textContent)"
    page.wait(FILLED)
    assert page.run(names) == ["input", *(name for name in METHODS if name != "ti-m")]
    page.run("document.getElementById('none').click()")
    assert page.run(STATUS) == "18 of 18 prompts; no method is chosen"


def values_of(data: ReportData, metric: str, method: str) -> dict[tuple[str, str], float]:
    """The mean over a picture's concepts that have a value, by scene and subset."""
    rows = data.table[data.table["method"] == method]
    return {key: float(value) for key, value in rows.groupby(["scene", "subset"])[metric].mean().items()}


def shown(page: Any) -> list[tuple[str, str]]:
    """Scene and subset of every row."""
    prompts = page.run("rows.map(({prompt}) => [run.scenes[prompt.scene].name, prompt.subset])")
    return [(scene, subset) for scene, subset in prompts]


def test_rows_are_sorted_by_a_metric_and_by_the_paired_difference_of_two_methods(
    written: tuple[ReportData, Path], page: Any
) -> None:
    ours = values_of(written[0], "identity_similarity", "ours")
    clic = values_of(written[0], "identity_similarity", "clic")
    page.choose("metric", "identity similarity")
    page.choose("first", "ours")
    assert shown(page) == sorted(ours, key=lambda key: -ours[key])
    page.choose("second", "clic")
    assert shown(page) == sorted(ours, key=lambda key: clic[key] - ours[key])
    page.choose("order", "lowest first")
    lowest = sorted(ours, key=lambda key: ours[key] - clic[key])
    assert shown(page) == lowest
    told = f"{ours[lowest[0]] - clic[lowest[0]]:+.3f}".replace("-", "−")
    assert page.run(HEADINGS)[0].endswith(f" · {told}")
    page.wait(FILLED)
    names = "[...document.querySelector('.strip').querySelectorAll('.name')].map((one) => one.textContent)"
    assert page.run(names)[:4] == ["input", "ours", "clic", "ti-m"], "the two that are compared come first"


def test_rows_without_a_value_come_last(make_data: MakeData, open_page: OpenPage, tmp_path: Path) -> None:
    data = make_data(2, methods=("ours",))
    missing = (data.table["scene"] == "scene-0") & (data.table["subset"] == "0")
    value = data.table["identity_similarity"].mask(missing)
    file, *_ = Report().write(dataclasses.replace(data, table=data.table.assign(identity_similarity=value)), tmp_path)
    with open_page(file) as page:
        page.choose("metric", "identity similarity")
        assert [shown(page)[-1], len(shown(page))] == [("scene-0", "0"), 6]
        page.choose("order", "lowest first")
        assert shown(page)[-1] == ("scene-0", "0")
        assert page.run(HEADINGS)[-1].endswith(" · –")


@pytest.mark.parametrize("failure", ["omission", "swap", "intrusion"])
def test_failures_are_one_click_away(written: tuple[ReportData, Path], page: Any, failure: str) -> None:
    table = written[0].table
    column = {"omission": ~table["detected"], "swap": table["swapped"], "intrusion": table["intruded"]}[failure]
    failed = table[column.astype("boolean").fillna(value=False)]
    assert len(failed)
    assert page.run(f"document.querySelector('#failures [value={failure}]').textContent") == (
        f"{failure} {failed['picture'].nunique()}"
    )
    page.click(f"#failures [value={failure}]")
    assert set(shown(page)) == set(zip(failed["scene"], failed["subset"], strict=True))
    assert page.run("document.querySelector('#failures [aria-pressed=true]').value") == failure
    page.wait("document.querySelectorAll('.hit').length > 0")
    page.choose("failing", "em")
    assert set(shown(page)) == {
        (one["scene"], one["subset"]) for one in failed[failed["method"] == "em"].to_dict("records")
    }
    page.click(f"#failures [value={failure}]")
    assert page.run(STATUS) == "18 of 18 prompts"


def test_a_click_enlarges_and_keys_lead_on(written: tuple[ReportData, Path], page: Any) -> None:
    page.click('.strip [data-column="2"]')
    title, facts = "document.getElementById('viewer-title').textContent", "document.getElementById('viewer-facts')"
    page.wait("document.getElementById('viewer').open")
    assert page.run(title) == "ti-m"
    assert "a photo of a cat in the snow" in page.run(f"{facts}.textContent")
    assert page.run(f"{facts}.querySelectorAll('tbody tr').length") == page.run("run.metrics.length")
    page.press("ArrowRight")
    assert page.run(title) == "db-m"
    page.press("ArrowDown")
    assert "an umbrella" in page.run(f"{facts}.querySelector('h3').textContent")
    for _ in range(4):
        page.press("ArrowLeft")
    assert page.run(title) == "Scene scene-0", "left of the first method is the input"
    assert page.run("document.getElementById('left').disabled")
    page.press("Escape")
    last_seen = f"document.activeElement.className === 'enlarge' && {FOCUS} === '0 1'"
    page.wait(f"!document.getElementById('viewer').open && {last_seen}")


def test_arrow_keys_lead_from_picture_to_picture(page: Any) -> None:
    page.run("document.querySelector('.strip [data-column=\"0\"]').focus()")
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowDown", "ArrowLeft", "ArrowUp"):
        page.press(key)
    assert page.run(FOCUS) == "1 1"
    assert page.run("document.activeElement.tabIndex") == 0
    assert page.run("document.activeElement.closest('.strip').querySelectorAll('[tabindex=\"0\"]').length") == 1
    page.press("Enter")
    assert page.run("document.getElementById('viewer-title').textContent") == "ours"
    page.press("Escape")


def test_rows_get_their_pictures_when_they_come_near(page: Any) -> None:
    assert page.run("document.querySelectorAll('article').length") == 18
    last = "document.querySelector('article:last-of-type')"
    assert page.run(f"{last}.querySelectorAll('img').length") == 0
    page.run(f"{last}.scrollIntoView()")
    page.wait(f"{last}.querySelectorAll('img').length === {1 + len(METHODS)}")
    page.wait("document.querySelector('article').querySelectorAll('img').length === 0")


HOSTILE = '"><script>hurt=1</script><img src=x onerror=hurt=1>'


def test_names_that_are_markup_do_no_harm(make_data: MakeData, open_page: OpenPage, tmp_path: Path) -> None:
    data = make_data(2, methods=(f"a{HOSTILE}", f"b{HOSTILE}"), labels=(f"c{HOSTILE}", "'d'"))
    scenes = tuple(dataclasses.replace(one, name=f"{one.name}{HOSTILE}") for one in data.dataset.scenes)
    table = data.table.assign(
        scene=data.table["scene"] + HOSTILE,
        template=data.table["template"] + HOSTILE,
        text=data.table["text"] + HOSTILE,
        reason=data.table["reason"] + HOSTILE,
    )
    dataset = dataclasses.replace(data.dataset, name=HOSTILE, scenes=scenes)
    data = dataclasses.replace(data, name=HOSTILE, table=table, dataset=dataset, banners=(HOSTILE,))
    file, *_ = Report().write(data, tmp_path / "out")
    with open_page(file) as page:
        page.wait(FILLED)
        page.choose("metric", "identity similarity")
        page.choose("first", f"a{HOSTILE}")
        page.wait(FILLED)
        page.click('.strip [data-column="1"]')
        assert page.run("document.getElementById('viewer-title').textContent") == f"a{HOSTILE}"
        assert page.run("document.querySelector('h1').textContent") == HOSTILE
        assert page.run("typeof hurt") == "undefined"
        assert page.run("document.querySelectorAll('img[onerror], main script').length") == 0
        assert page.complaints == []


def test_one_method_on_one_scene(make_data: MakeData, open_page: OpenPage, tmp_path: Path) -> None:
    data = make_data(1, methods=("ours",))
    (data.run_folder / data.table["file"].iloc[0]).unlink()
    file, *_ = Report().write(data, tmp_path / "out")
    with open_page(file) as page:
        page.wait(FILLED)
        assert page.run(STATUS) == "3 of 3 prompts"
        missing = "document.querySelector('.missing').textContent"
        assert page.run(missing) == "no picture by ours: the picture is missing or damaged"
        page.click('.strip [data-column="1"]')
        assert page.run("document.getElementById('viewer').open")
        assert page.complaints == []


def test_a_page_without_its_data_says_so(written: tuple[ReportData, Path], open_page: OpenPage, tmp_path: Path) -> None:
    alone = tmp_path / "gallery.html"
    alone.write_bytes(written[1].read_bytes())
    with open_page(alone) as page:
        assert page.run(STATUS) == "data.js is missing: keep this page in its folder."
