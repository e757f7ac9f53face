"""ELITE: an encoder that needs no fit, run with its official code and checkpoints."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from bench.api import DRIVERS, INCIDENTAL, INTERPRETER, ExternalMethod, FidelityNote, Requirement


@dataclass(frozen=True)
class Method(ExternalMethod):
    """ELITE (Wei et al. 2023) by its official code, in its own environment.

    Encoders turn the picture and mask of one concept into the words of one prompt; nothing is learned from the
    scene. The base model is Stable Diffusion 1.4, whatever the run's backbone is. Install in `home` what
    `bench run --methods elite` reports as missing.
    """

    summary: ClassVar[str] = "encoder without a fit: official code and checkpoints in an environment of their own"
    source: ClassVar[str] = "Wei et al. 2023; csyxwei/ELITE, inference_local.py; Break-A-Scene, 4.1, B.1"
    driver: ClassVar[Path] = DRIVERS / "elite.py"
    needs: ClassVar[tuple[Requirement, ...]] = (
        Requirement("code/inference_local.py", "git clone https://github.com/csyxwei/ELITE code"),
        Requirement(
            INTERPRETER,
            "an environment in env, Python 3.9, with code/requirements.txt; the code itself fetches "
            "openai/clip-vit-large-patch14 from the hub",
        ),
        Requirement("checkpoints/global_mapper.pt", "from the Google Drive folder that the repository's README links"),
        Requirement("checkpoints/local_mapper.pt", "likewise"),
        Requirement("stable-diffusion-v1-4/model_index.json", "hf download CompVis/stable-diffusion-v1-4"),
    )
    content: ClassVar[tuple[str, ...]] = (
        "code/*.py",
        "checkpoints/*_mapper.pt",
        "stable-diffusion-v1-4/unet/*",
        "stable-diffusion-v1-4/vae/*",
    )
    ledger: ClassVar[tuple[FidelityNote, ...]] = (
        FidelityNote(
            "several concepts in a prompt",
            "the official code takes one; Break-A-Scene compares 'more than one concept' and does not say how",
            "one concept of the subset is `S`, the others are class words; they take turns by sample",
            "so every concept is learned in its share of a prompt's pictures, without code that nobody published",
        ),
        FidelityNote(
            "place of the concept in its picture",
            "README: 'ensure the object is at the center of image'; Break-A-Scene: silent",
            "the square around the mask's box, 1.3 times its side, edges repeated beyond the picture",
            "in the scene as it is, a concept at the edge would be outside what the encoder was trained on",
        ),
        FidelityNote(
            "place of the placeholder in the text",
            "the official code counts words",
            "that of its token",
            "the encoder's words are injected at a token; they differ behind a class word of several tokens",
        ),
        FidelityNote(
            "settings",
            "inference_local.py: lambda .8, guidance 5, LMS with 100 steps, fp16",
            "these; `--guidance` and `--sampling-steps` of the run change nothing here",
            "it is the official inference; no other setting was trained or published",
        ),
        FidelityNote(
            "noise",
            "one seed per call",
            "the prompt's seed, cut to 32 bits; the noise is not that of the other methods",
            "the official code draws its latents itself, in fp16",
        ),
        FidelityNote(
            "checkpoint format",
            "pickled .pt files",
            "unpickled in the program's own process and environment, never here",
            "there are no others; load only what you trust",
        ),
    )

    fusion: Annotated[float, "weight of local features (lambda of the official code)", Field(ge=0)] = 0.8
    home: Annotated[Path, "folder with code/, env/, checkpoints/ and the base model"] = field(
        default=Path("external/elite"), metadata=INCIDENTAL
    )
    minutes: Annotated[float, "how long it may run without a new picture", Field(gt=0)] = field(
        default=30.0, metadata=INCIDENTAL
    )
