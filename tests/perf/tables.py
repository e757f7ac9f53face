"""The harness's results as Markdown and JSON, and their places in `docs/performance.md`."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

DOCUMENT = Path(__file__).parents[2] / "docs" / "performance.md"
RECORD = DOCUMENT.with_suffix(".json")
PACKAGES = ("torch", "diffusers", "transformers", "numpy", "pandas", "pycocotools")


def machine(device: torch.device, clock: str) -> dict[str, str]:
    """What a figure depends on besides the code."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    on = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} thread(s)"
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB, {on}",
        "load": f"{os.getloadavg()[0]:.1f} processes wanted a core at the start",
        "seconds": clock,
        "versions": versions(),
    }


def versions() -> str:
    """Python's and those of the packages that compute."""
    found = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    return f"Python {platform.python_version()}, {found}"


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def told(facts: dict[str, str]) -> str:
    """The facts as lines under a table."""
    return "\n".join(f"- {name}: {value}" for name, value in facts.items())


def put(section: str, text: str, record: dict[str, Any]) -> None:
    """Put a text between the marks of a section of the document, and its record into the JSON file beside it."""
    document = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(replaced(document, section, text), encoding="utf-8")
    content = json.loads(RECORD.read_bytes()) if RECORD.is_file() else {}
    RECORD.write_text(json.dumps({**content, section: record}, indent=1) + "\n", encoding="utf-8")


def replaced(document: str, section: str, text: str) -> str:
    """The document with the text between `<!-- perf:SECTION -->` and `<!-- /perf:SECTION -->`."""
    start, end = f"<!-- perf:{section} -->", f"<!-- /perf:{section} -->"
    before, found, rest = document.partition(start)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"the document has no marks {start} and {end}")
    return f"{before}{start}\n{text}\n{end}{after}"
