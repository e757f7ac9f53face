"""RealFill: an inpainting model fitted to the scene fills the concepts' regions in a new background."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from bench.api import DRIVERS, INCIDENTAL, INTERPRETER, ExternalLearner, FidelityNote, Requirement


@dataclass(frozen=True)
class Method(ExternalLearner):
    """RealFill (Tang et al. 2023) by its public training code, in its own environment.

    LoRA layers of Stable Diffusion 2's inpainting model learn the scene under random masks; then the holes of a
    background, in the shape and place of the prompt's concepts, are filled. The text 'a photo of sks' says neither
    which concept nor where. Install in `home` what `bench run --methods realfill` reports as missing.
    """

    summary: ClassVar[str] = "inpainting fitted to the scene: public training code in its own environment"
    source: ClassVar[str] = "Tang et al. 2023; thuanz123/realfill; CLiC, section 4.2"
    driver: ClassVar[Path] = DRIVERS / "realfill.py"
    needs: ClassVar[tuple[Requirement, ...]] = (
        Requirement("code/train_realfill.py", "git clone https://github.com/thuanz123/realfill code"),
        Requirement(INTERPRETER, "an environment in env with code/requirements.txt, diffusers 0.21 or later"),
        Requirement(
            "stable-diffusion-2-inpainting/model_index.json",
            "hf download sd2-community/stable-diffusion-2-inpainting, a mirror: the original left the hub",
        ),
    )
    content: ClassVar[tuple[str, ...]] = (
        "code/*.py",
        "stable-diffusion-2-inpainting/*/*.safetensors",
        "stable-diffusion-2-inpainting/*/*.json",
    )
    ledger: ClassVar[tuple[FidelityNote, ...]] = (
        FidelityNote(
            "from prompts to holes",
            "RealFill completes a photo; CLiC inpaints the target's mask with a learned token, code unreleased",
            "the base model draws the template's context; the hole is the union of the subset's masks as in the scene",
            "it is the one rule that needs neither a new training nor a choice of place",
        ),
        FidelityNote(
            "training target",
            "the photo to be completed joins the references; its hole has no weight",
            "the scene again, with no hole: a sample that hides nothing, its loss over the whole picture",
            "one fit must serve all prompts, whose backgrounds are not known yet",
        ),
        FidelityNote(
            "samples per step",
            "README: 16; its loader makes one sample of each reference and one of the target, and batches of one pass",
            "as the code: 2 with one picture, of which one has random holes; 16 is never reached",
            "one picture is what a scene has; more references than pictures would be another method",
        ),
        FidelityNote(
            "what is trained",
            "public code: LoRA in all attention; CLiC: cross-attention and a token",
            "the public code's",
            "CLiC's variant was not released",
        ),
        FidelityNote(
            "settings",
            "README: rank 8, alpha 16, dropout .1; the code's defaults: 16, 27, 0",
            "the README's",
            "they are what its examples were made with",
        ),
        FidelityNote(
            "inference",
            "infer.py: DDPM, 200 steps, guidance 1, 16 pictures per call, base model by its name on the hub",
            "the same numbers in the driver, one picture per prompt, base model from its folder",
            "sixteen for one would cost hours per scene, and the hub no longer has that name",
        ),
        FidelityNote(
            "noise",
            "one seed per call",
            "the prompt's seed, cut to 32 bits; the noise is not that of the other methods",
            "another model with another latent shape draws it",
        ),
    )

    steps: Annotated[int, "training steps", Field(ge=1)] = 2000
    batch: Annotated[int, "samples per step at most; one picture and the target make 2", Field(ge=1)] = 16
    unet_learning_rate: Annotated[float, "learning rate of the UNet's LoRA layers", Field(gt=0)] = 2e-4
    text_encoder_learning_rate: Annotated[float, "that of the text encoder's", Field(gt=0)] = 4e-5
    warmup_steps: Annotated[int, "passed on as the README does; its constant schedule ignores it", Field(ge=0)] = 100
    rank: Annotated[int, "rank of the LoRA layers", Field(ge=1)] = 8
    alpha: Annotated[int, "their scale, over the rank", Field(ge=1)] = 16
    dropout: Annotated[float, "their dropout", Field(ge=0, lt=1)] = 0.1
    sampling_steps: Annotated[int, "DDPM steps that fill a hole", Field(ge=1)] = 200
    home: Annotated[Path, "folder with code/, env/ and the base model"] = field(
        default=Path("external/realfill"), metadata=INCIDENTAL
    )
    minutes: Annotated[float, "how long it may run without a new picture; a fit has none", Field(gt=0)] = field(
        default=240.0, metadata=INCIDENTAL
    )
