"""What counts as an equivalent result, worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from bench.core.errors import UserError
from bench.reporting.runs.recorded import open_recorded
from bench.reporting.runs.reproduction import Spread, judge, measure_spreads, read_spreads, write_spreads

WriteRun = Callable[..., Path]


def test_a_margin_is_the_quantile_times_the_error_of_a_mean() -> None:
    """t(10) at 1 - .01/2 is 3.1693; with two differences at 1 - .01/4: 3.5814 (tables of Student's t)."""
    spread = Spread(0.2, 10)
    assert spread.margin(4, 1) == pytest.approx(3.1693 * 0.2 / 2, abs=1e-4)
    assert spread.margin(1, 2) == pytest.approx(3.5814 * 0.2, abs=1e-4)
    assert Spread(0.0, 10).margin(4, 1) == 1e-6


def test_the_spread_is_the_root_mean_square_over_scenes_and_runs(write_run: WriteRun) -> None:
    """Differences of .03 on six scenes and of -.01 on the same six: sqrt((.0009 + .0001) / 2) = .02236."""
    run, *again = (
        open_recorded(write_run(name, {"ours": lead})) for name, lead in (("a", 0), ("b", 0.03), ("c", -0.01))
    )
    spread = measure_spreads(run, again)["prompt-similarity"]
    assert spread.deviation == pytest.approx(0.02236, abs=1e-5)
    assert spread.n == 12


def test_a_result_is_judged_by_the_spread_that_lies_beside_the_run(write_run: WriteRun) -> None:
    run, close, far = (write_run(name, {"ours": lead}) for name, lead in (("a", 0.0), ("b", 0.01), ("c", 0.2)))
    names = [metric.label for metric in open_recorded(run).metrics]
    write_spreads(run, dict.fromkeys(names, Spread(0.02, 30)))
    assert read_spreads(run)["prompt-similarity"] == Spread(0.02, 30)
    published = open_recorded(run)
    assert all(one.equivalent for one in judge(published, open_recorded(close), ()))
    verdicts = {one.difference.metric.label: one.equivalent for one in judge(published, open_recorded(far), ())}
    assert not verdicts["prompt-similarity"]
    assert verdicts["background-copy"], "it is the same in both"


def test_without_a_spread_a_margin_must_be_stated(write_run: WriteRun) -> None:
    one, other = (open_recorded(write_run(name, {"ours": 0.0})) for name in "ab")
    with pytest.raises(UserError, match="give --margin"):
        judge(one, other, ())
    assert all(each.equivalent for each in judge(one, other, ("0.01",)))


def test_a_metric_without_values_needs_no_spread(write_run: WriteRun) -> None:
    runs = [write_run(name, {"ours": 0.0}) for name in "ab"]
    for run in runs:
        table = pd.read_parquet(run / "scores.parquet")
        table.assign(background_copy=float("nan")).to_parquet(run / "scores.parquet", index=False)
    names = {metric.label for metric in open_recorded(runs[0]).metrics} - {"background-copy"}
    write_spreads(runs[0], dict.fromkeys(names, Spread(0.02, 30)))
    judged = {one.difference.metric.label for one in judge(*map(open_recorded, runs), ())}
    assert "prompt-similarity" in judged
    assert "background-copy" not in judged
