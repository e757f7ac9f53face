"""Every page that SceneBench writes, of one made-up run: what the tests of pages open."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_file

from bench.core.files import write_json
from bench.plugins.backbone_settings import Budget
from bench.plugins.method import FidelityNote
from bench.plugins.report import ReportData
from bench.plugins.spec import configure
from bench.reporting.runs.compare import CompareOptions, compare_runs
from bench.reporting.runs.compare_page import write_comparison
from bench.reporting.runs.entries import read_entries
from bench.reporting.runs.leaderboard import make_boards
from bench.reporting.runs.leaderboard_page import write_leaderboard
from bench.reporting.runs.recomputed import OtherValue, Recomputed
from bench.reporting.runs.recorded import open_recorded
from bench.reporting.runs.submit_check import CheckResult
from bench.reporting.runs.submit_page import write_submit_page
from bench.run import attention, folder
from bench.stats.intervals import SceneMean
from bench.study.build import build_study
from bench.study.designs import find_design
from bench.study.options import StudyOptions
from bench.tune import record

from .conftest import make_run

METHODS = ("real", "ours", "ours:no-union", "em")
STEPS = (5, 10)
TEMPLATES = ("a photo of {tokens} in the snow", "a photo of {tokens} at the beach")
ROWS = "document.querySelectorAll('.strip figure').length > 0"
START = "document.getElementById('code').value = 'CODE'; document.querySelector('button.main').click()"
ASKED = "document.getElementById('place').textContent.startsWith('Question 1')"


@dataclass(frozen=True)
class PageSample:
    """A page: its file, what is clicked on it, and what is true as soon as it is ready."""

    file: Path
    act: str = "0"
    ready: str = "true"


Samples = dict[str, PageSample]


def named_run(place: Path, scenes: int = 4, methods: tuple[str, ...] = METHODS, mark: str = "") -> ReportData:
    """The data of a run with a second template, all whose names end in `mark`; `real` is a control."""
    names = {method: f"{method}{mark}" for method in methods}
    data = make_run(place, scenes, tuple(names.values()), (f"cat{mark}", f"umbrella{mark}"))
    table = data.table
    even = table["scene"].str[-1].isin(list("02468"))
    units = {unit: f"unit{number}" for number, unit in enumerate(table["unit"].unique())}
    pictures = {picture: f"picture{number}" for number, picture in enumerate(table["picture"].unique())}
    table = table.assign(
        unit=table["unit"].map(units),
        picture=table["picture"].map(pictures),
        scene=table["scene"] + mark,
        template=table["template"].where(even, TEMPLATES[1]) + mark,
        text=table["text"] + mark,
        reason=table["reason"].where(table["reason"] == "", table["reason"] + mark),
    )
    scenes_named = tuple(dataclasses.replace(one, name=f"{one.name}{mark}") for one in data.dataset.scenes)
    return dataclasses.replace(
        data,
        name=f"tiny-run{mark}",
        table=table,
        dataset=dataclasses.replace(data.dataset, name=f"tiny{mark}", scenes=scenes_named),
        banners=(f"Partial: 3 of 9 units are done.{mark}",),
        facts={"backbone": f"none at all{mark}"},
        methods={names[method]: {"steps": number, "note": mark} for number, method in enumerate(methods)},
        specs={name: method for method, name in names.items() if mark},
        controls=tuple(names[method] for method in methods if method == "real"),
        ledgers={names[methods[-1]]: (FidelityNote(*[f"as it says{mark}"] * 4),)},
        seen_in_prior={names[methods[-1]]: (table["template"].iloc[0],)},
        command=f"bench run{mark}",
    )


def write_pages(data: ReportData, out: Path, mark: str = "") -> Samples:
    """All pages of the run, by what writes them."""
    return {name: PageSample(*page) for name, page in _pages(data, out, mark)}


def _pages(data: ReportData, out: Path, mark: str) -> Iterator[tuple[str, tuple[Path, ...] | tuple[Path, str, str]]]:
    specs = {name: name for name in ("pareto", "table", "by-concepts", "by-template", "cost", "fidelity", "provenance")}
    if len(data.methods) > 1:
        specs |= {"ablation": "ablation", "orderings": "orderings"}
    prepared: dict[str, Callable[[ReportData], None]] = {
        "attention": _add_maps, "masks": _add_mask_notes, "training": _add_losses, "tuning": _add_tuning
    }  # fmt: skip
    for name, prepare in prepared.items():
        prepare(data)
        specs[name] = name
    specs["user-study"] = f"user-study[answers={_answers(data)}]"
    for name, spec in specs.items():
        yield name, configure("reports", spec).instance.write(data, out / name)[:1]
    gallery = configure("reports", "gallery").instance.write(data, out / "gallery")[0]
    yield "gallery", (gallery, "0", ROWS)
    opened = f"{ROWS} && document.querySelector('.strip [data-column=\"1\"]').click() === undefined"
    yield "gallery, enlarged", (gallery, "0", f"{opened} && document.getElementById('viewer').open")
    yield from _pages_of_runs(data, out, mark)
    yield from _study(data, out / "study", mark)


def _add_maps(data: ReportData) -> None:
    """Attention maps of every method; the second concept is not found beside the first."""
    place, rows = folder.RunFolder(data.run_folder), []
    for unit, table in data.table.groupby("unit"):
        maps = {}
        for one in table.to_dict("records"):
            for step in STEPS:
                maps[f"{one['picture']}/{one['concept']}/{step}"] = torch.rand(4, 4).half()
                value = 0.4 + 0.01 * step if one["detected"] else np.nan
                why = "" if one["detected"] else "not found"
                rows.append(("tiny", unit, one["picture"], one["concept"], one["label"], step, value, 0.25, why, "k"))
        place.attention_maps(str(unit)).parent.mkdir(exist_ok=True)
        save_file(maps, place.attention_maps(str(unit)), {"steps": json.dumps(STEPS)})
    pd.DataFrame(rows, columns=list(attention.COLUMNS)).to_csv(place.attention, index=False)


def _add_mask_notes(data: ReportData) -> None:
    """What the last method's fits tell of the masks that they estimated."""
    place = folder.RunFolder(data.run_folder)
    units = data.table.loc[data.table["method"] == list(data.methods)[-1], ["unit", "label"]].drop_duplicates("unit")
    for number, (unit, label) in enumerate(units.itertuples(index=False)):
        rows = [
            {
                "step": step, "concept": 0, "label": label, "estimated": True, "iou": iou, "iou_without_crf": iou - 0.1
            }
            for step, iou in ((0, 0.3), (40, 0.5 + number / 50), (80, 0.6 + number / 50))
        ]  # fmt: skip
        place.fit_records(str(unit)).parent.mkdir(exist_ok=True)
        pd.DataFrame(rows).to_csv(place.fit_records(str(unit)), index=False)


