"""Command lines with words that nobody should write. No case fits or draws anything."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

from cases import Attack
from mutate.words import mutated_line, shown

QUICK = ("--path", "mine", "--dataset", "data")
RUN = ("run", "--dry-run")
LINES: tuple[tuple[int, tuple[str, ...]], ...] = (
    (2, (*RUN, *QUICK, "--methods", "quick[shade=2.0],real,copy-paste")),
    (2, (*RUN, *QUICK, "--methods", "ours:code,ours[phase1_steps=5,lambda_attention=0.1],ti-m")),
    (2, (*RUN, *QUICK, "--methods", "import[from=ext],elite[folder=x],realfill")),
    (2, (*RUN, *QUICK, "--methods", "quick", "--scenes", "1", "--limit", "1", "--seed", "3", "--batch-size", "2")),
    (2, (*RUN, *QUICK, "--methods", "quick", "--name", "new", "--runs", "runs", "--report", "pareto[x=a,y=b]")),
    (2, (*RUN, *QUICK, "--methods", "quick", "--metrics", "playroom,leakage,lpips-diversity")),
    (2, (*RUN, *QUICK, "--methods", "quick", "--device", "cpu", "--precision", "fp32", "--budget", "full")),
    (2, (*RUN, *QUICK, "--methods", "quick", "--guidance", "3.5", "--sampling-steps", "4", "--backbone", "backbone")),
    (2, (*RUN, *QUICK, "--name", "r", "--remove", "quick")),
    (2, (*RUN, "--path", "mine", "--methods", "quick", "--dataset", "folder[folder=own,size=32]")),
    (1, ("report", "runs/r", "--path", "mine", "--report", "pareto[methods=quick,reference=quick]")),
    (1, ("report", "runs/r", "--path", "mine", "--report", "masks", "--metrics", "playroom")),
    (1, ("score", "runs/r", "--path", "mine", "--metrics", "playroom", "--device", "cpu")),
    (1, ("list", "methods")),
    (1, ("list", "ours")),
    (1, ("list", "--prompts", "data")),
    (1, ("audit", "break-a-scene-user-study")),
    (2, ("build-dataset", "folder", "--folder", "other", "--size", "32", "--formats", "beach,snow", "--out", "out")),
    (2, ("build-dataset", "folder", "--folder", "own", "--templates", "own/templates.txt", "--out", "out")),
    (2, (*RUN, *QUICK, "--methods", "Mine=quick[shade=2.0],Real=real", "--report", "pareto[methods=Mine+Real]")),
    (2, ("build-dataset", "pairs", "--folder", "pairs", "--size", "32", "--out", "out")),
    (2, ("build-dataset", "break-a-scene", "--coco", "coco", "--scenes", "2", "--mix", "1,0,0", "--size", "32",
         "--formats", "1", "--samples", "1", "--crop", "best", "--prompts", "random", "--out", "out")),
    (2, ("build-dataset", "break-a-scene", "--from-manifest", "data/manifest.json", "--coco", "coco", "--out", "out")),
    (1, ("convert-yolo", "file", "--out", "out")),
    (0, ("build-dataset", "folder", "--folder", "own", "--out", "out")),
    (0, ("doctor",)),
    (0, ("--path", "mine", "list", "presets")),
)  # fmt: skip
"""Valid ones, each with the number of words that stay as they are: `--dry-run` comes first, whatever is mutated."""


def command_line(rng: Random, place: Path, valid: Path) -> Attack:
    """One or two words of a command line are mutated."""
    shutil.copytree(valid, place, symlinks=True, dirs_exist_ok=True)
    fixed, line = rng.choice(LINES)
    argv = mutated_line(rng, line, fixed)
    return Attack(" ".join(map(shown, argv)), argv)


KINDS = {"command line": command_line}
