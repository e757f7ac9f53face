"""Which prompts people are asked about."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from bench.core.errors import UserError
from bench.plugins.report import ReportData
from bench.study.sampling import SampledPrompt, all_together, balanced_sample, drawn_prompts, in_pairs

from .conftest import make_run


def spread(sample: tuple[SampledPrompt, ...], of: str) -> int:
    """The most frequent value's count less the least frequent one's."""
    values = {
        "scene": [one.prompt.scene for one in sample],
        "template": [one.prompt.template for one in sample],
        "concepts": [len(one.prompt.subset) for one in sample],
        "methods": [one.methods for one in sample],
    }
    counts = Counter(values[of]).values()
    return max(counts) - min(counts)


@pytest.mark.parametrize("questions", [6, 12, 13])
def test_a_sample_is_balanced_over_scenes_templates_and_numbers_of_concepts(run: ReportData, questions: int) -> None:
    sample = balanced_sample(all_together(drawn_prompts(run)), questions, seed=0)
    assert len({id(one) for one in sample}) == questions
    assert {one.prompt.scene for one in sample} == {f"scene-{number}" for number in range(6)}
    assert max(spread(sample, of) for of in ("scene", "template", "concepts")) <= 1


def test_pairs_of_methods_are_balanced_too(run: ReportData) -> None:
    sample = balanced_sample(in_pairs(drawn_prompts(run), None), 18, seed=3)
    assert max(spread(sample, of) for of in ("scene", "template", "concepts", "methods")) <= 1
    assert len({one.methods for one in sample}) == 3


def test_pairs_against_one_method(run: ReportData) -> None:
    pairs = {one.methods for one in in_pairs(drawn_prompts(run), "QUUX")}
    assert pairs == {("ZORP", "QUUX"), ("QUUX", "BLARG")}
    with pytest.raises(UserError, match="'ours' is not one of the study's methods"):
        in_pairs(drawn_prompts(run), "ours")


def test_a_seed_gives_the_same_sample_and_another_one_another(run: ReportData) -> None:
    prompts = all_together(drawn_prompts(run))
    first, again, other = (
        [(one.prompt.scene, one.prompt.template) for one in balanced_sample(prompts, 8, seed)] for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other


def test_prompts_that_a_method_has_not_drawn_are_not_asked_about(run: ReportData) -> None:
    table = run.table
    lacking = table[(table["method"] == "QUUX") & (table["scene"] == "scene-0")].index
    left = make_run(run.run_folder)
    prompts = drawn_prompts(ReportData(**{**vars(left), "table": table.drop(lacking)}))
    assert "scene-0" not in {prompt.scene for prompt in prompts}
    assert len(prompts) == 5 * 6


def test_what_cannot_be_sampled(run: ReportData, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="only 36 prompts"):
        balanced_sample(all_together(drawn_prompts(run)), 37, seed=0)
    with pytest.raises(UserError, match="there is only ZORP"):
        drawn_prompts(make_run(tmp_path / "one", methods=("ZORP",)))
