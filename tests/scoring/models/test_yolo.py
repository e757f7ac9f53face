"""YOLO-seg: ultralytics' own answers, from safetensors alone, without network, home or pickles."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from bench.core.errors import UserError
from bench.core.scenes import Concept, ImageArray, Prompt, Scene
from bench.playroom.evaluate.common import held_out
from bench.plugins.metric import PictureJob
from bench.scoring.evaluators import SEGMENTERS
from bench.scoring.models.sources import ModelSource
from bench.scoring.models.yolo import YoloSegmenter
from bench.scoring.models.yolo_network import Architecture, build, load, read_architecture, read_weights, ultralytics
from bench.scoring.presets import Preset, find_preset
from bench.scoring.scorer import Scorer
from bench.scoring.selection import metric_key, standard_metrics

CPU = torch.device("cpu")
PRESET = find_preset("playroom-yolo")
FOLDER = Path(PRESET.segmenter.place)
needs_ultralytics = pytest.mark.skipif(
    find_spec("ultralytics") is None, reason="ultralytics (the extra `yolo`) not installed"
)


def keys(preset: Preset) -> dict[str, str]:
    """The keys of the standard metrics under a preset."""
    return {metric.spec: metric_key(metric, preset) for metric in standard_metrics()}


@pytest.fixture(scope="session")
def segmenter() -> YoloSegmenter:
    return YoloSegmenter.load(PRESET, CPU)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """Playroom's checkpoint, to be spoilt."""
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((FOLDER / name).read_bytes())
    return tmp_path


@needs_ultralytics
def test_finds_what_ultralytics_own_predict_finds(
    segmenter: YoloSegmenter, ultralytics_predicts: Callable[..., tuple[np.ndarray, np.ndarray]]
) -> None:
    architecture = read_architecture(FOLDER)
    for _, drawing in held_out(3, "seen"):
        picture = np.pad(drawing.picture, ((0, 0), (0, 24), (0, 0)))  # so that it is padded to the stride as well
        model = build(architecture)
        model.load_state_dict(read_weights(FOLDER))
        boxes, masks = segmenter.instances(picture)
        expected_boxes, expected_masks = ultralytics_predicts(model, picture, architecture.side)
        assert len(boxes) > 0
        np.testing.assert_allclose(boxes, expected_boxes, atol=1e-3)
        assert (masks != expected_masks).mean() < 1e-3  # ultralytics fuses the normalisations into the weights


@needs_ultralytics
def test_the_toys_of_playroom_are_found_where_they_are(segmenter: YoloSegmenter) -> None:
    for scene, drawing in held_out(4, "seen"):
        (found,) = segmenter.segment([drawing.picture])
        for toy, mask in zip(scene.toys, drawing.masks, strict=True):
            index = segmenter.class_index(toy.identity.class_name)
            assert index is not None
            largest = found.largest(index)
            assert largest is not None
            assert (largest & mask).sum() / (largest | mask).sum() > 0.7


@needs_ultralytics
def test_knows_its_class_words_and_no_others(segmenter: YoloSegmenter) -> None:
    names = read_architecture(FOLDER).names
    assert [segmenter.class_index(name) for name in names] == list(range(len(names)))
    assert segmenter.class_index("Mug") == names.index("mug")
    assert segmenter.class_index("background") is None


class Told(YoloSegmenter):
    """Finds what a test says: two boxes of one class whose masks share a column, and one of another inside."""

    def __init__(self) -> None:
        super().__init__(torch.nn.Identity(), Architecture({}, ("cat", "cup"), 64), PRESET)

    def instances(self, picture: ImageArray) -> tuple[np.ndarray, np.ndarray]:
        masks = np.zeros((3, *picture.shape[:2]), bool)
        masks[0, :, :3], masks[1, :, 2:6], masks[2, 0, 0] = True, True, True
        return np.array([[0, 0, 3, 4, 0.9, 0], [2, 0, 6, 4, 0.8, 0], [0, 0, 1, 1, 0.3, 1]], float), masks


def test_a_pixel_of_several_instances_belongs_to_the_most_confident() -> None:
    (found,) = Told().segment([np.zeros((4, 8, 3), np.uint8)])
    assert found.ids.tolist() == [[1, 1, 1, 2, 2, 2, 0, 0]] * 4
    assert found.classes == {1: 0, 2: 0, 3: 1}
    cat = found.largest(0)
    assert cat is not None
    assert cat.sum() == 12
    assert found.largest(1) is None  # the cup's only pixel is the cat's


def test_a_box_is_the_one_that_was_found_whatever_overlaps_take_from_its_mask() -> None:
    (found,) = Told().segment([np.zeros((4, 8, 3), np.uint8)])
    assert found.box((2,)) == (2, 0, 6, 4), "though the column 2 is the first one's"
    assert found.box((1, 2)) == (0, 0, 6, 4)
    assert found.box(()) is None


@pytest.mark.parametrize(
    ("box", "pixels"),
    [
        ((1.2, 0.9, 3.1, 2.0), (1, 0, 4, 2)),
        ((-3.0, -1.0, 20.0, 9.0), (0, 0, 8, 4)),
        ((8.0, 4.0, 8.0, 4.0), (7, 3, 8, 4)),
    ],
)
def test_a_box_is_the_pixels_that_it_touches(box: tuple[float, ...], pixels: tuple[int, ...]) -> None:
    class One(Told):
        def instances(self, picture: ImageArray) -> tuple[np.ndarray, np.ndarray]:
            return np.array([[*box, 0.9, 0]], float), np.ones((1, *picture.shape[:2]), bool)

    (found,) = One().segment([np.zeros((4, 8, 3), np.uint8)])
    assert found.box((1,)) == pixels


