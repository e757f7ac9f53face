"""YOLO-seg's training: its targets, its loss, and a checkpoint that the metrics load."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.playroom.train.__main__ import main
from bench.playroom.train.data import Scenes, load_scenes
from bench.playroom.train.loop import Draw
from bench.playroom.train.yolo import SIDE, YoloTask, boxes
from bench.playroom.world.toys import CLASSES
from bench.scoring.models.yolo_network import load, read_weights

CPU = torch.device("cpu")
CHECKPOINT = Path(__file__).parents[3] / "bench" / "playroom" / "checkpoints" / "yolo"
needs_ultralytics = pytest.mark.skipif(
    find_spec("ultralytics") is None, reason="ultralytics (the extra `yolo`) not installed"
)


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of states with eight scenes."""
    folder = tmp_path_factory.mktemp("yolo-state")
    load_scenes(folder, 8, 0)
    return folder


def draw(batch: int = 4) -> Draw:
    return Draw(np.random.default_rng(3), torch.Generator().manual_seed(3), batch, CPU)


@needs_ultralytics
def test_yolo_is_loadable(state: Path, tmp_path: Path) -> None:
    main("yolo", out=tmp_path, state=state, steps=2, batch=4, scenes=8, device="cpu")
    model, architecture = load(tmp_path / "yolo", CPU)
    assert architecture.names == CLASSES
    assert architecture.side == SIDE
    with torch.no_grad():
        predicted, prototypes = model(torch.zeros(1, 3, SIDE, SIDE))[0]
    assert predicted.shape == (1, 4 + len(CLASSES) + 32, 16 * 16 + 8 * 8 + 4 * 4)
    assert prototypes.shape == (1, 32, SIDE // 4, SIDE // 4)
    assert (tmp_path / "yolo" / "model.safetensors").stat().st_size < 4_000_000
    assert (tmp_path / "losses" / "yolo.csv").is_file()


def test_boxes_go_around_what_shows() -> None:
    masks = torch.zeros(2, 8, 8, dtype=torch.bool)
    masks[0, 2:4, 1:7] = True
    masks[1, 7, 0] = masks[1, 0, 7] = True
    assert boxes(masks).tolist() == [[4 / 8, 3 / 8, 6 / 8, 2 / 8], [0.5, 0.5, 1.0, 1.0]]
    assert boxes(masks[:0]).shape == (0, 4)


@needs_ultralytics
def test_the_committed_weights_have_a_far_smaller_loss_than_random_ones(state: Path) -> None:
    scenes = load_scenes(state, 8, 0)
    trained, fresh = YoloTask(scenes, CHECKPOINT), YoloTask(scenes, None)
    losses = [task.losses(draw())["loss"].item() for task in (trained, fresh)]
    assert losses[0] < losses[1] / 4
    kept = trained.model.state_dict()
    assert all(
        torch.equal(kept[name], value)
        for name, value in read_weights(CHECKPOINT).items()
        if "running" not in name and "num_batches" not in name
    )


@needs_ultralytics
def test_scenes_without_a_visible_toy_have_a_loss_too(state: Path) -> None:
    scenes = load_scenes(state, 8, 0)
    hidden = Scenes(scenes.pictures, np.zeros_like(scenes.instances), scenes.scenes)
    task = YoloTask(hidden, None)
    loss = task.losses(draw())["loss"]
    torch.autograd.backward(loss)
    assert torch.isfinite(loss)
    assert all(torch.isfinite(each.grad).all() for each in task.model.parameters() if each.grad is not None)
