"""An edit from wishes to files, on the tiny backbone: fits are kept and used, nothing is overwritten."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.core.errors import UserError
from bench.core.scenes import ImageArray
from bench.diffusion.editing.blended import BlendedEdit
from bench.edit.engine import edit
from bench.edit.fitting import learner
from bench.edit.inputs import read_target
from bench.edit.options import EditOptions, EditPaths
from bench.edit.output import pictures_of
from bench.plugins.method import Blending
from bench.run.options import BackboneOptions

Made = Callable[..., EditPaths]


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def no_fit(*_: object) -> None:
    raise AssertionError("it was fitted again")


def keeping(places: EditPaths) -> EditPaths:
    return replace(places, keep_weights=True)


def fits(places: EditPaths) -> list[Path]:
    """Every fit that lies in the folder of edits."""
    return list(places.outputs.rglob("*.safetensors"))


def test_an_edit_leaves_pictures_region_grid_and_record(
    options: EditOptions, setup: BackboneOptions, places: Made
) -> None:
    folder = edit(replace(options, guidance_step_sizes=(0.0, 0.5)), setup, places())
    assert folder.name.startswith("ours-pair-room-")
    assert [file.name for file in pictures_of(folder)] == [
        "grid.png",
        "step-size-0.png",
        "step-size-0.5.png",
        "mask.png",
    ]
    record = json.loads((folder / "edit.json").read_text())
    assert (record["method"], record["prompt"], record["region"], record["guidance_step_sizes"]) == (
        "ours",
        "a photo of [v1]",
        "given",
        [0.0, 0.5],
    )
    assert read(folder / "step-size-0.png").shape == (32, 32, 3)
    assert not np.array_equal(read(folder / "step-size-0.png"), read(folder / "step-size-0.5.png"))
    mask = read_target(options.target, options.masks, 32).masks[0]
    np.testing.assert_array_equal(read(folder / "mask.png")[:, :, 0] > 0, mask)


def test_an_edit_in_fp32_is_without_tf32(
    options: EditOptions, setup: BackboneOptions, places: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    def look(_backbone: object, blended: BlendedEdit, _on_step: object) -> ImageArray:
        seen.append(torch.backends.cudnn.allow_tf32)
        return blended.picture

    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    monkeypatch.setattr("bench.edit.engine.edited", look)
    edit(options, setup, places())
    assert seen == [False]


def test_a_prompt_longer_than_the_encoder_reads_is_told_once(
    options: EditOptions, setup: BackboneOptions, places: Made, caplog: pytest.LogCaptureFixture
) -> None:
    long = "a photo of [v1]" + " in the snow at the beach" * 5
    edit(replace(options, prompts=(long,), guidance_step_sizes=(0.0, 0.5)), setup, places())
    assert sum("longer than the text encoder's 24 tokens" in message for message in caplog.messages) == 1


def test_the_same_edit_is_found_again(
    options: EditOptions, setup: BackboneOptions, places: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = edit(options, setup, places())
    stamp = (folder / "grid.png").stat().st_mtime_ns
    monkeypatch.setattr("bench.diffusion.training.trainer.fit_recipe", no_fit)
    assert edit(options, setup, places()) == folder
    assert (folder / "grid.png").stat().st_mtime_ns == stamp


def test_another_edit_never_overwrites(options: EditOptions, setup: BackboneOptions, places: Made) -> None:
    folder = edit(options, setup, places("mine"))
    before = (folder / "grid.png").read_bytes()
    for other in (
        replace(options, prompts=("[v1] in the snow",)),
        replace(options, start=0.5),
        replace(options, blending="from-target"),
        replace(options, guidance_step_sizes=(1.0,)),
    ):
        with pytest.raises(UserError, match="holds another edit; give this one another --name"):
            edit(other, setup, places("mine"))
    assert (folder / "grid.png").read_bytes() == before


def test_a_fit_is_used_again_for_another_prompt(
    options: EditOptions, setup: BackboneOptions, places: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(options, setup, keeping(places()))
    monkeypatch.setattr("bench.diffusion.training.trainer.fit_recipe", no_fit)
    other = edit(replace(options, prompts=("[v2] in the snow",)), setup, places())
    assert (other / "grid.png").is_file()
    assert len(fits(places())) == 1, "an edit that does not keep its own fit leaves a kept one alone"


def test_a_fit_goes_with_its_edit_unless_it_is_to_be_kept(
    options: EditOptions, setup: BackboneOptions, places: Made
) -> None:
    edit(options, setup, places())
    assert fits(places()) == []
    edit(replace(options, prompts=("[v2]",)), setup, keeping(places()))
    (kept,) = fits(places())
    assert kept.parent.name == "fits"


def test_an_interrupted_edit_is_not_fitted_again(
    options: EditOptions, setup: BackboneOptions, places: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("bench.edit.engine.edited", no_fit)
        with pytest.raises(AssertionError):
            edit(options, setup, places())
    assert len(fits(places())) == 1
    monkeypatch.setattr("bench.diffusion.training.trainer.fit_recipe", no_fit)
    edit(options, setup, places())
    assert fits(places()) == []


def test_a_runs_fit_is_used(
    options: EditOptions, setup: BackboneOptions, places: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(options, setup, keeping(places()))
    run = tmp_path / "runs" / "one"
    run.mkdir(parents=True)
    (run / "run.json").write_text("{}")
    shutil.move(tmp_path / "edits" / "fits", run / "fits")
    monkeypatch.setattr("bench.diffusion.training.trainer.fit_recipe", no_fit)
    edit(replace(options, prompts=("[v2]",)), setup, places())
    assert fits(places()) == []
    assert len(list((run / "fits").iterdir())) == 1, "a run's fit is the run's"


def test_step_sizes_share_their_noise(options: EditOptions, setup: BackboneOptions, places: Made) -> None:
    alone = edit(replace(options, guidance_step_sizes=(0.0,)), setup, places("one"))
    swept = edit(replace(options, guidance_step_sizes=(0.0, 0.1)), setup, places("two"))
    np.testing.assert_array_equal(read(alone / "step-size-0.png"), read(swept / "step-size-0.png"))


def test_a_region_that_vanishes_at_the_latents_is_one_line_before_anything_is_fitted(
    options: EditOptions, setup: BackboneOptions, places: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gave the target back unchanged."""
    monkeypatch.setattr("bench.edit.engine.load_fit", no_fit)
    thin = np.zeros((32, 48), np.uint8)
    thin[:, 8 + 5] = 255  # the crop begins at 8; 16 x 16 reads even columns
    Image.fromarray(thin).save(tmp_path / "thin.png")
    with pytest.raises(UserError, match=r"the target's mask has no pixel left at the latents' 16 x 16"):
        edit(replace(options, masks=(tmp_path / "thin.png",)), setup, places())


