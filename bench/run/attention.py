"""Attention maps of a run's pictures: recorded while they are drawn, and measured against segments found in them."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from bench.core.errors import UserError, one_line
from bench.core.files import write_bytes, write_whole
from bench.core.hashing import content_hash, digest
from bench.core.images import read_picture
from bench.core.progress import progress_bar
from bench.core.scenes import Scene
from bench.run.folder import RunFolder
from bench.run.plan import PlannedPicture, Unit

if TYPE_CHECKING:
    from bench.diffusion.sampling.attention_watch import AttentionWatch
    from bench.scoring.models.segmenter import Segments
    from bench.scoring.presets import Preset

COLUMNS = ("preset", "unit", "picture", "concept", "label", "step", "share", "area", "reason", "key")
"""One row per picture, concept and step: the share of the concept's attention that lies on its segment, and the share
of the picture that the segment takes; NaN with a reason where none was found. `key` says what the row depends on."""
_VERSION = 1
"""Raised whenever the same maps and segments give other rows."""
Maps = Mapping[tuple[int, int], NDArray[np.float32]]
"""A picture's maps, float32 [s, s] each, by concept (its index) and sampling step (from 1)."""


def has_maps(folder: RunFolder, unit: str, steps: Collection[int]) -> bool:
    """Whether the maps before all these steps are recorded; true if none is asked for."""
    return not steps or set(steps) <= set(recorded_steps(folder.attention_maps(unit)))


def recorded_steps(file: Path) -> tuple[int, ...]:
    """The sampling steps, from 1, before which a unit's maps were recorded; none if there is no file."""
    return tuple(json.loads(_metadata(file)["steps"])) if file.is_file() else ()


def write_maps(folder: RunFolder, unit: Unit, watch: AttentionWatch) -> None:
    """Write what was seen of the unit's pictures; a method that does not draw one picture per prompt has no maps."""
    from safetensors.torch import save_file  # noqa: PLC0415 - torch is slow to import

    index = {concept.handle: number for number, concept in enumerate(unit.scene.concepts)}
    tensors = {
        f"{planned.key}/{index[handle]}/{step + 1}": attention.half()
        for step, pictures in watch.seen.items()
        if len(pictures) == len(unit.pictures)
        for planned, maps in zip(unit.pictures, pictures, strict=True)
        for handle, attention in maps.items()
    }
    steps = {"steps": json.dumps(sorted(step + 1 for step in watch.steps))}
    write_whole(folder.attention_maps(unit.key), lambda temporary: save_file(tensors, temporary, steps))


def read_maps(file: Path) -> dict[str, dict[tuple[int, int], NDArray[np.float32]]]:
    """The maps of a unit by the key of their picture.

    Raises `UserError` for a damaged file.
    """
    found: dict[str, dict[tuple[int, int], NDArray[np.float32]]] = {}
    try:
        with safe_open(file, "np") as content:
            for name in content.keys():  # noqa: SIM118 - it is no mapping
                picture, concept, step = name.split("/")
                found.setdefault(picture, {})[int(concept), int(step)] = content.get_tensor(name).astype(np.float32)
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(file, error) from error
    return found


def measure_attention(folder: RunFolder, preset: Preset, units: Sequence[Unit], device: str) -> None:
    """Write the shares of all maps of the run by a preset's segmenter into `attention.csv`; nothing without maps.

    Rows that are there and still valid are kept, so the segmenter is loaded for new maps alone.
    """
    files = {unit.key: folder.attention_maps(unit.key) for unit in units}
    if not any(file.is_file() for file in files.values()):
        return
    from bench.core.device import resolve_device  # noqa: PLC0415 - torch is slow to import
    from bench.scoring.evaluators import Evaluators  # noqa: PLC0415

    keys = {unit: key for unit, file in files.items() if file.is_file() for key in [_key(file, preset)]}
    kept = _kept(folder, preset, keys)
    new = [unit for unit in units if unit.key in keys and keys[unit.key] not in set(kept["key"])]
    evaluators = Evaluators(preset, resolve_device(device), batch_size=1)
    rows: list[dict[str, Any]] = []
    with progress_bar("attention", len(new)) as progress:
        for unit in new:
            about = {"preset": preset.name, "key": keys[unit.key]}
            rows += [about | row for row in _shares(folder, unit, evaluators.segmenter)]
            progress.advance()
    table = pd.concat([kept, pd.DataFrame(rows, columns=list(COLUMNS))]) if rows else kept
    write_bytes(folder.attention, table.to_csv(index=False).encode())


