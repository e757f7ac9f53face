"""Numbers and findings as a report's page writes them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from bench.scoring.catalogue import DETECTION_RATE, IDENTITY_SIMILARITY, PROMPT_SIMILARITY
from bench.stats.intervals import FEWEST, Interval
from bench.stats.power import MOST, SampleSize
from bench.stats.results import Comparison, Pair
from bench.stats.sensitivity import RankFlip
from bench.stats.summary import MethodSummary, Summary

SIGNIFICANT = 0.05
MOST_NUMBERS = 3
"""Differences of a metric that the headline gives in numbers; of more it gives the names."""
NONE = "–"
"""Stands where there is no number."""


def number(value: float | None) -> str:
    """`0.412`, `−0.020`, or a dash."""
    return NONE if value is None or math.isnan(value) else _minus(f"{value:.3f}")


def signed(value: float | None) -> str:
    """`+0.412`, `−0.020`, or a dash."""
    return NONE if value is None or math.isnan(value) else _minus(f"{value:+.3f}")


def bounds(interval: Interval | None, show_sign: bool = False) -> str:
    """`[0.380, 0.444]`, or nothing."""
    write = signed if show_sign else number
    return "" if interval is None else f"[{write(interval.low)}, {write(interval.high)}]"


def small(value: float) -> str:
    """Two significant digits, for numbers far below 1: `0.0036`, or a dash."""
    return NONE if math.isnan(value) else f"{value:.2g}"


def chance(value: float) -> str:
    """A probability in percent, never rounded to certainty: `93 %`, `> 99.9 %`, `< 0.1 %`."""
    if value > 0.999:
        return "> 99.9 %"
    return "< 0.1 %" if value < 0.001 else f"{100 * value:.3g} %"


def scenes_needed(need: SampleSize) -> str:
    """How many scenes show the difference asked about, or why that is unknown."""
    if need.scenes is not None:
        return f"{need.scenes}"
    if need.n < FEWEST:
        return f"unknown below {FEWEST} scenes"
    return f"more than {MOST:,}" if need.spread > 0 else "unknown: the methods differ equally on every scene"


def seconds(value: float) -> str:
    """`0.21 s`, `12.3 s`, `4.5 min`, or a dash."""
    if math.isnan(value):
        return NONE
    if value < 10:
        return f"{value:.2f} s"
    return f"{value:.1f} s" if value < 120 else f"{value / 60:.1f} min"


def pace(value: float) -> str:
    """Seconds a picture as pictures a second: `0.47`, `12`, `5,000`, or a dash."""
    if not value > 0:
        return NONE
    return f"{1 / value:.2g}" if value > 0.1 else f"{1 / value:,.0f}"


def amount(size: float) -> str:
    """Bytes as people read them: `12.3 MB`, or a dash."""
    if math.isnan(size):
        return NONE
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size:.0f} B"


def energy(joules: float) -> str:
    """`930 J`, `12.3 kJ`, or a dash."""
    if math.isnan(joules):
        return NONE
    return f"{joules:.0f} J" if joules < 1000 else f"{joules / 1000:.1f} kJ"


def rank(value: float) -> str:
    """`1`, `2.5` where two share it, or a dash."""
    return NONE if math.isnan(value) else f"{value:g}"


def share(value: float) -> str:
    """A rate in percent: `12.3 %`."""
    return f"{100 * value:.1f} %"


def share_bounds(interval: Interval | None) -> str:
    """A rate's interval in percent: `[3.0, 21.6]`, or nothing."""
    return "" if interval is None else f"[{100 * interval.low:.1f}, {100 * interval.high:.1f}]"


def weight(flip: RankFlip) -> str:
    """How much a turned order says: a difference that is not clear may turn by chance."""
    told = {
        (True, True): "a clear difference both ways",
        (True, False): "clear as reported only",
        (False, True): "clear here only",
        (False, False): "not clear either way",
    }
    return told[flip.clear_before, flip.clear_now]


