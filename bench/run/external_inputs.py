"""The record of what methods took from outside their scenes: scoring and reporting read only this record."""

from __future__ import annotations

from dataclasses import dataclass

from bench.core.files import read_record, write_json
from bench.core.scenes import Dataset
from bench.plugins.spec import Configured
from bench.run.folder import SCHEMA, RunFolder
from bench.run.plan import ExternalInputs, find_external_inputs


@dataclass(frozen=True)
class _Record:
    """The file's schema: for every method, hashes by scene name."""

    methods: dict[str, dict[str, str]]


def find_and_record(folder: RunFolder, method: Configured, dataset: Dataset) -> ExternalInputs:
    """Find what the method takes from outside its scenes, and record the hashes for `recorded_inputs`."""
    found = find_external_inputs(method, dataset)
    if found.content:
        kept = _kept(folder)
        write_json(folder.outside, {"methods": {**kept, method.spec: dict(found.content)}}, SCHEMA)
    return found


def recorded_inputs(folder: RunFolder, method: Configured, _dataset: Dataset) -> ExternalInputs:
    """The hashes of what the method took when the run was last started, without the pictures."""
    return ExternalInputs(_kept(folder).get(method.spec, {}))


def _kept(folder: RunFolder) -> dict[str, dict[str, str]]:
    if not folder.outside.is_file():
        return {}
    record: _Record = read_record(folder.outside, SCHEMA, _Record)
    return record.methods
