"""What the audit must find in the papers' tables."""

import pytest

from bench.stats.audit.audit import audit
from bench.stats.audit.findings import Finding
from bench.stats.audit.tables import find_table, published

TABLE = "break-a-scene-user-study"


@pytest.fixture(scope="module")
def findings() -> dict[str, Finding]:
    return {finding.what: finding for finding in audit(find_table(TABLE))}


def derived(finding: Finding, reading: str) -> str:
    (text,) = [text for name, text in finding.derived.items() if name == reading]
    return text


@pytest.mark.parametrize(
    ("method", "p", "verdict"),
    [
        ("TI-m", "0.97", "cannot follow"),
        ("DB-m", "< 1e-10", "odd"),
        ("CD-m", "2.1e-05", "cannot follow"),
        ("ELITE", "4.3e-10", "depends"),
    ],
)
def test_the_prompt_column_of_table_3_does_not_follow_from_table_4(
    findings: dict[str, Finding], method: str, p: str, verdict: str
) -> None:
    finding = findings[f"prompt similarity: {method}, ours (Tukey HSD)"]
    assert derived(finding, "spreads as deviations, n 1,215") == p
    assert finding.verdict == verdict


def test_the_spreads_of_elite_would_have_to_be_variances(findings: dict[str, Finding]) -> None:
    finding = findings["prompt similarity: ELITE, ours (Tukey HSD)"]
    assert derived(finding, "spreads as variances, n 1,215") == "< 1e-10"
    assert "only with spreads as variances, n 1,215" in finding.why


@pytest.mark.parametrize("method", ["TI-m", "DB-m", "CD-m", "ELITE"])
def test_the_identity_column_follows_with_1215_ratings_a_method(findings: dict[str, Finding], method: str) -> None:
    finding = findings[f"identity similarity: {method}, ours (Tukey HSD)"]
    assert finding.verdict in ("holds", "depends")
    assert derived(finding, "spreads as deviations, n 1,215") == "< 1e-10"


def test_kruskal_wallis_needs_about_1215_ratings_a_method(findings: dict[str, Finding]) -> None:
    finding = findings["identity similarity: all methods (Kruskal-Wallis, about)"]
    assert finding.verdict == "depends"
    assert "n 1,215" in finding.why
    assert "it needs about 993 to 1,199 values a method" in finding.why
    assert float(derived(finding, "spreads as deviations, n 243").replace("e", "E")) > 1e-60


def test_paired_ratings_are_no_independent_samples(findings: dict[str, Finding]) -> None:
    assert "wrong design" in findings["design"].why


def test_ems_rows_sum_to_100_within_rounding() -> None:
    found = {finding.what: finding for finding in audit(find_table("em-user-study"))}
    assert found["random: sum of the row"].printed == "100.01 %"
    assert found["random: sum of the row"].verdict == "holds"
    assert "rounding" in found["random: sum of the row"].why
    assert found["COCO: sum of the row"].why == ""


def test_clics_mean_ranks_sum_to_10_within_rounding() -> None:
    found = {finding.what: finding for finding in audit(find_table("clic-user-study"))}
    assert found["sum of the mean ranks of 4 methods"].printed == "9.99"
    assert found["sum of the mean ranks of 4 methods"].verdict == "holds"
    assert found["RealFill, CLiC (Nemenyi)"].verdict == "holds"


def test_means_without_spread_prove_nothing() -> None:
    assert all(finding.verdict == "note" for finding in audit(find_table("em-metrics")))


def test_all_published_tables_can_be_audited() -> None:
    assert len(published()) == 4
    for path in published():
        assert find_table(path.stem).source
        assert audit(find_table(path.stem))
