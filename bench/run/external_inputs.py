"""The record of what methods took from outside their scenes: scoring and reporting read only this record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.core.files import read_record, write_json
from bench.core.scenes import Dataset
from bench.plugins.spec import Configured
from bench.run.folder import SCHEMA, RunFolder
from bench.run.plan import ExternalInputs, find_external_inputs
from bench.run.select_units import scenes_of
from bench.run.settings import Start


@dataclass(frozen=True)
class _InputHashes:
    """The file's schema: for every method, hashes by scene name."""

    methods: dict[str, dict[str, str]]


class CurrentInputs:
    """What methods take now, for a start's scenes; the hashes are kept for `recorded_inputs` once the start is valid.

    `moved` are the former specs of methods whose files lie elsewhere now, by the present ones.
    """

    def __init__(self, start: Start, moved: Mapping[str, str]) -> None:
        self._start = start
        self._moved = moved
        self._found: dict[str, dict[str, str]] = {}

    def find(self, folder: RunFolder, method: Configured, dataset: Dataset) -> ExternalInputs:
        """What the method takes, with the recorded hashes of scenes that this start does not ask it for.

        Raises `UserError` if something is not there.
        """
        known = [scene.name for scene in dataset.scenes]
        scenes = scenes_of(method.spec, self._start.methods, self._start, known)
        found = find_external_inputs(method, dataset, scenes)
        kept = recorded_hashes(folder, self._moved.get(method.spec, method.spec))
        content = {**kept, **found.content}
        if content:
            self._found[method.spec] = content
        return ExternalInputs(content, found.precomputed)

    def record(self, folder: RunFolder) -> None:
        """Keep the hashes of all that was found."""
        if self._found:
            write_json(folder.outside, {"methods": {**read_inputs(folder), **self._found}}, SCHEMA)


def recorded_inputs(folder: RunFolder, method: Configured, _dataset: Dataset) -> ExternalInputs:
    """The hashes of what the method took when the run was last started, without the pictures."""
    return ExternalInputs(recorded_hashes(folder, method.spec))


def recorded_hashes(folder: RunFolder, spec: str) -> dict[str, str]:
    """The hashes of what a method took in earlier starts, by scene name; none if it took nothing."""
    return read_inputs(folder).get(spec, {})


def read_inputs(folder: RunFolder) -> dict[str, dict[str, str]]:
    """The record: for every method that took something, hashes by scene name."""
    if not folder.outside.is_file():
        return {}
    record: _InputHashes = read_record(folder.outside, SCHEMA, _InputHashes)
    return record.methods
