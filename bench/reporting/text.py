"""Numbers and findings as a report's page writes them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from bench.stats.intervals import FEWEST, Interval
from bench.stats.power import MOST, SampleSize
from bench.stats.results import Pair
from bench.stats.sensitivity import RankFlip

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


def significant(value: float, show_sign: bool = False) -> str:
    """Three significant digits, for numbers of any size: `0.0142`, `−0.000731`, or a dash."""
    return NONE if math.isnan(value) else _minus(f"{value:+.3g}" if show_sign else f"{value:.3g}")


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


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""


def interval_methods(intervals: Iterable[Interval | None]) -> str:
    """How these intervals were made, for a caption: `Student t`; empty if there is none."""
    return listed(sorted({interval.method for interval in intervals if interval}))


def noun(label: str) -> str:
    """A metric's label within a sentence: `identity similarity`."""
    return label.replace("-", " ")


def is_clear(pair: Pair) -> bool:
    """Whether the interval of a pair's difference leaves out zero."""
    return pair.interval is not None and not pair.interval.low <= 0 <= pair.interval.high


def _minus(text: str) -> str:
    return text.replace("-", "−")
