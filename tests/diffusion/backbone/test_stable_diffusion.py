"""Loading a backbone, what it is identified by, and making it pristine again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import NoReturn

import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors.torch import load_file, save_file

from bench.core.device import Hardware, resolve
from bench.core.errors import UserError
from bench.core.scenes import Scene
from bench.diffusion.backbone.checkpoint import BackboneSpec, fingerprint
from bench.diffusion.backbone.handles import add_handles, embedding
from bench.diffusion.backbone.loading import load_backbone
from bench.diffusion.backbone.stable_diffusion import StableDiffusion, official_scheduler
from bench.plugins.backbone_settings import FILE, BackboneSettings, Sampler

CPU = resolve("cpu", "fp32")


@pytest.fixture
def folder(tiny_pipeline: Path, tmp_path: Path) -> Path:
    """A copy of the tiny pipeline to spoil."""
    return Path(shutil.copytree(tiny_pipeline, tmp_path / "pipeline"))


def _fails(source: object, says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        load_backbone(BackboneSpec(str(source)), CPU)
    assert "\n" not in str(caught.value)


def test_sizes_come_from_the_networks(backbone: StableDiffusion) -> None:
    assert (backbone.resolution, backbone.vae_factor, backbone.latent_shape) == (32, 2, (4, 16, 16))


def test_weights_are_float32_whatever_they_were_saved_in(folder: Path) -> None:
    for path in folder.glob("*/*.safetensors"):
        save_file({name: value.half() for name, value in load_file(path).items()}, path, {"format": "pt"})
    loaded = load_backbone(BackboneSpec(str(folder)), CPU)
    assert {value.dtype for value in loaded.parameters().values()} == {torch.float32}
    assert {value.dtype for value in loaded.vae.parameters()} == {torch.float32}


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_the_sampler_has_the_official_settings_also_inside_the_pipeline(
    prediction_type: str, tiny_pipeline: Path, tiny_velocity_pipeline: Path, recwarn: pytest.WarningsRecorder
) -> None:
    path = tiny_pipeline if prediction_type == "epsilon" else tiny_velocity_pipeline
    loaded = load_backbone(BackboneSpec(str(path)), CPU)
    for scheduler in (loaded.scheduler, loaded.pipeline().scheduler):
        config = scheduler.config
        assert (config["beta_schedule"], config["beta_start"], config["beta_end"]) == ("scaled_linear", 0.00085, 0.012)
        assert (config["clip_sample"], config["set_alpha_to_one"], config["steps_offset"]) == (False, False, 0)
        assert config["prediction_type"] == prediction_type
    assert not [warning for warning in recwarn if "steps_offset" in str(warning.message)]


def test_fifty_steps_start_at_980_and_end_at_0() -> None:
    scheduler = official_scheduler({"num_train_timesteps": 1000})
    scheduler.set_timesteps(50)
    assert scheduler.timesteps.tolist() == list(range(980, -1, -20))


def test_restore_undoes_everything_exactly(backbone: StableDiffusion, scene: Scene) -> None:
    before = {name: value.detach().clone() for name, value in backbone.parameters().items()}
    words = len(backbone.tokenizer)
    drawn = backbone.encode_text(["a photo of cat"]).detach()
    add_handles(backbone.tokenizer, backbone.text_encoder, scene.concepts, "mean")
    with torch.no_grad():
        for value in backbone.parameters().values():
            value.requires_grad_().mul_(1.5)
    backbone.restore()
    after = backbone.parameters()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert not any(value.requires_grad for value in after.values())
    assert len(backbone.tokenizer) == words == embedding(backbone.text_encoder).shape[0]
    assert backbone.tokenizer.convert_tokens_to_ids("[v1]") == backbone.tokenizer.unk_token_id
    assert torch.equal(backbone.encode_text(["a photo of cat"]), drawn)


def test_token_ids_stay_on_the_cpu(backbone: StableDiffusion, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step looks for its handles among them, and would wait for the device."""
    expected = backbone.tokenize(["a photo of cat"])
    monkeypatch.setattr(backbone, "hardware", Hardware(torch.device("meta"), "fp32"))
    assert backbone.tokenize(["a photo of cat"]).device.type == "cpu"
    assert torch.equal(backbone.tokenize(["a photo of cat"]), expected)


def test_moved_away_it_leaves_the_devices_memory_until_it_is_restored(
    backbone: StableDiffusion, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(backbone, "hardware", Hardware(torch.device("cuda:1"), "fp32"))
    monkeypatch.setattr(torch.nn.Module, "to", lambda _module, device: calls.append(str(device)))
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: calls.append("emptied"))
    backbone.move_away()
    assert calls == ["cpu", "cpu", "cpu", "emptied"]
    calls.clear()
    backbone.restore()
    assert calls == ["cuda:1", "cuda:1", "cuda:1"]


def test_the_fingerprint_is_of_weights_and_configurations(folder: Path, tiny_pipeline: Path) -> None:
    first = fingerprint(BackboneSpec(str(folder)))
    assert first == fingerprint(BackboneSpec(str(tiny_pipeline)))
    (folder / FILE).write_text('{"schema": 1}')
    (folder / "picture.png").write_bytes(b"")
    assert fingerprint(BackboneSpec(str(folder))) == first
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights = load_file(path)
    weights["conv_in.bias"] += 1e-6
    save_file(weights, path, {"format": "pt"})
    assert fingerprint(BackboneSpec(str(folder))) != first


