"""`python -m bench.playroom.train WHAT`: train one of Playroom's checkpoints and write it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import typer
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

from bench.core.checkpoints import CHECKPOINTS
from bench.core.errors import UserError
from bench.core.files import write_bytes
from bench.playroom.train import clip, lpips, maskformer, unet, vae, vit, yolo
from bench.playroom.train.data import Scenes, load_scenes, load_toys
from bench.playroom.train.export import save_half
from bench.playroom.train.loop import TrainingBudget, train
from bench.playroom.world.toys import CLASSES

What = Literal["vae", "decoder", "unet", "maskformer", "clip", "vit", "lpips", "yolo"]


@dataclass(frozen=True)
class Plan:
    """How one checkpoint is trained by default: batch, learning rate and steps."""

    batch: int
    learning_rate: float
    steps: int


PLANS: dict[What, Plan] = {
    "vae": Plan(16, 1.5e-3, 20_000),
    "decoder": Plan(16, 1e-3, 10_000),
    "unet": Plan(32, 1e-3, 40_000),
    "maskformer": Plan(16, 6e-4, 20_000),
    "clip": Plan(128, 1e-3, 10_000),
    "vit": Plan(48, 1e-3, 10_000),
    "lpips": Plan(32, 1e-3, 10_000),
    "yolo": Plan(16, 1e-3, 20_000),
}


@dataclass(frozen=True)
class Work:
    """What a training reads and where it writes."""

    out: Path
    state: Path
    scenes: Scenes
    weights: Path | None
    device: torch.device

    @property
    def vae(self) -> Path:
        """Where the autoencoder stays until the pipeline is written."""
        return self.state / "vae" / "model"


def main(
    what: Annotated[What, typer.Argument(help="the checkpoint to train; decoder and unet need a vae")],
    out: Annotated[Path, typer.Option(help="folder of the finished checkpoints")] = CHECKPOINTS,
    state: Annotated[Path, typer.Option(help="folder of states and drawn scenes")] = Path(".playroom"),
    steps: Annotated[int | None, typer.Option(min=1, help="stop after so many steps, earlier ones included")] = None,
    minutes: Annotated[
        float, typer.Option(min=0, help="stop after so many minutes, earlier starts included; 0: only export")
    ] = 1e6,
    batch: Annotated[int | None, typer.Option(min=2, help="scenes a step")] = None,
    scenes: Annotated[int, typer.Option(min=2, help="scenes drawn for training")] = 40_000,
    seed: Annotated[int, typer.Option(help="everything random derives from it")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    from_weights: Annotated[
        Path | None, typer.Option(help="a checkpoint folder to start from instead of random weights")
    ] = None,
) -> None:
    """Train WHAT, going on from its state if there is one; then write the checkpoint and its losses."""
    plan = PLANS[what]
    where = torch.device("cuda" if device == "auto" and torch.cuda.is_available() else device.replace("auto", "cpu"))
    torch.manual_seed(seed)
    budget = TrainingBudget(steps or plan.steps, minutes, batch or plan.batch, plan.learning_rate, seed, where)
    work = Work(out, state, load_scenes(state, scenes, seed), from_weights, where)
    TRAININGS[what](work, budget)
    _keep_losses(state / what / "losses.csv", out / "losses" / f"{what}.csv")


def _train_vae(work: Work, budget: TrainingBudget) -> None:
    fresh = vae.new_vae() if work.weights is None else _autoencoder(work.weights)
    train(vae.VaeTask(work.scenes, fresh), budget, work.state / "vae")
    vae.save_vae(fresh, work.scenes, work.vae)


def _train_decoder(work: Work, budget: TrainingBudget) -> None:
    """Go on with the decoder alone, in place: the latents, and so a UNet in training, stay as they are."""
    known = vae.freeze_encoder(_autoencoder(work.weights or work.vae))
    train(vae.VaeTask(work.scenes, known), budget, work.state / "decoder")
    known.save_pretrained(work.vae)


def _train_unet(work: Work, budget: TrainingBudget) -> None:
    autoencoder = _autoencoder(work.weights / "vae" if work.weights else work.vae)
    latents = vae.load_latents(work.state / "vae", autoencoder, work.scenes, work.device)
    task = unet.UnetTask(work.scenes, latents, work.weights)
    train(task, budget, work.state / "unet")
    unet.save_pipeline(task.model, autoencoder.cpu(), work.out / "pipeline")


def _train_maskformer(work: Work, budget: TrainingBudget) -> None:
    task = maskformer.MaskFormerTask(work.scenes, work.weights)
    train(task, budget, work.state / "maskformer")
    save_half(task.model, maskformer.new_processor(), work.out / "maskformer")


def _train_clip(work: Work, budget: TrainingBudget) -> None:
    task = clip.ClipTask(work.scenes, work.weights)
    train(task, budget, work.state / "clip")
    save_half(task.model, clip.new_processor(), work.out / "clip")


def _train_vit(work: Work, budget: TrainingBudget) -> None:
    toys = load_toys(work.state, max(len(CLASSES), len(work.scenes) // 5), budget.seed)
    task = vit.VitTask(toys, work.weights)
    train(task, budget, work.state / "vit")
    save_half(task.model, vit.new_processor(), work.out / "vit")


def _train_lpips(work: Work, budget: TrainingBudget) -> None:
    ladders = lpips.load_ladders(work.state, max(2, len(work.scenes) // 10), budget.seed)
    task = lpips.LpipsTask(work.scenes, ladders, work.weights)
    train(task, budget, work.state / "lpips")
    lpips.save_lpips(task.model.network, work.out / "lpips")


def _train_yolo(work: Work, budget: TrainingBudget) -> None:
    task = yolo.YoloTask(work.scenes, work.weights)
    train(task, budget, work.state / "yolo")
    yolo.save_yolo(task, work.out / "yolo")


TRAININGS: dict[What, Callable[[Work, TrainingBudget], None]] = {
    "vae": _train_vae,
    "decoder": _train_decoder,
    "unet": _train_unet,
    "maskformer": _train_maskformer,
    "clip": _train_clip,
    "vit": _train_vit,
    "lpips": _train_lpips,
    "yolo": _train_yolo,
}


def _autoencoder(folder: Path) -> AutoencoderKL:
    """Raises `UserError` if there is none."""
    if not (folder / "config.json").is_file():
        raise UserError(f"there is no autoencoder in {folder}; run `python -m bench.playroom.train vae` first")
    load: Any = AutoencoderKL.from_pretrained
    model: AutoencoderKL = load(folder).float()
    return model


def _keep_losses(source: Path, target: Path) -> None:
    """Keep at most some 300 evenly spaced rows; nothing where no step was made."""
    if not source.is_file():
        return
    header, *rows = source.read_text(encoding="utf-8").splitlines()
    thinned = rows[:: max(1, -(-len(rows) // 300))]
    write_bytes(target, ("\n".join([header, *thinned]) + "\n").encode())


if __name__ == "__main__":
    try:
        typer.run(main)
    except UserError as error:
        raise SystemExit(f"bench.playroom.train: {error}") from None
