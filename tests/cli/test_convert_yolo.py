"""`bench convert-yolo`: a pickle is read once, elsewhere, and only when it is trusted."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from bench.cli.main import main
from bench.playroom.train.yolo import new_architecture
from bench.scoring.models.sources import ModelSource
from bench.scoring.models.yolo import YoloSegmenter
from bench.scoring.models.yolo_network import build, load, read_architecture, ultralytics
from bench.scoring.presets import find_preset

CPU = torch.device("cpu")
needs_ultralytics = pytest.mark.skipif(
    find_spec("ultralytics") is None, reason="ultralytics (the extra `yolo`) not installed"
)


def call(*arguments: object) -> int:
    with pytest.raises(SystemExit) as exit_:
        main(["convert-yolo", *map(str, arguments)])
    assert isinstance(exit_.value.code, int)
    return exit_.value.code


class Trap:
    """Unpickled, it writes the number of its process into a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (f"import os; open({str(self.file)!r}, 'w').write(str(os.getpid()))",)


def test_an_untrusted_pickle_is_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "trap.pt"
    file.write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    assert call(file, "--out", tmp_path / "out") == 2
    told = capsys.readouterr().err
    assert "is a pickle, and reading it can run any code; add --trust" in told
    assert len(told.strip().splitlines()) == 1
    assert not (tmp_path / "sprung").exists()
    assert not (tmp_path / "out").exists()


@needs_ultralytics
def test_a_trusted_pickle_is_read_in_another_process(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "trap.pt"
    torch.save({"model": Trap(tmp_path / "sprung")}, file)
    assert call(file, "--trust", "--out", tmp_path / "out") == 2
    assert int((tmp_path / "sprung").read_text()) != os.getpid()
    told = capsys.readouterr().err
    assert "holds a NoneType, no YOLO segmentation model" in told
    assert len(told.strip().splitlines()) == 1


@pytest.fixture
def small(tmp_path: Path) -> tuple[Path, torch.nn.Module]:
    """A `.pt` as ultralytics writes it, of a narrow network with random weights and statistics."""
    torch.manual_seed(0)
    model: Any = build(new_architecture())
    for norm in (module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)):
        norm.running_mean.normal_(), norm.running_var.uniform_(0.5, 2)
    model.names = dict(enumerate(new_architecture().names))
    torch.save({"model": model.half(), "ema": None, "train_args": {"imgsz": 96}}, tmp_path / "small.pt")
    return tmp_path / "small.pt", model.float()


@needs_ultralytics
def test_what_is_written_is_the_same_network(
    small: tuple[Path, torch.nn.Module], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, model = small
    out = tmp_path / "out"
    assert call(file, "--trust", "--out", out) == 0
    assert capsys.readouterr().out.strip() == str(out)
    assert sorted(path.name for path in out.iterdir()) == ["config.json", "model.safetensors"]
    assert read_architecture(out).names == new_architecture().names
    assert read_architecture(out).side == 96
    stored = load_file(out / "model.safetensors")
    assert stored["model.0.conv.weight"].dtype == torch.float16
    picture = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = model.eval()(picture)[0]
        found = load(out, CPU)[0](picture)[0]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-3)


@needs_ultralytics
def test_a_folder_in_use_is_not_overwritten(
    small: tuple[Path, torch.nn.Module], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("kept")
    assert call(small[0], "--trust", "--out", out) == 2
    assert "already holds something" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


@needs_ultralytics
def test_other_models_and_broken_files_are_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    detector = ultralytics("nn.tasks").DetectionModel("yolov8n.yaml", nc=2, verbose=False)
    torch.save({"model": detector}, tmp_path / "detector.pt")
    (tmp_path / "broken.pt").write_bytes(b"no checkpoint at all")
    for name, message in (("detector", "a DetectionModel, no YOLO segmentation"), ("broken", "cannot be read as")):
        assert call(tmp_path / f"{name}.pt", "--trust", "--out", tmp_path / name) == 2
        told = capsys.readouterr().err
        assert message in told
        assert len(told.strip().splitlines()) == 1
        assert not (tmp_path / name).exists()


def test_a_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(tmp_path / "none.pt", "--trust") == 2
    assert "there is no file" in capsys.readouterr().err


def coco_model(weights: Path, categories: list[dict[str, Any]]) -> Any:
    """YOLOv8n-seg with the real weights, the fused normalisations taken apart again, named as COCO names them."""
    model = ultralytics("nn.tasks").SegmentationModel("yolov8n-seg.yaml", verbose=False)
    fused = {name: value.float() for name, value in load_file(weights).items()}
    fused["model.22.dfl.conv.weight"] = fused.pop("model.22.dfl.weight")
    state = model.state_dict()
    for name in [name for name in state if name.endswith(".bn.running_var")]:
        norm = name.removesuffix(".running_var")
        state[name] = torch.ones_like(state[name]) - model.get_submodule(norm).eps
        state[f"{norm}.bias"] = fused.pop(f"{norm.removesuffix('.bn')}.conv.bias")
    model.load_state_dict({**state, **fused})
    model.names = dict(enumerate(each["name"] for each in sorted(categories, key=lambda each: each["id"])))
    return model


@needs_ultralytics
def test_real_weights_find_in_coco_pictures_what_ultralytics_own_predict_finds(
    tmp_path: Path,
    fixtures: Path,
    shared_data: Callable[[str], Path],
    ultralytics_predicts: Callable[..., tuple[np.ndarray, np.ndarray]],
) -> None:
    weights = shared_data("yolov8n-seg") / "yolov8n-seg_dequantised_fp16.safetensors"
    categories = json.loads((fixtures / "coco" / "annotations" / "instances_sample.json").read_bytes())["categories"]
    pictures = sorted(shared_data("coco/images").glob("*.jpg"))
    torch.save({"model": coco_model(weights, categories), "train_args": {"imgsz": 640}}, tmp_path / "coco.pt")
    assert call(tmp_path / "coco.pt", "--trust", "--out", tmp_path / "coco") == 0
    preset = find_preset("paper-yolo")
    segmenter = YoloSegmenter.load(replace(preset, segmenter=ModelSource(str(tmp_path / "coco"))), CPU)
    assert segmenter.class_index("dining table") == 60
    for file in pictures[:3]:
        picture = np.asarray(Image.open(file).convert("RGB"))
        boxes, masks = segmenter.instances(picture)
        expected_boxes, expected_masks = ultralytics_predicts(coco_model(weights, categories), picture, 640)
        assert len(boxes) > 0
        np.testing.assert_allclose(boxes[:, :4], expected_boxes[:, :4], atol=0.05)
        np.testing.assert_allclose(boxes[:, 4:], expected_boxes[:, 4:], atol=1e-4)
        assert (masks != expected_masks).mean() < 1e-5
