"""Rebuilds a dataset from its manifest and COCO's pictures, so that sharing the manifest shares the dataset."""

from __future__ import annotations

from pathlib import Path

from bench.core.console import say
from bench.core.errors import UserError
from bench.core.text import count
from bench.data.builders.coco import CocoPictures
from bench.data.manifest import Manifest, SceneRecord, read_manifest
from bench.data.writer import SHEET, is_built, write_dataset


def rebuild(file: Path, coco: Path, out: Path) -> None:
    """Write the dataset of the manifest `file` into `out`, and print every scene whose pixels differ.

    With the same pixels the result is equal to the original byte for byte. A manifest that was made without
    pictures gets their hashes. Needs no annotation files.

    Raises `UserError` for a bad manifest, missing pictures, or an output that holds something else.
    """
    manifest = read_manifest(file)
    if any(scene.image_id is None for scene in manifest.scenes):
        recipe = manifest.spec.recipe
        raise UserError(
            f"{file} is of recipe '{recipe}', whose pictures are not COCO's; build it from its own pictures"
        )
    if is_built(out, manifest.spec):
        say(f"already built: {out}")
        return
    rebuilt = write_dataset(out, manifest, CocoPictures.find(coco, manifest).draw)
    different = differences(manifest, rebuilt)
    for scene, why in different.items():
        say(f"{scene}: {why}")
    equal = len(manifest.scenes) - len(different)
    say(f"rebuilt {out}: {equal} of {count(len(manifest.scenes), 'scene')} as in the manifest; look at {out / SHEET}")


def differences(original: Manifest, rebuilt: Manifest) -> dict[str, str]:
    """The reason why pixels differ from the original's, by scene; scenes without a known hash are left out."""
    pairs = zip(original.scenes, rebuilt.scenes, strict=True)
    found = {was.name: _difference(was, now) for was, now in pairs if was.picture_sha256}
    return {name: why for name, why in found.items() if why is not None}


def _difference(was: SceneRecord, now: SceneRecord) -> str | None:
    if was.source_sha256 != now.source_sha256:
        return "its pixels differ: another JPEG decoder, or another file"
    if was.picture_sha256 != now.picture_sha256:
        return "its source is the same, its resized pixels differ: another Pillow version"
    return None
