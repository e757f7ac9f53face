"""The page of a leaderboard and its CSV file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from bench.core.files import whole_replacement, write_bytes
from bench.reporting.columns import COLUMNS_PAGE, METRIC, CsvFile, columns_page
from bench.reporting.page import page_templates
from bench.reporting.runs.leaderboard import Board, RankedEntry
from bench.reporting.selection import main_metrics
from bench.stats.dataframes import bounds
from bench.stats.ranks import RankInterval
from bench.stats.summary import COSTS_OF_UNITS, PICTURE_SECONDS

TEMPLATE, PAGE, TABLE = "leaderboard.html.j2", "leaderboard.html", "leaderboard.csv"

FILES: Mapping[str, CsvFile] = {
    TABLE: CsvFile(
        "an entry: a method of a run",
        {
            "board": "number of its board; entries of two boards are not comparable",
            "apart": "how it differs from the first: dataset, preset, version of the scoring, seed, or tuned settings",
            "method": "the method, by its name in its run",
            "spec": "its spec",
            "run": "the run's folder",
            "not_ranked": "why it has no rank; empty for one that has",
            "on_front": "whether no other ranked entry has at least its prompt and identity similarity and more of one",
            "front_probability": "probability of that, among the ranked entries with both similarities on 4 scenes or "
            "more, by the scenes that these have in common; empty for the others, and below 4 common scenes",
            METRIC: "mean over scenes",
            f"{METRIC}_low": "lower end of its interval; empty below 4 scenes",
            f"{METRIC}_high": "upper end of its interval",
            f"{METRIC}_interval": "level and method of the interval",
            f"{METRIC}_rank": "rank by the mean among the ranked entries of the board, 1 is best",
            f"{METRIC}_rank_low": "best rank that its true mean may have (95 %, for all entries together)",
            f"{METRIC}_rank_high": "worst rank that its true mean may have",
            "n_scenes": "scenes",
            "n_pictures": "pictures",
            "cost_fit_seconds": "mean seconds of a fit",
            "cost_peak_memory_bytes": "mean of the units' most memory",
            "cost_disk_bytes": "mean size of what a fit learned",
            "cost_energy_joules": "mean energy of a unit",
            "cost_generate_seconds": "mean seconds of a picture",
            "backbone": "the backbone",
            "fingerprint": "its content",
            "precision": "precision of the fits",
            "budget": "training budget",
            "seed": "seed of the run",
            "dataset": "the dataset as asked for",
            "dataset_hash": "hash of its manifest",
            "preset": "metric preset",
            "preset_digest": "hash of the preset's name and of the models behind the scores",
            "scoring_version": "version of the scoring that made the scores; empty where none was recorded",
            "tuned": "hash of the tuned settings, if any",
            "fresh_seeds": "runs of the same method on the same recipe drawn from another seed",
            "scenebench": "versions of scenebench that worked on the run",
            "scored": "day on which the table was written (UTC)",
        },
    ),
}
"""The CSV file of a leaderboard."""


def write_leaderboard(boards: Sequence[Board], left_out: Sequence[str], out: Path) -> tuple[Path, ...]:
    """Write `leaderboard.html` and `leaderboard.csv` into `out`; returns them, the page first."""
    with whole_replacement(out) as building:
        table = pd.DataFrame(list(_records(boards)))
        write_bytes(building / TABLE, table.to_csv(index=False).encode(errors="backslashreplace"))
        write_bytes(building / COLUMNS_PAGE, columns_page(FILES, boards[0].metrics))
        template = page_templates(Path(__file__).parent).get_template(TEMPLATE)
        page = template.render(
            boards=boards, left_out=left_out, rank_text=rank_text, main=main_metrics(boards[0].metrics)
        )
        write_bytes(building / PAGE, page.encode(errors="backslashreplace"))
    return out / PAGE, out / TABLE, out / COLUMNS_PAGE


def rank_text(found: RankInterval | None) -> str:
    """`2 [1–4]`, or a dash."""
    if found is None or math.isnan(found.rank):
        return "–"
    return f"{found.rank:g} [{found.low}–{found.high}]"


def _records(boards: Sequence[Board]) -> Iterator[dict[str, object]]:
    for number, board in enumerate(boards, 1):
        for one in board.entries:
            yield {
                "board": number,
                "apart": "; ".join(board.apart),
                **_entry(one),
                **_metrics(one, board),
                **_made(one),
            }


def _entry(one: RankedEntry) -> dict[str, object]:
    return {
        "method": one.entry.method,
        "spec": one.entry.spec,
        "run": str(one.entry.run.path),
        "not_ranked": one.why,
        "on_front": one.front,
        "front_probability": one.front_probability,
    }


def _metrics(one: RankedEntry, board: Board) -> dict[str, object]:
    record: dict[str, object] = {}
    for metric in board.metrics:
        column, estimate = metric.label.replace("-", "_"), one.summary.estimates[metric.label]
        found = one.ranks.get(metric.label)
        record[column] = estimate.mean
        record |= {f"{column}_{name}": end for name, end in bounds(estimate.interval).items()}
        record[f"{column}_rank"] = None if found is None else found.rank
        record[f"{column}_rank_low"] = None if found is None else found.low
        record[f"{column}_rank_high"] = None if found is None else found.high
    return record


def _made(one: RankedEntry) -> dict[str, object]:
    run, settings = one.entry.run, one.entry.run.settings
    return {
        "n_scenes": one.summary.n_scenes,
        "n_pictures": one.summary.n_pictures,
        **{name: one.summary.costs[name] for name in (*COSTS_OF_UNITS, PICTURE_SECONDS)},
        "backbone": settings.backbone,
        "fingerprint": settings.fingerprint,
        "precision": settings.precision,
        "budget": settings.budget,
        "seed": settings.seed,
        "dataset": settings.dataset,
        "dataset_hash": settings.dataset_hash,
        "preset": run.preset,
        "preset_digest": run.preset_digest,
        "scoring_version": run.scoring_version,
        "tuned": " ".join(settings.tuned) if one.entry.tuned else "",
        "fresh_seeds": " ".join(one.fresh or ()),
        "scenebench": one.entry.version,
        "scored": run.scored,
    }
