"""Training: every checkpoint comes out loadable, and an interrupted training ends as an unbroken one."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline
from torch import Tensor, nn
from transformers import (
    AutoImageProcessor,
    CLIPModel,
    CLIPProcessor,
    CLIPTokenizer,
    MaskFormerForInstanceSegmentation,
    ViTModel,
)

from bench.core.errors import UserError
from bench.playroom.train import loop
from bench.playroom.train.__main__ import What, main
from bench.playroom.train.loop import Draw, TrainingBudget, train
from bench.playroom.train.lpips import save_lpips
from bench.playroom.train.tokenizer import make_tokenizer
from bench.playroom.world.captions import VOCABULARY
from bench.playroom.world.toys import CLASSES
from bench.plugins.backbone_settings import read_settings
from bench.scoring.models.lpips import LpipsDiversity
from bench.scoring.models.lpips_networks import SmallLpips, load_small
from bench.scoring.models.sources import LpipsSource

CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder of states for all: the scenes are drawn once, and the UNet needs the trained autoencoder."""
    return tmp_path_factory.mktemp("playroom-state")


def run(what: What, state: Path, out: Path, *, steps: int = 2, **options: object) -> Path:
    main(what, out=out, state=state, steps=steps, batch=4, scenes=8, device="cpu", **options)
    return out


@pytest.fixture(scope="session")
def pipeline(state: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("playroom-out")
    for what in ("vae", "decoder", "unet"):
        run(what, state, out)
    return out / "pipeline"


def test_pipeline_draws(pipeline: Path) -> None:
    loaded = StableDiffusionPipeline.from_pretrained(
        pipeline, safety_checker=None, torch_dtype=torch.float32, use_safetensors=True
    )
    loaded.set_progress_bar_config(disable=True)
    picture = loaded("a photo of a mug", num_inference_steps=2, output_type="np").images[0]
    assert picture.shape == (64, 64, 3)
    assert loaded.vae_scale_factor == 4
    assert loaded.scheduler.config.set_alpha_to_one is False


def test_pipeline_brings_its_settings(pipeline: Path) -> None:
    settings = read_settings(pipeline)
    assert settings.sampler.steps == 20
    assert settings.metrics == "playroom"


def test_latents_are_scaled_to_unit_variance(state: Path, pipeline: Path) -> None:
    assert pipeline.is_dir()
    [latents] = (state / "vae").glob("latents-*.npy")
    means = np.load(latents)[:, :4].astype(np.float32)
    assert means.std() == pytest.approx(1, rel=0.05)


def test_decoder_training_leaves_the_encoder_alone(state: Path, pipeline: Path) -> None:
    before = torch.load(state / "vae" / "state.pt", weights_only=True)["ema"]
    after = AutoencoderKL.from_pretrained(state / "vae" / "model").state_dict()
    same = {name: torch.equal(before[name], after[name]) for name in after}
    assert all(equal for name, equal in same.items() if name.startswith(("encoder", "quant_conv")))
    assert not all(equal for name, equal in same.items() if name.startswith("decoder"))


def test_maskformer_is_loadable(state: Path, tmp_path: Path) -> None:
    folder = run("maskformer", state, tmp_path) / "maskformer"
    model = MaskFormerForInstanceSegmentation.from_pretrained(folder, dtype=torch.float32).eval()
    assert tuple(model.config.id2label.values()) == (*CLASSES, "background")
    inputs = AutoImageProcessor.from_pretrained(folder)(torch.zeros(3, 64, 64), return_tensors="pt")
    assert inputs["pixel_values"].shape == (1, 3, 128, 128)
    with torch.no_grad():
        assert model(**inputs).masks_queries_logits.shape[-2:] == (32, 32)


def test_clip_is_loadable(state: Path, tmp_path: Path) -> None:
    folder = run("clip", state, tmp_path) / "clip"
    model, processor = (
        CLIPModel.from_pretrained(folder, dtype=torch.float32),
        CLIPProcessor.from_pretrained(folder),
    )
    inputs = processor(text=["a mug", "a duck"], images=torch.zeros(3, 90, 90), return_tensors="pt", padding=True)
    assert inputs["pixel_values"].shape == (1, 3, 64, 64)
    with torch.no_grad():
        assert model(**inputs).logits_per_image.shape == (1, 2)


def test_vit_is_loadable(state: Path, tmp_path: Path) -> None:
    folder = run("vit", state, tmp_path) / "vit"
    model = ViTModel.from_pretrained(folder, add_pooling_layer=False, dtype=torch.float32)
    inputs = AutoImageProcessor.from_pretrained(folder)(torch.zeros(3, 90, 90), return_tensors="pt")
    with torch.no_grad():
        assert model(**inputs).last_hidden_state.shape == (1, 65, model.config.hidden_size)


def test_lpips_is_loadable(state: Path, tmp_path: Path) -> None:
    folder = run("lpips", state, tmp_path) / "lpips"
    network = LpipsDiversity.load(LpipsSource("playroom", str(folder)), CPU)
    one, other = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    same, far = network.distances(one, [one, other])
    assert same == pytest.approx(0, abs=1e-9)
    assert far > 1e-3
    assert (folder / "model.safetensors").stat().st_size < 2_000_000


def test_the_heads_of_lpips_are_never_negative_in_a_checkpoint(tmp_path: Path) -> None:
    network = SmallLpips((3, 5))
    with torch.no_grad():
        network.lins[0].model[-1].weight.fill_(-1)
    save_lpips(network, tmp_path)
    loaded = load_small(tmp_path)
    assert loaded.lins[0].model[-1].weight.eq(0).all()
    assert loaded.lins[1].model[-1].weight.eq(0.5).all()
    assert loaded.config == network.config


def test_going_on_continues_the_step_count(state: Path, tmp_path: Path) -> None:
    own = tmp_path / "state"
    own.mkdir()
    for folder in state.glob("scenes-*"):
        (own / folder.name).symlink_to(folder)
    for steps in (2, 4):
        run("vae", own, tmp_path / "out", steps=steps)
    with (tmp_path / "out" / "losses" / "vae.csv").open() as file:
        assert [int(row["step"]) for row in csv.DictReader(file)] == [1, 2, 3, 4]


def test_no_minutes_only_exports(state: Path, tmp_path: Path, pipeline: Path) -> None:
    before = (state / "unet" / "state.pt").read_bytes()
    again = run("unet", state, tmp_path, minutes=0) / "pipeline"
    name = "unet/diffusion_pytorch_model.safetensors"
    assert (again / name).read_bytes() == (pipeline / name).read_bytes()
    assert (state / "unet" / "state.pt").read_bytes() == before


def test_goes_on_from_weights_alone(state: Path, tmp_path: Path, pipeline: Path) -> None:
    fresh = tmp_path / "state"
    fresh.mkdir()
    for folder in state.glob("scenes-*"):
        (fresh / folder.name).symlink_to(folder)
    again = run("unet", fresh, tmp_path / "out", from_weights=pipeline, minutes=0) / "pipeline"
    name = "unet/diffusion_pytorch_model.safetensors"
    assert (again / name).read_bytes() == (pipeline / name).read_bytes()


def test_unet_without_an_autoencoder_is_a_clear_error(state: Path, tmp_path: Path) -> None:
    for folder in state.glob("scenes-*"):
        (tmp_path / folder.name).symlink_to(folder)
    with pytest.raises(UserError, match="train vae"):
        run("unet", tmp_path, tmp_path / "out")


class Regression:
    """A small task; it can be interrupted before a given step."""

    def __init__(self, interrupted_at: int | None = None) -> None:
        torch.manual_seed(0)
        self.model: nn.Module = nn.Linear(3, 1)
        self.interrupted_at, self.calls = interrupted_at, 0

    def losses(self, draw: Draw) -> dict[str, Tensor]:
        if self.calls == self.interrupted_at:
            raise KeyboardInterrupt
        self.calls += 1
        points = draw.normal(draw.batch, 3)
        return {"loss": ((self.model(points) - points.sum(1, keepdim=True)) ** 2).mean()}


BUDGET = TrainingBudget(steps=30, minutes=1e6, batch=8, learning_rate=0.01, seed=5, device=CPU)


def test_interrupted_training_ends_as_an_unbroken_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "SAVE_SECONDS", 0.0)
    unbroken, first, second = Regression(), Regression(interrupted_at=11), Regression()
    train(unbroken, BUDGET, tmp_path / "unbroken")
    with pytest.raises(KeyboardInterrupt):
        train(first, BUDGET, tmp_path / "broken")
    train(second, BUDGET, tmp_path / "broken")
    assert second.calls == 30 - 11
    for one, two in zip(unbroken.model.parameters(), second.model.parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=0)


