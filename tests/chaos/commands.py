"""What is stopped: commands over a small run on Playroom, and the folder that each starts in."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

DATASET = "playroom[scenes=2,formats=1,mix=1,0,0,samples=1,pool=20,references=True]"
BUILDER = (
    *("playroom", "--scenes", "2", "--formats", "1", "--mix", "1,0,0", "--samples", "1", "--pool", "20"),
    *("--references", "--out", "data"),
)
METHODS = "real:redrawn,db-m:prior[steps=1,prior_pictures=4]"
"""One that needs everything the dataset can have, and one that learns all weights and draws prior pictures."""

EVERYTHING = (
    "bench.cli.run",
    "bench.reporting.write",
    "bench.run.engine",
    "bench.run.scoring",
    "bench.scoring.scorer",
    "bench.diffusion.backbone.loading",
    "bench.playroom.world.coco",
    "diffusers",
    "transformers",
    "statsmodels.api",
)
DRAWING = ("bench.cli.build_dataset", "bench.playroom.world.coco")
"""What `bench build-dataset playroom` imports; the other commands import everything."""


@dataclass(frozen=True)
class Command:
    """A command line, and what is taken out of the finished run that it starts from; None: it starts from nothing.

    `imports` are the slow modules that it imports. With `workers` it has some, which are killed too; its changes
    have no fixed order, so it is not stopped at every one.
    """

    name: str
    arguments: tuple[str, ...]
    without: tuple[str, ...] | None = None
    imports: tuple[str, ...] = EVERYTHING
    workers: bool = False

    def prepare(self, folder: Path, finished: Path) -> None:
        """Make the folder that the command starts in; `finished` is one where `RUN` came to its end."""
        if self.without is None:
            folder.mkdir()
        else:
            shutil.copytree(finished, folder)
            for path in self.without:
                _remove(folder / path)
            (folder / "runs" / "r" / "report" / "pareto" / "mine.csv").write_text("put here by hand\n")
        (folder / "tmp").mkdir(exist_ok=True)


OPTIONS = ("--dataset", DATASET, "--name", "r", "--sampling-steps", "1", "--batch-size", "2")
RUN = Command("run", ("run", "--methods", METHODS, *OPTIONS))
COMMANDS = (
    RUN,
    Command("build-dataset", ("build-dataset", *BUILDER), imports=DRAWING),
    Command("score", ("score", "runs/r"), ("runs/r/scores", "runs/r/scores.parquet", "runs/r/evaluators.json")),
    Command("report", ("report", "runs/r"), ()),
)


OF_WORKERS = "db-m:prior[steps=1,prior_pictures=4],ours[phase1_steps=2,phase2_steps=1]"
"""One whose units share prior pictures, and one whose fits are begun together."""
WORKERS = Command("workers", ("run", "--methods", OF_WORKERS, *OPTIONS, "--workers", "2"), workers=True)
"""Stopped only where it is asked for, by `--commands workers`: it needs Ray."""
CLUSTER = Command("cluster", ("run", "--methods", f"real:redrawn,base-model,greedy,{OF_WORKERS}", *OPTIONS))
"""What `cluster.py` runs, with a method of its own among the others."""


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
