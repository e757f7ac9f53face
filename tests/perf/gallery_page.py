"""Opens the gallery of a made-up run of 5,400 pictures in headless Chromium and measures what its reader waits for."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import report
import tables
from bench.reports.gallery import Report
from PIL import Image

from bench.core.table import COLUMNS
from bench.plugins.report import ReportData

SCENES, TEMPLATES, SIDE = 50, 6, 256
GOAL = 2000.0
"""Milliseconds to the first paint."""
PAINTS = "Object.fromEntries(performance.getEntriesByType('paint').map((one) => [one.name, one.startTime]))"
FIRST_ROWS = """new Promise((done) => {
  const seen = (box) => box.top < innerHeight && box.left < innerWidth;
  const look = () => {
    const images = [...document.images].filter((image) => seen(image.getBoundingClientRect()));
    if (images.length > 6 && images.every((image) => image.complete)) done(performance.now());
    else setTimeout(look, 5);
  };
  look();
})"""
SCROLL = """new Promise((done) => {
  const times = [];
  const frame = (now) => {
    times.push(now);
    if (times.length > 300) done(times.slice(1).map((time, index) => time - times[index]));
    else { scrollBy(0, 200); requestAnimationFrame(frame); }
  };
  requestAnimationFrame(frame);
})"""
SORT = """(() => { const began = performance.now();
  for (const [id, value] of [["metric", "1"], ["first", "0"], ["second", "1"]]) {
    document.getElementById(id).value = value;
    document.getElementById(id).dispatchEvent(new Event("change"));
  }
  document.body.offsetHeight;
  return (performance.now() - began) / 3; })()"""


def main(write: bool) -> None:
    """Print the figures, and put them into `docs/performance.md` if asked."""
    browsers = _module("browser", Path(__file__).parents[1] / "browser.py")
    if (program := browsers.find_browser()) is None:
        sys.exit("Chromium is not installed: nothing was measured")
    with tempfile.TemporaryDirectory() as folder:
        file, seconds, again = _written(Path(folder))
        browser = browsers.Browser(program)
        rounds = [_measured(browsers.Page, browser, file) for _ in range(3)]
        browser.close()
        weight = sum(each.stat().st_size for each in file.parent.rglob("*") if each.is_file()) / 1e6
    figures = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
    rows = [(name, f"{value:.0f}", f"{GOAL:.0f}" if name == "first paint" else "") for name, value in figures.items()]
    facts = {
        "written in": f"{seconds:.0f} s, again with its thumbnails there {again:.0f} s; {weight:.0f} MB",
        "machine": f"{os.cpu_count()} cores, no GPU; {os.getloadavg()[0]:.0f} processes wanted a core; medians of 3",
    }
    text = f"{tables.markdown(('what', 'ms', 'goal'), rows)}\n\n{tables.told(facts)}"
    print(text)
    if write:
        tables.put("gallery", text, {"facts": facts, "figures": figures})


def _measured(page_type: Any, browser: Any, file: Path) -> dict[str, float]:
    with page_type(browser, file) as page:
        page.call("Performance.enable", timeDomain="threadTicks")
        rows = page.run(FIRST_ROWS)
        paints = page.run(PAINTS)
        before = _work(page)
        intervals = sorted(page.run(SCROLL))
        work, own = (after - earlier for after, earlier in zip(_work(page), before, strict=True))
        return {
            "first paint": paints["first-paint"],
            "first contentful paint": paints["first-contentful-paint"],
            "first rows": rows,
            "a frame while scrolling, median": statistics.median(intervals),
            "a frame while scrolling, 95 of 100 are below": intervals[int(0.95 * len(intervals))],
            "the page's thread in a frame, processor time": 1000 * work / len(intervals),
            "of it script, style and layout": 1000 * own / len(intervals),
            "sorting by another choice": page.run(SORT),
        }


def _work(page: Any) -> tuple[float, float]:
    """Seconds of the processor that the page's thread has taken so far: all, and those of script, style and layout."""
    found = {one["name"]: float(one["value"]) for one in page.call("Performance.getMetrics")["metrics"]}
    return found["TaskDuration"], sum(found[f"{name}Duration"] for name in ("Script", "RecalcStyle", "Layout"))


def _written(folder: Path) -> tuple[Path, float, float]:
    """The page, the seconds that writing it took, and those of writing it again."""
    data = _many(report.table_of(folder, SCENES))
    out = folder / "report" / "gallery"
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        page, *_ = Report().write(data, out)
        seconds.append(time.perf_counter() - began)
    return page, seconds[0], seconds[1]


def _many(data: ReportData) -> ReportData:
    """The run with so many templates and a picture of its own for each row of the gallery."""
    parts = [
        data.table.assign(
            template=data.table["template"] + " " * number,
            picture=data.table["picture"] + str(number),
            file=[f"pictures/{number}-{Path(file).stem}.png" for file in data.table["file"]],
        )
        for number in range(TEMPLATES)
    ]
    table = pd.concat(parts, ignore_index=True)[[*COLUMNS, *(name for name in data.table if name not in COLUMNS)]]
    rng = np.random.default_rng(0)
    for file in table["file"].unique():
        coarse = Image.fromarray(rng.integers(0, 255, (16, 16, 3), dtype=np.uint8))
        coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(data.run_folder / file, compress_level=1)
    return dataclasses.replace(data, table=table)


def _module(name: str, file: Path) -> Any:
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
