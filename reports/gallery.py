"""The gallery report: every picture of a run, to filter, sort and enlarge."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar
from urllib.parse import quote

from pydantic import Field

from bench.api import (
    COLUMNS_PAGE,
    GALLERY_FILES,
    CsvFile,
    ReportData,
    columns_page,
    gallery_frame,
    gallery_records,
    page_templates,
    scenes_shown,
    with_methods,
    write_bytes,
    write_inputs,
    write_thumbnails,
)

TEMPLATE = "gallery.html.j2"
SCRIPT = "data.js"
"""The records as a classic script: a page that is opened from the disk may load no other data."""


@dataclass(frozen=True)
class Report:
    """A page (`gallery.html`) with a folder of thumbnails beside it; it needs no network and can be moved as a whole.

    Each prompt is one row, with its scene's picture and then every method's picture from the same noise. Rows are
    filtered by scene, template, number of concepts and what went wrong, and sorted by a metric or by the paired
    difference of two methods.
    """

    methods: Annotated[str, "methods to show, in this order, joined by + (default: all)"] = ""
    side: Annotated[int, "longest side of a thumbnail in pixels", Field(ge=64, le=2048)] = 256

    summary: ClassVar[str] = "every picture, to filter, sort and enlarge: gallery.html and its folder, gallery.csv"
    source: ClassVar[str] = "SceneBench: the papers show pictures that were chosen by hand"
    files: ClassVar[Mapping[str, CsvFile]] = GALLERY_FILES

    def write(self, data: ReportData, out: Path) -> tuple[Path, ...]:
        """Write the page, its data, thumbnails and CSV; returns the files that are not pictures, the page first.

        Raises `UserError` if `methods` names a method that the run has not.
        """
        chosen = with_methods(data, self.methods)
        scenes = scenes_shown(chosen)
        copies = write_thumbnails(data.run_folder, chosen.table["file"], out, self.side)
        records = gallery_records(chosen, scenes, write_inputs(scenes, out), copies)
        records["originals"] = _address(data.run_folder, out)
        page, script, table, columns = (out / name for name in ("gallery.html", SCRIPT, "gallery.csv", COLUMNS_PAGE))
        write_bytes(script, f"window.GALLERY = {_json(records)};\n".encode())
        write_bytes(table, gallery_frame(records).to_csv(index=False).encode())
        write_bytes(columns, columns_page(self.files, chosen.metrics))
        sizes = [copy.size for copy in copies.values() if copy]
        html = page_templates(Path(__file__).parent).get_template(TEMPLATE)
        rendered = html.render(
            records=records,
            script=SCRIPT,
            side=self.side,
            pictures=len(sizes),
            missing=len(copies) - len(sizes),
            weight=sum(sizes),
            reduced=any(copy.reduced for copy in copies.values() if copy),
        )
        write_bytes(page, rendered.encode())
        return page, script, table, columns


def _json(records: Mapping[str, Any]) -> str:
    """ASCII without any `<`, so that no name can end the script that it stands in."""
    return json.dumps(records, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _address(folder: Path, page: Path) -> str:
    """A folder as seen from the page's."""
    return quote(Path(os.path.relpath(folder, page)).as_posix())
