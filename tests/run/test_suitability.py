"""What will have no value, or mean little, is told in time: in a dry run, before the first fit, and on the page."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from bench.core.errors import UserError
from bench.diffusion.backbone import checkpoint
from bench.plugins.discovery import refresh
from bench.run.lock import hold
from bench.run.suitability import unknown_to_segmenter, unlabelled_warning
from bench.scoring.models import availability
from bench.scoring.models.availability import check_available
from bench.scoring.models.class_words import known_words, words_unknown_to
from bench.scoring.models.sources import ModelSource
from bench.scoring.presets import PRESETS

Bench = Callable[..., int]
SIDE = 64
"""Of Playroom's backbone."""


def draw(name: str, labels: str) -> None:
    """A scene of two concepts, with a word for each or none."""
    folder = Path("pics") / name
    folder.mkdir(parents=True)
    Image.new("RGB", (SIDE, SIDE), "grey").save(folder / "img.png")
    for number, left in enumerate((8, 40)):
        mask = Image.new("L", (SIDE, SIDE))
        mask.paste(255, (left, 20, left + 16, 40))
        mask.save(folder / f"mask{number}.png")
    if labels:
        (folder / "labels.txt").write_text(labels)


@pytest.fixture
def own(bench: Bench, capsys: pytest.CaptureFixture[str]) -> Bench:
    """`bench` beside `built`: a scene of known words, one of a word that nobody knows, one without words."""
    for name, labels in (("good", "mug\ncar"), ("odd", "mug\nqxzzy"), ("bare", "")):
        draw(name, labels)
    build = ("build-dataset", "folder", "--folder", "pics", "--formats", "1", "--samples", "1")
    assert bench(*build, "--size", str(SIDE), "--out", "built") == 0
    capsys.readouterr()
    return bench


def test_it_is_told_in_a_dry_run_before_the_first_fit_and_on_the_page(
    own: Bench, drop_ins: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quick = (drop_ins / "quick.py").read_text()
    loud = quick.replace("workbench.on_step(1, 1)", 'import sys; print("FITTING", file=sys.stderr)')
    (drop_ins / "loud.py").write_text(loud)
    refresh()
    bare = "1 scene without class words (bare): identity similarity and detection have no value there"
    odd = "The segmenter of the preset playroom does not know the class word qxzzy"
    strange = "The backbone does not know the class word qxzzy: this run tests the machinery only, not the methods."
    command = ("run", "--dataset", "built", "--name", "r", "--methods", "loud")
    assert own(*command, "--dry-run") == 0
    dry = capsys.readouterr().err
    assert own(*command) == 0
    told = capsys.readouterr().err
    for said in (dry, told):
        assert all(sentence in said for sentence in (bare, odd, strange))
        assert "it knows background, ball, boat, car, duck, fish and 8 more (`bench list playroom` lists all)" in said
        assert re.search(
            r"not the methods\. It knows background, ball, .* All words that it knows are in \S+\.json", said
        )
    assert told.index(bare) < told.index("FITTING"), "before the first fit"
    page = " ".join(Path("runs/r/report/pareto/pareto.html").read_text().split())
    assert all(sentence in page for sentence in (bare.replace("'", "&#39;"), odd, strange))


def test_only_the_scenes_asked_for_count(own: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert own("run", "--dataset", "built", "--methods", "quick", "--scenes", "good", "--dry-run") == 0
    said = capsys.readouterr()
    assert "class words (bare)" not in said.err
    assert "The segmenter" not in said.err
    assert "to do: 1 unit on 1 scene, 3 pictures" in said.out


def test_scenes_smaller_than_what_the_backbone_draws(own: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    build = ("build-dataset", "folder", "--folder", "pics", "--formats", "1", "--size", "32", "--out", "small")
    assert own(*build) == 0
    assert own("run", "--dataset", "small", "--methods", "quick", "--dry-run") == 0
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "smaller" in line]
    assert line.startswith("3 scenes of 3 smaller than the backbone's 64 x 64 pixels, and enlarged to learn from: ")
    assert "good 32 x 32" in line


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (("--scenes", "0"), "--scenes 0 names no scene; give a number from 1"),
        (("--budget", "fulll"), "this backbone has no budget 'fulll'; did you mean full? Known: full, quick"),
        (("--metrics", "papper"), "did you mean paper?"),
        (("--dataset", "playroom[sceens=2]"), "'playroom' has no field 'sceens'; did you mean scenes?"),
        (("--dataset", "playroom[formats=beech]"), "--formats beech"),
        (("--dataset", "playrom"), "there is no folder of this name here, and no builder is called 'playrom'; did you"),
        (("--dataset", "./no/such"), "--dataset ./no/such: there is no such folder. "),
        (("--dataset", "./buil"), "there is no such folder; did you mean built?"),
        (("--dataset", "pics/good/img.png"), "it is a file; name the folder that holds it"),
    ],
)
@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_a_typo_is_one_line_and_leaves_nothing_behind(
    own: Bench, wrong: tuple[str, str], message: str, dry: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(Path().iterdir())
    assert own("run", "--methods", "quick", *wrong, *dry) == 2
    said = capsys.readouterr()
    assert said.out == "", "nothing was built"
    (line,) = said.err.splitlines()
    assert message in line
    assert sorted(Path().iterdir()) == before


def test_a_folder_that_holds_something_stays(tmp_path: Path) -> None:
    with hold(tmp_path / "runs" / "used"):
        (tmp_path / "runs" / "used" / "picture.png").write_bytes(b"")
    with hold(tmp_path / "runs" / "unused"):
        pass
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["used"]


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A hub that cannot be reached, an empty cache, and no trunk of LPIPS."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr(availability, "try_to_load_from_cache", lambda *_, **__: None)
    monkeypatch.setattr(availability.HfApi, "model_info", refuse)
    monkeypatch.setattr(availability.urllib.request, "urlopen", refuse)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))


