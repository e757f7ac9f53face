"""The page of two compared runs, and its CSV files."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bench.core.files import whole_replacement, write_bytes
from bench.core.text import count
from bench.reporting.columns import COLUMNS_PAGE, CsvFile, columns_page
from bench.reporting.page import page_templates
from bench.reporting.runs.compare import RunComparison
from bench.reporting.runs.comparison_design import ComparisonDesign, comparison_designs
from bench.reporting.runs.pairing import key_notes
from bench.reporting.runs.picture_pairs import SamePixels, same_pixels, shown_pairs
from bench.reporting.selection import main_metrics
from bench.reporting.text import bounds, interval_methods, noun, signed
from bench.stats.dataframes import bounds as bounds_record
from bench.stats.differences import PairedDifference
from bench.stats.intervals import FEWEST, Interval
from bench.stats.results import format_p

TEMPLATE, PAGE = "compare.html.j2", "compare.html"
WIDTH, HEIGHT = 150, 22
"""Of the small plot of an interval, in pixels."""

FILES: Mapping[str, CsvFile] = {
    "differences.csv": CsvFile(
        "a method (or pair of methods) and metric",
        {
            "method": "the method, or both: of the first run → of the second",
            "metric": "the metric",
            "n_scenes": "scenes where both have a value",
            "n_pictures": "pictures of each with a value",
            "first": "mean over these scenes, first run",
            "second": "the same, second run",
            "effect": "mean paired difference: second less first",
            "low": "lower end of its interval; empty below 4 scenes",
            "high": "upper end of its interval",
            "interval": "level and method of the interval; none where there is none",
            "p": "Wilcoxon's signed ranks over scenes, Holm over all rows of this file",
            "margin": "the margin of equivalence that was stated",
            "p_equivalence": "two one-sided t tests within the margin (TOST), Holm over all rows; empty without margin",
            "verdict": "what the page says",
        },
    ),
    "design.csv": CsvFile(
        "a method (or pair of methods) and metric with a value in both runs: what their difference rests on",
        {
            "method": "the method, or both",
            "metric": "the metric",
            "n_pictures": "pictures of each with a value",
            "spread": "standard deviation over scenes of the difference",
            "icc": "intraclass correlation: how alike the differences of a scene's pictures are (ICC(1))",
            "icc_low": "lower end of its 95 % interval",
            "icc_high": "upper end of its interval",
            "effective_n": "independent pictures that these pictures are worth",
            "variance_scene": "variance of the differences between scenes",
            "variance_prompt": "between the prompts of a scene; with the samples where no prompt has two",
            "variance_sample": "between the samples of a prompt",
            "detectable": "least difference that so many scenes show with a probability of 80 %, at .05 over all rows",
            "first_rate_low": "of a rate: lower end of its Bayesian interval (Jeffreys), first run",
            "first_rate_high": "its upper end",
            "second_rate_low": "the same, second run",
            "second_rate_high": "its upper end",
        },
    ),
    "settings.csv": CsvFile(
        "a thing that differs in how the runs were made",
        {
            "about": "the runs, or the pair of methods whose fields differ",
            "what": "what differs",
            "first": "in the first run",
            "second": "in the second run",
        },
    ),
    "pictures.csv": CsvFile(
        "a picture that both runs have",
        {
            "method": "the method, or both",
            "scene": "the scene",
            "template": "the prompt's format",
            "subset": "the prompt's concepts",
            "sample": "index among the samples of the prompt",
            "text": "the prompt with class words",
            "file_first": "the picture, relative to the first run's folder",
            "file_second": "the same of the second run",
            "METRIC_first": "the metric's value, first run",
            "METRIC_second": "the same, second run",
            "METRIC": "second less first",
        },
    ),
}
"""The CSV files of a comparison."""


@dataclass(frozen=True)
class IntervalPlot:
    """A difference and its interval on a line around zero, in pixels; `margin` is half the width of its band."""

    zero: float
    value: float
    low: float
    high: float
    margin: float


def write_comparison(comparison: RunComparison, out: Path) -> tuple[Path, ...]:
    """Write `compare.html` and its CSV files into `out`; returns them, the page first.

    The folder is replaced as a whole, or not at all.
    """
    with whole_replacement(out) as building:
        files = (PAGE, *FILES, COLUMNS_PAGE)
        frames = {"differences.csv": _differences(comparison), "settings.csv": _settings(comparison)}
        designs = list(comparison_designs(comparison.pairs, comparison.differences))
        frames |= {"design.csv": _designs(designs), "pictures.csv": _pictures(comparison)}
        for name, frame in frames.items():
            write_bytes(building / name, frame.to_csv(index=False).encode(errors="backslashreplace"))
        write_bytes(building / COLUMNS_PAGE, columns_page(FILES))
        write_bytes(building / PAGE, _page(comparison, designs).encode(errors="backslashreplace"))
    return tuple(out / name for name in files)


def verdict(one: PairedDifference) -> str:
    """What a paired difference says: whether it is beyond noise, within the margin, or unknown."""
    if one.n == 0:
        return "no scene has a value in both"
    if one.equal:
        return "equal on every scene"
    if one.differs:
        within = ", by less than the margin" if one.equivalent else ""
        return f"{'better' if one.better else 'worse'}{within}"
    if one.equivalent:
        return "equivalent within the margin"
    if one.is_clear:
        return f"seems {'better' if one.better else 'worse'}"
    return one.reason or "cannot be told apart"


def headline(comparison: RunComparison, pixels: SamePixels) -> Iterator[str]:
    """What the comparison says, a sentence each: differences beyond noise, equivalence, and equal pictures."""
    rows = [one for one in comparison.differences if one.n]
    found = [one for one in rows if one.differs]
    if found:
        yield f"{count(len(found), 'difference')} of {len(rows)} beyond noise: {'; '.join(map(_told, found))}."
    elif rows and all(one.equal for one in rows):
        yield "Every score that both runs have is equal."
    else:
        yield f"None of {count(len(rows), 'difference')} is beyond noise."
    if rows and not any(one.interval for one in rows):
        n = count(max(one.n for one in rows), "common scene")
        yield f"With {n} there are no intervals and no tests (from {FEWEST} on)."
    asked = [one for one in rows if one.margin is not None]
    if asked:
        within = sum(one.equivalent for one in asked)
        yield f"{within} of {len(asked)} are equivalent within the stated margin."
    if pixels.of:
        some = "" if pixels.compared == pixels.of else f" that were looked at, of {pixels.of}"
        yield f"{pixels.same} of {count(pixels.compared, 'pair')} of pictures{some} have equal pixels."


def _told(one: PairedDifference) -> str:
    value = f"{signed(one.effect)} {bounds(one.interval, show_sign=True)}"
    return f"{one.method}, {noun(one.metric.label)} {value}, {'better' if one.better else 'worse'}"


def _title(comparison: RunComparison) -> str:
    first, second = comparison.first.folder.name, comparison.second.folder.name
    if comparison.first.path.resolve() == comparison.second.path.resolve() and len(comparison.pairs) == 1:
        return f"{first}: {comparison.pairs[0].name}"
    return f"{second} against {first}"


def _page(comparison: RunComparison, designs: Sequence[ComparisonDesign]) -> str:
    folders = comparison.first.path, comparison.second.path
    pixels = same_pixels(comparison.pairs, folders)
    shown = main_metrics(comparison.metrics)
    return (
        page_templates(Path(__file__).parent)
        .get_template(TEMPLATE)
        .render(
            comparison=comparison,
            title=_title(comparison),
            designs=designs,
            headline=list(headline(comparison, pixels)),
            keys=list(key_notes(comparison.first, comparison.second, comparison.pairs)),
            verdict=verdict,
            p_text=lambda p: "–" if p is None else format_p(p),
            plot=interval_plot,
            size=(WIDTH, HEIGHT),
            shown=shown,
            pictures=shown_pairs(comparison.pairs, shown, folders),
            rule=interval_methods([one.interval for one in comparison.differences]),
        )
    )


def interval_plot(one: PairedDifference) -> IntervalPlot | None:
    """Where the difference, its interval and the margin lie on a line around zero; None without an interval."""
    if one.interval is None:
        return None
    margin = one.margin or 0.0
    reach = 1.1 * max(abs(one.interval.low), abs(one.interval.high), margin) or 1.0

    def place(value: float) -> float:
        return round(WIDTH / 2 * (1 + value / reach), 1)

    half = place(margin) - WIDTH / 2
    return IntervalPlot(WIDTH / 2, place(one.effect), place(one.interval.low), place(one.interval.high), half)


def _differences(comparison: RunComparison) -> pd.DataFrame:
    rows = [
        {
            "method": one.method,
            "metric": one.metric.label,
            "n_scenes": one.n,
            "n_pictures": one.n_pictures,
            "first": one.first,
            "second": one.second,
            "effect": one.effect,
            **bounds_record(one.interval),
            "p": one.p,
            "margin": one.margin,
            "p_equivalence": one.p_equivalence,
            "verdict": verdict(one),
        }
        for one in comparison.differences
    ]
    return pd.DataFrame(rows)


def _designs(designs: Sequence[ComparisonDesign]) -> pd.DataFrame:
    rows = [
        {
            "method": one.method,
            "metric": one.metric,
            "n_pictures": one.n_pictures,
            "spread": one.spread,
            "icc": one.correlation.value,
            "icc_low": one.correlation.low,
            "icc_high": one.correlation.high,
            "effective_n": one.correlation.effective,
            "variance_scene": one.split.scene,
            "variance_prompt": one.split.prompt,
            "variance_sample": one.split.sample,
            "detectable": one.detectable,
            **_rate_ends("first", one.rates[0] if one.rates else None),
            **_rate_ends("second", one.rates[1] if one.rates else None),
        }
        for one in designs
    ]
    return pd.DataFrame(rows, columns=list(FILES["design.csv"].columns))


def _rate_ends(side: str, interval: Interval | None) -> dict[str, float | None]:
    low, high = (None, None) if interval is None else (interval.low, interval.high)
    return {f"{side}_rate_low": low, f"{side}_rate_high": high}


def _settings(comparison: RunComparison) -> pd.DataFrame:
    about = {"the runs": comparison.settings, **comparison.fields}
    rows = [(name, one.what, one.first, one.second) for name, found in about.items() for one in found]
    return pd.DataFrame(rows, columns=list(FILES["settings.csv"].columns))


def _pictures(comparison: RunComparison) -> pd.DataFrame:
    labels = [metric.label for metric in comparison.metrics]
    frames = []
    for pair in comparison.pairs:
        table = pair.pictures().assign(method=pair.name)
        frames.append(table.sort_values(labels[0], key=lambda column: -column.abs().fillna(-math.inf), kind="stable"))
    whole = pd.concat(frames, ignore_index=True)
    values = [f"{label}{side}" for label in labels for side in ("_first", "_second", "")]
    chosen = whole[[*list(FILES["pictures.csv"].columns)[:8], *values]]
    return chosen.rename(columns={name: name.replace("-", "_") for name in values})
