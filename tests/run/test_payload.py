"""What travels between the driver and its workers comes out as it went in."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bench.core.errors import UserError
from bench.core.scenes import Scene
from bench.plugins.method import PrecomputedImage, Request
from bench.run import payload
from bench.run.payload import pack_dataset, pack_drop_ins, precomputed_content, unit_content, unit_from, unpacked
from bench.run.plan import PlannedPicture, Unit


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def names(content: bytes) -> list[str]:
    return sorted(zipfile.ZipFile(io.BytesIO(content)).namelist())


def test_equal_folders_are_equal_bytes_and_unpacked_once(tmp_path: Path) -> None:
    files = {"manifest.json": "{}", "scenes/a/img.png": "pixels"}
    one, other = (pack_dataset(write(tmp_path / name, files)) for name in ("one", "other"))
    assert one == other
    folder = unpacked(one, str(tmp_path / "cache-"))
    made = (folder / "manifest.json").stat().st_mtime_ns
    assert unpacked(other, str(tmp_path / "cache-")) == folder
    assert {path: (folder / path).read_text() for path in files} == files
    assert (folder / "manifest.json").stat().st_mtime_ns == made


def test_drop_ins_travel_without_runs_caches_and_hidden_files(tmp_path: Path) -> None:
    files = ("mine.py", "metrics/my.py", "helper/__init__.py", "weights.safetensors")
    left = ("runs/r/run.json", "__pycache__/mine.pyc", ".git/config", ".hidden", "helper/__pycache__/a.pyc")
    assert names(pack_drop_ins(write(tmp_path, dict.fromkeys((*files, *left), "")))) == sorted(files)


def test_a_folder_that_is_too_large_for_drop_ins_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payload, "MOST_BYTES", 3)
    with pytest.raises(UserError, match="put your drop-ins into a folder of their own"):
        pack_drop_ins(write(tmp_path, {"mine.py": "long"}))


@pytest.mark.parametrize("given", [False, True])
def test_a_unit_comes_out_as_it_went_in(scene: Scene, given: bool) -> None:
    method: Any = SimpleNamespace(spec="ours[a=1]")
    pictures = tuple(PlannedPicture(f"key{k}", Request(prompt, 2**63 + k)) for k, prompt in enumerate(scene.prompts))
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    precomputed = {scene.prompts[1]: PrecomputedImage("hash", lambda: image)} if given else {}
    unit = Unit("fit", method, scene, 3, 4, pictures, precomputed, ("one", scene.name))
    sent = json.loads(json.dumps(unit_content(unit)))
    found = unit_from(sent, precomputed_content(unit), {scene.name: scene}, {method.spec: method})
    assert (found.key, found.method, found.scene, found.run_seed, found.fit_seed) == ("fit", method, scene, 3, 4)
    assert found.pictures == pictures
    assert found.cohort == unit.cohort
    assert found.precomputed.keys() == precomputed.keys()
    for prompt, one in found.precomputed.items():
        assert one.content == "hash"
        assert np.array_equal(one.read(), precomputed[prompt].read())