def test_another_seed_gives_other_weights(tmp_path: Path) -> None:
    one, two = Regression(), Regression()
    train(one, BUDGET, tmp_path / "one")
    train(two, TrainingBudget(30, 1e6, 8, 0.01, 6, CPU), tmp_path / "two")
    assert not torch.equal(next(one.model.parameters()), next(two.model.parameters()))


def test_training_lowers_the_loss(tmp_path: Path) -> None:
    train(Regression(), TrainingBudget(400, 1e6, 8, 0.05, 0, CPU), tmp_path)
    with (tmp_path / "losses.csv").open() as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert losses[-1] < 0.01 * losses[0]


def test_every_word_is_one_token() -> None:
    tokenizer = make_tokenizer()
    tokens = {word: tokenizer.tokenize(word) for word in VOCABULARY}
    assert {word: [f"{word}</w>"] for word in VOCABULARY} == tokens
    ids = tokenizer(" ".join(VOCABULARY[:30])).input_ids
    assert tokenizer.decode(ids, skip_special_tokens=True).split() == list(VOCABULARY[:30])


def test_unknown_word_falls_to_bytes() -> None:
    tokenizer = make_tokenizer()
    pieces = tokenizer.tokenize("xylophon")
    assert len(pieces) > 1
    assert "".join(pieces).removesuffix("</w>") == "xylophon"
    assert tokenizer.unk_token_id not in tokenizer("ünïcode", add_special_tokens=False).input_ids


def test_end_of_text_has_the_largest_id() -> None:
    tokenizer = make_tokenizer()
    assert tokenizer.eos_token_id == len(tokenizer) - 1
    assert tokenizer("a mug").input_ids[-1] == tokenizer.eos_token_id


def test_tokenizer_survives_saving_and_takes_handles(tmp_path: Path) -> None:
    make_tokenizer().save_pretrained(tmp_path)
    loaded = CLIPTokenizer.from_pretrained(tmp_path)
    assert loaded("a photo of a mug").input_ids == make_tokenizer()("a photo of a mug").input_ids
    assert loaded.model_max_length == 40
    assert loaded.add_tokens(["<asset0>"]) == 1
    assert loaded.tokenize("a photo of <asset0> and a mug")[3] == "<asset0>"