def test_a_hub_download_is_identified_by_its_commit(
    tiny_pipeline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = tmp_path / "snapshots" / "0123abcd"
    shutil.copytree(tiny_pipeline, snapshot)
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: str(snapshot))
    assert fingerprint(BackboneSpec("CompVis/stable-diffusion-v1-4")) == "CompVis/stable-diffusion-v1-4@0123abcd"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    _fails(tmp_path / "nothing", "there is no folder .*give --backbone a folder, a hub id or a preset")


def test_a_folder_without_a_pipeline(tmp_path: Path) -> None:
    _fails(tmp_path, "model_index.json is missing or damaged")


@pytest.mark.parametrize("source", ["sd21", "stabilityai/stable-diffusion-2-1-base"])
def test_without_a_network_the_mirrors_are_named(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise LocalEntryNotFoundError("Cannot reach\nthe hub")

    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    _fails(source, "Cannot reach the hub.*mirrors: .*Manojb/stable-diffusion-2-1-base")


def test_another_kind_of_pipeline_is_refused_before_its_weights_are_read(folder: Path) -> None:
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | {"_class_name": "StableDiffusionXLPipeline"}))
    _fails(folder, "is a StableDiffusionXLPipeline; only a StableDiffusionPipeline")


def test_a_unet_of_other_channels_is_refused(folder: Path) -> None:
    config = json.loads((folder / "unet" / "config.json").read_text())
    (folder / "unet" / "config.json").write_text(json.dumps(config | {"in_channels": 9}))
    _fails(folder, "cannot be loaded|9 input channels")


def test_an_unknown_prediction_type_is_refused(folder: Path) -> None:
    path = folder / "scheduler" / "scheduler_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"prediction_type": "sample"}))
    _fails(folder, "predicts 'sample'")


UNET = "unet/diffusion_pytorch_model.safetensors"
TEXT_ENCODER = "text_encoder/model.safetensors"


@pytest.mark.parametrize(
    ("file", "key"),
    [
        (UNET, "conv_in.bias"),
        (TEXT_ENCODER, "text_model.final_layer_norm.weight"),
        ("vae/diffusion_pytorch_model.safetensors", "decoder.conv_out.weight"),
    ],
)
def test_a_checkpoint_that_lacks_a_weight_is_refused(file: str, key: str, folder: Path) -> None:
    """The libraries load it with random numbers instead."""
    weights = load_file(folder / file)
    del weights[key if key in weights else key.removeprefix("text_model.")]
    save_file(weights, folder / file, {"format": "pt"})
    name, last = file.split("/", maxsplit=1)[0], key.removeprefix("text_model.")
    _fails(folder, f"is not a whole pipeline: it lacks 1 weight of its {name}, (text_model.)?{last} among them")


def test_weights_that_no_network_has_are_named_and_not_used(
    folder: Path, backbone: StableDiffusion, caplog: pytest.LogCaptureFixture
) -> None:
    weights = load_file(folder / UNET)
    save_file(weights | {"adapter.down": torch.ones(2), "adapter.up": torch.ones(2)}, folder / UNET, {"format": "pt"})
    loaded = load_backbone(BackboneSpec(str(folder)), CPU)
    assert caplog.messages == [f"{folder}: not used: 2 weights of its unet: adapter.down, adapter.up"]
    expected = backbone.parameters()
    assert all(torch.equal(value, expected[name]) for name, value in loaded.parameters().items())


def test_buffers_that_older_libraries_saved_are_nothing_to_tell(
    folder: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """As in CompVis' Stable Diffusion 1.4."""
    weights = load_file(folder / TEXT_ENCODER)
    old = {"text_model.embeddings.position_ids": torch.arange(24)[None]}
    save_file(weights | old, folder / TEXT_ENCODER, {"format": "pt"})
    load_backbone(BackboneSpec(str(folder)), CPU)
    assert caplog.messages == []
    assert capfd.readouterr().err == ""


def test_another_text_encoder_is_refused(folder: Path) -> None:
    index = json.loads((folder / "model_index.json").read_text())
    other = {"text_encoder": ["transformers", "CLIPTextModelWithProjection"]}
    (folder / "model_index.json").write_text(json.dumps(index | other))
    _fails(folder, r"text encoder CLIPTextModelWithProjection\)")


def test_its_settings_are_its_folders_unless_others_are_given_and_stay(folder: Path) -> None:
    (folder / FILE).write_text('{"schema": 1, "sampler": {"steps": 7}}')
    assert load_backbone(BackboneSpec(str(folder)), CPU).settings.sampler.steps == 7
    given = BackboneSettings(sampler=Sampler(steps=3))
    loaded = load_backbone(BackboneSpec(str(folder)), CPU, given)
    assert loaded.settings == given
    with pytest.raises(AttributeError):
        loaded.settings = BackboneSettings()  # type: ignore[misc]


def test_damaged_weights_are_one_line(folder: Path) -> None:
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    _fails(folder, "cannot be loaded")


def test_pickled_weights_are_never_read(folder: Path) -> None:
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    torch.save(load_file(path), path.with_suffix(".bin"))
    path.unlink()
    _fails(folder, "cannot be loaded")
