"""The record of what methods took from outside their scenes: scoring and reporting read only this record."""

from __future__ import annotations

from dataclasses import dataclass

from bench.core.files import read_record, write_json
from bench.core.scenes import Dataset
from bench.plugins.spec import Configured
from bench.run.folder import SCHEMA, RunFolder
from bench.run.plan import ExternalInputs, find_external_inputs


@dataclass(frozen=True)
class _InputHashes:
    """The file's schema: for every method, hashes by scene name."""

    methods: dict[str, dict[str, str]]


class CurrentInputs:
    """What methods take now; the hashes are kept for `recorded_inputs` once the start is known to be valid."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, str]] = {}

    def find(self, _folder: RunFolder, method: Configured, dataset: Dataset) -> ExternalInputs:
        """What the method takes; raises `UserError` if it is not there."""
        found = find_external_inputs(method, dataset)
        if found.content:
            self._found[method.spec] = dict(found.content)
        return found

    def record(self, folder: RunFolder) -> None:
        """Keep the hashes of all that was found."""
        if self._found:
            write_json(folder.outside, {"methods": {**_kept(folder), **self._found}}, SCHEMA)


def recorded_inputs(folder: RunFolder, method: Configured, _dataset: Dataset) -> ExternalInputs:
    """The hashes of what the method took when the run was last started, without the pictures."""
    return ExternalInputs(_kept(folder).get(method.spec, {}))


def _kept(folder: RunFolder) -> dict[str, dict[str, str]]:
    if not folder.outside.is_file():
        return {}
    record: _InputHashes = read_record(folder.outside, SCHEMA, _InputHashes)
    return record.methods
