"""From sampled prompts to questions whose pictures have no names, and to what each rater is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from bench.core.hashing import digest
from bench.core.scenes import Scene
from bench.core.seeds import seed_from
from bench.study.designs import Design, StudyTask
from bench.study.latin_square import balanced_square
from bench.study.options import StudyOptions
from bench.study.record import PlacedQuestion, ShownPicture, StudyQuestion
from bench.study.sampling import DrawnPrompt, SampledPrompt

Plan = dict[str, tuple[PlacedQuestion, ...]]
_LETTERS = "abcdefghjkmnpqrstuvwxyz"
"""Of raters' codes: without i, l and o, which are read as digits."""


def picture_token(prompt: DrawnPrompt, method: str, seed: int) -> str:
    """The token of a method's picture of a prompt."""
    return digest(["picture", method, prompt.pictures[method][0], seed])[:12]


def reference_token(scene: str, concepts: Sequence[int], seed: int) -> str:
    """The token of the picture that shows these concepts of a scene and nothing else."""
    return digest(["reference", scene, list(concepts), seed])[:12]


def ask(
    design: Design, sampled: Sequence[SampledPrompt], scenes: Mapping[str, Scene], seed: int
) -> tuple[StudyQuestion, ...]:
    """A question per task and sampled prompt, task by task."""
    asked: Counter[tuple[str, int]] = Counter()
    return tuple(
        _question(task, one, _concepts(task, one, scenes[one.prompt.scene], asked), seed)
        for task in design.tasks
        for one in sampled
    )


def _concepts(task: StudyTask, one: SampledPrompt, scene: Scene, asked: Counter[tuple[str, int]]) -> tuple[int, ...]:
    """What is shown as a reference: beside each picture the one concept that was least asked about, else all."""
    if task.reference != "beside each":
        return one.prompt.subset
    objects = [index for index in one.prompt.subset if not scene.concepts[index].is_background]
    chosen = min(objects or one.prompt.subset, key=lambda index: asked[scene.name, index])
    asked[scene.name, chosen] += 1
    return (chosen,)


def _question(task: StudyTask, one: SampledPrompt, concepts: tuple[int, ...], seed: int) -> StudyQuestion:
    prompt = one.prompt
    shown = {
        picture_token(prompt, method, seed): ShownPicture(method, prompt.pictures[method][0]) for method in one.methods
    }
    return StudyQuestion(
        id=digest([task.name, prompt.scene, list(concepts), sorted(shown), seed])[:12],
        task=task.name,
        instruction=task.instruction,
        scene=prompt.scene,
        text=prompt.text if task.shows_text else "",
        reference="" if task.reference == "none" else reference_token(prompt.scene, concepts, seed),
        pictures=shown,
    )


def attention_checks(design: Design, questions: Sequence[StudyQuestion], many: int) -> tuple[StudyQuestion, ...]:
    """Questions that say which answer to give, shared out over the tasks; their pictures are those of real ones."""
    checks = []
    for number in range(many):
        task = design.tasks[number % len(design.tasks)]
        own = [question for question in questions if question.task == task.name]
        checks.append(_check(design, own[(number * len(own)) // many], number))
    return tuple(checks)


def _check(design: Design, question: StudyQuestion, number: int) -> StudyQuestion:
    tokens = sorted(question.pictures)
    if design.kind == "ratings":
        value = (4, 2, 5, 1)[number % 4]
        told, expected = f"choose {value} for every picture", dict.fromkeys(tokens, value)
    elif design.kind == "choices":
        place = number % 2
        told, expected = f"choose the {('first', 'second')[place]} picture", {tokens[place]: 1}
    else:
        told = "rank the pictures in the order in which they are shown, the first one as 1"
        expected = {token: place + 1 for place, token in enumerate(tokens)}
    instruction = f"This question only checks that you are reading: please {told}, whatever it shows."
    return replace(
        question, id=digest(["check", number, question.id])[:12], instruction=instruction, text="", expected=expected
    )


def rater_codes(raters: int, seed: int) -> tuple[str, ...]:
    """A code per rater, `07-kqz`: its letters keep a mistyped number from being somebody else's."""
    rng = np.random.default_rng(seed_from(purpose="study-raters", seed=seed))
    return tuple(
        f"{n + 1:02d}-{''.join(_LETTERS[i] for i in rng.integers(len(_LETTERS), size=3))}" for n in range(raters)
    )


def plan_raters(questions: Sequence[StudyQuestion], checks: Sequence[StudyQuestion], options: StudyOptions) -> Plan:
    """What each rater is asked, in which order, and in which order the pictures stand.

    Each question is asked of `options.answers` raters, who get as many (by one more or less). Its pictures stand in
    the rows of a balanced Latin square, a rater's questions of one task in that of another, and the tasks, one after
    the other, alternate between raters. Checks stand evenly between; their pictures stand in a fixed order.
    """
    tasks = list(dict.fromkeys(question.task for question in questions))
    plan: Plan = {}
    for rater, code in enumerate(rater_codes(options.raters, options.seed)):
        turned = [tasks[(place + rater) % len(tasks)] for place in range(len(tasks))]
        parts = (_part([one for one in questions if one.task == task], rater, options) for task in turned)
        plan[code] = _with_checks([placed for part in parts for placed in part], checks)
    return plan


def _part(questions: Sequence[StudyQuestion], rater: int, options: StudyOptions) -> list[PlacedQuestion]:
    """A rater's questions of one task."""
    own = []
    for number, question in enumerate(questions):
        slot = (rater - number * options.answers) % options.raters
        if slot < options.answers:
            own.append(_placed(question, number + slot))
    square = balanced_square(len(own))
    return [own[index] for index in square[rater * len(square) // options.raters % len(square)]] if own else []


def _placed(question: StudyQuestion, row: int) -> PlacedQuestion:
    tokens = sorted(question.pictures)
    square = balanced_square(len(tokens))
    return PlacedQuestion(question.id, tuple(tokens[index] for index in square[row % len(square)]))


def _with_checks(placed: list[PlacedQuestion], checks: Sequence[StudyQuestion]) -> tuple[PlacedQuestion, ...]:
    """The questions with the checks between them, in even distances, none of them first."""
    result, every = list(placed), max(1, len(placed) // (len(checks) + 1))
    for number, check in reversed(list(enumerate(checks))):
        place = min((number + 1) * every, len(placed))
        result.insert(place, PlacedQuestion(check.id, tuple(sorted(check.pictures))))
    return tuple(result)
