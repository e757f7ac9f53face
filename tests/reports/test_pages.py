"""Every page in headless Chromium: wide and on a phone, light and dark, and whatever its names hold."""

from __future__ import annotations

import dataclasses
import html
import os
import re
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from .pages import PageSample, Samples, named_run, write_pages

HOSTILE = ' ("><script>hurt=1</script><img src=x onerror=hurt=1>)'
PAGES = (
    "pareto", "table", "by-concepts", "by-template", "cost", "fidelity", "provenance", "ablation", "attention", "masks",
    "orderings", "training", "tuning", "user-study", "gallery", "gallery, enlarged", "compare", "leaderboard",
    "submit-check", "study", "study, likert", "study, forced-choice", "study, ranking",
)  # fmt: skip
NARROW = 390
UNFOLD = "for (const one of document.querySelectorAll('details')) one.open = true"
NO_ALT = (
    "[...document.querySelectorAll('img[src]')].filter((one) => !one.alt).map((one) => one.outerHTML.slice(0, 200))"
)
HARM = "typeof hurt !== 'undefined' || document.querySelectorAll('img[onerror]').length > 0"
AXE = """axe.run({runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], resultTypes: ["violations"]}).then(
  (all) => all.violations.map((one) => [one.id, one.nodes.length, one.nodes[0].html.slice(0, 160)]))"""


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    """All pages of a run whose names are markup."""
    place = tmp_path_factory.mktemp("pages")
    return write_pages(named_run(place / "run", mark=HOSTILE), place / "out", HOSTILE)


Open = Callable[[PageSample], Any]


@pytest.fixture(scope="module")
def opened(open_page: Callable[..., Any]) -> Open:
    """Opens a sample on a phone: ready, and with everything unfolded."""

    def show(sample: PageSample) -> Any:
        page = open_page(sample.file, width=NARROW)
        page.run(f"{sample.act};0")
        page.wait(sample.ready)
        page.run(f"{UNFOLD};0")
        return page

    return show


def test_all_pages_are_looked_at(samples: Samples) -> None:
    assert set(samples) == set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_asks_for_nothing_and_does_no_harm(samples: Samples, opened: Open, name: str) -> None:
    with opened(samples[name]) as page:
        assert page.run("document.documentElement.scrollWidth") <= NARROW
        page.show_as(1280, dark=True)
        assert page.run("document.documentElement.scrollWidth") <= 1280
        assert page.run(NO_ALT) == []
        assert not page.run(HARM)
        assert page.complaints == []
        here = samples[name].file.parent.resolve().as_uri()
        assert [address for address in page.requests if not address.startswith(f"{here}/")] == []


@pytest.mark.skipif("AXE_CORE" not in os.environ, reason="$AXE_CORE does not name axe.min.js (npm pack axe-core)")
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_against_wcag_aa(samples: Samples, opened: Open, name: str) -> None:
    found = {}
    with opened(samples[name]) as page:
        page.run(f"{Path(os.environ['AXE_CORE']).read_text()};0")
        for width, dark in product((NARROW, 1280), (False, True)):
            page.show_as(width, dark=dark)
            found[width, dark] = page.run(AXE)
    assert {shown: violations for shown, violations in found.items() if violations} == {}


WITH_INTERVALS = (
    "pareto", "table", "by-concepts", "by-template", "ablation", "attention", "masks", "tuning", "user-study",
    "compare", "leaderboard",
)  # fmt: skip
NONE = re.compile("no interval|no intervals", re.IGNORECASE)
BARS = re.compile(r'<line class="(?:bar|reach)"[^>]*>')
STATES = {
    "one scene": {"scenes": 1},
    "one method": {"methods": ("ours",)},
}
WARNED = ("Partial: 5 of 9 units are done.", "Failed: 2 of 9 units (em); tracebacks: the run's folder failed/.")


@pytest.fixture(scope="module", params=STATES)
def few(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Samples]:
    """A run of little, and its pages."""
    place = tmp_path_factory.mktemp("few")
    return request.param, write_pages(named_run(place / "run", **STATES[request.param]), place / "out")


def test_a_run_of_little_has_every_page_without_nan(few: tuple[str, Samples], outline: type[Any]) -> None:
    state, samples = few
    compared = {"ablation", "orderings", "study", "study, likert", "study, forced-choice", "study, ranking"}
    assert set(samples) == set(PAGES) - (compared if state == "one method" else set())
    for name, sample in samples.items():
        page = sample.file.read_text()
        assert not re.findall(r"\bnan\b|\binf\b", page), name
        assert outline(page).open == [], name


@pytest.mark.parametrize("few", ["one scene"], indirect=True)
def test_a_page_of_one_scene_says_that_there_are_no_intervals_and_draws_none(few: tuple[str, Samples]) -> None:
    _, samples = few
    for name in WITH_INTERVALS:
        page = samples[name].file.read_text()
        assert NONE.search(page), name
        bars = [bar for bar in BARS.findall(page) if not _is_a_point(bar)]
        assert bars == [], name


def _is_a_point(line: str) -> bool:
    """Whether a line of an SVG has no length."""
    place = {name: float(value) for name, value in re.findall(r'\b([xy][12])="([^"]+)"', line)}
    return place["x1"] == place["x2"] and place["y1"] == place["y2"]


def test_a_run_that_is_going_on_with_failures_has_every_page(tmp_path: Path, outline: type[Any]) -> None:
    """`em` has failed on one scene and is not done on another: what is there is told, under both banners."""
    data = named_run(tmp_path / "run")
    table = data.table
    gone = (table["method"] == "em") & table["scene"].isin(["scene-1", "scene-2"])
    data = dataclasses.replace(data, table=table[~gone].reset_index(drop=True), banners=WARNED, done_units=5)
    samples = write_pages(data, tmp_path / "out")
    assert set(samples) == set(PAGES)
    for name, sample in samples.items():
        page = sample.file.read_text()
        assert outline(page).open == [], name
        assert not re.findall(r"\bnan\b|\binf\b", page), name
        # these read no banners: and a tuning that is finished has left its worse trials where they were
        if name.split(",")[0] not in ("compare", "leaderboard", "submit-check", "study", "tuning"):
            assert [banner for banner in WARNED if banner not in html.unescape(page)] == [], name
