"""How reports make pages from their templates."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import jinja2


def environment(folder: Path, filters: Iterable[Callable[..., Any]]) -> jinja2.Environment:
    """Templates of `folder` that escape what they show and fail on names they were not given.

    Each filter is called by its function's name.
    """
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    made.filters.update({function.__name__: function for function in filters})
    return made