def test_without_a_mask_the_region_is_found(options: EditOptions, setup: BackboneOptions, places: Made) -> None:
    folder = edit(replace(options, masks=()), setup, places())
    assert json.loads((folder / "edit.json").read_text())["region"] == "found"
    assert 0 < (read(folder / "mask.png") > 0).mean() < 1


def test_without_a_mask_one_concept_is_named(
    options: EditOptions, setup: BackboneOptions, places: Made, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="without --mask one region is sought"):
        edit(replace(options, masks=(), prompts=("[v1] and [v2]",)), setup, places())
    assert not (tmp_path / "edits").exists()


def test_clic_has_its_own_step_size_and_edits(options: EditOptions, setup: BackboneOptions, places: Made) -> None:
    folder = edit(replace(options, method="clic", prompts=("a cat with [v1] style",)), setup, places())
    (guidance_step_size,) = json.loads((folder / "edit.json").read_text())["guidance_step_sizes"]
    assert guidance_step_size == learner("clic").instance.guidance_step_size > 0


@pytest.mark.parametrize(
    ("method", "asked", "blending"),
    [("ours", None, "from-noise"), ("clic", None, "from-target"), ("clic", "from-noise", "from-noise")],
)
def test_each_method_blends_as_its_source_does_unless_told_otherwise(
    method: str, asked: Blending | None, blending: Blending, options: EditOptions, setup: BackboneOptions, places: Made
) -> None:
    folder = edit(replace(options, method=method, blending=asked), setup, places())
    assert json.loads((folder / "edit.json").read_text())["blending"] == blending


def test_a_learned_background_can_be_painted(options: EditOptions, setup: BackboneOptions, places: Made) -> None:
    folder = edit(replace(options, method="ours:background", prompts=("a photo of [v1] at [v3]",)), setup, places())
    assert (folder / "grid.png").is_file()
    with pytest.raises(UserError, match=r"names no handle of the source; it has \[v1\] \(cat\), \[v2\] \(umbrella\)$"):
        edit(replace(options, prompts=("[v3]",)), setup, places("other"))


def test_a_source_without_masks_is_marked_by_what_pictures_share(
    options: EditOptions, setup: BackboneOptions, places: Made, source: Path, tmp_path: Path
) -> None:
    for mask in source.glob("mask*.png"):
        mask.unlink()
    others = tmp_path / "others"
    others.mkdir()
    shutil.copy(options.target, others / "a.png")
    with pytest.raises(UserError, match="--shared needs --object WORD"):
        edit(replace(options, shared=others), setup, places())
    folder = edit(replace(options, shared=others, object="cat"), setup, places())
    assert (folder / "grid.png").is_file()
    (mask,) = (tmp_path / "edits" / "masks").glob("*.png")
    assert 0 < (read(mask) > 0).mean() < 1


def test_an_object_alone_is_refused(options: EditOptions, setup: BackboneOptions, places: Made) -> None:
    with pytest.raises(UserError, match="--object goes with --shared"):
        edit(replace(options, object="cat"), setup, places())


def test_methods_without_handles_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bench.plugins.discovery import refresh

    (tmp_path / "still.py").write_text(
        "from dataclasses import dataclass\n\n\n@dataclass(frozen=True)\nclass Method:\n    '''Learns nothing.'''\n"
    )
    monkeypatch.setenv("BENCH_PATH", str(tmp_path))
    refresh()
    try:
        with pytest.raises(UserError, match=r"still learns no handles .* these do: .*ours"):
            learner("still")
    finally:
        monkeypatch.undo()
        refresh()
