"""The papers' orderings, on scores whose differences are known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.core.errors import UserError
from bench.plugins.report import ReportData
from bench.plugins.spec import configure

MakeData = Callable[..., ReportData]
TUNED = " (tuned)"


def judged(data: ReportData, out: Path) -> pd.DataFrame:
    _, *files = configure("reports", "orderings").instance.write(data, out)
    csv = next(file for file in files if file.name == "orderings.csv")
    return pd.read_csv(csv).set_index(["better", "worse", "metric"])


def with_leads(data: ReportData, leads: dict[str, float]) -> ReportData:
    """Identity .3 plus a step per scene plus the method's lead, which varies a little over scenes."""
    step = data.table["scene"].str[-1].astype(int) / 100
    lead = data.table["method"].map(leads)
    data.table["identity_similarity"] = 0.3 + step + lead * (1 + step)
    data.table["prompt_similarity"] = 0.3 + 0.001 * np.where(data.table["method"] == "ours", (-1) ** (100 * step), 0)
    return data


def test_each_claim_is_shown_reversed_not_shown_or_not_run(make_data: MakeData, tmp_path: Path) -> None:
    """Eight scenes: Wilcoxon's p is 2/2^8; Holm over the six of Figure 5 that were run gives at most 6 times that."""
    leads = {"ours": 0.2, "ti-m": 0, "cd-m": 0.4, "db-m": 0.2}
    data = with_leads(make_data(8, methods=tuple(leads)), leads)
    found = judged(data, tmp_path / "out")
    identity = "identity_similarity"
    assert found.loc[("ours", "ti-m", identity), "verdict"] == "shown"
    assert found.loc[("ours", "ti-m", identity), "difference"] == pytest.approx(0.2 * 1.035)
    assert 2 / 2**8 <= found.loc[("ours", "ti-m", identity), "p"] <= 6 * 2 / 2**8
    assert found.loc[("ours", "cd-m", identity), "verdict"] == "reversed"
    assert found.loc[("db-m", "ours", identity), "verdict"] == "not shown"
    prompt = found.loc[("ti-m", "ours", "prompt_similarity")]
    assert prompt["verdict"] == "not shown"
    assert prompt["margin"] == pytest.approx(max(-prompt["low"], prompt["high"]))
    assert found.loc[("em", "em:fixed-masks", identity), "verdict"] == "not run"
    lines = (tmp_path / "out" / "orderings.md").read_text().splitlines()
    assert len(lines) == 2 + len(found)
    assert "identity: `ours` above `ti-m`" in lines[2]
    assert lines[2].endswith("| shown |")


def test_tuned_methods_are_judged_by_themselves(make_data: MakeData, tmp_path: Path) -> None:
    names = ("ours", "ti-m", f"ours{TUNED}", f"ti-m{TUNED}")
    data = with_leads(make_data(8, methods=names), dict(zip(names, (0.2, 0, 0, 0.2), strict=True)))
    found = judged(data, tmp_path / "out")["verdict"]
    assert found["ours", "ti-m", "identity_similarity"] == "shown"
    assert found[f"ours{TUNED}", f"ti-m{TUNED}", "identity_similarity"] == "reversed"


def test_a_run_without_ordered_methods_is_told_so(make_data: MakeData, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no two methods that a paper orders"):
        judged(make_data(4, methods=("mine", "yours")), tmp_path / "out")


def test_one_scene_gives_no_verdict(make_data: MakeData, tmp_path: Path) -> None:
    found = judged(make_data(1, methods=("ours", "ti-m")), tmp_path / "out")
    assert set(found["verdict"]) == {"not shown", "not run"}
    assert found["margin"].isna().all()
