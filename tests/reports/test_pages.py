"""Every page in headless Chromium: wide and on a phone, light and dark, and whatever its names hold."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from .pages import PageSample, Samples, named_run, write_pages

HOSTILE = '"><script>hurt=1</script><img src=x onerror=hurt=1>'
PAGES = (
    "pareto", "table", "by-concepts", "by-template", "cost", "fidelity", "provenance", "ablation", "attention", "masks",
    "tuning", "user-study", "gallery", "gallery, enlarged", "compare", "leaderboard", "submit-check", "study",
    "study, likert", "study, forced-choice", "study, ranking",
)  # fmt: skip
NARROW = 390
UNFOLD = "for (const one of document.querySelectorAll('details')) one.open = true"
NO_ALT = "[...document.querySelectorAll('img[src]')].filter((one) => !one.alt).map((one) => one.outerHTML.slice(0, 200))"
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
