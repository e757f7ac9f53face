"""Builds a study: a folder to send to raters, and beside it what tells which method is which."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path

from bench.core.errors import UserError
from bench.core.files import whole_folder, write_bytes
from bench.core.hashing import digest
from bench.plugins.report import ReportData
from bench.stats.scene_means import methods_of
from bench.stats.user_study.answers import NEUTRAL
from bench.study import label_studio, mturk
from bench.study.designs import FORCED_CHOICE, Design
from bench.study.options import StudyOptions
from bench.study.pictures import SUFFIX, copy_pictures, marked_alone, write_picture
from bench.study.questions import ask, attention_checks, picture_token, plan_raters, reference_token
from bench.study.record import StudyQuestion, StudyRecord, write_study
from bench.study.sampling import SampledPrompt, all_together, balanced_sample, drawn_prompts, in_pairs

PAGE, PICTURES, LINKS = "page", "pictures", "links.csv"
ASSETS = ("index.html", "study.css", "study.js")


def build_study(data: ReportData, design: Design, options: StudyOptions, out: Path) -> tuple[Path, ...]:
    """Write a study about a run's pictures into `out`, a new or empty folder; returns the files to look at.

    `page/` is what raters get: it opens from the disk, without a network, and nothing in it names a method or the run.
    `key.json` says what every picture is; `links.csv` has a code and a link per rater. With `options.pictures_url`,
    `mturk/` and `label-studio/` have what those platforms import. Raises `UserError` where the run has too few methods
    or prompts, or a picture is missing.
    """
    sampled = _sampled(data, design, options)
    scenes = {scene.name: scene for scene in data.dataset.scenes}
    questions = ask(design, sampled, scenes, options.seed)
    checks = attention_checks(design, questions, options.checks)
    record = StudyRecord(
        study=digest([design.name, options.seed, options.title, [question.id for question in questions]])[:12],
        design=design.name,
        title=options.title,
        introduction=options.introduction,
        run=str(data.run_folder),
        dataset=data.dataset.name,
        methods=tuple(methods_of(data.table)),
        seed=options.seed,
        questions=(*questions, *checks),
        plan=plan_raters(questions, checks, options),
    )
    with whole_folder(out) as building:
        _write_pictures(data, sampled, questions, building / PAGE / PICTURES, options.seed)
        _write_page(record, building / PAGE)
        write_study(building, record)
        write_bytes(building / LINKS, _links(record).encode())
        if options.pictures_url:
            mturk.write(record, options.pictures_url, building / "mturk")
            label_studio.write(record, options.pictures_url, building / "label-studio")
    return tuple(out / file for file in (f"{PAGE}/index.html", LINKS, "key.json"))


def _sampled(data: ReportData, design: Design, options: StudyOptions) -> tuple[SampledPrompt, ...]:
    prompts = drawn_prompts(data)
    if design is FORCED_CHOICE:
        if NEUTRAL in prompts[0].pictures:
            raise UserError(
                f"a method is called '{NEUTRAL}', which is an answer of forced choice; give it another name"
            )
        return balanced_sample(in_pairs(prompts, options.against), options.questions, options.seed)
    if options.against is not None:
        raise UserError(f"--against is for --design {FORCED_CHOICE.name}; {design.name} shows all methods together")
    return balanced_sample(all_together(prompts), options.questions, options.seed)


def _write_pictures(
    data: ReportData, sampled: Iterable[SampledPrompt], questions: Iterable[StudyQuestion], folder: Path, seed: int
) -> None:
    shown = [(one.prompt, method) for one in sampled for method in one.methods]
    drawn = ((picture_token(prompt, method, seed), prompt.pictures[method][1]) for prompt, method in shown)
    copy_pictures(data.run_folder, drawn, folder)
    wanted = {question.reference for question in questions if question.reference}
    for scene in data.dataset.scenes:
        subsets = {one.prompt.subset for one in sampled if one.prompt.scene == scene.name}
        singles = {(index,) for subset in subsets for index in subset}
        for concepts in sorted(subsets | singles):
            if (token := reference_token(scene.name, concepts, seed)) in wanted:
                write_picture(folder, token, marked_alone(scene, concepts))


def _write_page(record: StudyRecord, folder: Path) -> None:
    for name in ASSETS:
        write_bytes(folder / name, files("bench.study").joinpath("page", name).read_bytes())
    # a classic script: pages that are opened from the disk may load neither JSON nor modules
    write_bytes(folder / "questions.js", f"window.STUDY = {_script(_page_data(record))};\n".encode())


def _script(content: Mapping[str, object]) -> str:
    """JSON as a script may hold it: `<` would end the script, and U+2028 and U+2029 a line."""
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=True)
    return text.replace("<", "\\u003c")


def _page_data(record: StudyRecord) -> dict[str, object]:
    """What the page knows: of pictures their tokens alone, and of checks that they are questions like any other."""
    design = record.how
    beside = {task.name for task in design.tasks if task.reference == "beside each"}
    return {
        "study": record.study,
        "title": record.title,
        "introduction": [part.strip() for part in record.introduction.split("\n\n") if part.strip()],
        "kind": design.kind,
        "ends": design.ends,
        "suffix": SUFFIX,
        "neutral": NEUTRAL,
        "questions": {
            question.id: {
                "task": question.task,
                "instruction": question.instruction,
                "text": question.text,
                "reference": question.reference,
                "beside": question.task in beside,
                "highest": design.highest(len(question.pictures)),
            }
            for question in record.questions
        },
        "plan": {rater: [[one.question, *one.pictures] for one in own] for rater, own in record.plan.items()},
    }


def _links(record: StudyRecord) -> str:
    rows = [f"{rater},{PAGE}/index.html#{rater},{len(own)}" for rater, own in record.plan.items()]
    return "\n".join(["rater,link,questions", *rows]) + "\n"
