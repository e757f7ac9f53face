"""Sphinx's configuration of the site; `nox -s docs` builds it. Pages under `reference/` are generated."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent))

project = "SceneBench"
release = metadata.version("scenebench")
copyright = "the SceneBench authors; Apache-2.0"  # noqa: A001 - Sphinx's name
extensions = ["myst_parser"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = f"SceneBench {release}"
exclude_patterns = ["_build", "examples", "results"]
suppress_warnings = ["myst.xref_missing", "myst.header"]  # links of README.md to files that are no pages


def setup(app: Sphinx) -> None:
    """Generate the reference before pages are looked for."""
    from reference_pages import write_reference  # noqa: PLC0415 - imports the package

    write_reference(Path(app.srcdir) / "reference")
