"""Which pictures are drawn together: as in an unbroken run, wherever an earlier start stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.plugins.discovery import refresh

DATASET = "playroom[scenes=1,formats=1,mix=1,0,0,samples=1,pool=20]"
RUN = ("run", "--dataset", DATASET, "--name", "r", "--methods", "together", "--batch-size", "2")
METHOD = '''
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Method:
    """A picture's level is the seeds of all pictures of its batch."""

    def fit(self, scene, context):
        return {}

    def generate(self, state, scene, requests, context):
        for start in range(0, len(requests), context.batch_size):
            batch = requests[start : start + context.batch_size]
            for _ in batch:
                yield np.full_like(scene.picture, sum(one.noise_seed for one in batch) % 256)
'''


@pytest.mark.parametrize("lost", [(0,), (1,), (2,), (0, 2), (1, 2)])
def test_a_batch_that_was_interrupted_is_drawn_as_a_whole(
    bench: Callable[..., int], drop_ins: Path, lost: tuple[int, ...]
) -> None:
    (drop_ins / "together.py").write_text(METHOD)
    refresh()
    assert bench(*RUN) == 0
    pictures = sorted(Path("runs/r/pictures").iterdir(), key=lambda file: file.stat().st_mtime_ns)
    levels = [int(np.asarray(Image.open(file))[0, 0, 0]) for file in pictures]
    assert levels[0] == levels[1] != levels[2]
    kept = {file: file.stat().st_mtime_ns for number, file in enumerate(pictures) if number not in lost}
    for number in lost:
        pictures[number].unlink()
    assert bench(*RUN) == 0
    assert [int(np.asarray(Image.open(file))[0, 0, 0]) for file in pictures] == levels
    assert {file: file.stat().st_mtime_ns for file in kept} == kept
