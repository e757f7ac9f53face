"""The attention report: where the handles of a run's pictures look, over the pictures and as a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import jinja2
from pydantic import Field

from bench.api import (
    ATTENTION_FILES,
    COLUMNS_PAGE,
    CsvFile,
    ReportData,
    UserError,
    attention_exhibits,
    attention_rows,
    columns_page,
    describe_rule,
    page_templates,
    read_attention_records,
    write_bytes,
)

TEMPLATE = "attention.html.j2"


@dataclass(frozen=True)
class Report:
    """One self-contained page (`attention.html`) and the share of every map as CSV.

    For runs with `--attention`: the cross-attention map of each handle before the chosen sampling steps, over its
    picture; and the share of it that lies on the segment found for the concept, a mean over the concepts that were
    found, then over scenes. The share of the picture that the segment takes is what a map that is equal everywhere
    has.
    """

    prompts: Annotated[int, "prompts of a scene that are shown, those of most concepts first", Field(ge=1)] = 2

    summary: ClassVar[str] = "where handles look while pictures are drawn: attention.html, attention.csv"
    source: ClassVar[str] = "Break-A-Scene, Figure 4"
    files: ClassVar[Mapping[str, CsvFile]] = ATTENTION_FILES

    def write(self, data: ReportData, out: Path) -> tuple[Path, ...]:
        """Write the page, the CSV file and what its columns mean; returns them, the page first.

        Raises `UserError` if the run has no attention maps.
        """
        records = read_attention_records(data)
        if records.empty:
            raise UserError(
                f"{data.run_folder} has no attention maps of methods that draw with handles; `bench run --name "
                f"{data.run_folder.name} --attention 5,10,20` records them before these sampling steps"
            )
        page, table = out / "attention.html", out / "attention.csv"
        write_bytes(table, records.drop(columns="key").to_csv(index=False).encode())
        rows = attention_rows(records)
        exhibits = attention_exhibits(data, records, self.prompts)
        rule = describe_rule([row.share.n for row in rows])
        write_bytes(page, _template().render(data=data, rows=rows, exhibits=exhibits, rule=rule).encode())
        columns = out / COLUMNS_PAGE
        write_bytes(columns, columns_page(self.files))
        return page, table, columns


def _template() -> jinja2.Template:
    return page_templates(Path(__file__).parent).get_template(TEMPLATE)
