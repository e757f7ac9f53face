"""Imports pictures made elsewhere, to score them like a method's."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar

from bench.api import (
    INCIDENTAL,
    Dataset,
    FidelityNote,
    PrecomputedImage,
    PrecomputedImages,
    Prompt,
    precomputed_file,
    progress_bar,
    read_imported,
    read_picture,
)


@dataclass(frozen=True)
class Method(PrecomputedImages):
    """Pictures of any program, named by a CSV (scene, subset, template, sample, file) or by where they lie in a folder.

    `bench list --prompts DATASET` writes the CSV that is expected: fill in `file` or save pictures under the names
    it proposes. There must be one picture for every prompt of the scenes that a start asks for (`--scenes`). They are
    identified by their content: a changed picture is scored again, pictures in a moved folder are not.
    """

    summary: ClassVar[str] = "pictures made elsewhere: import[from=FOLDER or CSV]; see bench list --prompts DATASET"
    source: ClassVar[str] = "whoever made them"
    ledger: ClassVar[tuple[FidelityNote, ...]] = (
        FidelityNote(
            "noise and cost",
            "unknown here",
            "taken as they are: no common random numbers, and the costs are those of copying",
            "pictures do not say how they were made",
        ),
        FidelityNote(
            "size of the pictures",
            "unknown here",
            "each keeps its own",
            "the metrics resize by their own rules",
        ),
    )

    from_: Annotated[Path, "a folder of pictures, or a CSV that names them"] = field(metadata=INCIDENTAL)

    def precomputed(self, dataset: Dataset) -> Mapping[str, Mapping[Prompt, PrecomputedImage]]:
        """The picture of every prompt, by the scene's name.

        Raises `UserError` if pictures are missing, named twice or unknown to the dataset, or one cannot be read.
        """
        return self.precomputed_of(dataset, [scene.name for scene in dataset.scenes])

    def precomputed_of(
        self, dataset: Dataset, scenes: Collection[str]
    ) -> Mapping[str, Mapping[Prompt, PrecomputedImage]]:
        """The same for some scenes, by name; the others' pictures are not looked at."""
        files = read_imported(self.from_, dataset, scenes)
        with progress_bar(f"reading {self.from_}", sum(map(len, files.values()))) as progress:
            return {
                name: {prompt: _read(file, progress.advance) for prompt, file in of.items()}
                for name, of in files.items()
            }


def _read(file: Path, advance: Callable[[], None]) -> PrecomputedImage:
    """Decode the file once, so that a broken picture is reported before the run begins."""
    advance()
    read_picture(file)
    return precomputed_file(file)