def count(n: int, noun: str) -> str:
    """`1 scene`, `6 scenes`."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""


def interval_rule(interval: Interval | None, n_scenes: int) -> str:
    """What stands beside a mean: `95 % Student t, 6 scenes`, or why there is no interval."""
    if n_scenes == 0:
        return "no value in any scene"
    if interval is None:
        return f"no interval: {count(n_scenes, 'scene')}, fewer than {FEWEST}"
    return f"{interval.level * 100:.0f} % {interval.method}, {count(interval.n, 'scene')}"


def headline(summary: Summary, comparisons: Sequence[Comparison]) -> Iterator[str]:
    """What the numbers say, in sentences: the front, then the first method against every other, paired by scene.

    Detection rates are told only where they seem to differ: identity similarity then rests on different concepts.
    """
    yield from _front(summary.methods)
    names = [method.method for method in summary.methods]
    if len(names) > 1 and summary.n_scenes < FEWEST:
        scenes = count(summary.n_scenes, "common scene")
        yield f"No difference is claimed: with {scenes} there are no intervals and no tests (from {FEWEST} on)."
    by_scene = {comparison.metric: comparison.pairs for comparison in comparisons if comparison.unit == "scenes"}
    for metric in (PROMPT_SIMILARITY, IDENTITY_SIMILARITY, DETECTION_RATE):
        pairs = [pair for pair in by_scene[metric.name] if pair.first == names[0] and pair.interval]
        told = pairs if metric is not DETECTION_RATE else [pair for pair in pairs if is_clear(pair)]
        if told:
            yield _finding(metric.name, told, summary.n_scenes)


def is_clear(pair: Pair) -> bool:
    """Whether the interval of a pair's difference leaves out zero."""
    return pair.interval is not None and not pair.interval.low <= 0 <= pair.interval.high


def verdict(pair: Pair) -> str:
    """How the first method stands to the second: `is` where interval and p value agree, `seems` where only the
    interval leaves out zero."""
    if not is_clear(pair):
        return "cannot be told apart from"
    sure = "is" if pair.p is not None and pair.p < SIGNIFICANT else "seems"
    return f"{sure} ahead of" if pair.effect > 0 else f"{sure} behind"


def _front(methods: Sequence[MethodSummary]) -> Iterator[str]:
    front = [method.method for method in methods if method.pareto]
    if len(methods) == 1:
        names = (metric.name for metric in (PROMPT_SIMILARITY, IDENTITY_SIMILARITY))
        means = [f"{_noun(name)} {number(methods[0].estimates[name].mean)}" for name in names]
        yield f"{methods[0].method} alone: {listed(means)}."
    elif front:
        yield f"By the means, {listed(front)} {'alone is' if len(front) == 1 else 'are'} on the Pareto front."
    for metric in (PROMPT_SIMILARITY, IDENTITY_SIMILARITY):
        if none := [method.method for method in methods if method.estimates[metric.name].n_scenes == 0]:
            yield f"{listed(none)}: no {_noun(metric.name)} at all, so no place on the front."


def _finding(metric: str, pairs: Sequence[Pair], n_scenes: int) -> str:
    """One metric, the first method against all others, by verdict; says so where fewer scenes have a value."""
    groups: dict[str, list[str]] = {}
    for pair in pairs:
        p = pair.p_text if pair.p is None else f"p = {pair.p_text}"
        fewer = f", {count(pair.n, 'scene')} only" if pair.n < n_scenes else ""
        amount = f" ({signed(pair.effect)} {bounds(pair.interval, show_sign=True)}, {p}{fewer})"
        groups.setdefault(verdict(pair), []).append(pair.second + (amount if len(pairs) <= MOST_NUMBERS else ""))
    told = "; ".join(f"{phrase} {listed(names)}" for phrase, names in groups.items())
    return f"{_noun(metric).capitalize()}: {pairs[0].first} {told}."


def _noun(metric: str) -> str:
    return metric.replace("-", " ")


def _minus(text: str) -> str:
    return text.replace("-", "−")
