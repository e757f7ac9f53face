"""Leaderboards: who is ranked with whom, and who is set apart."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from bench.core.errors import UserError
from bench.reporting.runs.entries import find_runs, fresh_seeds, read_entries
from bench.reporting.runs.leaderboard import Board, make_boards
from bench.reporting.runs.leaderboard_page import FILES, write_leaderboard

WriteRun = Callable[..., Path]


def boards_of(*runs: Path) -> tuple[Board, ...]:
    return make_boards(read_entries(runs, None)[0])


def told(board: Board) -> list[tuple[str, str, float]]:
    return [
        (one.entry.method, one.why, one.ranks["identity-similarity"].rank if one.ranks else math.nan)
        for one in board.entries
    ]


def test_entries_of_two_runs_are_ranked_together(write_run: WriteRun) -> None:
    one = write_run("one", {"ours": 0.2, "ti-m": 0.0}, scenes=8, noise=0.001)
    two = write_run("two", {"db": 0.1}, scenes=8, noise=0.001)
    (board,) = boards_of(one, two)
    assert [(name, rank) for name, _, rank in told(board)] == [("ours", 1), ("db", 2), ("ti-m", 3)]
    first = board.entries[0]
    assert (first.ranks["identity-similarity"].low, first.ranks["identity-similarity"].high) == (1, 1)
    assert first.front
    assert first.front_probability == 1.0
    assert [one.front for one in board.entries[1:]] == [False, False]


def test_an_entry_with_few_values_changes_nobody_elses_place_on_the_front(write_run: WriteRun) -> None:
    """`em` has identity similarity on the one scene where `ti-m` is ahead of `ours`, which leads on all others."""
    one = write_run("one", {"ours": 0.2, "ti-m": 0.0, "db": 0.1}, scenes=8, noise=0.001)
    two = write_run("two", {"em": -0.3}, scenes=8, noise=0.001)
    axes = ["prompt_similarity", "identity_similarity"]
    table = pd.read_parquet(one / "scores.parquet")
    table.loc[(table["method"] == "ti-m") & (table["scene"] == "scene-3"), axes] += 0.5
    table.to_parquet(one / "scores.parquet")
    sparse = pd.read_parquet(two / "scores.parquet")
    sparse.loc[sparse["scene"] != "scene-3", "identity_similarity"] = math.nan
    sparse.to_parquet(two / "scores.parquet")
    (without,), (board,) = boards_of(one), boards_of(one, two)
    before, after = (
        [(e.entry.method, e.front, e.front_probability) for e in each.entries] for each in (without, board)
    )
    assert [front for _, front, _ in before] == [True, False, False]
    assert after == [*before, ("em", False, None)]


def test_below_four_scenes_the_front_has_no_probabilities(write_run: WriteRun) -> None:
    (board,) = boards_of(write_run("one", {"ours": 0.2, "ti-m": 0.0}, scenes=3))
    assert [(one.front, one.front_probability) for one in board.entries] == [(True, None), (False, None)]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"dataset_hash": "e" * 64}, "another dataset (tiny, eeeeeeeeeeee)"),
        ({"models": {"clip": "sha256:other"}}, "another preset or other models"),
        ({"seed": 3}, "another seed (3)"),
        ({"scored_by": 2}, "another version of the scoring (2; bench score RUN makes it this machine's)"),
        ({"scored_by": None}, "another version of the scoring (not recorded; "),
    ],
)
def test_what_is_not_comparable_is_set_apart(write_run: WriteRun, settings: dict[str, object], reason: str) -> None:
    one = write_run("one", {"ours": 0.2, "ti-m": 0.0})
    main, apart = boards_of(one, write_run("two", {"db": 0.9}, **settings))
    assert [name for name, _, _ in told(main)] == ["ours", "ti-m"]
    assert [(name, rank) for name, _, rank in told(apart)] == [("db", 1)]
    assert len(apart.apart) == 1
    assert apart.apart[0].startswith(reason)


def test_runs_of_older_versions_are_compared_with_each_other(write_run: WriteRun) -> None:
    one, two = (write_run(name, {name: 0.2}, scored_by=None) for name in ("ours", "db"))
    (board,) = boards_of(one, two)
    assert len(board.ranked) == 2


def test_tuned_settings_are_set_apart_however_many(write_run: WriteRun) -> None:
    tuned = {"ours[phase1_steps=1]": 0.5, "ti-m[steps=1]": 0.5, "real": 0.9}
    main, apart = boards_of(write_run("two", tuned, tuned=["abc"]), write_run("one", {"ours": 0.2}))
    assert {name for name, _, _ in told(main)} == {"ours", "real"}
    assert apart.apart == ("tuned settings",)
    assert len(apart.ranked) == 2


def test_controls_and_incomplete_entries_have_no_rank(write_run: WriteRun) -> None:
    one = write_run("one", {"ours": 0.2, "real": 0.9}, scenes=6)
    two = write_run("two", {"db": 0.9}, scenes=4)
    (board,) = boards_of(one, two)
    assert [(name, why) for name, why, _ in told(board)] == [
        ("ours", ""),
        ("db", "incomplete: 8 of 12 pictures"),
        ("real", "a control"),
    ]


def test_copies_in_a_merged_run_are_listed_once(write_run: WriteRun, tmp_path: Path) -> None:
    one = write_run("one", {"ours": 0.2})
    shutil.copytree(one, tmp_path / "two")
    entries, left_out = read_entries((one, tmp_path / "two"), None)
    assert len(entries) == 1
    assert "has the very pictures of ours" in left_out[0]


def test_the_trials_of_a_tuning_are_no_entries(write_run: WriteRun) -> None:
    run, trials = write_run("one", {"ours": 0.2}), write_run("two", {"ours[rate=1]": 0.2})
    (trials / "tune.json").write_text("{}")
    entries, left_out = read_entries((run, trials), None)
    assert [entry.name for entry in entries] == [f"ours ({run})"]
    assert "has the trials of a tuning" in left_out[0]


def test_a_fresh_seed_of_a_drawn_dataset_is_told(write_run: WriteRun) -> None:
    first = write_run("one", {"ours": 0.2}, dataset="playroom[scenes=10]")
    again = write_run("two", {"ours": 0.2}, dataset="playroom[scenes=10,seed=1]", dataset_hash="e" * 64)
    other = write_run("three", {"ours": 0.2}, dataset="playroom[scenes=20,seed=1]", dataset_hash="f" * 64)
    fixed = write_run("four", {"ours": 0.2}, dataset_hash="a" * 64)
    entries, _ = read_entries((first, again, other, fixed), None)
    assert fresh_seeds(entries[0], entries) == (str(again),)
    assert fresh_seeds(entries[2], entries) == ()
    assert fresh_seeds(entries[3], entries) == ()


def test_folders_of_runs_and_runs_without_scores(write_run: WriteRun, tmp_path: Path) -> None:
    run, bare = write_run("one", {"ours": 0.2}), write_run("two", {"ours": 0.2})
    (bare / "scores.parquet").unlink()
    assert find_runs([tmp_path]) == (run, bare)
    entries, left_out = read_entries(find_runs([tmp_path, run]), None)
    assert [entry.name for entry in entries] == [f"ours ({run})"]
    assert "has no scores.parquet yet" in left_out[0]
    with pytest.raises(UserError, match=r"is not a run .* nor a folder of runs"):
        find_runs([tmp_path / "nowhere"])


def test_page_and_csv(write_run: WriteRun, tmp_path: Path) -> None:
    evil = '"><script>alert(1)</script>'
    run = write_run("one", {"ours": 0.2, "ti-m": 0.0}, names={"ours": evil}, backbone=evil, dataset=evil)
    two = write_run("two", {"db": 0.1}, seed=1)
    page, table, columns = write_leaderboard(boards_of(run, two), [evil], tmp_path / "out")
    text = page.read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
    assert "Set apart: another seed (1)" in text
    frame = pd.read_csv(table)
    assert frame["board"].tolist() == [1, 1, 2]
    assert frame["identity_similarity_rank"].tolist() == [1, 2, 1]
    own = [name for name in FILES["leaderboard.csv"].columns if not name.startswith("METRIC")]
    assert set(own) <= set(frame.columns)
    assert "leaderboard.csv" in columns.read_text(encoding="utf-8")
