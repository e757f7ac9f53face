"""CLiC's task: learn a part of one object and put it on another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from bench.api import PairsBuilder, PromptPlan, UserError, own_templates, parse_formats, template_options


@dataclass(frozen=True)
class Builder:
    """Reads pairs in the four groups of CLiC's user study: buildings, furniture, jewelry, kitchenware.

    A pair is a folder `GROUP/NAME` that holds `source/` and `target/`, each with `img.jpg` (or .png), `mask0.png`
    and `objects.txt`: the part to learn and what it is a part of, the region to put it in and what that is a part
    of. A list of given pairs is a CSV in place of the folder, with the columns `group`, `source`, `target` and, if you
    like, `name`: a line per pair with such folders, as seen from the CSV's; a folder may be in several pairs. The
    paper's thirty pairs were not released, so you supply the pictures.

    The built dataset has the sources as scenes: `bench run` does the paper's generation task on it. The transfer
    is a loop of edits over its scenes:

        for s in data/pairs/scenes/*; do
          bench edit clic --source $s --target $s/target.png --mask $s/target_mask.png --prompt "$(cat $s/prompt.txt)"
        done
    """

    summary: ClassVar[str] = "CLiC's task: a source with a part marked, a target with a region; run by `bench edit`"
    source: ClassVar[str] = "CLiC, sections 3.2 and 4.2"

    folder: Annotated[Path | None, "folder of GROUP/NAME/source and GROUP/NAME/target, or a CSV of pairs"] = None
    formats: Annotated[str, "the first so many of the ten formats, or their names: beach,snow"] = "10"
    samples: Annotated[int, "pictures of each prompt"] = 2
    size: Annotated[int, "side of the pictures in pixels"] = 512
    templates: Annotated[str, "your own in place of the formats: a file, a line each with {tokens}, or such lines"] = ""

    def build(self, out: Path) -> None:
        """Write the dataset into `out`.

        Raises `UserError` for bad options, a missing or bad part of a pair, or an output that holds something else.
        """
        if self.folder is None:
            raise UserError(
                'pairs needs --folder DIR (in a run: --dataset "pairs[folder=DIR]") with GROUP/NAME/source and '
                "GROUP/NAME/target, or a CSV of pairs"
            )
        if self.samples < 1:
            raise UserError("--samples must be at least 1")
        own = own_templates(self.templates, self.formats)
        plan = PromptPlan(own or parse_formats(self.formats), self.samples, "powerset", 0)
        options: dict[str, str | int | bool] = {**template_options(own, self.formats), "samples": self.samples}
        PairsBuilder(self.folder, self.size, plan, options).build(out)
