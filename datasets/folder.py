"""The user's own pictures with masks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from bench.api import (
    BACKGROUND,
    FolderBuilder,
    PromptPlan,
    PromptScheme,
    UserError,
    own_templates,
    parse_formats,
    template_options,
    templates_of_folder,
)


@dataclass(frozen=True)
class Builder:
    """Reads the official layout: a folder with `img.jpg`, `mask0.png`, ..., or a folder of such folders.

    A scene whose concepts come from several pictures (Rahman et al. 2024, Figures 1 and 2) is a folder that holds
    a folder of that layout for each picture, and lies in the folder of all scenes.

    Prompts are made of Break-A-Scene's ten formats, or of one's own templates: those of `templates`, else those of a
    file `templates.txt` in the folder, a line each with `{tokens}` where the concepts stand (# begins a comment).
    """

    summary: ClassVar[str] = "your own pictures: img.jpg, mask0.png, mask1.png, ... and labels.txt if you like"
    source: ClassVar[str] = "Break-A-Scene, official code (examples/)"

    folder: Annotated[Path | None, "the folder of a scene, or of several scenes' folders"] = None
    background: Annotated[bool, "add the complement of all masks as a concept"] = False
    background_word: Annotated[str, "what texts for scoring call it, such as beach"] = BACKGROUND
    formats: Annotated[str, "the first so many of the ten formats, or their names: beach,snow"] = "10"
    samples: Annotated[int, "pictures of each prompt"] = 2
    size: Annotated[int, "side of the pictures in pixels"] = 512
    seed: Annotated[int, "seed of random prompts"] = 0
    prompts: Annotated[PromptScheme, "all formats and subsets (B.2), or random ones (section 4.1)"] = "powerset"
    templates: Annotated[
        str, "your own in place of the formats: a file, a line each with {tokens}, or such lines; or DIR/templates.txt"
    ] = ""

    def build(self, out: Path) -> None:
        """Write the dataset into `out`.

        Raises `UserError` for bad options, pictures or masks, or an output that holds something else.
        """
        if self.folder is None:
            raise UserError(
                'folder needs --folder DIR (in a run: --dataset "folder[folder=DIR]"): a folder with img.jpg, mask0.png'
                ", ..., or of such folders"
            )
        if self.samples < 1:
            raise UserError("--samples must be at least 1")
        own = own_templates(self.templates or templates_of_folder(self.folder), self.formats)
        plan = PromptPlan(own or parse_formats(self.formats), self.samples, self.prompts, self.seed)
        options: dict[str, str | int | bool] = {
            "background": self.background,
            **template_options(own, self.formats),
            "samples": self.samples,
            "seed": self.seed,
            "prompts": self.prompts,
            **({"background_word": self.background_word} if self.background else {}),
        }
        FolderBuilder(self.folder, self.size, self.background, plan, options, self.background_word).build(out)
