"""The Pareto report: the page, and the CSV files beside it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bench.plugins.discovery import find
from bench.plugins.method import FidelityNote
from bench.plugins.report import ReportData
from bench.plugins.spec import configure
from bench.reporting import gallery

MakeData = Callable[..., ReportData]


def write(data: ReportData, out: Path) -> tuple[str, pd.DataFrame, pd.DataFrame]:
    page, points, summary, *_ = configure("reports", "pareto").instance.write(data, out)
    return page.read_text(encoding="utf-8"), pd.read_csv(points), pd.read_csv(summary)


@dataclass(frozen=True)
class Report:
    """A written report that several tests read."""

    data: ReportData
    folder: Path
    page: str
    points: pd.DataFrame
    summary: pd.DataFrame

    @classmethod
    def of(cls, data: ReportData) -> Report:
        """Write it where the engine does, beside the run's table of scores."""
        data.table.to_parquet(data.run_folder / "scores.parquet")
        folder = data.run_folder / "report" / "pareto"
        return cls(data, folder, *write(data, folder))


@pytest.fixture(scope="module")
def report(make_data_once: MakeData) -> Report:
    """Of six scenes and two methods."""
    return Report.of(make_data_once())


@pytest.fixture(scope="module")
def five(make_data_once: MakeData) -> Report:
    """Of six scenes and five methods."""
    return Report.of(make_data_once(methods=("ours", "ti-m", "db-m", "cd-m", "em")))


def body(page: str) -> str:
    """The page without its script and style sheet."""
    return re.sub(r"<(script|style).*?</\1>", "", page, flags=re.DOTALL)


def test_the_page_needs_no_network(outline: Callable[[str], Any], report: Report) -> None:
    found = outline(report.page)
    outside = [address for address in found.addresses if not address.startswith(("data:image/", "#"))]
    tables = ["tests.csv", "effects.csv", "front.csv", "power.csv", "pictures.csv"]
    readings = ["sensitivity.csv", "leakage.csv", "leakage_matrix.csv"]
    assert outside == ["columns.md", "pareto.csv", *readings, "summary.csv", *tables, "../../scores.parquet"]
    assert all((report.folder / address).is_file() for address in outside)
    styles = "".join(re.findall(r"<style>(.*?)</style>", report.page, flags=re.DOTALL))
    assert not re.findall(r"url\(|@import", styles)


def test_the_page_is_well_formed_and_accessible(outline: Callable[[str], Any], report: Report) -> None:
    found = outline(report.page)
    assert found.open == []
    assert found.without_alt == 0
    inside = {address[1:] for address in found.addresses if address.startswith("#")}
    assert inside == {"plot", "results", "tests", "gallery", "how"}
    assert inside <= set(found.anchors)


def test_the_csv_holds_the_tables_own_means(report: Report) -> None:
    data, points = report.data, report.points
    assert list(points["method"]) == ["ours", "ti-m"]
    for row in points.itertuples():
        mine = data.table[data.table["method"] == row.method]
        pictures = mine.drop_duplicates("picture")
        expected = pictures.groupby("scene")["prompt_similarity"].mean().mean()
        assert row.prompt_similarity == pytest.approx(expected)
        per_picture = mine.groupby(["scene", "picture"])["identity_similarity"].mean()
        assert row.identity_similarity == pytest.approx(per_picture.groupby("scene").mean().mean())
        assert row.prompt_similarity_low < row.prompt_similarity < row.prompt_similarity_high
        assert "Student t" in row.prompt_similarity_interval
    assert points["pareto"].any()


def test_the_table_shows_the_numbers_of_the_csv(report: Report) -> None:
    page, points, summary = report.page, report.points, report.summary
    for row in points.itertuples():
        interval = f"[{row.prompt_similarity_low:.3f}, {row.prompt_similarity_high:.3f}]"
        assert f'{row.prompt_similarity:.3f} <span class="ends">{interval}</span>' in body(page)
    assert summary["prompt_similarity"].tolist() == points["prompt_similarity"].tolist()


