"""The prompts: the paper's ten formats, its arithmetic, and the other reading."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from bench.core.errors import UserError
from bench.core.scenes import Concept, Scene, handle
from bench.data.prompts import FORMATS, PromptPlan, parse_formats, subsets

TEN = parse_formats("10")


def test_the_formats_are_the_paper_s_in_its_order(fixtures: Path) -> None:
    lines = (fixtures / "break-a-scene-formats.txt").read_text(encoding="utf-8").splitlines()
    assert list(TEN) == [line.strip('- "') for line in lines if line.startswith("- ")]


def test_there_are_ten_formats_with_the_tokens_once() -> None:
    assert len(TEN) == len(set(TEN)) == 10
    assert all(template.count("{tokens}") == 1 for template in TEN)


def test_subsets_are_the_powerset_without_the_empty_set() -> None:
    assert subsets(2) == ((0,), (1,), (0, 1))
    assert [len(subsets(n)) for n in (2, 3, 4)] == [3, 7, 15]


def test_the_paper_s_5400() -> None:
    plan = PromptPlan(TEN, samples=2, reading="powerset", seed=0)
    assert sum(count * len(plan.prompts("x", n)) for n, count in ((2, 30), (3, 15), (4, 5))) == 5400


def test_a_powerset_has_every_prompt_once() -> None:
    prompts = PromptPlan(TEN[:3], 2, "powerset", 0).prompts("x", 3)
    assert len(set(prompts)) == len(prompts) == 3 * 7 * 2
    assert {prompt.subset for prompt in prompts} == set(subsets(3))


def test_texts_have_handles_to_generate_and_articles_to_score() -> None:
    mask = np.ones((2, 2), dtype=np.bool_)
    concepts = tuple(Concept(label, mask, handle(k)) for k, label in enumerate(("cat", "umbrella")))
    prompts = PromptPlan(TEN[:1], 1, "powerset", 0).prompts("x", 2)
    scene = Scene("x", np.zeros((2, 2, 3), dtype=np.uint8), concepts, prompts)
    assert scene.text_with_handles(prompts[-1]) == "a photo of [v1] and [v2] at the beach"
    assert scene.text_with_classes(prompts[-1]) == "a photo of a cat and an umbrella at the beach"


@pytest.mark.parametrize("concepts", [2, 3, 4])
def test_random_prompts_are_as_many_unique_and_the_same_every_time(concepts: int) -> None:
    plan = PromptPlan(TEN, 2, "random", 0)
    prompts = plan.prompts("scene", concepts)
    assert len(set(prompts)) == len(prompts) == len(PromptPlan(TEN, 2, "powerset", 0).prompts("scene", concepts))
    assert prompts == plan.prompts("scene", concepts)
    assert prompts != plan.prompts("other scene", concepts)
    assert prompts != PromptPlan(TEN, 2, "random", 1).prompts("scene", concepts)


def test_random_prompts_have_a_random_number_of_tokens() -> None:
    """Uniform over the numbers 1 to 4, not over the subsets (where 2 would come 6 times in 15)."""
    plan = PromptPlan(TEN, 2, "random", 0)
    drawn = [prompt for scene in range(20) for prompt in plan.prompts(str(scene), 4)]
    sizes = Counter(len(prompt.subset) for prompt in drawn)
    assert len(drawn) == 6000
    assert all(abs(sizes[k] - 1500) < 150 for k in (1, 2, 3, 4))  # 4.5 standard deviations
    assert all(abs(count - 600) < 110 for count in Counter(prompt.template for prompt in drawn).values())


def test_formats_by_number_and_by_name() -> None:
    assert parse_formats("2") == (FORMATS["beach"], FORMATS["jungle"])
    assert parse_formats("snow, beach") == (FORMATS["snow"], FORMATS["beach"])
    for text in ("0", "11", "", "sea", "beach,beach", "2,3"):
        with pytest.raises(UserError, match="--formats"):
            parse_formats(text)


def test_prompts_of_a_scene_with_its_background() -> None:
    """The plain ones name all but the background; then it is alone, and behind each subset."""
    plan = PromptPlan(("a photo of {tokens} at the beach",), 2, "powerset", 0)
    found = plan.prompts_of("s", ("cat", "background", "dog"))
    plain, at = found[:6], found[6:]
    assert [prompt.subset for prompt in plain[::2]] == [(0,), (2,), (0, 2)]
    assert [(prompt.template, prompt.subset) for prompt in at[::2]] == [
        ("a photo of {tokens}", (1,)),
        ("a photo of {tokens} at {background}", (0, 1)),
        ("a photo of {tokens} at {background}", (1, 2)),
        ("a photo of {tokens} at {background}", (0, 1, 2)),
    ]
    assert [prompt.sample for prompt in at[:2]] == [0, 1]
    assert plan.prompts_of("s", ("cat", "dog")) == plan.prompts("s", 2)
