"""The table of a paper: means with intervals, what is best, differences to a reference; as LaTeX and as Markdown."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from bench.reporting.text import NONE, bounds, noun, number, signed
from bench.stats.analysis import ALPHA
from bench.stats.intervals import Interval
from bench.stats.reference import ComparedValue, ReferenceTable

DAGGER = "†"
"""Stands at a difference to the reference whose corrected p value is below 0.05."""
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "[": "{[}",  # at the start of a row a bare one would be an option of the line break before it
    "]": "{]}",
    **{sign: f"\\{sign}" for sign in "{}$&#_%"},
    DAGGER: r"$^{\dagger}$",
    "±": r"$\pm$",
    "−": "$-$",
    "–": "--",
}
_MARKDOWN = re.compile(r"([\\`*_\[\]|<>&~$#])")


@dataclass(frozen=True)
class PaperCell:
    """A mean or a difference (`signed`) with its interval; `rank` as in `ComparedValue`, `clear`: a † stands at it."""

    value: float
    interval: Interval | None
    rank: str = ""
    clear: bool = False
    signed: bool = False

    @property
    def amount(self) -> str:
        """The value alone: `0.312`, `+0.012`, or a dash."""
        return signed(self.value) if self.signed else number(self.value)

    @property
    def halves(self) -> tuple[str, str]:
        """How far the interval reaches below and above, to three decimals; empty without one."""
        if self.interval is None:
            return "", ""
        return number(self.value - self.interval.low), number(self.interval.high - self.value)

    @property
    def ends(self) -> str:
        """The interval: `± 0.010` where it is symmetric, `[0.380, 0.444]` where it is not; empty without one."""
        below, above = self.halves
        return f"± {below}" if below and below == above else bounds(self.interval, self.signed)


@dataclass(frozen=True)
class PaperSection:
    """Rows under a title of their own (empty: none), each a name and its cells."""

    title: str
    rows: tuple[tuple[str, tuple[PaperCell, ...]], ...]


def paper_sections(found: ReferenceTable, controls: Collection[str] = ()) -> tuple[PaperSection, ...]:
    """The methods, then the controls, then every other method's difference to the reference."""
    rows = {name: tuple(_mean(found.values[name, metric.label]) for metric in found.metrics) for name in found.methods}
    sections = [
        PaperSection("", tuple(row for row in rows.items() if row[0] not in controls)),
        PaperSection("Controls", tuple(row for row in rows.items() if row[0] in controls)),
        PaperSection(f"Difference to {found.reference}, paired by scene", tuple(_differences(found))),
    ]
    return tuple(section for section in sections if section.rows)


def _mean(value: ComparedValue) -> PaperCell:
    return PaperCell(value.estimate.mean, value.estimate.interval, value.rank)


def _differences(found: ReferenceTable) -> Iterator[tuple[str, tuple[PaperCell, ...]]]:
    for name in found.methods:
        pairs = [found.values[name, metric.label].difference for metric in found.metrics]
        cells = [
            PaperCell(pair.effect, pair.interval, clear=pair.p is not None and pair.p < ALPHA, signed=True)
            for pair in pairs
            if pair
        ]
        if cells:
            yield name, tuple(cells)


def latex_table(found: ReferenceTable, sections: Sequence[PaperSection], caption: str, remarks: Sequence[str]) -> str:
    """A `table` environment for LaTeX with the package booktabs; `remarks` become comments above it."""
    width = 1 + len(found.metrics)
    arrows = [r"$\uparrow$" if metric.higher_is_better else r"$\downarrow$" for metric in found.metrics]
    names = [latex(noun(metric.label).capitalize()) for metric in found.metrics]
    head = " & ".join(["Method", *(f"{name} {arrow}" for name, arrow in zip(names, arrows, strict=True))])
    return "\n".join(
        [
            *(f"% {' '.join(text.split())}" for text in ("Needs \\usepackage{booktabs}.", *remarks)),
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{latex(caption)}}}",
            rf"\begin{{tabular}}{{l{'c' * len(found.metrics)}}}",
            r"\toprule",
            rf"{head} \\",
            *(line for section in sections for line in _latex_section(section, width)),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _latex_section(section: PaperSection, width: int) -> Iterator[str]:
    yield r"\midrule"
    if section.title:
        yield rf"\multicolumn{{{width}}}{{l}}{{\emph{{{latex(section.title)}}}}} \\"
    for name, cells in section.rows:
        yield " & ".join([latex(name), *map(_latex_cell, cells)]) + r" \\"


def _latex_cell(cell: PaperCell) -> str:
    if cell.amount == NONE:
        return "--"
    amount, (below, above) = _ascii(cell.amount), map(_ascii, cell.halves)
    amount = {"best": rf"\mathbf{{{amount}}}", "level": rf"\underline{{{amount}}}"}.get(cell.rank, amount)
    dagger = r"^{\dagger}" if cell.clear else ""
    if not below:
        return f"${amount}{dagger}$"
    if below == above:
        return rf"${amount}{dagger} \pm {below}$"
    return rf"${amount}_{{-{below}}}^{{+{above}}}{{}}{dagger}$"


def latex(text: str) -> str:
    """A text for LaTeX, on one line: its special signs are escaped."""
    return "".join(_LATEX.get(sign, sign) for sign in " ".join(text.split()))


def markdown_table(found: ReferenceTable, sections: Sequence[PaperSection], caption: str) -> str:
    """The table in Markdown (GitHub's); the best is bold, what is not shown to be worse in italics."""
    arrows = [f"{markdown(noun(metric.label))} {'↑' if metric.higher_is_better else '↓'}" for metric in found.metrics]
    lines = [f"| method | {' | '.join(arrows)} |", f"|---|{'---|' * len(arrows)}"]
    for section in sections:
        if section.title:
            lines.append(f"| *{markdown(section.title)}* |{' |' * len(arrows)}")
        lines += [f"| {markdown(name)} | {' | '.join(map(_markdown_cell, cells))} |" for name, cells in section.rows]
    return "\n".join([*lines, "", markdown(caption), ""])


def _markdown_cell(cell: PaperCell) -> str:
    amount = {"best": f"**{cell.amount}**", "level": f"*{cell.amount}*"}.get(cell.rank, cell.amount)
    return f"{amount}{DAGGER if cell.clear else ''} {cell.ends}".strip()


def markdown(text: str) -> str:
    """A text for Markdown, on one line: its special signs are escaped."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def _ascii(amount: str) -> str:
    """A number as TeX takes it within formulas."""
    return amount.replace("−", "-")