@needs_ultralytics
def test_an_empty_picture_holds_nothing(segmenter: YoloSegmenter) -> None:
    (found,) = segmenter.segment([np.zeros((64, 48, 3), np.uint8)])
    assert found.ids.shape == (64, 48)
    assert found.classes == {}


@needs_ultralytics
def test_a_higher_least_confidence_leaves_the_most_confident_only(segmenter: YoloSegmenter) -> None:
    ((_, drawing),) = held_out(1, "seen")
    strict = YoloSegmenter.load(replace(PRESET, score_threshold=0.999), CPU)
    boxes, _ = segmenter.instances(drawing.picture)
    kept, _ = strict.instances(drawing.picture)
    assert (boxes[:, 4] > 0.25).all()
    assert len(kept) == (boxes[:, 4] > 0.999).sum()


@needs_ultralytics
def test_the_preset_chooses_the_segmenter() -> None:
    assert find_preset("playroom").segmenter_kind == "maskformer"
    assert isinstance(SEGMENTERS[PRESET.segmenter_kind](PRESET, CPU), YoloSegmenter)
    assert keys(PRESET) != keys(find_preset("playroom"))
    ((drawn, drawing),) = held_out(1, "seen")
    concepts = tuple(
        Concept(toy.identity.class_name, mask, f"[v{number}]")
        for number, (toy, mask) in enumerate(zip(drawn.toys, drawing.masks, strict=True))
    )
    scene = Scene("drawn", drawing.picture, concepts)
    job = PictureJob(scene, Prompt("a photo of {tokens}", tuple(range(len(concepts)))), drawing.picture)
    rows = Scorer.load(PRESET, "cpu").score([job])
    assert [row["detected"] for row in rows] == [True] * len(concepts)
    assert all(row["identity_similarity"] > 0.8 for row in rows)  # the picture is the scene itself


LONELY = """
import os, pickle, socket, sys
from pathlib import Path
import numpy as np, torch
from PIL import Image

own = Image.open, torch.save
def refuse(*_, **__):
    raise AssertionError("network or pickle")

socket.getaddrinfo = socket.socket.connect = socket.create_connection = refuse
from bench.scoring.presets import Preset, find_preset
from bench.scoring.models.yolo import YoloSegmenter
from bench.scoring.models.yolo_network import ultralytics
ultralytics("nn.tasks"), ultralytics("utils.nms"), ultralytics("data.augment")
torch.load = pickle.load = pickle.loads = pickle.Unpickler = refuse
segmenter = YoloSegmenter.load(find_preset("playroom-yolo"), torch.device("cpu"))
segmenter.segment([np.zeros((64, 64, 3), np.uint8)])
assert ultralytics("utils").SETTINGS["sync"] is False
assert "OMP_NUM_THREADS" not in os.environ
assert own == (Image.open, torch.save)
print(os.environ["YOLO_CONFIG_DIR"])
"""


@needs_ultralytics
def test_needs_no_network_reads_no_pickle_and_leaves_nothing_behind(tmp_path: Path) -> None:
    hidden = ("OMP_NUM_THREADS", "XDG_CONFIG_HOME")
    kept = {name: value for name, value in os.environ.items() if name not in hidden and not name.startswith("YOLO_")}
    environment = {**kept, "HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(
        [sys.executable, "-c", LONELY], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not [path for path in tmp_path.rglob("*") if "ltralytics" in path.name or path.name == "runs"]
    assert not Path(done.stdout.strip().splitlines()[-1]).exists()


def test_without_the_extra_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ultralytics.utils", None)
    with pytest.raises(UserError, match=r"extra `yolo` .*pip install 'scenebench\[yolo\]'") as told:
        YoloSegmenter.load(PRESET, CPU)
    assert "\n" not in str(told.value)


def test_a_library_that_cannot_be_loaded_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise ImportError("libGL.so.1: cannot open shared object file")

    monkeypatch.setattr("importlib.import_module", fail)
    with pytest.raises(UserError, match=r"libGL\.so\.1.*opencv-python-headless"):
        ultralytics("utils")


def test_a_hub_id_is_refused() -> None:
    with pytest.raises(UserError, match="from a folder only"):
        YoloSegmenter.load(replace(PRESET, segmenter=ModelSource("someone/yolo", "main")), CPU)


def test_a_folder_without_a_yolo_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no YOLO .*bench convert-yolo"):
        load(tmp_path, CPU)


@needs_ultralytics
@pytest.mark.parametrize("change", [{"names": ["cat"]}, {"description": {"nc": 13}}])
def test_an_architecture_that_is_not_the_weights_is_refused(copied: Path, change: dict[str, object]) -> None:
    config = copied / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), **change}))
    with pytest.raises(UserError, match=r"does not fit config.json|cannot build this architecture"):
        load(copied, CPU)


@needs_ultralytics
def test_damaged_or_incomplete_weights_are_refused(copied: Path) -> None:
    weights = copied / "model.safetensors"
    whole = load_file(weights)
    save_file({name: value for name, value in whole.items() if name != "model.0.conv.weight"}, weights)
    with pytest.raises(UserError, match=r"does not fit config.json .*model\.0\.conv\.weight"):
        load(copied, CPU)
    weights.write_bytes((FOLDER / "model.safetensors").read_bytes()[:5000])
    with pytest.raises(UserError, match="does not fit"):
        load(copied, CPU)