def read_attention(folder: RunFolder) -> pd.DataFrame:
    """The table `attention.csv`, with `COLUMNS`; empty if there is none.

    Raises `UserError` for a damaged file.
    """
    if not folder.attention.is_file():
        return pd.DataFrame(columns=list(COLUMNS))
    try:
        return pd.read_csv(folder.attention, keep_default_na=True, na_filter=True)[list(COLUMNS)]
    except (OSError, ValueError, KeyError) as error:
        told = f"{folder.attention} is damaged ({one_line(error)})"
        raise UserError(f"{told}; delete it: `bench score {folder.path}` makes it anew") from error


def _kept(folder: RunFolder, preset: Preset, keys: Mapping[str, str]) -> pd.DataFrame:
    """The rows of other presets, and those of this one whose maps and segmenter are the same as then."""
    table = read_attention(folder)
    return table[(table["preset"] != preset.name) | table["key"].isin(list(keys.values()))]


def _key(file: Path, preset: Preset) -> str:
    """A hash of what a unit's shares depend on besides its pictures."""
    from bench.scoring.models.weights import feature_content  # noqa: PLC0415 - huggingface_hub is slow to import

    segmenter = [preset.settings_of("segments"), feature_content(preset, "segments")]
    return digest([_VERSION, content_hash(file), segmenter])


def _shares(folder: RunFolder, unit: Unit, segmenter: Segments) -> Iterator[dict[str, Any]]:
    maps = read_maps(folder.attention_maps(unit.key))
    for planned in unit.pictures:
        rows = _of_picture(folder, unit.scene, planned, maps.get(planned.key, {}), segmenter)
        yield from ({"unit": unit.key, "picture": planned.key, **row} for row in rows)


def _of_picture(
    folder: RunFolder, scene: Scene, planned: PlannedPicture, maps: Maps, segmenter: Segments
) -> Iterator[dict[str, Any]]:
    if not maps:
        return
    import torch  # noqa: PLC0415 - slow to import

    from bench.diffusion.sampling.attention_maps import resized  # noqa: PLC0415
    from bench.scoring.attention_share import attention_share, found_segments  # noqa: PLC0415

    picture = read_picture(folder.picture(planned.key))
    concepts = list(dict.fromkeys(concept for concept, _ in maps))
    labels = [scene.concepts[concept].label for concept in concepts]
    found = dict(zip(concepts, found_segments(segmenter, picture, labels), strict=True))
    for (concept, step), attention in sorted(maps.items()):
        segment, reason = found[concept]
        large = resized(torch.from_numpy(attention), len(picture)).numpy()
        yield {
            "concept": concept,
            "label": scene.concepts[concept].label,
            "step": step,
            "share": math.nan if segment is None else attention_share(large, segment),
            "area": math.nan if segment is None else float(segment.mean()),
            "reason": reason,
        }


def _metadata(file: Path) -> dict[str, str]:
    try:
        with safe_open(file, "np") as content:
            found: dict[str, str] = {"steps": "[]", **(content.metadata() or {})}
            return found
    except (SafetensorError, OSError) as error:
        raise _damaged(file, error) from error


def _damaged(file: Path, error: Exception) -> UserError:
    return UserError(f"{file} is damaged ({one_line(error)}); delete it: `bench run --attention` makes it anew")
