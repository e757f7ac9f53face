"""Reference pictures of a built dataset: what a perfect method would draw for a scene's prompts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.core.files import write_bytes
from bench.core.images import picture_png
from bench.core.progress import progress_bar
from bench.core.scenes import ImageArray, Prompt
from bench.data.manifest import Manifest, SceneRecord


def references(folder: Path, scene: str, prompts: Sequence[Prompt]) -> Mapping[Prompt, Path]:
    """The reference picture of each prompt of a scene in a dataset's folder; prompts without one are left out."""
    files = {prompt: _file(folder, scene, number) for number, prompt in enumerate(prompts)}
    return {prompt: file for prompt, file in files.items() if file.is_file()}


def write_references(folder: Path, manifest: Manifest, draw: Callable[[SceneRecord, Prompt], ImageArray]) -> None:
    """Draw the missing references of all prompts: `references/0.png`, ... beside a scene's picture.

    They are named by the number of their prompt in the manifest. An interrupted start is resumed.

    Raises `UserError` if a file cannot be written.
    """
    wanted = [
        (_file(folder, record.name, number), record, prompt)
        for record in manifest.scenes
        for number, prompt in enumerate(record.prompts)
    ]
    missing = [each for each in wanted if not each[0].is_file()]
    with progress_bar("references", len(missing)) as progress:
        for file, record, prompt in missing:
            write_bytes(file, picture_png(draw(record, prompt)))
            progress.advance()


def _file(folder: Path, scene: str, number: int) -> Path:
    return folder / "scenes" / scene / "references" / f"{number}.png"
