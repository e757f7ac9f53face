"""What methods took from outside their scenes, kept with the run: scoring and reporting look nowhere else."""

from __future__ import annotations

from bench.core.files import read_json, write_json
from bench.core.scenes import Dataset
from bench.plugins.spec import Configured
from bench.run.folder import SCHEMA, RunFolder
from bench.run.plan import Outside, look_outside


def look_and_keep(folder: RunFolder, method: Configured, dataset: Dataset) -> Outside:
    """What the method takes now; its hashes are kept for `recall`."""
    found = look_outside(method, dataset)
    if found.content:
        kept = _kept(folder)
        write_json(folder.outside, {"methods": {**kept, method.text: dict(found.content)}}, SCHEMA)
    return found


def recall(folder: RunFolder, method: Configured, _dataset: Dataset) -> Outside:
    """The hashes of what the method took when the run was last started; the pictures are not wanted again."""
    return Outside(_kept(folder).get(method.text, {}))


def _kept(folder: RunFolder) -> dict[str, dict[str, str]]:
    if not folder.outside.is_file():
        return {}
    kept: dict[str, dict[str, str]] = read_json(folder.outside, SCHEMA)["methods"]
    return kept