def _add_losses(data: ReportData) -> None:
    """Losses of two phases of every fit; the second has one part more."""
    place, rng = folder.RunFolder(data.run_folder), np.random.default_rng(0)
    steps = pd.DataFrame({"phase": [1] * 20 + [2] * 20, "step": [*range(1, 21)] * 2})
    for unit in data.table["unit"].unique():
        losses = steps.assign(total=np.exp(-steps["step"] / 9) + rng.uniform(0, 0.2, 40))
        file = place.losses(str(unit))
        file.parent.mkdir(exist_ok=True)
        losses.assign(attention=losses["total"].where(steps["phase"] == 2) / 3).to_csv(file, index=False)


def _add_tuning(data: ReportData) -> None:
    """A tuning of the last method: three trials of one field, and half its steps."""
    name = list(data.methods)[-1]
    scenes, rng = [scene.name for scene in data.dataset.scenes], np.random.default_rng(0)
    trials = [(f"{name}[rate={rate}]", "first", rate) for rate in (0.1, 0.4, 1.6)] + [
        (f"{name}[steps=5]", "steps", 0.4)
    ]
    rows = [
        {"method": spec, "tuned": name, "stage": stage, "rate": rate, "scene": scene, **dict.fromkeys(
            ("prompt", "identity", "objective"), 0.5 - abs(np.log(rate / 0.4)) / 8 + rng.normal() / 50)}
        for spec, stage, rate in trials for scene in scenes
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(data.run_folder / folder.TRIALS, index=False)
    mean = SceneMean.of(pd.Series(rng.normal(0.5, 0.02, len(scenes))))
    found = record.TunedMethod(
        trials[1][0], {"rate": 0.4}, "interior", ("rate",), 3, mean, mean, mean, {trials[3][0]: mean}
    )
    tuning = record.Tuning("small", "f", "full", Budget(), "tiny", data.dataset.name, "d" * 64, (), {name: found})
    write_json(data.run_folder / folder.TUNED, dataclasses.asdict(tuning), record.SCHEMA)


def _answers(data: ReportData) -> Path:
    """Ratings by four raters of both questions, and choices between the first two methods."""
    place, methods, rng = data.run_folder / "answers", list(data.methods), np.random.default_rng(0)
    place.mkdir(exist_ok=True)
    rated = [
        {"rater": f"r{rater}", "item": scene.name, "question": question, "method": method, "rating": rng.integers(1, 6)}
        for rater in range(4) for scene in data.dataset.scenes
        for question in ("prompt similarity", "identity similarity") for method in methods
    ]  # fmt: skip
    pd.DataFrame(rated).to_csv(place / "ratings.csv", index=False)
    if len(methods) > 1:
        chosen = [
            {"rater": f"r{rater}", "item": scene.name, "first": methods[0], "second": methods[1],
             "choice": ["neutral", methods[0], methods[1], methods[0]][(rater + number) % 4]}
            for rater in range(4) for number, scene in enumerate(data.dataset.scenes)
        ]  # fmt: skip
        pd.DataFrame(chosen).to_csv(place / "choices.csv", index=False)
    return place


def _pages_of_runs(data: ReportData, out: Path, mark: str) -> Iterator[tuple[str, tuple[Path, ...]]]:
    """Two runs compared, a leaderboard of three, and a run checked."""
    runs = [_recorded(data, out / "runs" / name, number, mark) for number, name in enumerate(("one", "two", "three"))]
    one, two = map(open_recorded, runs[:2])
    options = CompareOptions(margins=("0.02",), fail_if=("identity-similarity < 0.9",))
    yield "compare", write_comparison(compare_runs(one, two, options), out / "compare")[:1]
    entries, left_out = read_entries(runs, None)
    yield "leaderboard", write_leaderboard(make_boards(entries), [*left_out, f"a run{mark}"], out / "leaderboard")[:1]
    verdicts = [CheckResult(f"asked{mark}", verdict, f"found{mark}") for verdict in ("passed", "failed", "not checked")]
    other = OtherValue(f"pictures/1.png{mark}", 0, "identity-similarity", 0.5, float("nan"))
    yield (
        "submit-check",
        (write_submit_page(one, verdicts, Recomputed(1, 3, "all", 5, (other,), 0.5), out / "checked"),),
    )


def _recorded(data: ReportData, place: Path, number: int, mark: str) -> Path:
    """The run on the disk, its identity a little higher with each number; the third has another seed."""
    place.mkdir(parents=True)
    (place / "pictures").symlink_to(data.run_folder / "pictures")
    table = data.table.assign(
        seed=number // 2, identity_similarity=data.table["identity_similarity"] + 0.02 * number,
        preset="playroom", picture=data.table["picture"] + f"-{number}",
        **{f"cost_{name}": 1.0 for name in ("peak_memory_bytes", "disk_bytes", "energy_joules")},
    )  # fmt: skip
    table.to_parquet(place / "scores.parquet", index=False)
    settings = {
        "dataset": data.dataset.name, "dataset_hash": "d" * 64, "backbone": f"small{number}{mark}", "revision": None,
        "fingerprint": f"sha256:{number}", "precision": "fp32", "budget": "full", "sampling_steps": 20, "guidance": 7.0,
        "seed": number // 2, "preset": "playroom", "methods": list(data.methods), "names": {},
    }  # fmt: skip
    records = {
        "run": settings,
        "evaluators": {"preset": "playroom", "models": {f"clip{mark}": "sha256:c"}},
        "versions": {"versions": [{"torch": f"2.15{mark}"}]},
    }
    for name, content in records.items():
        write_json(place / f"{name}.json", content, folder.SCHEMA)
    return place


def _study(data: ReportData, out: Path, mark: str) -> Iterator[tuple[str, tuple[Path, str, str]]]:
    """What raters get: the page as it opens, and a question of each design."""
    designs = ("likert", "forced-choice", "ranking") if len(data.methods) > 1 else ()
    for design in designs:
        options = StudyOptions(2, 2, 2, 1, 0, f"Which one?{mark}", f"Hello.{mark}", None, "")
        build_study(data, find_design(design), options, out / design)
        code = next(iter(json.loads((out / design / "key.json").read_text())["plan"]))
        page = out / design / "page" / "index.html"
        if design == designs[0]:
            yield "study", (page, "localStorage.clear()", "true")
        yield f"study, {design}", (page, f"localStorage.clear(); {START.replace('CODE', code)}", ASKED)