@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_without_a_network_evaluators_of_the_hub_are_told_at_once(
    own: Bench, no_network: None, dry: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert own("run", "--dataset", "built", "--methods", "quick", "--metrics", "paper", *dry) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "the model openai/clip-vit-large-patch14" in line
    assert "Name or service not known" in line
    assert "take another metric preset, such as playroom" in line
    assert not Path("runs").exists()


def test_every_kind_of_model_is_looked_for(no_network: None) -> None:
    check_available(PRESETS["playroom"], ("clip", "segments", "identity", "lpips"))
    with pytest.raises(UserError, match="maskformer-swin-large-coco"):
        check_available(PRESETS["paper"], ("segments",))
    with pytest.raises(UserError, match="the trunk of lpips-alex is neither in torch's cache nor to be had from https"):
        check_available(PRESETS["paper"], ("lpips",))


def test_the_words_of_a_segmenter_are_read_without_its_weights() -> None:
    began = time.monotonic()
    for preset in ("playroom", "playroom-yolo"):
        assert {"mug", "car"} <= set(known_words(PRESETS[preset]))
        assert words_unknown_to(PRESETS[preset], ["Mug", "zebra", "car", "zebra"]) == ("zebra",)
    assert time.monotonic() - began < 10
    with pytest.raises(UserError, match="there is no model in"):
        availability.check_model(ModelSource("/no/such/folder"))


@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_a_backbone_without_weights_is_told_before_it_is_loaded(
    own: Bench, tiny_pipeline: Path, tmp_path: Path, dry: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("run", "--dataset", "built", "--methods", "quick", "--metrics", "playroom", *dry)
    folder = shutil.copytree(tiny_pipeline, tmp_path / "bare", ignore=shutil.ignore_patterns("*.safetensors"))
    assert own(*command, "--backbone", str(folder)) == 2
    assert "has no weights of its unet (*.safetensors); give --backbone a folder" in capsys.readouterr().err
    assert not list(Path().glob("runs/*/run.json"))


def test_weights_of_the_hub_are_asked_for_in_seconds(
    tiny_pipeline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = tmp_path / "snapshots" / "0123"
    shutil.copytree(tiny_pipeline, bare, ignore=shutil.ignore_patterns("*.safetensors"))
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: str(bare))
    asked: list[object] = []
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda *_, **more: asked.append(more["timeout"]))
    checkpoint.check_weights(checkpoint.BackboneSpec("someone/model"))
    assert asked == [checkpoint.PATIENCE]

    def refuse(*_: object, **__: object) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr("huggingface_hub.HfApi.model_info", refuse)
    with pytest.raises(UserError, match="someone/model is neither a folder nor available from the hub"):
        checkpoint.check_weights(checkpoint.BackboneSpec("someone/model"))


def test_whole_pictures_are_compared_without_a_segment() -> None:
    whole, cut = PRESETS["custom-diffusion"], PRESETS["playroom"]
    for told in (partial(unknown_to_segmenter, ["gnu"]), partial(unlabelled_warning, ["bare"])):
        assert "identity similarity and detection have no value" in told(cut)
        assert "detection has no value" in told(whole)
        assert "identity" not in told(whole)
