"""The user-study report: what people answered about a run's pictures, tested, and how well metrics agree with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, ClassVar

from bench.api import (
    COLUMNS_PAGE,
    STUDY_FILES,
    Answers,
    ChoicesStudy,
    CsvFile,
    HumanPoint,
    ReportData,
    Study,
    UserError,
    agreement_frame,
    columns_page,
    human_pareto,
    human_pareto_frame,
    make_study,
    methods_frame,
    page_templates,
    rating_plot,
    read_answers,
    read_rater_checks,
    study_tests_frame,
    write_bytes,
)

TEMPLATE = "user_study.html.j2"


@dataclass(frozen=True)
class Report:
    """One self-contained page (`user-study.html`), and its numbers as CSV.

    The answers are a CSV with a row an answer: `rater,item,method,rating` (1 to 5), `rater,item,first,second,choice`
    (one of both names, or "neutral") or `rater,item,method,rank` (1 is best); optional columns: `question`, `scene`
    (which answers depend on through its pictures; by default the item), `picture` (its identity in scores.parquet).
    Ratings of two questions called `prompt similarity` and `identity similarity` make the plot of Figure 5, right.
    """

    answers: Annotated[str, "a CSV of answers, or a folder of them"] = ""
    raters: Annotated[str, "the raters.csv of `bench study analyse`: what was found of each rater, for the page"] = ""

    summary: ClassVar[str] = "ratings, forced choices or rankings of people: user-study[answers=FILE.csv]; HTML and CSV"
    source: ClassVar[str] = "Break-A-Scene, B.3 and Figure 5; Visual Concept EM, Table 2; CLiC, Table 1"
    files: ClassVar[Mapping[str, CsvFile]] = STUDY_FILES

    def write(self, data: ReportData, out: Path) -> tuple[Path, ...]:
        """Write the page, the CSV files and what their columns mean; returns them, the page first.

        Raises `UserError` if there are no answers, or if their CSV is malformed.
        """
        studies = [make_study(_named(answers, data), data.table, data.metrics) for answers in self._read()]
        checks = read_rater_checks(Path(self.raters)) if self.raters else []
        points = human_pareto(studies)
        tables = {
            out / "tests.csv": study_tests_frame(studies),
            out / "methods.csv": methods_frame(studies),
            out / "agreement.csv": agreement_frame(studies),
            out / "human_pareto.csv": human_pareto_frame(points),
        }
        for file, frame in tables.items():
            write_bytes(file, frame.to_csv(index=False).encode())
        columns = out / COLUMNS_PAGE
        write_bytes(columns, columns_page(self.files))
        page = out / "user-study.html"
        write_bytes(page, render(data, studies, points, checks).encode())
        return page, *tables, columns

    def _read(self) -> list[Answers]:
        path = Path(self.answers)
        if not self.answers or not path.exists():
            named = f"there is no {path}" if self.answers else "no answers are named"
            raise UserError(f'{named}; write --report "user-study[answers=FILE.csv]" (columns: bench report --help)')
        files = sorted(path.glob("*.csv")) if path.is_dir() else [path]
        if not files:
            raise UserError(f"{path} holds no CSV of answers")
        return [answers for file in files for answers in read_answers(file)]


def _named(answers: Answers, data: ReportData) -> Answers:
    """The answers with the run's names of methods in place of their specs."""
    names = {spec: name for name, spec in data.specs.items()}
    told = [column for column in ("method", "first", "second", "choice") if column in answers.frame]
    return replace(answers, frame=answers.frame.replace(dict.fromkeys(told, names)) if names else answers.frame)


def render(
    data: ReportData, studies: Sequence[Study], points: Sequence[HumanPoint], checks: Sequence[Mapping[str, str]]
) -> str:
    """The page."""
    templates = page_templates(Path(__file__).parent)
    templates.tests["choices"] = lambda result: isinstance(result, ChoicesStudy)
    page: str = templates.get_template(TEMPLATE).render(
        data=data, studies=studies, points=points, plot=rating_plot(points), checks=checks
    )
    return page