def test_how_intervals_are_made_is_said_once(make_data: MakeData, tmp_path: Path) -> None:
    page = body(write(make_data(methods=("ours", "ti-m", "db-m")), tmp_path / "out")[0])
    assert page.count("95 %, Student t over scenes.") == 1
    # Besides, of Cliff's delta, which has its own.
    assert page.count("Student t") == 2
    assert "(Student t, jackknife)" in page
    assert page.count("Tukey HSD") == page.count("Wilcoxon signed-rank, Holm") == 1


def test_each_similarity_counts_its_own_scenes(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data()
    data.table.loc[(data.table["method"] == "ti-m") & (data.table["scene"] == "scene-0"), "identity_similarity"] = None
    page, points, _ = write(data, tmp_path / "out")
    assert points["prompt_similarity_n_scenes"].tolist() == [6, 6]
    assert points["identity_similarity_n_scenes"].tolist() == [6, 5]
    assert "5 scenes only" in page
    assert body(page).count("<small>5 scenes</small>") == 1


def test_what_is_not_found_is_no_zero(report: Report) -> None:
    page, summary = report.page, report.summary
    # of the four rows a scene, one is not found
    assert summary["detection_rate"].tolist() == pytest.approx([0.75, 0.75])
    assert page.count('<dd>–</dd><dd class="none">no such thing in the picture</dd>') == 6 * 2
    assert "<dd>0.000</dd>" not in page


def test_values_are_escaped(outline: Callable[[str], Any], make_data: MakeData, tmp_path: Path) -> None:
    data = make_data(labels=("<b>cat</b>", "a&b"), methods=("ours", "</script><i>x</i>"))
    data.table["reason"] = data.table["reason"].replace("no such thing in the picture", "<u>gone</u>")
    data = dataclasses.replace(data, banners=("<s>banner</s>",), facts={"<s>fact</s>": "<s>value</s>"})
    page, _, _ = write(data, tmp_path / "out")
    outline(page)
    for tag in ("<b>cat", "<i>x", "<u>gone", "<s>"):
        assert tag not in page
    assert "&lt;b&gt;cat&lt;/b&gt;" in page


@pytest.mark.parametrize(("scenes", "interval"), [(1, False), (3, False), (4, True)])
def test_few_scenes_have_no_interval_and_it_says_so(
    make_data: MakeData, tmp_path: Path, scenes: int, interval: bool
) -> None:
    page, points, _ = write(make_data(scenes=scenes), tmp_path / "out")
    assert points["prompt_similarity_low"].notna().all() == interval
    assert ("no interval (fewer than 4 scenes)" in page) != interval
    assert ("No difference is claimed" in page) != interval
    assert ("no test below 4" in page) != interval


def test_one_method_alone_makes_a_page(make_data: MakeData, tmp_path: Path) -> None:
    page, points, _ = write(make_data(methods=("ours",)), tmp_path / "out")
    assert len(points) == 1
    assert "nothing to compare" in page
    assert "Wilcoxon" not in page


def test_nothing_found_at_all_makes_a_page(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data()
    data.table["identity_similarity"] = float("nan")
    page, points, _ = write(data, tmp_path / "out")
    assert not points["pareto"].any()
    assert "There is nothing to plot" in page
    assert "ours and ti-m: no identity similarity at all" in page


@pytest.mark.parametrize("methods", [("ours",), ("ours", "ti-m"), ("ours", "ti-m", "db-m")])
@pytest.mark.parametrize("scenes", [1, 6])
def test_no_nan_is_printed(make_data: MakeData, tmp_path: Path, methods: tuple[str, ...], scenes: int) -> None:
    data = make_data(scenes=scenes, methods=methods)
    data.table.loc[data.table["method"] == "ours", "identity_similarity"] = float("nan")
    page, _, _ = write(data, tmp_path / "out")
    assert not re.findall(r"\bnan\b|\binf\b", re.sub('base64,[^"]*', "", body(page)))


def test_a_missing_picture_is_stated(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data(scenes=1)
    (data.run_folder / data.table["file"].iloc[0]).unlink()
    page, _, _ = write(data, tmp_path / "out")
    assert "no picture: the picture is missing or damaged" in page
    assert "1 picture that the table tells of could not be read" in page


def test_a_picture_that_was_not_drawn_is_stated(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data(scenes=5)
    undrawn = (data.table["method"] == "ti-m") & (data.table["scene"] == "scene-4")
    page, _, _ = write(dataclasses.replace(data, table=data.table[~undrawn]), tmp_path / "out")
    assert page.count("no picture: not drawn yet") == 3
    assert "ours: 3 of 15 pictures left out" in page
    assert "could not be read" not in page


def test_every_picture_and_prompt_of_a_small_run_is_shown(report: Report) -> None:
    assert report.page.count('loading="lazy"') == 6 * 3 * 2
    assert report.page.count("drawn from: a photo of [v1] and [v2] in the snow") == 6
    assert report.page.count("a photo of a cat and an umbrella in the snow<small>") == 6


def test_a_large_gallery_is_cut_and_says_so(
    make_data: MakeData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "MOST_PICTURES", 6 * 2 * 2)
    page, _, _ = write(make_data(), tmp_path / "out")
    assert page.count('loading="lazy"') == 6 * 2 * 2
    assert page.count("2 of this scene's 3 prompts are on the page") == 6


def test_what_was_run_stands_on_the_page(report: Report) -> None:
    page = body(report.page)
    assert "Partial: 3 of 9 units are done." in page
    assert "3 of 9 units done" in page
    assert "none at all" in page
    assert "bench run --methods &#39;ours,ti-m&#39;" in page


def test_ledgers_stand_on_the_page_escaped(outline: Callable[[str], Any], make_data: MakeData, tmp_path: Path) -> None:
    rows = (FidelityNote("flips", "paper: none; code: <half>", "none", "they differ"),)
    data = dataclasses.replace(make_data(), ledgers={"ours": rows})
    written = configure("reports", "pareto").instance.write(data, tmp_path / "out")
    page = body(written[0].read_text(encoding="utf-8"))
    assert "ours: what its sources leave open" in page
    assert "paper: none; code: &lt;half&gt;" in page
    assert outline(page).open == []
    assert "ti-m: what its sources" not in page


def test_without_its_gallery_the_page_is_small_enough_to_mail(five: Report) -> None:
    head, _, rest = five.page.partition('id="gallery"')
    assert len(head) + len(rest.partition('id="how"')[2]) < 300_000


def test_the_plot_tells_of_points_and_its_key_hides_methods(five: Report) -> None:
    plots = re.findall(r"<svg class=\"plot-(\w+)\".*?</svg>", five.page, flags=re.DOTALL)
    assert plots == ["wide", "narrow"]
    drawn = re.findall(r'<g data-series="(\d)"', five.page)
    assert drawn == [*"01234", *"01234"]
    assert re.findall(r'data-toggles="(\d)"', five.page) == [*"01234"]
    for row in five.points.itertuples():
        told = f'data-told="{row.method}\nprompt {row.prompt_similarity:.3f} ['
        assert five.page.count(told) == 2


def test_equal_data_gives_equal_bytes(report: Report) -> None:
    assert write(report.data, report.folder.with_name("again"))[0] == report.page


def test_a_report_says_what_it_is() -> None:
    report = find("reports", "pareto")
    assert report.summary
    assert report.source


def test_the_details_show_the_numbers_of_the_csv(make_data: MakeData) -> None:
    report = Report.of(make_data(methods=("ours", "ti-m", "em")))
    told = body(report.page)
    for title in (
        "Effect sizes",
        "Mixed model",
        "How sure the Pareto front is",
        "How many scenes",
        "Means and variances",
    ):
        assert f"<details><summary>{title}" in told
    front = pd.read_csv(report.folder / "front.csv")
    for row in front.itertuples():
        assert f"{row.hypervolume:.3f}" in told
    effects = pd.read_csv(report.folder / "effects.csv").dropna(subset=["value"])
    assert len(effects) == 2 * 3 * 5
    for row in effects.itertuples():
        assert f"{row.value:.3f}".replace("-", "−") in told
    tests = pd.read_csv(report.folder / "tests.csv")
    mixed = tests[tests["test"].str.startswith("mixed model, t") & tests["p"].notna()]
    assert len(mixed)
    for row in mixed.itertuples():
        assert f"{row.effect:+.3f}".replace("-", "−") in told


def test_the_difference_asked_about_is_a_setting(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data()
    page, *_ = configure("reports", "pareto[difference=0.1]").instance.write(data, tmp_path / "out")
    assert "How many scenes a difference of 0.1 needs" in page.read_text(encoding="utf-8")
    assert set(pd.read_csv(tmp_path / "out" / "power.csv")["difference"]) == {0.1}


def test_readings_leakage_and_costs_are_told(make_data: MakeData, tmp_path: Path) -> None:
    data = dataclasses.replace(make_data(), seen_in_prior={"ti-m": ("a photo of {tokens} in the snow",)})
    page, _, _ = write(data, tmp_path / "out")
    told = " ".join(body(page).split())
    for name in ("missing: left out", "missing: counts 0", "missing: whole picture", "fill=grey"):
        assert f'<th scope="col" class="wrap">{name}</th>' in told
    readings = pd.read_csv(tmp_path / "out" / "sensitivity.csv")
    assert set(readings["method"]) == {"ours", "ti-m"}
    rates = pd.read_csv(tmp_path / "out" / "leakage.csv")
    omission = rates[(rates["event"] == "omission") & (rates["by"] == "concepts")].set_index(["method", "group"])[
        "rate"
    ]
    assert omission["ours", "1"] == 0
    assert omission["ours", "2"] == 0.5
    assert "50.0 % [50.0, 50.0]" in told
    assert '<td class="who">ti-m †</td>' in told
    assert '<td class="who">ours †</td>' not in told
    assert "which is no new context for it" in told
    assert "<td>1.50 s</td><td>0.25 s</td><td>4</td><td>–</td>" in told
    matrix = pd.read_csv(tmp_path / "out" / "leakage_matrix.csv")
    assert set(matrix["identity"]) == {0, 1}


def test_of_many_methods_only_pairs_with_the_first_are_open(five: Report) -> None:
    open_part, _, folded = body(five.page).partition("<summary>All other pairs of methods")
    assert '<th scope="row">ours − em</th>' in open_part
    assert '<th scope="row">ti-m − em</th>' not in open_part.partition('id="tests"')[2]
    assert '<th scope="row">ti-m − em</th>' in folded


def test_of_many_methods_the_details_tell_pairs_with_the_first_and_where_the_others_are(five: Report) -> None:
    details = body(five.page).partition("<details><summary>Effect sizes")[2].partition('id="gallery"')[0]
    assert '<td class="who">ours, em</td>' in details
    assert '<td class="who">ti-m, em</td>' not in details
    for file in ("effects.csv", "tests.csv", "power.csv"):
        assert f'all others are in <a href="{file}">' in details
    effects = pd.read_csv(five.folder / "effects.csv")
    assert ((effects["first"] == "ti-m") & (effects["second"] == "em")).any()


def test_turns_within_noise_are_counted_not_listed(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data()
    data.table["identity[fill=grey]"] = -data.table["identity_similarity"]
    page, _, _ = write(data, tmp_path / "out")
    assert "<li>fill=grey: 1 pair not clear either way.</li>" in body(page)
