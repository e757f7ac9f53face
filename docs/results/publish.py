"""`python docs/results/publish.py RUN`: publishes a run here, as an archive with reports, and in the README."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from tuned_figure import tuned_figure

from bench.core.errors import UserError
from bench.core.files import write_bytes
from bench.core.marked_text import write_marked
from bench.core.progress import console
from bench.core.text import count
from bench.plugins.spec import configure
from bench.reporting.export.export import ExportOptions, export_run
from bench.reporting.runs.recorded import RecordedRun, open_recorded
from bench.reporting.write import write_report
from bench.run.engine import reopen
from bench.run.folder import RunFolder
from bench.run.lock import LOCK
from bench.tune.apply import SUFFIX
from bench.tune.record import read_tuning

ROOT = Path(__file__).parents[2]
RESULTS, README = Path(__file__).parent, ROOT / "README.md"
TUNING = RESULTS / "playroom-tuning"
REPORTS = "pareto[reference=ours,methods={methods}],table[reference=ours,methods={untuned}],orderings"
"""The reports beside an archive; `{methods}` are no ablation and not tuned, `{untuned}` all but tuned ones."""
TUNED_TABLE = "table-tuned"
"""The folder of the table of tuned methods, beside that of the others."""
FIGURE, BOUNDS = "tuned.svg", ("base-model", "real:redrawn", "copy-paste")
"""The figure of what tuning changes, and the controls in it."""
ABLATIONS = ("ours:", "em:", "clic:")
"""Starts of the names of ablations, which the table has: tests of all pairs with them would outgrow an archive."""
TOLD = {
    "table/table.md": "The methods as they are:",
    f"{TUNED_TABLE}/table.md": "Each at the learning rates that `bench tune` found for it:",
    "orderings/orderings.md": "The papers' claims, also on tuned methods where both are:",
}
"""What the README shows of them, and under which words."""
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
"""The marks around the results in the README."""
MOST_BYTES = 8 * 2**20
"""What an archive may weigh, to be part of a repository."""


def main(
    run: Annotated[Path, typer.Argument(help="the run's folder")],
    again: Annotated[
        list[Path] | None,
        typer.Option(help="a part of it, done again under another processor setting by bench reproduce"),
    ] = None,
    reports: Annotated[
        str, typer.Option(help="the reports that lie beside it; {methods}: those that are no ablation")
    ] = REPORTS,
    pictures: Annotated[int, typer.Option(min=0, help="scenes of which pictures are kept")] = 4,
    results: Annotated[Path, typer.Option(help="where it is published")] = RESULTS,
    tuning: Annotated[Path, typer.Option(help="the tuning whose optima have a table of their own")] = TUNING,
    in_readme: Annotated[
        bool, typer.Option("--readme/--no-readme", help="whether the README shows its table and orderings")
    ] = True,
) -> None:
    """Publish a run: its archive with reports, and the table and orderings in the README."""
    out = results / run.name
    repeated = tuple(open_recorded(one) for one in again or ())
    export_run(open_recorded(run), "archive", out, ExportOptions(again=repeated, pictures=pictures))
    published = open_recorded(out)
    if in_readme:
        _write_tuned(published, tuning)
    _write_reports(published, reports)
    for file in (out / "report").glob("*/report.json"):
        file.unlink()  # its tables are the CSVs beside it
    if in_readme:
        write_bytes(out / "results.md", results_text(published).encode())
        write_marked(README, BEGIN, END, results_text(published))
    (out / LOCK).unlink(missing_ok=True)
    console.print(f"{out}: {_check_size(out) / 2**20:.1f} MiB", soft_wrap=True)


def _write_tuned(published: RecordedRun, tuning: Path) -> None:
    """A table of the methods that are what the tuning found, and the figure, if the run has any."""
    optima = _optima(published, tuning)
    if not optima:
        return
    write_report(reopen(RunFolder(published.path), None), f"table[methods={'+'.join(optima.values())}]")
    places = published.path / "report"
    shutil.rmtree(places / TUNED_TABLE, ignore_errors=True)
    (places / "table").rename(places / TUNED_TABLE)
    known = {name: optimum for name, optimum in optima.items() if name in published.methods}
    bounds = [name for name in BOUNDS if name in published.methods]
    write_bytes(published.path / FIGURE, tuned_figure(published, known, bounds))


def _optima(published: RecordedRun, tuning: Path) -> Mapping[str, str]:
    """The methods of the run that are an optimum of the tuning, by the method that was tuned; in the run's order."""
    found = {configure("methods", one.spec).canonical: name for name, one in read_tuning(tuning).methods.items()}
    specs = {name: configure("methods", published.spec(name)).canonical for name in published.methods}
    return {found[spec]: name for name, spec in specs.items() if spec in found}


def _write_reports(published: RecordedRun, reports: str) -> None:
    names = published.methods
    told = {
        "{methods}": "+".join(name for name in names if not name.startswith(ABLATIONS) and not name.endswith(SUFFIX)),
        "{untuned}": "+".join(name for name in names if not name.endswith(SUFFIX)),
    }
    for mark, methods in told.items():
        reports = reports.replace(mark, methods)
    write_report(reopen(RunFolder(published.path), None), reports)


def results_text(published: RecordedRun) -> str:
    """What was run, the tables with their intervals, and the papers' orderings, as Markdown."""
    reports = published.path / "report"
    scenes, pictures = published.table["scene"].nunique(), published.table["picture"].nunique()
    told = (
        f"`{published.settings.dataset}`, preset `{published.preset}`, seed {published.settings.seed}: "
        f"{count(scenes, 'scene')}, {count(pictures, 'picture')} of {count(len(published.methods), 'method')}."
    )
    shown = {words: reports / name for name, words in TOLD.items() if (reports / name).is_file()}
    parts = (f"{words}\n\n{file.read_text(encoding='utf-8').strip()}" for words, file in shown.items())
    return "\n\n".join((told, *parts)) + "\n"


def _check_size(folder: Path) -> int:
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if size > MOST_BYTES:
        raise UserError(f"{folder} has {size / 2**20:.1f} MiB, more than {MOST_BYTES / 2**20:.0f}: keep fewer pictures")
    return size


if __name__ == "__main__":
    try:
        typer.run(main)
    except UserError as error:
        raise SystemExit(f"publish.py: {error}") from None
