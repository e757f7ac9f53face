"""Two runs compared: pairing, differences, conditions, and what differs in how they were made."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from bench.core.errors import UserError
from bench.reporting.runs.compare import CompareOptions, RunComparison, compare_runs
from bench.reporting.runs.compare_page import headline, verdict, write_comparison
from bench.reporting.runs.comparison_design import comparison_designs
from bench.reporting.runs.conditions import fail_condition, parse_margins
from bench.reporting.runs.picture_pairs import SamePixels, same_pixels
from bench.reporting.runs.recorded import open_recorded
from bench.reporting.runs.reproduction import judge
from bench.stats.rates import jeffreys_interval

WriteRun = Callable[..., Path]
METRICS = ("identity-similarity", "prompt-similarity")


def compared(first: Path, second: Path, **options: tuple[str, ...]) -> RunComparison:
    return compare_runs(open_recorded(first), open_recorded(second), CompareOptions(**options))


def by_metric(comparison: RunComparison, method: str) -> dict[str, str]:
    return {one.metric.label: verdict(one) for one in comparison.of(method)}


def test_a_run_is_equal_to_itself(write_run: WriteRun) -> None:
    run = write_run("one", {"ours": 0.1, "ti-m": 0.0}, noise=0.05)
    comparison = compared(run, run, margins=("0.02",))
    assert [pair.name for pair in comparison.pairs] == ["ours", "ti-m"]
    assert comparison.settings == ()
    assert {verdict(one) for one in comparison.differences if one.n} == {"equal on every scene"}
    pixels = same_pixels(comparison.pairs, (run, run))
    assert pixels == SamePixels(24, 24, 24)
    assert next(iter(headline(comparison, pixels))) == "Every score that both runs have is equal."


def test_a_constant_lead_is_found_whatever_the_scenes_are(write_run: WriteRun) -> None:
    """All six differences are +.04: the least p of six scenes is 2 / 64, and Holm doubles it for two metrics."""
    comparison = compared(write_run("one", {"ours": 0.0}), write_run("two", {"ours": 0.04}))
    found = {one.metric.label: one for one in comparison.differences}
    identity = found["identity-similarity"]
    assert (identity.n, identity.n_pictures) == (6, 12)
    assert identity.effect == pytest.approx(0.04)
    assert (identity.first, identity.second) == (pytest.approx(0.55), pytest.approx(0.59))
    assert identity.p == pytest.approx(2 * 2 / 64)
    assert found["lpips-diversity"].n == 0
    assert by_metric(comparison, "ours")["background-copy"] == "equal on every scene"


def test_with_enough_scenes_it_is_beyond_noise_and_may_be_within_the_margin(write_run: WriteRun) -> None:
    one, two = write_run("one", {"ours": 0.0}, scenes=12), write_run("two", {"ours": -0.01}, scenes=12)
    assert by_metric(compared(one, two), "ours")["identity-similarity"] == "worse"
    within = by_metric(compared(one, two, margins=("0.02", "prompt-similarity=0.005")), "ours")
    assert within["identity-similarity"] == "worse, by less than the margin"
    assert within["prompt-similarity"] == "worse"


def test_noise_is_told_from_equivalence(write_run: WriteRun) -> None:
    one = write_run("one", {"a": 0.0}, scenes=12, noise=0.01)
    two = write_run("two", {"b": 0.0}, scenes=12, noise=0.01)
    name = "a → b"
    assert by_metric(compared(one, two, methods=("a", "b")), name)["identity-similarity"] == "cannot be told apart"
    wide = by_metric(compared(one, two, methods=("a", "b"), margins=("0.05",)), name)
    narrow = by_metric(compared(one, two, methods=("a", "b"), margins=("0.0001",)), name)
    assert wide["identity-similarity"] == "equivalent within the margin"
    assert narrow["identity-similarity"] == "cannot be told apart"


def test_what_differs_in_how_they_were_made(write_run: WriteRun) -> None:
    one = write_run("one", {"ours": 0.0})
    two = write_run("two", {"ours": 0.0}, seed=1, guidance=5.0, models={"clip": "sha256:e"}, versions={"torch": "2.16"})
    comparison = compared(one, two)
    told = {each.what: (each.first, each.second) for each in comparison.settings}
    assert told == {
        "seed": ("0", "1"),
        "guidance": ("7.0", "5.0"),
        "evaluator clip": ("sha256:c", "sha256:e"),
        "version of torch": ("2.15", "2.16"),
    }
    assert [note.partition(",")[0] for note in comparison.notes] == [
        "The runs have different seeds",
        "The runs were scored with different presets or models: differences are of the scoring as well.",
    ]
    assert comparison.pairs[0].n_pictures == 12  # other noise, the same scenes and prompts
    assert same_pixels(comparison.pairs, (one, two)).same == 0


@pytest.mark.parametrize(
    ("version", "told"), [(2, "version 2 and version 3"), (None, "one not recorded and version 3")]
)
def test_scores_of_another_version_of_the_scoring_are_named(
    write_run: WriteRun, version: int | None, told: str
) -> None:
    comparison = compared(write_run("one", {"ours": 0.0}, scored_by=version), write_run("two", {"ours": 0.0}))
    (note,) = comparison.notes
    assert f"different versions of the scoring, {told}: bench score RUN" in note
    assert [each.what for each in comparison.settings] == ["version of the scoring"]


def test_fields_of_two_variants_of_a_method(write_run: WriteRun) -> None:
    run = write_run("one", {"ours": 0.0, "ours[phase1_steps=0]": 0.0})
    comparison = compared(run, run, methods=("ours", "ours[phase1_steps=0]"))
    (fields,) = comparison.fields.values()
    assert [(each.what, each.second) for each in fields] == [("phase1_steps", "0")]


@pytest.mark.parametrize(
    ("drawn_first", "drawn_second"),
    [("scene-5", "scene-[0-3]"), ("scene-[0-3]", "scene-5"), ("scene-5", "scene-4")],
)
def test_a_method_without_a_common_scene_keeps_no_other_from_being_compared(
    write_run: WriteRun, tmp_path: Path, drawn_first: str, drawn_second: str
) -> None:
    """The runs share four scenes, of which `ti-m` has pictures in one run alone, or in neither."""
    first, second = (write_run(name, {"ours": lead, "ti-m": 0.0}) for name, lead in (("one", 0.0), ("two", 0.04)))
    for run, ours, other in ((first, "scene-[0-3]", drawn_first), (second, "scene-[0-4]", drawn_second)):
        table = pd.read_parquet(run / "scores.parquet")
        drawn = table["method"].map({"ours": ours, "ti-m": other})
        kept = [re.fullmatch(*both) is not None for both in zip(drawn, table["scene"], strict=True)]
        table[kept].to_parquet(run / "scores.parquet")
    comparison = compared(first, second)
    assert {one.n for one in comparison.of("ti-m")} == {0}
    assert [one.n for one in comparison.of("ours") if one.metric.label == "identity-similarity"] == [4]
    assert comparison.notes[-1] == "ti-m: no picture is in both runs, so nothing of it is compared."
    page, *_ = write_comparison(comparison, tmp_path / "out")
    assert "ti-m: no picture is in both runs" in page.read_text(encoding="utf-8")
    assert {one.difference.method for one in judge(comparison.first, comparison.second, ("0.05",))} == {"ours"}


def test_other_datasets_need_their_manifests(write_run: WriteRun) -> None:
    one, two = write_run("one", {"ours": 0.0}), write_run("two", {"ours": 0.0}, dataset_hash="e" * 64)
    with pytest.raises(UserError, match=r"have other datasets, and the manifest of .*one's is not at tiny"):
        compared(one, two)


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        (("walk",), "no scores of a method 'walk'.* It has ours$"),
        (("ours", "walk"), "two has no scores of a method 'walk'"),
        (("a", "b", "c"), "--method is given 3 times"),
        ((), "have no method in common; name one of each"),
    ],
)
def test_methods_that_cannot_be_compared(write_run: WriteRun, methods: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        compared(write_run("one", {"ours": 0.0}), write_run("two", {"db": 0.0}), methods=methods)


@pytest.mark.parametrize(
    ("text", "failed"),
    [
        ("identity-similarity < -0.02", True),
        ("identity-similarity<=-.04", False),
        ("identity-similarity.low < 0", True),
        ("identity-similarity.high >= 0", False),
        ("prompt-similarity > -1e-2", False),
        ("lpips-diversity < -0.5", True),  # no value: a condition that cannot be told has not passed
    ],
)
def test_conditions(write_run: WriteRun, text: str, failed: bool) -> None:
    one, two = write_run("one", {"ours": 0.0}), write_run("two", {"ours": -0.03})
    comparison = compared(one, two, fail_if=(text,))
    assert bool(comparison.failed) == failed
    assert all(told.startswith("ours: ") for told in comparison.failed)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("identity < -0.02", "share no metric 'identity'.* Known: identity-similarity, prompt-similarity"),
        ("identity-similarity", "is not METRIC < NUMBER"),
        ("identity-similarity == 1", "is not METRIC < NUMBER"),
        ("__import__('os') < 1", "is not METRIC < NUMBER"),
        ("identity-similarity < nan", "is not METRIC < NUMBER"),
        ("", "is not METRIC < NUMBER"),
    ],
)
def test_a_condition_that_is_none_is_one_line(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as raised:
        fail_condition(text, METRICS)
    assert "\n" not in str(raised.value)


def test_margins() -> None:
    assert parse_margins(["0.02"], METRICS) == {"identity-similarity": 0.02, "prompt-similarity": 0.02}
    assert parse_margins(["prompt-similarity = .05", "0.1"], METRICS) == {
        "identity-similarity": 0.1,
        "prompt-similarity": 0.05,
    }
    for wrong in ("0", "-1", "much", "identity=0.1", "1e999"):
        with pytest.raises(UserError):
            parse_margins([wrong], METRICS)


def test_the_files_say_what_the_page_says(write_run: WriteRun, tmp_path: Path) -> None:
    one, two = write_run("one", {"ours": 0.0}, scenes=8), write_run("two", {"ours": 0.04}, scenes=8)
    page, differences, design, settings, pictures, columns = write_comparison(compared(one, two), tmp_path / "out")
    text = page.read_text(encoding="utf-8")
    assert "2 differences of 4 beyond noise: ours, prompt similarity +0.040 [+0.040, +0.040], better" in text
    table = pd.read_csv(differences).set_index("metric")
    assert table.loc["identity-similarity", "verdict"] == "better"
    assert pd.read_csv(settings).empty
    rows = pd.read_csv(pictures)
    assert len(rows) == 16
    assert rows["identity_similarity"].to_numpy() == pytest.approx(0.04)
    told = columns.read_text(encoding="utf-8")
    for file in (differences, design, settings):
        name, frame = file.name, pd.read_csv(file)
        section = told.partition(f"## {name}\n")[2].partition("\n## ")[0]
        assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(frame.columns)
    assert not re.search(r"(src|href)=\"https?:", text)


def test_what_the_comparison_can_see(write_run: WriteRun) -> None:
    one = write_run("one", {"a": 0.0}, scenes=10, noise=0.02)
    comparison = compared(one, write_run("two", {"b": 0.0}, scenes=10, noise=0.02), methods=("a", "b"))
    found = {each.metric: each for each in comparison_designs(comparison.pairs, comparison.differences)}
    assert set(found) == {"prompt-similarity", "identity-similarity", "detection-rate", "background-copy"}
    identity = found["identity-similarity"]
    values = comparison.pairs[0].scores.matrix("identity-similarity", ("first", "second"))
    assert identity.spread == pytest.approx((values[:, 1] - values[:, 0]).std(ddof=1))
    assert 0.8 < identity.detectable / identity.spread < 2.5  # a t test at .05 / 4 with 10 scenes needs 1.3
    assert identity.n_pictures == 20
    assert 10 <= identity.correlation.effective <= 20
    assert math.isnan(identity.split.sample)
    rates = found["detection-rate"].rates
    assert rates is not None
    assert rates[0] is not None
    assert (rates[0].low, rates[0].high) == pytest.approx(jeffreys_interval(10, 10))  # all found: a scene counts once


def test_rates_are_of_the_pictures_that_both_runs_have(write_run: WriteRun) -> None:
    """The first run also has pictures of a template that the second lacks, on which nothing was found."""
    first, second = (write_run(name, {"ours": 0.0}, scenes=10) for name in ("one", "two"))
    table = pd.read_parquet(first / "scores.parquet")
    snow = table["template"].str.contains("snow")
    table.assign(detected=table["detected"] & ~snow).to_parquet(first / "scores.parquet")
    other = pd.read_parquet(second / "scores.parquet")
    other[~snow].to_parquet(second / "scores.parquet")
    comparison = compared(first, second)
    (rate,) = [one.rates for one in comparison_designs(comparison.pairs, comparison.differences) if one.rates]
    assert rate[0] is not None
    assert rate[0] == rate[1]
    assert (rate[0].low, rate[0].high) == pytest.approx(jeffreys_interval(10, 10))


def test_no_name_is_run(write_run: WriteRun, tmp_path: Path) -> None:
    evil = '"><script>alert(1)</script>'
    run = write_run("one", {"ours": 0.0}, names={"ours": evil}, dataset=evil)
    other = write_run("two", {"ours": 0.01}, names={"ours": evil}, backbone=evil)
    page, *_ = write_comparison(compared(run, other), tmp_path / "out")
    text = page.read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
