"""The tracebacks of units whose method failed: one file each in the run's `failed/`, gone once the unit is.

A file is called after method, scene and key, as `ours-steps-2-on-bear-1a2b3c4d5e6f.txt`; its first line has the names
in full. A mended method has another key, so that what it did before is not its failure.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from pathlib import Path

from bench.core.errors import one_line
from bench.core.files import whole_files, write_bytes
from bench.run.contracts import ContractError
from bench.run.folder import RunFolder
from bench.run.plan import Unit

_LONGEST = 80
"""Characters of a name that stand in a file's name."""
_OF_REPORT = "report-"


def failure_file(folder: RunFolder, unit: Unit) -> Path:
    """The file of the traceback of a unit; whether it is there says whether the unit failed when it was last tried."""
    method, scene = _written(unit.method.spec), _written(unit.scene.name)
    return folder.failure(f"{method}-on-{scene}-{unit.key[:12]}")


def report_failure_file(folder: RunFolder, report: str) -> Path:
    """The file of the traceback of a report."""
    return folder.failure(f"{_OF_REPORT}{report}")


def keep_failure(folder: RunFolder, unit: Unit, error: Exception) -> str:
    """Write the traceback of what a unit failed with; returns it in one line."""
    told = "".join(traceback.format_exception(error))
    text = f"{_head(unit.method.spec)}{unit.scene.name}\n\n{told}"
    write_bytes(failure_file(folder, unit), text.encode(errors="backslashreplace"))
    return str(error) if isinstance(error, ContractError) else one_line(error)


def keep_reason(folder: RunFolder, unit: Unit, why: str) -> Path:
    """Write why a unit failed where no exception tells, as when its process was killed; returns the file."""
    path = failure_file(folder, unit)
    write_bytes(path, f"{_head(unit.method.spec)}{unit.scene.name}\n\n{why}\n".encode(errors="backslashreplace"))
    return path


def forget_others(folder: RunFolder, plan: Iterable[Unit]) -> None:
    """Delete the tracebacks of units that are not in the plan any more, as of methods that were mended since."""
    current = {failure_file(folder, unit) for unit in plan}
    for file in whole_files(folder.failures, "*.txt"):
        if file not in current and not file.name.startswith(_OF_REPORT):
            file.unlink(missing_ok=True)


def forget_method(folder: RunFolder, spec: str) -> None:
    """Delete the tracebacks of a method that was taken out of the run."""
    for file in whole_files(folder.failures, "*.txt"):
        if file.read_bytes().startswith(_head(spec).encode(errors="backslashreplace")):
            file.unlink(missing_ok=True)


def _head(spec: str) -> str:
    return f"{spec} on "


def _written(name: str) -> str:
    """A name in letters that any file's name may have."""
    kept = (letter if letter.isascii() and (letter.isalnum() or letter in "._") else "-" for letter in name)
    return "".join(kept).strip("-.")[:_LONGEST]
