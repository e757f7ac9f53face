"""What a fit tells of itself is kept beside the run, once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from bench.plugins.discovery import refresh

TELLING = '''
from bench.methods.quick import Method as Quick


class Method(Quick):
    """Notes what it does."""

    def fit(self, scene, workbench):
        rows = [{"step": step, "label": concept.label, "iou": 0.1 * step} for step in range(3)
                for concept in scene.concepts]
        workbench.record(rows)
        return super().fit(scene, workbench)
'''
RUN = ("run", "--dataset", "playroom[scenes=1,formats=1,mix=1,0,0,samples=1,pool=20]", "--name", "r", "--methods")


def test_notes_are_a_table_of_their_unit(bench: Callable[..., int], drop_ins: Path) -> None:
    (drop_ins / "telling.py").write_text(TELLING)
    refresh()
    assert bench(*RUN, "quick,telling") == 0
    table = pd.read_parquet("runs/r/scores.parquet")
    (unit,) = table[table["method"] == "telling"]["unit"].unique()
    (file,) = Path("runs/r/fit_records").iterdir()
    assert file.name == f"{unit}.csv"
    records = pd.read_csv(file)
    assert list(records) == ["step", "label", "iou"]
    assert records["step"].tolist() == [0, 0, 1, 1, 2, 2]
    assert records["iou"].tolist() == [0.1 * step for step in (0, 0, 1, 1, 2, 2)]
