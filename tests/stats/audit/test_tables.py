from pathlib import Path

import pytest

from bench.core.errors import UserError
from bench.stats.audit.audit import audit
from bench.stats.audit.findings import Finding
from bench.stats.audit.tables import claim, find_table, number, read_table

MEANS = "method,measure,mean,spread,n,p\na,m,1.5,0.5,30,< 0.01\nb,m,2.50,0.5,30,reference\n"
CHOICES = "comparison,first,second,first_percent,neutral_percent,second_percent,n\nx,a,b,20,30,50,10\n"
RANKS = "method,mean_rank,n,p\na,1.2,20,\nb,1.8,20,\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


def findings(folder: Path, text: str) -> dict[str, Finding]:
    return {finding.what: finding for finding in audit(read_table(write(folder, text)))}


def test_comment_lines_are_facts(tmp_path: Path) -> None:
    head = "# source: A paper, Table 1\n# design: paired\n# scale: 1 7\n# note: one\n# note: two\n"
    table = read_table(write(tmp_path, head + MEANS))
    assert (table.source, table.paired, table.scale, table.notes) == ("A paper, Table 1", True, (1, 7), ("one", "two"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# scale: 1 999999999\n" + MEANS, "scale '1 999999999' is not understood"),
        ("# scale: 1 " + "9" * 5000 + "\n" + MEANS, "is not understood; write # scale: 1 5"),
        ("# scale: 5 1\n" + MEANS, "scale '5 1' is not understood"),
        (MEANS.replace("1.5", "1" * 400), "mean '1111.*' is no number"),
        (MEANS.replace("30", "9" * 5000), "n '9999.*' is no whole number above 0"),
        (MEANS.replace("30", "³"), "n '³' is no whole number above 0"),
        (MEANS.replace("< 0.01", "< 0." + "0" * 400 + "1e401"), "p .* is not understood"),
        (MEANS.replace("b,m", "b,m,7"), "Expected 6 fields in line 3, saw 7"),
        (MEANS.replace("mean", "method"), "has the column 'method' twice"),
    ],
)
def test_absurd_tables_are_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        findings(tmp_path, text)
    assert len(str(caught.value)) < 400


def test_a_scale_of_a_hundred_is_none_of_them(tmp_path: Path) -> None:
    assert findings(tmp_path, "# scale: 0 100\n" + MEANS)


def test_a_number_keeps_its_precision(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, MEANS))
    mean = number(table, 1, "mean")
    assert mean is not None
    assert (mean.low, mean.high) == pytest.approx((2.495, 2.505))


@pytest.mark.parametrize(
    ("text", "low", "high", "fits"),
    [
        ("< 1e-10", -12, -11, True),
        ("< 1e-10", -9, -8, False),
        ("> 0.05", -2, -1, True),
        ("> 0.05", -3, -2, False),
        ("0.03", -1.53, -1.52, True),
        ("0.03", -1.4, -1.3, False),
    ],
)
def test_a_claim_fits_or_not(tmp_path: Path, text: str, low: float, high: float, fits: bool) -> None:
    claimed = claim(read_table(write(tmp_path, MEANS.replace("< 0.01", text))), 0)
    assert claimed is not None
    assert claimed.fits(low, high) is fits


def test_claims_that_hold_and_that_do_not(tmp_path: Path) -> None:
    assert findings(tmp_path, MEANS)["m: a, b (Tukey HSD)"].verdict == "holds"
    wrong = MEANS.replace("< 0.01", "> 0.05")
    assert findings(tmp_path, wrong)["m: a, b (Tukey HSD)"].verdict == "cannot follow"


@pytest.mark.parametrize("p", ["0.85", "> 0.9", "< 1e-10"])
def test_a_claim_about_all_says_how_many_values_it_needs(tmp_path: Path, p: str) -> None:
    finding = findings(tmp_path, f"{MEANS}all,m,,,,{p}\n")["m: all methods (Kruskal-Wallis, about)"]
    assert "it needs about" in finding.why


def test_a_claim_that_equal_means_differ_cannot_follow_from_any_number_of_values(tmp_path: Path) -> None:
    text = "method,measure,mean,spread,n,p\na,m,0.81,0.12,50,\nb,m,0.81,0.14,50,\nall,m,,,,< 0.05\n"
    finding = findings(tmp_path, text)["m: all methods (Kruskal-Wallis, about)"]
    assert (finding.verdict, finding.why) == ("cannot follow", "under no reading, even with rounding")


def test_spreads_printed_as_zero_are_rounded_ones(tmp_path: Path) -> None:
    text = "method,measure,mean,spread,n,p\na,m,0.81,0.00,3,reference\nb,m,0.70,0.00,3,0.12\nc,m,0.30,0.00,3,< 0.01\n"
    found = findings(tmp_path, text)
    near = found["m: b, a (Tukey HSD)"]
    assert (near.verdict, near.why) == ("depends", "only by rounding")  # a variance of .004 is printed as 0.00
    assert set(near.derived.values()) == {"< 1e-10"}
    assert found["m: c, a (Tukey HSD)"].verdict == "holds"


def test_spreads_that_a_scale_excludes_are_no_reading(tmp_path: Path) -> None:
    text = "# scale: 1 5\nmethod,measure,mean,spread,n,p\na,m,3,2.5,30,< 0.5\nb,m,3.5,2.5,30,reference\n"
    found = findings(tmp_path, text)
    assert found["m: spreads"].verdict == "note"
    assert all("variances" in reading for reading in found["m: a, b (Tukey HSD)"].derived)
    impossible = findings(tmp_path, text.replace("2.5", "9.5"))
    assert impossible["m: spreads"].verdict == "cannot follow"


def test_whole_answers_are_checked(tmp_path: Path) -> None:
    assert "x: whole answers" not in findings(tmp_path, CHOICES)
    wrong = findings(tmp_path, CHOICES.replace("20,30,50", "25,25,50"))
    assert wrong["x: whole answers"].verdict == "cannot follow"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no CSV"),
        ("a,b\n1,2\n", "an audit reads means: method,measure"),
        (MEANS.replace("1.5", "high"), "row 2: mean 'high' is no number"),
        (MEANS.replace("0.5", "-1"), "row 2: spread '-1' is no number"),
        (MEANS.replace("30,<", "3.5,<"), "n '3.5' is no whole number"),
        (MEANS.replace("30,<", "1,<"), "n is 1"),
        (MEANS.replace("< 0.01", "small"), "p 'small' is not understood"),
        (MEANS.replace("reference", ""), "needs the p 'reference'"),
        (MEANS.replace("b,m", "a,m"), "a method stands twice"),
        ("method,measure,mean,spread,n,p\na,m,1.5,0.5,30,\n", "fewer than 2 methods"),
        (MEANS.replace("1.5", ""), "'a' has no mean"),
        ("# scale: five\n" + MEANS, "scale 'five' is not understood"),
        (CHOICES.replace("20,30", "200,30"), "first_percent is no percentage"),
        (CHOICES.replace("20,30", ",30"), "first_percent is no percentage"),
        (RANKS.replace("1.8", "2.8"), "mean_rank is not between 1 and 2"),
        (RANKS.replace("b,", "a,"), "each once"),
        (RANKS.replace("1.2,20,", "1.2,20,0.3"), "needs the p 'reference'"),
    ],
)
def test_a_malformed_table_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        findings(tmp_path, text)
    assert message in str(error.value)
    assert "table.csv" in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_table_names_the_published_ones() -> None:
    with pytest.raises(UserError, match="break-a-scene-user-study"):
        find_table("nowhere.csv")
