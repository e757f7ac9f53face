"""Runs on disk whose scores are known: settings, a table, pictures; no method and no model is needed."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bench.core.table import COLUMNS
from bench.run.folder import SCHEMA

WriteRun = Callable[..., Path]
TEMPLATES = ("a photo of {tokens} in the snow", "a photo of {tokens} at the beach")
SETTINGS: Mapping[str, Any] = {
    "dataset": "tiny",
    "dataset_hash": "d" * 64,
    "backbone": "small",
    "revision": None,
    "fingerprint": "sha256:0",
    "precision": "fp32",
    "budget": "full",
    "sampling_steps": 20,
    "guidance": 7.0,
    "seed": 0,
    "preset": "playroom",
}


def make_rows(folder: Path, method: str, lead: float, scenes: int, seed: int, noise: float) -> list[dict[str, Any]]:
    """Two pictures of one concept per scene: identity .5, prompt similarity .3, both plus `lead`, scenes apart."""
    rng = np.random.default_rng(zlib.crc32(method.encode()))
    rows: list[dict[str, Any]] = []
    for scene in range(scenes):
        for number, template in enumerate(TEMPLATES):
            key = f"{zlib.crc32(f'{method}/{scene}/{number}/{seed}'.encode()):08x}"
            file = folder / "pictures" / f"{key}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng([scene, number, seed]).integers(0, 255, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(file)
            shift = lead + noise * float(rng.normal())
            rows.append(
                {
                    "dataset": "tiny",
                    "scene": f"scene-{scene}",
                    "method": method,
                    "seed": seed,
                    "unit": f"{method}-{scene}",
                    "picture": key,
                    "file": f"pictures/{key}.png",
                    "template": template,
                    "subset": "0",
                    "sample": 0,
                    "text": template.format(tokens="a cat"),
                    "concept": 0,
                    "label": "cat",
                    "preset": "playroom",
                    "prompt_similarity": 0.3 + 0.01 * scene + shift,
                    "identity_similarity": 0.5 + 0.02 * scene + shift,
                    "detected": True,
                    "reason": "",
                    "lpips_diversity": float("nan"),
                    "diversity_reason": "one sample",
                    "background_copy": 0.1,
                    "copy_reason": "",
                    "cost_fit_seconds": 10.0,
                    "cost_generate_seconds": 0.5,
                    "cost_peak_memory_bytes": 1e9,
                    "cost_disk_bytes": 1e6,
                    "cost_energy_joules": float("nan"),
                }
            )
    return rows


@pytest.fixture
def write_run(tmp_path: Path) -> WriteRun:
    """Writes the run `name` with methods and their leads; other settings as keywords; returns its folder."""

    def write(
        name: str,
        methods: Mapping[str, float],
        scenes: int = 6,
        noise: float = 0.0,
        models: Mapping[str, str] | None = None,
        versions: Mapping[str, str] | None = None,
        scored_by: int | None = 3,
        **settings: Any,
    ) -> Path:
        folder = tmp_path / name
        whole = {**SETTINGS, **settings, "methods": list(methods)}
        scoring = {} if scored_by is None else {"scoring_version": scored_by}
        rows = [
            row
            for method, lead in methods.items()
            for row in make_rows(folder, method, lead, scenes, whole["seed"], noise)
        ]
        table = pd.DataFrame(rows, columns=list(dict.fromkeys([*COLUMNS, *rows[0]])))
        table.to_parquet(folder / "scores.parquet", index=False)
        os.utime(folder / "scores.parquet", (1_750_000_000, 1_750_000_000))  # 15 June 2025
        records = {
            "run.json": whole,
            "evaluators.json": {"preset": whole["preset"], "models": models or {"clip": "sha256:c"}, **scoring},
            "versions.json": {"versions": [versions or {"torch": "2.15"}]},
        }
        for file, content in records.items():
            (folder / file).write_text(json.dumps({"schema": SCHEMA, **content}), encoding="utf-8")
        return folder

    return write
