"""What a table was scored with is recorded, also where a preset pins no commit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bench.core.files import write_json
from bench.plugins.spec import configure
from bench.run.evaluators import record_evaluators, recorded_evaluators, recorded_scoring_version
from bench.run.folder import SCHEMA, RunFolder
from bench.scoring.models.sources import ModelSource
from bench.scoring.models.weights import _commit_of
from bench.scoring.presets import SCORING_VERSION, find_preset

COMMIT = "0123456789" * 4


def test_a_moving_revision_is_recorded_by_the_commit_that_it_stood_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = tmp_path / "snapshots" / COMMIT / "config.json"
    monkeypatch.setattr("bench.scoring.models.availability.check_model", lambda _: None)
    monkeypatch.setattr("bench.scoring.models.weights.hf_hub_download", lambda *_, **__: str(cached))
    _commit_of.cache_clear()
    preset = replace(find_preset("playroom"), clip=ModelSource("owner/moving", "main"))
    folder = RunFolder(tmp_path / "run")
    assert recorded_evaluators(folder) == {}
    record_evaluators(folder, preset, [configure("metrics", "prompt-similarity")])
    _commit_of.cache_clear()
    assert recorded_evaluators(folder) == {"owner/moving": COMMIT}
    assert recorded_scoring_version(folder) == SCORING_VERSION


def test_a_record_of_an_older_version_has_no_version_of_the_scoring(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert recorded_scoring_version(folder) is None
    write_json(folder.evaluators, {"preset": "playroom", "models": {"clip": "sha256:0"}}, SCHEMA)
    assert recorded_scoring_version(folder) is None
    assert recorded_evaluators(folder) == {"clip": "sha256:0"}


def test_every_model_of_a_runs_metrics_is_recorded_and_reported(bench: Callable[..., int]) -> None:
    dataset = "playroom[scenes=1,formats=1,mix=1,0,0,samples=1,pool=20]"
    assert bench("run", "--dataset", dataset, "--name", "r", "--methods", "quick") == 0
    record = json.loads(Path("runs/r/evaluators.json").read_text())
    assert record["preset"] == "playroom"
    models = {"checkpoints/clip", "checkpoints/vit", "checkpoints/maskformer", "lpips-playroom"}
    assert record["models"].keys() == models
    assert all(content.startswith("sha256:") for content in record["models"].values())
    page = Path("runs/r/report/pareto/pareto.html").read_text()
    assert f"checkpoints/vit ({record['models']['checkpoints/vit'][:19]})" in page
