"""Why a table lacks units that the run was asked for: they are not done, or were done by other code."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any

from bench.core.files import whole_files
from bench.core.text import count
from bench.reporting.command import going_on
from bench.reporting.text import listed
from bench.run.cost import read_unit_record
from bench.run.plan import Unit
from bench.run.session import Session


def partial_banner(session: Session, table_units: Collection[str]) -> str | None:
    """A sentence where units that the run was asked for are not among those of its table."""
    missing = [unit for unit in session.asked if unit.key not in table_units]
    if not missing:
        return None
    asked = len(session.asked)
    told = f"Partial: {asked - len(missing)} of {count(asked, 'unit')} done."
    outdated = list(_outdated(session, missing))
    if not outdated:
        return told
    methods = listed(list(dict.fromkeys(session.label(unit.method.spec) for unit, _ in outdated)))
    shown = any(key in table_units for _, key in outdated)
    kept = "what is shown of them is by the code of then" if shown else "they are left out"
    return (
        f"{told} {len(outdated)} of the others ({methods}) were done before the code of these methods or of scenebench "
        f"changed: {kept}; `{going_on(session.folder)}` makes them anew."
    )


def _outdated(session: Session, missing: Collection[Unit]) -> Iterator[tuple[Unit, str]]:
    """The units that an earlier code has done, each with the key it had then: all else is the same."""
    known, done = {unit.key for unit in session.plan}, dict[str, str]()
    for path in whole_files(session.folder.path, "units/*.json"):
        if path.stem not in known:
            record = read_unit_record(path)
            done[_content(record.method, record.configuration, record.scene, record.seed)] = path.stem
    for unit in missing:
        content = _content(unit.method.drop_in.name, unit.method.configuration, unit.scene.name, unit.run_seed)
        if content in done:
            yield unit, done[content]


def _content(method: str, configuration: Any, scene: str, seed: int) -> str:
    return json.dumps([method, configuration, scene, seed], sort_keys=True, default=repr)
