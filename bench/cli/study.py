"""`bench study`: ask people about a run's pictures, and read what they answered."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.core.errors import UserError
from bench.core.text import count
from bench.plugins.spec import split_specs
from bench.run.folder import open_run
from bench.run.lock import hold

console = Console()

STUDIES = Path("studies")
Run = Annotated[Path, typer.Argument(metavar="RUN", help="the run's folder, for example runs/playroom-quick")]
DesignName = Annotated[
    str,
    typer.Option(
        "--design",
        help="likert: rate every method's picture from 1 to 5, for the text and for the object (Break-A-Scene, B.3); "
        "forced-choice: one of two pictures, or neither (Visual Concept EM, Table 2); ranking: all methods' pictures "
        "in order (CLiC, Table 1)",
    ),
]
Methods = Annotated[
    str | None, typer.Option(help="which methods, with commas, at least two; by default all but the controls")
]
Introduction = Annotated[
    Path | None,
    typer.Option(help="a text file that raters read first (consent, payment); empty lines part its paragraphs"),
]
PicturesUrl = Annotated[
    str,
    typer.Option(
        metavar="URL",
        help="where you will put the folder page/pictures on the web; with it, mturk/ (CSV of HITs, HTML) and "
        "label-studio/ (tasks, configuration) are written too",
    ),
]
Study = Annotated[Path, typer.Argument(metavar="STUDY", help="the folder that `bench study build` made")]
Results = Annotated[
    list[Path],
    typer.Argument(
        metavar="RESULTS...",
        help="what came back, files or folders: JSON or CSV of the study's page, Mechanical Turk's results (CSV), "
        "Label Studio's export (JSON)",
    ),
]
MostFailed = Annotated[
    int, typer.Option("--failed-checks", min=0, help="who fails more attention checks than this is left out")
]
Keep = Annotated[
    str | None, typer.Option(metavar="CODES", help="raters who stay, whatever the checks find: 02-abc,05-xyz")
]


def add_to(app: typer.Typer) -> None:
    """Register the commands on `app`."""
    verb = typer.Typer(
        help="A user study in a box: pages to send to people, and what they answered, checked and tested.",
        rich_markup_mode="markdown",
        no_args_is_help=True,
    )
    verb.command("build")(build)
    verb.command("analyse")(analyse)
    app.add_typer(verb, name="study")


def build(
    run: Run,
    design: DesignName = "likert",
    out: Annotated[
        Path | None, typer.Option(help="folder to write, new or empty; by default studies/RUN-DESIGN")
    ] = None,
    methods: Methods = None,
    questions: Annotated[int, typer.Option(min=1, help="prompts to ask about, for each task of the design")] = 20,
    raters: Annotated[int, typer.Option(min=1, help="how many people will answer; each gets a code")] = 12,
    answers: Annotated[
        int | None, typer.Option(min=1, help="raters per question (Break-A-Scene: 3); by default all of them")
    ] = None,
    checks: Annotated[int, typer.Option(min=0, help="attention checks per rater")] = 2,
    against: Annotated[
        str | None, typer.Option(metavar="METHOD", help="with forced-choice: only pairs with this method")
    ] = None,
    title: Annotated[str, typer.Option(help="what raters see as the study's name")] = "Which pictures match?",
    introduction: Introduction = None,
    pictures_url: PicturesUrl = "",
    seed: Annotated[int, typer.Option(help="of the sample and of all orders")] = 0,
) -> None:
    """Make a study about the pictures of RUN; it opens from the disk, without a server or a network.

    Send the folder `page` (or put it on the web) with a code of `links.csv` to each rater; what they save in the end
    they send back. Keep `key.json`: nothing in `page` says which method is which. Prompts are drawn at random, balanced
    over scenes, templates and numbers of concepts; pictures and questions stand in the rows of Latin squares.
    """
    from bench.reporting.selection import with_methods  # noqa: PLC0415 - slow to import
    from bench.reporting.write import report_data  # noqa: PLC0415
    from bench.run.engine import reopen  # noqa: PLC0415
    from bench.study.build import build_study  # noqa: PLC0415
    from bench.study.designs import find_design  # noqa: PLC0415
    from bench.study.options import StudyOptions  # noqa: PLC0415

    chosen = find_design(design)
    told = _read_text(introduction) if introduction is not None else ""
    url = pictures_url if not pictures_url or pictures_url.endswith(("/", "=")) else f"{pictures_url}/"
    answered = raters if answers is None else answers
    options = StudyOptions(questions, raters, answered, checks, seed, title, told, against, url)
    data = report_data(reopen(open_run(run), None))
    names = split_specs(methods) if methods else tuple(name for name in data.methods if name not in data.controls)
    made = build_study(
        with_methods(data, "+".join(names)), chosen, options, out or STUDIES / f"{run.name}-{chosen.name}"
    )
    for file in made:
        typer.echo(file)


def analyse(
    study: Study,
    results: Results,
    run: Annotated[
        Path | None, typer.Option(help="the run, where it lies elsewhere than when the study was built")
    ] = None,
    failed_checks: MostFailed = 0,
    keep: Keep = None,
) -> None:
    """Check what raters sent back, and write the run's `user-study` report from the answers that count.

    Of several answers to one question the first counts; incomplete ones do not. Who fails attention checks or is
    straight-lining (the same rating, place or order nearly always) is left out. STUDY/analysis/raters.csv says what was
    found of each rater.
    """
    from bench.reporting.write import write_report  # noqa: PLC0415 - slow to import
    from bench.run.engine import reopen  # noqa: PLC0415
    from bench.study.analyse import ANSWERS, RATERS, analyse_study  # noqa: PLC0415
    from bench.study.record import read_study  # noqa: PLC0415

    record = read_study(study)
    folder = open_run(run or Path(record.run))
    out = study / "analysis"
    kept = [code.strip() for code in (keep or "").split(",") if code.strip()]
    checked = analyse_study(record, results, out, failed_checks, kept)
    for rater in checked.raters:
        if rater.left_out:
            console.print(f"left out {rater.rater}: {rater.left_out}", soft_wrap=True, markup=False)
    used = {answer.rater for answer in checked.answers}
    console.print(f"{count(len(checked.answers), 'answer')} of {count(len(used), 'rater')}", markup=False)
    with hold(folder.path):
        files = write_report(reopen(folder, None), f"user-study[answers={out / ANSWERS},raters={out / RATERS}]")
    for file in files:
        typer.echo(file)


def _read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read the introduction {file}: it is missing or not a text in UTF-8") from error
